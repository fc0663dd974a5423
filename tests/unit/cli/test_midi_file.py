"""Where `acebridge midi` writes, and what it says."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from acebridge.cli.midi_file import MidiFile, describe_parts
from acebridge.cli.timing import TimingFiles
from acebridge.contract.metadata import metadata_message, metadata_values
from acestep_runtime.errors import EngineFailure, InvalidValue

FACTS: dict[str, Any] = {
    "midi": base64.b64encode(b"MThd\xff\x00").decode("ascii"),
    "midi_parts": [
        {"name": "backing_vocals", "program": 52, "is_drums": False, "notes": [
            {"start_s": 0.5, "end_s": 1.25, "pitch": 60, "velocity": 90},
        ]},
        {"name": "drums", "program": 0, "is_drums": True},
    ],
}  # fmt: skip


def test_the_bytes_of_the_file_are_those_of_the_metadata(tmp_path: Path) -> None:
    chosen = MidiFile.choose({"midi_out": tmp_path / "a.mid", "src": tmp_path / "a.wav"})
    assert chosen is not None
    assert list(chosen.write(FACTS)) == [f"{tmp_path / 'a.mid'}  (backing vocals: 1 note, drums: 0 notes)"]
    assert (tmp_path / "a.mid").read_bytes() == b"MThd\xff\x00"


def test_without_a_name_it_is_beside_where_one_works_and_nothing_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options: dict[str, Any] = {"midi_out": None, "src": Path("else/song.wav")}
    first = MidiFile.choose(options)
    assert first is not None
    list(first.write(FACTS))
    second = MidiFile.choose(options)
    assert second is not None
    assert [first.out, second.out] == [Path("song.mid"), Path("song (2).mid")]
    assert MidiFile.choose({**options, "json": True}) is MidiFile.choose({**options, "detach": True}) is None


@pytest.mark.parametrize(
    ("name", "says"),
    [("a.wav", r"a folder, or a name that ends in \.mid or \.midi"), ("there", r"ends in \.mid or \.midi"),
     (f"{'é' * 91}.mid", "at most 180 bytes")],
)  # fmt: skip
def test_other_names_are_refused(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "there").write_bytes(b"a file without a suffix")
    with pytest.raises(InvalidValue, match=says):
        MidiFile.choose({"midi_out": tmp_path / name, "src": tmp_path / "b.wav"})


@pytest.mark.parametrize("name", ["folder.mid", "new", "new.1", "new.mid/"])
def test_a_folder_gets_a_file_named_after_the_source(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.mid").mkdir()
    found = []
    for source in (Path("one/„Lied“ 🎵.wav"), Path("two/„Lied“ 🎵.wav"), None):
        chosen = MidiFile.choose({"midi_out": f"{tmp_path}/{name}", "src": source, "json": True})
        assert chosen is not None
        list(chosen.write(FACTS))
        found.append(chosen.out.relative_to(tmp_path / name).as_posix())
    assert found == ["„Lied“ 🎵.mid", "„Lied“ 🎵 (2).mid", "notes.mid"]


def test_a_source_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(b"")
    with pytest.raises(InvalidValue):
        MidiFile.choose({"midi_out": tmp_path / "a.mid", "src": tmp_path / "a.mid"})


def test_facts_without_notes_say_so(tmp_path: Path) -> None:
    with pytest.raises(EngineFailure, match="No notes were written down"):
        list(MidiFile(tmp_path / "a.mid").write({}))
    assert describe_parts({}) == "no notes"


def test_lyrics_in_a_file_are_not_printed(tmp_path: Path) -> None:
    chosen = TimingFiles.choose({"timing": tmp_path / "a.lrc", "src": tmp_path / "a.wav"})
    assert chosen is not None
    assert chosen.names_in_files == ("lrc",)


def test_the_wire_has_bytes_where_json_has_base64() -> None:
    message = metadata_message(FACTS)
    assert message.midi == b"MThd\xff\x00"
    assert message.midi_parts[0].notes[0].pitch == 60
    values = metadata_values(message)
    assert values["midi"] == FACTS["midi"]
    assert values["midi_parts"] == [FACTS["midi_parts"][0], FACTS["midi_parts"][1]]
    with pytest.raises(InvalidValue, match="bytes in base64"):
        metadata_message({"midi": "no base64!"})
