"""Names and places that a project cannot have as they are: each format holds them in another way, or refuses in a sentence."""

from __future__ import annotations

import errno
import os
import sys
import zipfile
from pathlib import Path

import aaf2
import numpy as np
import pytest
import rpp
import soundfile
from lxml import etree

from acebridge import project_files
from acebridge.project_files import SUFFIXES, write_project
from acebridge.project_files.arrangement import Arrangement, Item, Marker, Track
from acestep_runtime.audio import wav
from acestep_runtime.audio.decode import MediaInfo, measure
from acestep_runtime.errors import InvalidValue, UnreadableAudio

RATE_HZ = 48_000
#: A line that ends, an escape sequence of terminals, a byte that is no UTF-8, and letters that stay.
NAME, PLAIN = "a\nb \x1b[31m\udcff Söng 한 🎸", "a b [31m\ufffd Söng 한 🎸"


def one_item(name: str, file: Path) -> Arrangement:
    """An arrangement of one file, in which everything has the same name."""
    return Arrangement(name, RATE_HZ, (Track(name, items=(Item(name, str(file), 0, 100),)),), (Marker(name, 5),))


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """A file of 100 frames."""
    soundfile.write(tmp_path / "sound.wav", np.full(100, 0.5), RATE_HZ, subtype="FLOAT")
    return tmp_path / "sound.wav"


def awkward_file(sound: Path, name: str) -> Path:
    """The file under another name. File systems that hold Unicode alone have no other bytes."""
    path = sound.with_name(name if sys.platform == "linux" else name.replace("\udcff", ""))
    os.link(sound, path)
    return path


def test_a_dawproject_holds_any_name(tmp_path: Path, sound: Path) -> None:
    path = tmp_path / "x.dawproject"
    write_project(one_item(NAME, awkward_file(sound, f"{NAME}.wav")), path)
    with zipfile.ZipFile(path) as archive:
        root = etree.fromstring(archive.read("project.xml"))
        assert root.find("Structure/Track").get("name") == PLAIN
        assert archive.read(root.find(".//File").get("path")) == sound.read_bytes()
        assert root.find(".//File").get("path") == "audio/a b [31m Söng 한 🎸.wav"


def test_an_aaf_holds_any_name(tmp_path: Path, sound: Path) -> None:
    path = tmp_path / "x.aaf"
    write_project(one_item(NAME, awkward_file(sound, f"{NAME}.wav")), path)
    with aaf2.open(str(path)) as file:
        (composition,) = file.content.toplevel()
        assert composition.name == PLAIN
        assert composition.slots[0].name == PLAIN


def test_a_reaper_project_holds_any_name_but_that_of_a_file(tmp_path: Path, sound: Path) -> None:
    path = tmp_path / "x.rpp"
    write_project(one_item(NAME, sound), path)
    assert rpp.loads(path.read_text("utf-8")).find("TRACK").find("NAME")[1] == " ".join(PLAIN.split())
    path.unlink()
    for name in (f"{NAME}.wav", "new\nline.wav", "all \"three' `quotes.wav"):
        with pytest.raises(InvalidValue, match=r"A REAPER project cannot name the file .*wav\. Rename it"):
            write_project(one_item("x", awkward_file(sound, name)), path)
        assert not path.exists()
    one_quote = awkward_file(sound, 'it\'s 👩‍🎤 "here".wav')
    write_project(one_item("x", one_quote), path)
    assert rpp.loads(path.read_text("utf-8")).find(".//FILE")[1] == one_quote.name


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_folder_is_not_replaced(tmp_path: Path, sound: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    path.mkdir()
    with pytest.raises(InvalidValue, match=r"is a folder\. Choose another name with -o\.$"):
        write_project(one_item("x", sound), path)
    assert sorted(tmp_path.iterdir()) == [sound, path]


def test_a_full_temporary_folder_is_named(tmp_path: Path, sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(wav, "write_blocks", full)
    with pytest.raises(InvalidValue, match=r"The temporary folder .* cannot be written: No space left.*TMPDIR"):
        write_project(one_item("x", sound), tmp_path / "x.aaf")
    assert list(tmp_path.iterdir()) == [sound]


@pytest.mark.parametrize("suffix", [".dawproject", ".aaf"])
def test_a_file_that_goes_away_meanwhile_is_named(
    tmp_path: Path, sound: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    def measure_and_lose(path: Path, name: str) -> MediaInfo:
        info = measure(path, name=name)
        path.unlink()
        return info

    monkeypatch.setattr(project_files, "measure", measure_and_lose)
    with pytest.raises(UnreadableAudio, match=r"sound.wav (cannot be opened any more|does not exist)"):
        write_project(one_item("x", sound), tmp_path / f"x{suffix}")
    assert not list(tmp_path.iterdir())
