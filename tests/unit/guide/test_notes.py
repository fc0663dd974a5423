"""`transcribe` of the Python API: what it asks for, and what comes back."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import mido
import pytest

from acestep_runtime import transcribe
from acestep_runtime.errors import InvalidValue
from acestep_runtime.guide import notes
from acestep_runtime.guide.request import Order
from acestep_runtime.notes import Note
from tests.support.midi_cases import play

BASS = [Note(0.25 + 0.5 * k, 0.7 + 0.5 * k, 36 + k, 100) for k in range(6)]


def test_notes_come_back_as_a_file_and_as_values(tmp_path: Path) -> None:
    found = transcribe(play(BASS, 3.6), track_name="bass", mix=False, engine="draft")
    (part,) = found.parts
    assert (part["name"], part["is_drums"]) == ("bass", False)
    assert abs(len(part["notes"]) - len(BASS)) <= 2
    assert found.midi == found.save(tmp_path / "a.mid").read_bytes()
    file = mido.MidiFile(file=io.BytesIO(found.midi))
    struck = [m.note for m in file.tracks[1] if m.type == "note_on"]
    assert sorted(struck) == sorted(note["pitch"] for note in part["notes"])
    assert found.metadata["engine"] == "draft"


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        ({}, {}),
        ({"track_name": "bass", "mono": False}, {"tracks": ["bass"], "voices": "poly"}),
        ({"track_names": ("bass", "drums"), "mix": True}, {"tracks": ["bass", "drums"], "contents": "mix"}),
        ({"mono": True, "mix": False, "bpm": 99.0, "timesignature": "3/4"},
         {"voices": "mono", "contents": "part", "music": {"bpm": 99.0, "timesignature": 3}}),
    ],
)  # fmt: skip
def test_arguments_become_fields(
    monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any], fields: dict[str, Any]
) -> None:
    asked: list[Order] = []

    def answer(_runner: object, order: Order) -> dict[str, Any]:
        asked.append(order)
        return {"midi": "TVRoZA==", "midi_parts": []}

    monkeypatch.setattr(notes, "run_for_metadata", answer)
    found = transcribe(play(BASS[:1], 1.0), **arguments)
    assert (found.midi, found.parts) == (b"MThd", ())
    assert (asked[0].task, dict(asked[0].fields)) == ("transcribe", fields)


def test_two_ways_to_name_tracks_are_one_too_many() -> None:
    with pytest.raises(InvalidValue, match="one of track_name and track_names, not both"):
        transcribe(play(BASS[:1], 1.0), track_name="bass", track_names=["drums"])


def test_a_track_that_no_engine_knows_is_refused() -> None:
    with pytest.raises(InvalidValue) as caught:
        transcribe(play(BASS[:1], 1.0), track_name="kazoo", engine="draft")
    assert caught.value.field in ("tracks", "track_names")
