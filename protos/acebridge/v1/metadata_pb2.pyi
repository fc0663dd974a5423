from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Chord(_message.Message):
    __slots__ = ("start_s", "end_s", "name")
    START_S_FIELD_NUMBER: _ClassVar[int]
    END_S_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    start_s: float
    end_s: float
    name: str
    def __init__(self, start_s: _Optional[float] = ..., end_s: _Optional[float] = ..., name: _Optional[str] = ...) -> None: ...

class Section(_message.Message):
    __slots__ = ("start_s", "end_s", "name")
    START_S_FIELD_NUMBER: _ClassVar[int]
    END_S_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    start_s: float
    end_s: float
    name: str
    def __init__(self, start_s: _Optional[float] = ..., end_s: _Optional[float] = ..., name: _Optional[str] = ...) -> None: ...

class Word(_message.Message):
    __slots__ = ("start_s", "end_s", "text")
    START_S_FIELD_NUMBER: _ClassVar[int]
    END_S_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    start_s: float
    end_s: float
    text: str
    def __init__(self, start_s: _Optional[float] = ..., end_s: _Optional[float] = ..., text: _Optional[str] = ...) -> None: ...

class Line(_message.Message):
    __slots__ = ("start_s", "end_s", "text", "words", "translations")
    START_S_FIELD_NUMBER: _ClassVar[int]
    END_S_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    TRANSLATIONS_FIELD_NUMBER: _ClassVar[int]
    start_s: float
    end_s: float
    text: str
    words: _containers.RepeatedCompositeFieldContainer[Word]
    translations: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, start_s: _Optional[float] = ..., end_s: _Optional[float] = ..., text: _Optional[str] = ..., words: _Optional[_Iterable[_Union[Word, _Mapping]]] = ..., translations: _Optional[_Iterable[str]] = ...) -> None: ...

class Change(_message.Message):
    __slots__ = ("start_s", "bpm", "keyscale", "timesignature")
    START_S_FIELD_NUMBER: _ClassVar[int]
    BPM_FIELD_NUMBER: _ClassVar[int]
    KEYSCALE_FIELD_NUMBER: _ClassVar[int]
    TIMESIGNATURE_FIELD_NUMBER: _ClassVar[int]
    start_s: float
    bpm: float
    keyscale: str
    timesignature: int
    def __init__(self, start_s: _Optional[float] = ..., bpm: _Optional[float] = ..., keyscale: _Optional[str] = ..., timesignature: _Optional[int] = ...) -> None: ...

class TempoAndKey(_message.Message):
    __slots__ = ("bpm", "keyscale", "timesignature")
    BPM_FIELD_NUMBER: _ClassVar[int]
    KEYSCALE_FIELD_NUMBER: _ClassVar[int]
    TIMESIGNATURE_FIELD_NUMBER: _ClassVar[int]
    bpm: float
    keyscale: str
    timesignature: int
    def __init__(self, bpm: _Optional[float] = ..., keyscale: _Optional[str] = ..., timesignature: _Optional[int] = ...) -> None: ...

class ScoreCard(_message.Message):
    __slots__ = ("quality", "lyrics_alignment", "lm", "parts", "notes", "computed_from", "missing", "fit")
    class PartsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class ComputedFromEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class MissingEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    LYRICS_ALIGNMENT_FIELD_NUMBER: _ClassVar[int]
    LM_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    COMPUTED_FROM_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    FIT_FIELD_NUMBER: _ClassVar[int]
    quality: float
    lyrics_alignment: float
    lm: float
    parts: _containers.ScalarMap[str, float]
    notes: _containers.RepeatedScalarFieldContainer[str]
    computed_from: _containers.ScalarMap[str, str]
    missing: _containers.ScalarMap[str, str]
    fit: float
    def __init__(self, quality: _Optional[float] = ..., lyrics_alignment: _Optional[float] = ..., lm: _Optional[float] = ..., parts: _Optional[_Mapping[str, float]] = ..., notes: _Optional[_Iterable[str]] = ..., computed_from: _Optional[_Mapping[str, str]] = ..., missing: _Optional[_Mapping[str, str]] = ..., fit: _Optional[float] = ...) -> None: ...

class Plan(_message.Message):
    __slots__ = ("metadata", "codes")
    METADATA_FIELD_NUMBER: _ClassVar[int]
    CODES_FIELD_NUMBER: _ClassVar[int]
    metadata: _struct_pb2.Struct
    codes: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., codes: _Optional[_Iterable[int]] = ...) -> None: ...

