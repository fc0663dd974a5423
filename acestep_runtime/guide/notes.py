"""Writing the notes of audio down: `transcribe` of the Python API."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from acestep_runtime.engines.metadata import MidiPart, TakeMetadata
from acestep_runtime.errors import InvalidValue
from acestep_runtime.guide.calls import run_for_metadata
from acestep_runtime.guide.request import order_for_task
from acestep_runtime.guide.runners import runner_for
from acestep_runtime.guide.sound import AudioLike, to_audio
from acestep_runtime.tasks import Transcribe
from acestep_runtime.tasks.analysis import CONTENTS_OF_MIX, VOICES_OF_MONO
from acestep_runtime.values import Json


@dataclass(frozen=True)
class Transcription:
    """The notes of audio: ``midi`` is a Standard MIDI File, ``parts`` are the same notes by instrument.

    ``metadata`` has tempo, key and meter; its ``notes`` are sentences on how the notes were found.
    """

    midi: bytes
    parts: tuple[MidiPart, ...]
    metadata: TakeMetadata

    def save(self, path: str | Path) -> Path:
        """Write the MIDI file, and return its path. Raises ``OSError``."""
        Path(path).write_bytes(self.midi)
        return Path(path)


def transcribe(
    src_audio: AudioLike,
    *,
    track_name: str | None = None,
    track_names: Sequence[str] | None = None,
    mono: bool | None = None,
    mix: bool | None = None,
    bpm: float | None = None,
    timesignature: int | str | None = None,
    engine: str = "auto",
    daemon: str | None = None,
) -> Transcription:
    """Write the notes of ``src_audio`` down.

    ``track_name`` (or ``track_names``) are the instruments; without any, all that are heard. Out of a ``mix`` they are
    separated first; False says that the audio holds one instrument alone, ``None`` lets the engine decide. ``mono`` writes
    one note at a time, False several; ``None`` takes one for voices and bass. ``bpm`` and ``timesignature`` are measured
    where not given. Raises as `generate` does.
    """
    if track_name is not None and track_names is not None:
        raise InvalidValue("track_name", track_name, "one of track_name and track_names, not both")
    arguments: dict[str, Json] = {
        "track_names": track_names if track_name is None else [track_name],
        "bpm": bpm,
        "timesignature": timesignature,
    }
    switches = {"contents": CONTENTS_OF_MIX.get(mix), "voices": VOICES_OF_MONO.get(mono)}
    order = order_for_task(Transcribe.name, arguments, to_audio(src_audio), engine)
    fields = {**order.fields, **{name: value for name, value in switches.items() if value is not None}}
    metadata = run_for_metadata(runner_for(daemon), dataclasses.replace(order, fields=fields))
    parts = tuple(metadata.get("midi_parts", ()))
    return Transcription(base64.b64decode(metadata.get("midi", "")), parts, metadata)
