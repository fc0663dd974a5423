"""What the build makes: the files, what they link, what hosts are told, and clean code."""

from __future__ import annotations

import ctypes
import re
import subprocess
from pathlib import Path

import pytest

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


def test_tracks_are_those_of_the_runtime() -> None:
    text = (SOURCES / "core/parameters.hpp").read_text("utf-8")
    match = re.search(r"kTracks\{(.*?)\}", text, re.DOTALL)
    assert match
    assert tuple(re.findall(r'"(\w+)"', match[1])) == TRACKS


@pytest.mark.usefixtures("binaries")
def test_clang_tidy_finds_nothing() -> None:
    folders = ("core", "link", "window", "dpf")
    sources = [path for folder in folders for path in sorted(SOURCES.glob(f"{folder}/*.cpp"))]
    command = ["clang-tidy", "-p", str(BUILDS / "plugin"), "--quiet"]
    halves = [
        subprocess.Popen([*command, *map(str, half)], stdout=subprocess.PIPE, text=True)
        for half in (sources[::2], sources[1::2])
    ]
    for half in halves:
        output, _ = half.communicate()
        assert half.returncode == 0, output


def test_only_the_translation_knows_the_framework() -> None:
    for file in (path for folder in ("core", "link", "window") for path in SOURCES.glob(f"{folder}/*")):
        assert not re.search(r"distrho|dpf", file.read_text("utf-8"), re.IGNORECASE), file