class AdapterScale(_message.Message):
    __slots__ = ("name", "scale")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SCALE_FIELD_NUMBER: _ClassVar[int]
    name: str
    scale: float
    def __init__(self, name: _Optional[str] = ..., scale: _Optional[float] = ...) -> None: ...

class Variation(_message.Message):
    __slots__ = ("amount", "seed")
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    amount: float
    seed: int
    def __init__(self, amount: _Optional[float] = ..., seed: _Optional[int] = ...) -> None: ...

class SourceLatents(_message.Message):
    __slots__ = ("own", "encoded")
    OWN_FIELD_NUMBER: _ClassVar[int]
    ENCODED_FIELD_NUMBER: _ClassVar[int]
    own: int
    encoded: int
    def __init__(self, own: _Optional[int] = ..., encoded: _Optional[int] = ...) -> None: ...

class PreviewLength(_message.Message):
    __slots__ = ("bars", "duration_s", "whole_s", "bpm", "timesignature", "tempo_from")
    BARS_FIELD_NUMBER: _ClassVar[int]
    DURATION_S_FIELD_NUMBER: _ClassVar[int]
    WHOLE_S_FIELD_NUMBER: _ClassVar[int]
    BPM_FIELD_NUMBER: _ClassVar[int]
    TIMESIGNATURE_FIELD_NUMBER: _ClassVar[int]
    TEMPO_FROM_FIELD_NUMBER: _ClassVar[int]
    bars: int
    duration_s: float
    whole_s: float
    bpm: float
    timesignature: int
    tempo_from: str
    def __init__(self, bars: _Optional[int] = ..., duration_s: _Optional[float] = ..., whole_s: _Optional[float] = ..., bpm: _Optional[float] = ..., timesignature: _Optional[int] = ..., tempo_from: _Optional[str] = ...) -> None: ...

class MidiNote(_message.Message):
    __slots__ = ("start_s", "end_s", "pitch", "velocity")
    START_S_FIELD_NUMBER: _ClassVar[int]
    END_S_FIELD_NUMBER: _ClassVar[int]
    PITCH_FIELD_NUMBER: _ClassVar[int]
    VELOCITY_FIELD_NUMBER: _ClassVar[int]
    start_s: float
    end_s: float
    pitch: int
    velocity: int
    def __init__(self, start_s: _Optional[float] = ..., end_s: _Optional[float] = ..., pitch: _Optional[int] = ..., velocity: _Optional[int] = ...) -> None: ...

class MidiPart(_message.Message):
    __slots__ = ("name", "program", "is_drums", "notes")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PROGRAM_FIELD_NUMBER: _ClassVar[int]
    IS_DRUMS_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    name: str
    program: int
    is_drums: bool
    notes: _containers.RepeatedCompositeFieldContainer[MidiNote]
    def __init__(self, name: _Optional[str] = ..., program: _Optional[int] = ..., is_drums: _Optional[bool] = ..., notes: _Optional[_Iterable[_Union[MidiNote, _Mapping]]] = ...) -> None: ...

