"""Metadata of takes: names and types of all values that engines and tasks report.

The task, the engine and the request decide which of them a take has. Times are in seconds. Those of an engine count from the
first frame of the window, those of a finished take from the first frame of its outputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from acestep_runtime.certainty import Certainty

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


class Measurement(TypedDict, total=False):
    """Tempo, key and beats per bar as far as signal analysis heard them."""

    bpm: float
    keyscale: str
    timesignature: int


class Change(TempoAndKey):
    """A lasting change of tempo, key or meter."""

    start_s: float


class Score(TypedDict, total=False):
    """Scores of a take, each 0 to 1, or ``None`` with a reason in ``missing``.

    ``parts`` are the components of the scores, ``computed_from`` names their source.
    """

    quality: float | None
    lyrics_alignment: float | None
    lm: float | None
    fit: float | None
    parts: Mapping[str, float]
    notes: Sequence[str]
    computed_from: Mapping[str, str]
    missing: Mapping[str, str]


class Plan(TypedDict):
    """The plan of a language model: metadata by the names of `lm.grammar.FIELDS`, and codes, five per second."""

    metadata: Mapping[str, str | int]
    codes: Sequence[int]


class AdapterScale(TypedDict):
    """An adapter of the model, and its scale."""

    name: str
    scale: float


class SourceLatents(TypedDict):
    """Latents of a source that is a take: how many are those of the take, and how many its audio was encoded to."""

    own: int
    encoded: int


class PreviewLength(TypedDict):
    """How much of a take that is a preview is there: ``bars`` bars, which are ``duration_s`` of ``whole_s`` seconds.

    ``tempo_from`` is where the tempo of the bars comes from: "request", "source", "plan" or "assumed".
    """

    bars: int
    duration_s: float
    whole_s: float
    bpm: float
    timesignature: int
    tempo_from: str


class Variation(TypedDict):
    """A variation: how far it went, and the seed towards whose take."""

    amount: float
    seed: int


class MidiNote(TypedDict):
    """A note: when it sounds, its MIDI pitch 0 to 127, and its velocity 1 to 127."""

    start_s: float
    end_s: float
    pitch: int
    velocity: int


class MidiPart(TypedDict):
    """The notes of one instrument, in order; ``program`` counts General MIDI instruments from 0."""

    name: str
    program: int
    is_drums: bool
    notes: Sequence[MidiNote]


class TakeMetadata(TypedDict, total=False):
    """Metadata of a take. ``…_missing`` is the reason why a requested value is absent.

    ``certainty`` has "tempo", "beats", "key" and "meter" where they were analysed: what is "not heard" is absent. ``midi`` is a
    Standard MIDI File in base64, with the notes of ``midi_parts``.
    """

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
    adapters: Sequence[AdapterScale]
    measured: Measurement
    confidence: Mapping[str, float]
    loudness_db: float
    strength: float
    source_bpm: float
    source_keyscale: str
    accompaniment_lowered_db: float
    ducked_s: float
    notes: Sequence[str]
    warnings: Sequence[str]
    certainty: Mapping[str, Certainty]
    variations: Sequence[Variation]
    source_latents: SourceLatents
    preview: PreviewLength
    midi: str
    midi_parts: Sequence[MidiPart]


def metadata_from_json(values: JsonObject) -> TakeMetadata:
    """Return metadata from JSON that `metadata_to_json` wrote. Values are not checked."""
    plain: Any = values
    metadata: TakeMetadata = plain
    return metadata


def measurement(metadata: TakeMetadata) -> Measurement:
    """Return tempo, key and meter of the metadata as far as they are there."""
    found = Measurement()
    if (bpm := metadata.get("bpm")) is not None:
        found["bpm"] = bpm
    if (keyscale := metadata.get("keyscale")) is not None:
        found["keyscale"] = keyscale
    if (timesignature := metadata.get("timesignature")) is not None:
        found["timesignature"] = timesignature
    return found


def without_unknown(metadata: TakeMetadata) -> TakeMetadata:
    """Return metadata without what is ``None`` or empty, at any depth: as it leaves the runtime."""
    known = {name: _drop_unknown(value) for name, value in metadata_to_json(metadata).items() if not _is_unknown(value)}
    return metadata_from_json(known)


def _drop_unknown(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {name: _drop_unknown(held) for name, held in value.items() if not _is_unknown(held)}
    return (
        [_drop_unknown(held) for held in value] if isinstance(value, Sequence) and not isinstance(value, str) else value
    )


def _is_unknown(value: Json) -> bool:
    return value is None or (isinstance(value, (Mapping, Sequence)) and not isinstance(value, str) and not value)


def metadata_to_json(metadata: TakeMetadata) -> dict[str, Json]:
    """Return metadata as JSON; all its values are JSON values."""
    plain: Any = metadata
    values: dict[str, Json] = plain
    return values
