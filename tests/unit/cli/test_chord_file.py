"""--chords-file: what the file says fills the options that were not given."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from acebridge.cli.chord_file import with_chord_file
from acebridge.cli.request_fields import request_fields
from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks import Repaint, TextToMusic

SONG = "{title: River}\n{key: Am}\n{tempo: 96}\n{time: 3/4}\n[Am]Over the [F]river"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "river.cho"
    path.write_text(SONG, "utf-8")
    return path


def test_a_file_says_chords_key_tempo_meter_and_title(file: Path) -> None:
    options = with_chord_file({"chords_file": file, "key": None, "bpm": None, "time_signature": None, "chords": None})
    assert options == {
        "chords": "| Am | F |", "chords_file": None, "key": "A minor", "bpm": 96.0, "time_signature": 3, "song_title": "River",
    }  # fmt: skip


def test_what_an_option_says_counts_more(file: Path) -> None:
    options = with_chord_file({"chords_file": file, "key": "C minor", "bpm": 80.0, "time_signature": 4})
    assert (options["key"], options["bpm"], options["time_signature"]) == ("C minor", 80.0, 4)


@pytest.mark.parametrize("task", [TextToMusic, Repaint])
def test_the_request_has_them(file: Path, task: Any) -> None:
    fields = request_fields(task, {"chords_file": file, "start": 1.0})
    assert fields["music"] == {"chords": "| Am | F |", "bpm": 96.0, "keyscale": "A minor", "timesignature": 3}


def test_degrees_in_a_file_take_the_key_of_the_option(tmp_path: Path) -> None:
    path = tmp_path / "chords.txt"
    path.write_text("i VI\nIII VII x2", "utf-8")
    options = with_chord_file({"chords_file": path, "key": "D minor"})
    assert options["chords"] == "| Dm | Bb | F | C | F | C |"
    with pytest.raises(InvalidValue, match="no key is given"):
        with_chord_file({"chords_file": path, "key": None})


def test_without_a_file_nothing_changes() -> None:
    options = {"chords_file": None, "chords": "Am"}
    assert with_chord_file(options) is options


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_files_come_in_any_encoding_of_unicode(tmp_path: Path, encoding: str, line_end: str) -> None:
    path = tmp_path / "río 🎸.cho"
    path.write_bytes(SONG.replace("River", "Río").replace("\n", line_end).encode(encoding))
    options = with_chord_file({"chords_file": path})
    assert (options["chords"], options["song_title"]) == ("| Am | F |", "Río")


def test_a_page_that_ireal_pro_exports_holds_its_song(tmp_path: Path) -> None:
    path = tmp_path / "My Tune.html"
    link = "irealbook://" + quote("My Tune=Writer A=Swing=Bb=n=T44[C   |G7   Z")
    path.write_text(f'<!DOCTYPE html>\r\n<html><body><a href="{link}">My Tune</a></body></html>', "utf-8")
    options = with_chord_file({"chords_file": path})
    assert (options["chords"], options["key"], options["song_title"]) == ("| C | G7 |", "Bb major", "My Tune")


@pytest.mark.parametrize("name", ["~nobody-has-this-home/song.cho", "x" * 5000])
def test_a_name_that_no_file_has_is_named(name: str) -> None:
    with pytest.raises(InvalidValue, match="names no file"):
        with_chord_file({"chords_file": Path(name)})


@pytest.mark.parametrize(
    ("content", "more", "words"),
    [
        (None, {}, "names no file"),
        (b"[C]la [Fx]la", {}, "--chords-file has 'Fx' in line 1"),
        (b"C", {"chords": "Am"}, "one of --chords and --chords-file"),
        (b"%PDF-1.4", {}, "a PDF"),
        (bytes(range(256)) * 9, {}, "no text"),
        ("{t: Río}\n[C]la".encode("latin-1"), {}, "old encoding"),
        (b"<html>no link</html>", {}, "which is no chord"),
        (b"", {}, "has no chords"),
        (b"C" * (1 << 20 | 1), {}, "at most 1048576 bytes"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, content: bytes | None, more: dict[str, Any], words: str
) -> None:
    path = tmp_path / "song.cho"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidValue) as caught:
        with_chord_file({"chords_file": path, **more})
    assert words in str(caught.value)
