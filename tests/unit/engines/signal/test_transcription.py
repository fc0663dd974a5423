"""Notes as metadata: as many as a message to a client, and a line of a worker, have room for."""

from __future__ import annotations

import json

import pytest

from acebridge.contract.metadata import metadata_message
from acebridge.workers.launch import LINE_LIMIT
from acestep_runtime.engines.metadata import metadata_to_json
from acestep_runtime.engines.signal.transcription import midi_metadata
from acestep_runtime.errors import EngineFailure
from acestep_runtime.midi.read import MAX_NOTES
from acestep_runtime.notes import MidiSong, Note, Part

#: What clients of gRPC receive at most where nothing else is set, in any language.
MESSAGE_BYTES = 4 * 2**20


def song_of(notes: int) -> MidiSong:
    """Notes of 20 minutes, the longest source."""
    times = [1200 * number / notes for number in range(notes)]
    return MidiSong((Part("keyboard", tuple(Note(at, at + 0.1, 40 + n % 60, 96) for n, at in enumerate(times))),))


def test_the_most_notes_fit_a_message() -> None:
    facts = metadata_to_json(midi_metadata(song_of(MAX_NOTES), ()))
    assert metadata_message(facts).ByteSize() < 0.9 * MESSAGE_BYTES
    assert len(json.dumps(facts)) < 0.75 * LINE_LIMIT


def test_more_notes_are_refused() -> None:
    with pytest.raises(EngineFailure, match=f"{MAX_NOTES + 1} notes are heard; allowed: at most {MAX_NOTES}") as caught:
        midi_metadata(song_of(MAX_NOTES + 1), ())
    assert "fewer instruments" in caught.value.remedy
