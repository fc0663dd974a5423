"""What the build makes: the files, what they link, what hosts are told, and clean code."""

from __future__ import annotations

import ctypes
import re
import subprocess
from pathlib import Path

import pytest

from acestep_runtime.tasks.repaint import LOUDNESS
from acestep_runtime.values import TRACKS
from tests.support.plugin import BUILDS, PARAMETERS, ROOT

pytestmark = pytest.mark.host

SOURCES = ROOT / "vst3_plugin"
LIBRARIES = {"libstdc++.so.6", "libm.so.6", "libgcc_s.so.1", "libc.so.6", "ld-linux-x86-64.so.2"}
WINDOW_LIBRARIES = {"libX11.so.6", "libXext.so.6", "libGL.so.1"}


def files(binaries: Path) -> list[Path]:
    return [
        *binaries.glob("AceBridge.vst3/Contents/*/AceBridge.so"),
        binaries / "AceBridge.clap",
        binaries / "AceBridge.lv2/AceBridge_ui.so",
        binaries / "AceBridge.lv2/AceBridge_dsp.so",
    ]


def test_formats_link_the_language_s_libraries_and_the_window_s(binaries: Path) -> None:
    for file in files(binaries):
        listing = subprocess.run(["readelf", "-d", file], capture_output=True, text=True, check=True).stdout
        allowed = LIBRARIES if file.name == "AceBridge_dsp.so" else LIBRARIES | WINDOW_LIBRARIES
        assert set(re.findall(r"NEEDED.*\[(.*)\]", listing)) <= allowed, file
    assert len(files(binaries)) == 4


def test_formats_export_their_entry_points_only(binaries: Path) -> None:
    entries = (
        {"GetPluginFactory", "ModuleEntry", "ModuleExit"},
        {"clap_entry"},
        {"lv2ui_descriptor"},
        {"lv2_descriptor", "lv2_generate_ttl"},
    )
    for file, names in zip(files(binaries), entries, strict=True):
        listing = subprocess.run(
            ["nm", "-D", "--defined-only", file], capture_output=True, text=True, check=True
        ).stdout
        assert {line.split()[-1] for line in listing.splitlines()} <= names, file


def test_lv2_describes_each_parameter(binaries: Path) -> None:
    text = (binaries / "AceBridge.lv2/AceBridge_dsp.ttl").read_text("utf-8")
    symbols = re.findall(r'lv2:symbol "(\w+)"', text)
    assert [name for name in symbols if name in PARAMETERS] == list(PARAMETERS)
    assert "latency" not in text


def test_lv2_binary_loads_and_names_itself(binaries: Path) -> None:
    library = ctypes.CDLL(str(binaries / "AceBridge.lv2/AceBridge_dsp.so"))
    library.lv2_descriptor.restype = ctypes.POINTER(ctypes.c_char_p)  # the first field of the descriptor is its URI
    assert library.lv2_descriptor(0)[0] == b"urn:acebridge:plugin"
    assert not library.lv2_descriptor(1)


def test_lv2_names_its_window(binaries: Path) -> None:
    manifest = (binaries / "AceBridge.lv2/manifest.ttl").read_text("utf-8")
    assert "a ui:X11UI" in manifest
    assert "ui:binary <AceBridge_ui.so>" in manifest


@pytest.mark.parametrize(("name", "values"), [("kTracks", TRACKS), ("kLoudness", (*LOUDNESS, "off"))])
def test_choices_are_those_of_the_runtime(name: str, values: tuple[str, ...]) -> None:
    text = (SOURCES / "core/parameters.hpp").read_text("utf-8")
    match = re.search(rf"{name}\{{(.*?)\}}", text, re.DOTALL)
    assert match
    assert tuple(re.findall(r'"(\w+)"', match[1])) == values


def tidy(*words: str | Path) -> None:
    result = subprocess.run(
        ["clang-tidy", "--quiet", f"--config-file={SOURCES / '.clang-tidy'}", *words], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("folder", ["core", "link", "window"])
def test_clang_tidy_finds_nothing(folder: str, tmp_path: Path) -> None:
    """All files of a library are one: each would have the same headers read again. What is included would not be analyzed."""
    files = sorted(SOURCES.glob(f"{folder}/*.cpp"))
    assert files
    whole = tmp_path / f"{folder}.cpp"
    whole.write_text("".join(f'#line 1 "{file}"\n{file.read_text("utf-8")}' for file in files), "utf-8")
    tidy(whole, "--", "-std=c++17", *(f"-I{SOURCES / name}" for name in ("core", "link", "window")))


@pytest.mark.usefixtures("binaries")
def test_clang_tidy_finds_nothing_in_the_translation() -> None:
    tidy("-p", BUILDS / "plugin", *sorted(SOURCES.glob("dpf/*.cpp")))


def test_clang_tidy_analyzes_what_is_one_file(tmp_path: Path) -> None:
    whole = tmp_path / "whole.cpp"
    whole.write_text('#line 1 "a.cpp"\nint first() { int *p = nullptr; return *p; }\n', "utf-8")
    with pytest.raises(AssertionError, match="NullDereference"):
        tidy(whole, "--", "-std=c++17")


def test_only_the_translation_knows_the_framework() -> None:
    for file in (path for folder in ("core", "link", "window") for path in SOURCES.glob(f"{folder}/*")):
        assert not re.search(r"distrho|dpf", file.read_text("utf-8"), re.IGNORECASE), file
