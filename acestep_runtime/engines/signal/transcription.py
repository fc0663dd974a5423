"""Writing the notes of a source down: the task transcribe, for every engine that hears with signal analysis."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

from acestep_runtime.engines.base import EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.metadata import MidiPart, TakeMetadata, metadata_from_json, metadata_to_json
from acestep_runtime.engines.signal.analysis import analyse_source, analysis_metadata, tempo_notes
from acestep_runtime.engines.signal.blocks import require_source
from acestep_runtime.engines.signal.threads import run_with_progress
from acestep_runtime.errors import EngineFailure
from acestep_runtime.midi.read import MAX_NOTES
from acestep_runtime.midi.transcribe import Transcription, Wishes, transcribe_source
from acestep_runtime.midi.write import write_midi
from acestep_runtime.notes import MidiSong, Part
from acestep_runtime.values import CancelToken
from acestep_runtime.weights.pitch_model import find_pitch_model

#: What of an analysis belongs to notes.
_FACTS = ("engine", "bpm", "keyscale", "timesignature", "certainty", "confidence", "duration_s", "beats", "downbeats")


def transcribe(request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Write the notes of the source down."""
    yield Progress("analysing", 0.0)
    source, analysis = require_source(request), analyse_source(request)
    cancel.check()
    facts = {name: value for name, value in metadata_to_json(analysis_metadata(analysis)).items() if name in _FACTS}
    yield Metadata(metadata_from_json(facts))
    wishes = Wishes(request.tracks, request.contents, request.voices)
    found: list[Transcription] = []

    def work(stop: Callable[[], None], report: Callable[[float], None]) -> None:
        found.append(transcribe_source(source, analysis, wishes, find_pitch_model(), stop, report))

    for fraction in run_with_progress(work, cancel):
        yield Progress("writing notes down", 0.2 + 0.8 * fraction)
    yield Metadata(midi_metadata(found[0].song, (*tempo_notes(analysis), *found[0].notes)))


def midi_metadata(song: MidiSong, notes: tuple[str, ...]) -> TakeMetadata:
    """Return a song as metadata: as a file, as notes, and sentences on how they were found.

    Raises `EngineFailure` for more notes than `read_midi` takes: a message to a client has no room for many more.
    """
    count = sum(len(part.notes) for part in song.parts)
    if count > MAX_NOTES:
        raise EngineFailure(
            f"{count} notes are heard; allowed: at most {MAX_NOTES}.",
            remedy="Write fewer instruments down at a time, or a part of the source.",
        )
    return {
        "midi": base64.b64encode(write_midi(song)).decode("ascii"),
        "midi_parts": [_part_metadata(part) for part in song.parts],
        "notes": list(notes),
    }


def _part_metadata(part: Part) -> MidiPart:
    return {
        "name": part.name,
        "program": part.program,
        "is_drums": part.is_drums,
        "notes": [
            {
                "start_s": round(note.start_s, 4),
                "end_s": round(note.end_s, 4),
                "pitch": note.pitch,
                "velocity": note.velocity,
            }
            for note in part.notes
        ],
    }


#: Tasks that every engine does with signal analysis, by name.
SIGNAL_TASKS: dict[str, Callable[[EngineRequest, CancelToken], Iterator[EngineEvent]]] = {
    transcribe.__name__: transcribe
}
