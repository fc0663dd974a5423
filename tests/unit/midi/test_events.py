"""Why files are read by the project's own code: what mido, which writes them, makes of the same bytes."""

from __future__ import annotations

import io
from pathlib import Path

import mido
import pytest

from acestep_runtime.midi import events as smf
from acestep_runtime.midi.read import read_midi

#: A note of a quarter, and the end of the track.
NOTE = bytes.fromhex("00 90 3c 64 83 60 80 3c 00 00 ff 2f 00")


def file_of(body: bytes) -> bytes:
    """A file of format 0 with 480 ticks a quarter."""
    head = bytes.fromhex("0000 0001 01e0")
    return b"MThd" + len(head).to_bytes(4, "big") + head + b"MTrk" + len(body).to_bytes(4, "big") + body


def starts_of_mido(data: bytes) -> list[int]:
    """The ticks at which notes begin, as mido has them."""
    now, found = 0, []
    for message in mido.MidiFile(file=io.BytesIO(data)).tracks[0]:
        now += message.time
        if message.type == "note_on":
            found.append(now)
    return found


def starts(data: bytes) -> list[int]:
    """The ticks at which notes begin, as they are read here."""
    (track,) = smf.parse_file(data).tracks
    return [event.tick for event in track if event.kind == smf.NOTE_ON]


def test_both_read_a_plain_file_alike() -> None:
    data = file_of(bytes.fromhex("83 60 ff 06 01 41 83 60 ff 51 03 07 a1 20") + NOTE)
    assert starts(data) == starts_of_mido(data) == [960]


def test_mido_loses_the_time_before_a_meta_event_that_it_does_not_know() -> None:
    data = file_of(bytes.fromhex("83 60 ff 60 01 00") + NOTE)
    assert starts(data) == [480]
    assert starts_of_mido(data) == [0]


def test_mido_refuses_a_file_for_one_key_signature() -> None:
    data = file_of(bytes.fromhex("00 ff 59 02 63 09") + NOTE)
    assert starts(data) == [0]
    with pytest.raises(mido.KeySignatureError):
        starts_of_mido(data)


def test_a_file_that_is_written_is_read_alike(tmp_path: Path) -> None:
    path = tmp_path / "a.mid"
    path.write_bytes(file_of(NOTE))
    mido.MidiFile(path).save(tmp_path / "b.mid")
    assert read_midi(path.read_bytes()) == read_midi((tmp_path / "b.mid").read_bytes())