class TakeMetadata(_message.Message):
    __slots__ = ("engine", "model", "caption", "lyrics", "language", "genres", "instrumental", "bpm", "keyscale", "timesignature", "duration_s", "beats", "downbeats", "chords", "sections", "lines", "changes", "lrc", "lrc_missing", "score", "score_missing", "plan", "adapters", "measured", "confidence", "loudness_db", "strength", "source_bpm", "source_keyscale", "accompaniment_lowered_db", "ducked_s", "notes", "warnings", "extra", "certainty", "variations", "source_latents", "preview", "midi", "midi_parts")
    class ConfidenceEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class CertaintyEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    CAPTION_FIELD_NUMBER: _ClassVar[int]
    LYRICS_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    GENRES_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENTAL_FIELD_NUMBER: _ClassVar[int]
    BPM_FIELD_NUMBER: _ClassVar[int]
    KEYSCALE_FIELD_NUMBER: _ClassVar[int]
    TIMESIGNATURE_FIELD_NUMBER: _ClassVar[int]
    DURATION_S_FIELD_NUMBER: _ClassVar[int]
    BEATS_FIELD_NUMBER: _ClassVar[int]
    DOWNBEATS_FIELD_NUMBER: _ClassVar[int]
    CHORDS_FIELD_NUMBER: _ClassVar[int]
    SECTIONS_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    LRC_FIELD_NUMBER: _ClassVar[int]
    LRC_MISSING_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    SCORE_MISSING_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    ADAPTERS_FIELD_NUMBER: _ClassVar[int]
    MEASURED_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    LOUDNESS_DB_FIELD_NUMBER: _ClassVar[int]
    STRENGTH_FIELD_NUMBER: _ClassVar[int]
    SOURCE_BPM_FIELD_NUMBER: _ClassVar[int]
    SOURCE_KEYSCALE_FIELD_NUMBER: _ClassVar[int]
    ACCOMPANIMENT_LOWERED_DB_FIELD_NUMBER: _ClassVar[int]
    DUCKED_S_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELD_NUMBER: _ClassVar[int]
    CERTAINTY_FIELD_NUMBER: _ClassVar[int]
    VARIATIONS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_LATENTS_FIELD_NUMBER: _ClassVar[int]
    PREVIEW_FIELD_NUMBER: _ClassVar[int]
    MIDI_FIELD_NUMBER: _ClassVar[int]
    MIDI_PARTS_FIELD_NUMBER: _ClassVar[int]
    engine: str
    model: str
    caption: str
    lyrics: str
    language: str
    genres: str
    instrumental: bool
    bpm: float
    keyscale: str
    timesignature: int
    duration_s: float
    beats: _containers.RepeatedScalarFieldContainer[float]
    downbeats: _containers.RepeatedScalarFieldContainer[float]
    chords: _containers.RepeatedCompositeFieldContainer[Chord]
    sections: _containers.RepeatedCompositeFieldContainer[Section]
    lines: _containers.RepeatedCompositeFieldContainer[Line]
    changes: _containers.RepeatedCompositeFieldContainer[Change]
    lrc: str
    lrc_missing: str
    score: ScoreCard
    score_missing: str
    plan: Plan
    adapters: _containers.RepeatedCompositeFieldContainer[AdapterScale]
    measured: TempoAndKey
    confidence: _containers.ScalarMap[str, float]
    loudness_db: float
    strength: float
    source_bpm: float
    source_keyscale: str
    accompaniment_lowered_db: float
    ducked_s: float
    notes: _containers.RepeatedScalarFieldContainer[str]
    warnings: _containers.RepeatedScalarFieldContainer[str]
    extra: _struct_pb2.Struct
    certainty: _containers.ScalarMap[str, str]
    variations: _containers.RepeatedCompositeFieldContainer[Variation]
    source_latents: SourceLatents
    preview: PreviewLength
    midi: bytes
    midi_parts: _containers.RepeatedCompositeFieldContainer[MidiPart]
    def __init__(self, engine: _Optional[str] = ..., model: _Optional[str] = ..., caption: _Optional[str] = ..., lyrics: _Optional[str] = ..., language: _Optional[str] = ..., genres: _Optional[str] = ..., instrumental: _Optional[bool] = ..., bpm: _Optional[float] = ..., keyscale: _Optional[str] = ..., timesignature: _Optional[int] = ..., duration_s: _Optional[float] = ..., beats: _Optional[_Iterable[float]] = ..., downbeats: _Optional[_Iterable[float]] = ..., chords: _Optional[_Iterable[_Union[Chord, _Mapping]]] = ..., sections: _Optional[_Iterable[_Union[Section, _Mapping]]] = ..., lines: _Optional[_Iterable[_Union[Line, _Mapping]]] = ..., changes: _Optional[_Iterable[_Union[Change, _Mapping]]] = ..., lrc: _Optional[str] = ..., lrc_missing: _Optional[str] = ..., score: _Optional[_Union[ScoreCard, _Mapping]] = ..., score_missing: _Optional[str] = ..., plan: _Optional[_Union[Plan, _Mapping]] = ..., adapters: _Optional[_Iterable[_Union[AdapterScale, _Mapping]]] = ..., measured: _Optional[_Union[TempoAndKey, _Mapping]] = ..., confidence: _Optional[_Mapping[str, float]] = ..., loudness_db: _Optional[float] = ..., strength: _Optional[float] = ..., source_bpm: _Optional[float] = ..., source_keyscale: _Optional[str] = ..., accompaniment_lowered_db: _Optional[float] = ..., ducked_s: _Optional[float] = ..., notes: _Optional[_Iterable[str]] = ..., warnings: _Optional[_Iterable[str]] = ..., extra: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., certainty: _Optional[_Mapping[str, str]] = ..., variations: _Optional[_Iterable[_Union[Variation, _Mapping]]] = ..., source_latents: _Optional[_Union[SourceLatents, _Mapping]] = ..., preview: _Optional[_Union[PreviewLength, _Mapping]] = ..., midi: _Optional[bytes] = ..., midi_parts: _Optional[_Iterable[_Union[MidiPart, _Mapping]]] = ...) -> None: ...
