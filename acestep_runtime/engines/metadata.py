"""What is known of a take: the names and types of all that engines and tasks tell about it, as plain values.

Which of them a take has depends on its task, its engine and what was asked for. Times are seconds; from an engine they count
from the first frame of the window, in a finished take from the first frame of its outputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from acestep_runtime.json_values import JsonObject
    from acestep_runtime.lyrics.formats.tables import LineMetadata, SectionMetadata
    from acestep_runtime.values import Json


class Chord(TypedDict):
    """A chord and when it sounds; ``name`` as in "F#m7"."""

    start_s: float
    end_s: float
    name: str


class TempoAndKey(TypedDict):
    """Tempo, key and beats per bar."""

    bpm: float
    keyscale: str
    timesignature: int


class Change(TempoAndKey):
    """Where tempo, key or meter change for good."""

    start_s: float


class Score(TypedDict, total=False):
    """How good a take is, each value 0 to 1, and ``None`` where ``missing`` says why.

    ``parts`` are what the values are made of, ``computed_from`` says by what means.
    """

    quality: float | None
    lyrics_alignment: float | None
    lm: float | None
    parts: Mapping[str, float]
    notes: Sequence[str]
    computed_from: Mapping[str, str]
    missing: Mapping[str, str]


class Plan(TypedDict):
    """What a language model planned: metadata as models word it, and codes, five for a second."""

    metadata: Mapping[str, str | int]
    codes: Sequence[int]


class UsedAdapter(TypedDict):
    """An adapter that a model worked with."""

    name: str
    scale: float


class TakeMetadata(TypedDict, total=False):
    """What is known of a take. ``…_missing`` is the reason why something that was asked for is not there."""

    engine: str
    model: str
    caption: str
    lyrics: str
    language: str
    genres: str
    instrumental: bool
    bpm: float | None
    keyscale: str | None
    timesignature: int | None
    duration_s: float
    beats: Sequence[float]
    downbeats: Sequence[float]
    chords: Sequence[Chord]
    sections: Sequence[SectionMetadata]
    lines: Sequence[LineMetadata]
    changes: Sequence[Change]
    lrc: str
    lrc_missing: str
    score: Score
    score_missing: str
    plan: Plan
    adapters: Sequence[UsedAdapter]
    measured: TempoAndKey
    confidence: Mapping[str, float]
    loudness_db: float
    strength: float
    source_bpm: float
    source_keyscale: str
    accompaniment_lowered_db: float
    ducked_s: float
    notes: Sequence[str]
    warnings: Sequence[str]


def metadata_from_json(values: JsonObject) -> TakeMetadata:
    """Return metadata that came as JSON from where it was written: its values are taken on trust."""
    plain: Any = values
    metadata: TakeMetadata = plain
    return metadata


def without_unknown(metadata: TakeMetadata) -> TakeMetadata:
    """Return metadata without what is ``None`` or empty, at any depth: as it leaves the runtime."""
    known = {name: _known(value) for name, value in metadata_to_json(metadata).items() if not _is_unknown(value)}
    return metadata_from_json(known)


def _known(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {name: _known(held) for name, held in value.items() if not _is_unknown(held)}
    return [_known(held) for held in value] if isinstance(value, Sequence) and not isinstance(value, str) else value


def _is_unknown(value: Json) -> bool:
    return value is None or (isinstance(value, (Mapping, Sequence)) and not isinstance(value, str) and not value)


def metadata_to_json(metadata: TakeMetadata) -> dict[str, Json]:
    """Return metadata as JSON, which all its values are."""
    plain: Any = metadata
    values: dict[str, Json] = plain
    return values
