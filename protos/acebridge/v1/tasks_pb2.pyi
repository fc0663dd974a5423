from acebridge.v1 import audio_pb2 as _audio_pb2
from acebridge.v1 import metadata_pb2 as _metadata_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TaskKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TASK_KIND_UNSPECIFIED: _ClassVar[TaskKind]
    TASK_KIND_TEXT_TO_MUSIC: _ClassVar[TaskKind]
    TASK_KIND_COVER: _ClassVar[TaskKind]
    TASK_KIND_REPAINT: _ClassVar[TaskKind]
    TASK_KIND_LEGO: _ClassVar[TaskKind]
    TASK_KIND_COMPLETE: _ClassVar[TaskKind]
    TASK_KIND_EXTRACT: _ClassVar[TaskKind]
    TASK_KIND_UNDERSTAND: _ClassVar[TaskKind]
    TASK_KIND_ALIGN_LYRICS: _ClassVar[TaskKind]
    TASK_KIND_SCORE: _ClassVar[TaskKind]
    TASK_KIND_CREATE_SAMPLE: _ClassVar[TaskKind]
    TASK_KIND_FORMAT_SAMPLE: _ClassVar[TaskKind]
    TASK_KIND_TRANSCRIBE: _ClassVar[TaskKind]

class RegionMask(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REGION_MASK_UNSPECIFIED: _ClassVar[RegionMask]
    REGION_MASK_EXPLICIT: _ClassVar[RegionMask]
    REGION_MASK_AUTO: _ClassVar[RegionMask]

class DcwMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DCW_MODE_UNSPECIFIED: _ClassVar[DcwMode]
    DCW_MODE_AUTO: _ClassVar[DcwMode]
    DCW_MODE_OFF: _ClassVar[DcwMode]
    DCW_MODE_LOW: _ClassVar[DcwMode]
    DCW_MODE_HIGH: _ClassVar[DcwMode]
    DCW_MODE_DOUBLE: _ClassVar[DcwMode]
    DCW_MODE_PIX: _ClassVar[DcwMode]

class ScoreKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SCORE_KIND_UNSPECIFIED: _ClassVar[ScoreKind]
    SCORE_KIND_LYRICS_ALIGNMENT: _ClassVar[ScoreKind]
    SCORE_KIND_QUALITY: _ClassVar[ScoreKind]
    SCORE_KIND_LM: _ClassVar[ScoreKind]
    SCORE_KIND_FIT: _ClassVar[ScoreKind]

class Priority(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRIORITY_UNSPECIFIED: _ClassVar[Priority]
    PRIORITY_LOW: _ClassVar[Priority]
    PRIORITY_NORMAL: _ClassVar[Priority]
    PRIORITY_HIGH: _ClassVar[Priority]

class Scope(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SCOPE_UNSPECIFIED: _ClassVar[Scope]
    SCOPE_WHOLE: _ClassVar[Scope]
    SCOPE_REGION: _ClassVar[Scope]

class Guide(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GUIDE_UNSPECIFIED: _ClassVar[Guide]
    GUIDE_CODES: _ClassVar[Guide]
    GUIDE_COVER: _ClassVar[Guide]

class MorphMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MORPH_MODE_UNSPECIFIED: _ClassVar[MorphMode]
    MORPH_MODE_WORDS: _ClassVar[MorphMode]
    MORPH_MODE_STYLE: _ClassVar[MorphMode]
    MORPH_MODE_ALL: _ClassVar[MorphMode]

class RepaintMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REPAINT_MODE_UNSPECIFIED: _ClassVar[RepaintMode]
    REPAINT_MODE_CONSERVATIVE: _ClassVar[RepaintMode]
    REPAINT_MODE_BALANCED: _ClassVar[RepaintMode]
    REPAINT_MODE_AGGRESSIVE: _ClassVar[RepaintMode]

class LoudnessReference(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOUDNESS_REFERENCE_UNSPECIFIED: _ClassVar[LoudnessReference]
    LOUDNESS_REFERENCE_REGION: _ClassVar[LoudnessReference]
    LOUDNESS_REFERENCE_CONTEXT: _ClassVar[LoudnessReference]

class Contents(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONTENTS_UNSPECIFIED: _ClassVar[Contents]
    CONTENTS_MIX: _ClassVar[Contents]
    CONTENTS_PART: _ClassVar[Contents]

class Voices(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VOICES_UNSPECIFIED: _ClassVar[Voices]
    VOICES_MONO: _ClassVar[Voices]
    VOICES_POLY: _ClassVar[Voices]
TASK_KIND_UNSPECIFIED: TaskKind
TASK_KIND_TEXT_TO_MUSIC: TaskKind
TASK_KIND_COVER: TaskKind
TASK_KIND_REPAINT: TaskKind
TASK_KIND_LEGO: TaskKind
TASK_KIND_COMPLETE: TaskKind
TASK_KIND_EXTRACT: TaskKind
TASK_KIND_UNDERSTAND: TaskKind
TASK_KIND_ALIGN_LYRICS: TaskKind
TASK_KIND_SCORE: TaskKind
TASK_KIND_CREATE_SAMPLE: TaskKind
TASK_KIND_FORMAT_SAMPLE: TaskKind
TASK_KIND_TRANSCRIBE: TaskKind
REGION_MASK_UNSPECIFIED: RegionMask
REGION_MASK_EXPLICIT: RegionMask
REGION_MASK_AUTO: RegionMask
DCW_MODE_UNSPECIFIED: DcwMode
DCW_MODE_AUTO: DcwMode
DCW_MODE_OFF: DcwMode
DCW_MODE_LOW: DcwMode
DCW_MODE_HIGH: DcwMode
DCW_MODE_DOUBLE: DcwMode
DCW_MODE_PIX: DcwMode
SCORE_KIND_UNSPECIFIED: ScoreKind
SCORE_KIND_LYRICS_ALIGNMENT: ScoreKind
SCORE_KIND_QUALITY: ScoreKind
SCORE_KIND_LM: ScoreKind
SCORE_KIND_FIT: ScoreKind
PRIORITY_UNSPECIFIED: Priority
PRIORITY_LOW: Priority
PRIORITY_NORMAL: Priority
PRIORITY_HIGH: Priority
SCOPE_UNSPECIFIED: Scope
SCOPE_WHOLE: Scope
SCOPE_REGION: Scope
GUIDE_UNSPECIFIED: Guide
GUIDE_CODES: Guide
GUIDE_COVER: Guide
MORPH_MODE_UNSPECIFIED: MorphMode
MORPH_MODE_WORDS: MorphMode
MORPH_MODE_STYLE: MorphMode
MORPH_MODE_ALL: MorphMode
REPAINT_MODE_UNSPECIFIED: RepaintMode
REPAINT_MODE_CONSERVATIVE: RepaintMode
REPAINT_MODE_BALANCED: RepaintMode
REPAINT_MODE_AGGRESSIVE: RepaintMode
LOUDNESS_REFERENCE_UNSPECIFIED: LoudnessReference
LOUDNESS_REFERENCE_REGION: LoudnessReference
LOUDNESS_REFERENCE_CONTEXT: LoudnessReference
CONTENTS_UNSPECIFIED: Contents
CONTENTS_MIX: Contents
CONTENTS_PART: Contents
VOICES_UNSPECIFIED: Voices
VOICES_MONO: Voices
VOICES_POLY: Voices

class Music(_message.Message):
    __slots__ = ("caption", "lyrics", "language", "bpm", "keyscale", "timesignature", "chords")
    CAPTION_FIELD_NUMBER: _ClassVar[int]
    LYRICS_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    BPM_FIELD_NUMBER: _ClassVar[int]
    KEYSCALE_FIELD_NUMBER: _ClassVar[int]
    TIMESIGNATURE_FIELD_NUMBER: _ClassVar[int]
    CHORDS_FIELD_NUMBER: _ClassVar[int]
    caption: str
    lyrics: str
    language: str
    bpm: float
    keyscale: str
    timesignature: int
    chords: str
    def __init__(self, caption: _Optional[str] = ..., lyrics: _Optional[str] = ..., language: _Optional[str] = ..., bpm: _Optional[float] = ..., keyscale: _Optional[str] = ..., timesignature: _Optional[int] = ..., chords: _Optional[str] = ...) -> None: ...

class Sampling(_message.Message):
    __slots__ = ("model", "steps", "guidance", "shift", "sampler", "guidance_method", "guidance_start", "guidance_end", "timesteps", "velocity_clamp", "velocity_ema", "noise_strength", "skip_quantiser", "mask", "skip_loop", "adapters", "dcw", "dcw_strength", "dcw_high_strength", "vae")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    GUIDANCE_FIELD_NUMBER: _ClassVar[int]
    SHIFT_FIELD_NUMBER: _ClassVar[int]
    SAMPLER_FIELD_NUMBER: _ClassVar[int]
    GUIDANCE_METHOD_FIELD_NUMBER: _ClassVar[int]
    GUIDANCE_START_FIELD_NUMBER: _ClassVar[int]
    GUIDANCE_END_FIELD_NUMBER: _ClassVar[int]
    TIMESTEPS_FIELD_NUMBER: _ClassVar[int]
    VELOCITY_CLAMP_FIELD_NUMBER: _ClassVar[int]
    VELOCITY_EMA_FIELD_NUMBER: _ClassVar[int]
    NOISE_STRENGTH_FIELD_NUMBER: _ClassVar[int]
    SKIP_QUANTISER_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    SKIP_LOOP_FIELD_NUMBER: _ClassVar[int]
    ADAPTERS_FIELD_NUMBER: _ClassVar[int]
    DCW_FIELD_NUMBER: _ClassVar[int]
    DCW_STRENGTH_FIELD_NUMBER: _ClassVar[int]
    DCW_HIGH_STRENGTH_FIELD_NUMBER: _ClassVar[int]
    VAE_FIELD_NUMBER: _ClassVar[int]
    model: str
    steps: int
    guidance: float
    shift: float
    sampler: str
    guidance_method: str
    guidance_start: float
    guidance_end: float
    timesteps: _containers.RepeatedScalarFieldContainer[float]
    velocity_clamp: float
    velocity_ema: float
    noise_strength: float
    skip_quantiser: bool
    mask: RegionMask
    skip_loop: bool
    adapters: _containers.RepeatedCompositeFieldContainer[Adapter]
    dcw: DcwMode
    dcw_strength: float
    dcw_high_strength: float
    vae: str
    def __init__(self, model: _Optional[str] = ..., steps: _Optional[int] = ..., guidance: _Optional[float] = ..., shift: _Optional[float] = ..., sampler: _Optional[str] = ..., guidance_method: _Optional[str] = ..., guidance_start: _Optional[float] = ..., guidance_end: _Optional[float] = ..., timesteps: _Optional[_Iterable[float]] = ..., velocity_clamp: _Optional[float] = ..., velocity_ema: _Optional[float] = ..., noise_strength: _Optional[float] = ..., skip_quantiser: _Optional[bool] = ..., mask: _Optional[_Union[RegionMask, str]] = ..., skip_loop: _Optional[bool] = ..., adapters: _Optional[_Iterable[_Union[Adapter, _Mapping]]] = ..., dcw: _Optional[_Union[DcwMode, str]] = ..., dcw_strength: _Optional[float] = ..., dcw_high_strength: _Optional[float] = ..., vae: _Optional[str] = ...) -> None: ...

class Adapter(_message.Message):
    __slots__ = ("name", "scale")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SCALE_FIELD_NUMBER: _ClassVar[int]
    name: str
    scale: float
    def __init__(self, name: _Optional[str] = ..., scale: _Optional[float] = ...) -> None: ...

class Thinking(_message.Message):
    __slots__ = ("plan_first", "model", "temperature", "top_k", "top_p", "guidance", "repetition_penalty", "negative", "keep_caption", "at_once")
    PLAN_FIRST_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    TOP_K_FIELD_NUMBER: _ClassVar[int]
    TOP_P_FIELD_NUMBER: _ClassVar[int]
    GUIDANCE_FIELD_NUMBER: _ClassVar[int]
    REPETITION_PENALTY_FIELD_NUMBER: _ClassVar[int]
    NEGATIVE_FIELD_NUMBER: _ClassVar[int]
    KEEP_CAPTION_FIELD_NUMBER: _ClassVar[int]
    AT_ONCE_FIELD_NUMBER: _ClassVar[int]
    plan_first: bool
    model: str
    temperature: float
    top_k: int
    top_p: float
    guidance: float
    repetition_penalty: float
    negative: str
    keep_caption: bool
    at_once: int
    def __init__(self, plan_first: _Optional[bool] = ..., model: _Optional[str] = ..., temperature: _Optional[float] = ..., top_k: _Optional[int] = ..., top_p: _Optional[float] = ..., guidance: _Optional[float] = ..., repetition_penalty: _Optional[float] = ..., negative: _Optional[str] = ..., keep_caption: _Optional[bool] = ..., at_once: _Optional[int] = ...) -> None: ...

class Output(_message.Message):
    __slots__ = ("sample_rate", "channels", "encoding", "takes", "seeds", "auto_lrc", "auto_score", "tries", "min_score", "score_by", "keep_all", "variation", "variation_seeds", "base_variations", "preview_bars", "preview_id", "fix_timing")
    SAMPLE_RATE_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    TAKES_FIELD_NUMBER: _ClassVar[int]
    SEEDS_FIELD_NUMBER: _ClassVar[int]
    AUTO_LRC_FIELD_NUMBER: _ClassVar[int]
    AUTO_SCORE_FIELD_NUMBER: _ClassVar[int]
    TRIES_FIELD_NUMBER: _ClassVar[int]
    MIN_SCORE_FIELD_NUMBER: _ClassVar[int]
    SCORE_BY_FIELD_NUMBER: _ClassVar[int]
    KEEP_ALL_FIELD_NUMBER: _ClassVar[int]
    VARIATION_FIELD_NUMBER: _ClassVar[int]
    VARIATION_SEEDS_FIELD_NUMBER: _ClassVar[int]
    BASE_VARIATIONS_FIELD_NUMBER: _ClassVar[int]
    PREVIEW_BARS_FIELD_NUMBER: _ClassVar[int]
    PREVIEW_ID_FIELD_NUMBER: _ClassVar[int]
    FIX_TIMING_FIELD_NUMBER: _ClassVar[int]
    sample_rate: int
    channels: int
    encoding: _audio_pb2.Encoding
    takes: int
    seeds: _containers.RepeatedScalarFieldContainer[int]
    auto_lrc: bool
    auto_score: bool
    tries: int
    min_score: float
    score_by: ScoreKind
    keep_all: bool
    variation: float
    variation_seeds: _containers.RepeatedScalarFieldContainer[int]
    base_variations: _containers.RepeatedCompositeFieldContainer[_metadata_pb2.Variation]
    preview_bars: int
    preview_id: str
    fix_timing: bool
    def __init__(self, sample_rate: _Optional[int] = ..., channels: _Optional[int] = ..., encoding: _Optional[_Union[_audio_pb2.Encoding, str]] = ..., takes: _Optional[int] = ..., seeds: _Optional[_Iterable[int]] = ..., auto_lrc: _Optional[bool] = ..., auto_score: _Optional[bool] = ..., tries: _Optional[int] = ..., min_score: _Optional[float] = ..., score_by: _Optional[_Union[ScoreKind, str]] = ..., keep_all: _Optional[bool] = ..., variation: _Optional[float] = ..., variation_seeds: _Optional[_Iterable[int]] = ..., base_variations: _Optional[_Iterable[_Union[_metadata_pb2.Variation, _Mapping]]] = ..., preview_bars: _Optional[int] = ..., preview_id: _Optional[str] = ..., fix_timing: _Optional[bool] = ...) -> None: ...

class Origin(_message.Message):
    __slots__ = ("host", "instance", "project")
    HOST_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    host: str
    instance: str
    project: str
    def __init__(self, host: _Optional[str] = ..., instance: _Optional[str] = ..., project: _Optional[str] = ...) -> None: ...

class Submission(_message.Message):
    __slots__ = ("engine", "priority", "idempotency_key", "prefetch_next", "session", "origin")
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    PREFETCH_NEXT_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    engine: str
    priority: Priority
    idempotency_key: str
    prefetch_next: bool
    session: str
    origin: Origin
    def __init__(self, engine: _Optional[str] = ..., priority: _Optional[_Union[Priority, str]] = ..., idempotency_key: _Optional[str] = ..., prefetch_next: _Optional[bool] = ..., session: _Optional[str] = ..., origin: _Optional[_Union[Origin, _Mapping]] = ...) -> None: ...

class TextToMusicRequest(_message.Message):
    __slots__ = ("submission", "music", "duration_s", "sampling", "output", "reference", "thinking", "codes", "strength", "midi", "guide")
    SUBMISSION_FIELD_NUMBER: _ClassVar[int]
    MUSIC_FIELD_NUMBER: _ClassVar[int]
    DURATION_S_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    THINKING_FIELD_NUMBER: _ClassVar[int]
    CODES_FIELD_NUMBER: _ClassVar[int]
    STRENGTH_FIELD_NUMBER: _ClassVar[int]
    MIDI_FIELD_NUMBER: _ClassVar[int]
    GUIDE_FIELD_NUMBER: _ClassVar[int]
    submission: Submission
    music: Music
    duration_s: float
    sampling: Sampling
    output: Output
    reference: _audio_pb2.AudioInput
    thinking: Thinking
    codes: _containers.RepeatedScalarFieldContainer[int]
    strength: float
    midi: bytes
    guide: Guide
    def __init__(self, submission: _Optional[_Union[Submission, _Mapping]] = ..., music: _Optional[_Union[Music, _Mapping]] = ..., duration_s: _Optional[float] = ..., sampling: _Optional[_Union[Sampling, _Mapping]] = ..., output: _Optional[_Union[Output, _Mapping]] = ..., reference: _Optional[_Union[_audio_pb2.AudioInput, _Mapping]] = ..., thinking: _Optional[_Union[Thinking, _Mapping]] = ..., codes: _Optional[_Iterable[int]] = ..., strength: _Optional[float] = ..., midi: _Optional[bytes] = ..., guide: _Optional[_Union[Guide, str]] = ...) -> None: ...

class CoverRequest(_message.Message):
    __slots__ = ("submission", "source", "music", "strength", "sampling", "output", "reference", "morph")
    SUBMISSION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    MUSIC_FIELD_NUMBER: _ClassVar[int]
    STRENGTH_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    MORPH_FIELD_NUMBER: _ClassVar[int]
    submission: Submission
    source: _audio_pb2.AudioInput
    music: Music
    strength: float
    sampling: Sampling
    output: Output
    reference: _audio_pb2.AudioInput
    morph: Morph
    def __init__(self, submission: _Optional[_Union[Submission, _Mapping]] = ..., source: _Optional[_Union[_audio_pb2.AudioInput, _Mapping]] = ..., music: _Optional[_Union[Music, _Mapping]] = ..., strength: _Optional[float] = ..., sampling: _Optional[_Union[Sampling, _Mapping]] = ..., output: _Optional[_Union[Output, _Mapping]] = ..., reference: _Optional[_Union[_audio_pb2.AudioInput, _Mapping]] = ..., morph: _Optional[_Union[Morph, _Mapping]] = ...) -> None: ...

class Morph(_message.Message):
    __slots__ = ("mode", "caption", "lyrics", "start", "end", "draws")
    MODE_FIELD_NUMBER: _ClassVar[int]
    CAPTION_FIELD_NUMBER: _ClassVar[int]
    LYRICS_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    DRAWS_FIELD_NUMBER: _ClassVar[int]
    mode: MorphMode
    caption: str
    lyrics: str
    start: float
    end: float
    draws: int
    def __init__(self, mode: _Optional[_Union[MorphMode, str]] = ..., caption: _Optional[str] = ..., lyrics: _Optional[str] = ..., start: _Optional[float] = ..., end: _Optional[float] = ..., draws: _Optional[int] = ...) -> None: ...

class RepaintRequest(_message.Message):
    __slots__ = ("submission", "source", "music", "start_s", "end_s", "mode", "strength", "context_s", "crossfade_ms", "match_loudness", "scope", "sampling", "output", "reference", "loudness_of")
    SUBMISSION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    MUSIC_FIELD_NUMBER: _ClassVar[int]
    START_S_FIELD_NUMBER: _ClassVar[int]
    END_S_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    STRENGTH_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_S_FIELD_NUMBER: _ClassVar[int]
    CROSSFADE_MS_FIELD_NUMBER: _ClassVar[int]
    MATCH_LOUDNESS_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    LOUDNESS_OF_FIELD_NUMBER: _ClassVar[int]
    submission: Submission
    source: _audio_pb2.AudioInput
    music: Music
    start_s: float
    end_s: float
    mode: RepaintMode
    strength: float
    context_s: float
    crossfade_ms: float
    match_loudness: bool
    scope: Scope
    sampling: Sampling
    output: Output
    reference: _audio_pb2.AudioInput
    loudness_of: LoudnessReference
    def __init__(self, submission: _Optional[_Union[Submission, _Mapping]] = ..., source: _Optional[_Union[_audio_pb2.AudioInput, _Mapping]] = ..., music: _Optional[_Union[Music, _Mapping]] = ..., start_s: _Optional[float] = ..., end_s: _Optional[float] = ..., mode: _Optional[_Union[RepaintMode, str]] = ..., strength: _Optional[float] = ..., context_s: _Optional[float] = ..., crossfade_ms: _Optional[float] = ..., match_loudness: _Optional[bool] = ..., scope: _Optional[_Union[Scope, str]] = ..., sampling: _Optional[_Union[Sampling, _Mapping]] = ..., output: _Optional[_Union[Output, _Mapping]] = ..., reference: _Optional[_Union[_audio_pb2.AudioInput, _Mapping]] = ..., loudness_of: _Optional[_Union[LoudnessReference, str]] = ...) -> None: ...

class LegoRequest(_message.Message):
    __slots__ = ("submission", "source", "music", "tracks", "start_s", "end_s", "context_s", "scope", "sampling", "output", "reference", "thinking", "song_caption")
    SUBMISSION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    MUSIC_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    START_S_FIELD_NUMBER: _ClassVar[int]
    END_S_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_S_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    THINKING_FIELD_NUMBER: _ClassVar[int]
    SONG_CAPTION_FIELD_NUMBER: _ClassVar[int]
    submission: Submission
    source: _audio_pb2.AudioInput
    music: Music
    tracks: _containers.RepeatedScalarFieldContainer[str]
    start_s: float
    end_s: float
    context_s: float
    scope: Scope
    sampling: Sampling
    output: Output
    reference: _audio_pb2.AudioInput
    thinking: Thinking
    song_caption: str
    def __init__(self, submission: _Optional[_Union[Submission, _Mapping]] = ..., source: _Optional[_Union[_audio_pb2.AudioInput, _Mapping]] = ..., music: _Optional[_Union[Music, _Mapping]] = ..., tracks: _Optional[_Iterable[str]] = ..., start_s: _Optional[float] = ..., end_s: _Optional[float] = ..., context_s: _Optional[float] = ..., scope: _Optional[_Union[Scope, str]] = ..., sampling: _Optional[_Union[Sampling, _Mapping]] = ..., output: _Optional[_Union[Output, _Mapping]] = ..., reference: _Optional[_Union[_audio_pb2.AudioInput, _Mapping]] = ..., thinking: _Optional[_Union[Thinking, _Mapping]] = ..., song_caption: _Optional[str] = ...) -> None: ...

class CompleteRequest(_message.Message):
    __slots__ = ("submission", "source", "music", "tracks", "sampling", "output", "reference", "thinking")
    SUBMISSION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    MUSIC_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    THINKING_FIELD_NUMBER: _ClassVar[int]
    submission: Submission
    source: _audio_pb2.AudioInput
    music: Music
    tracks: _containers.RepeatedScalarFieldContainer[str]
    sampling: Sampling
    output: Output
    reference: _audio_pb2.AudioInput
    thinking: Thinking
    def __init__(self, submission: _Optional[_Union[Submission, _Mapping]] = ..., source: _Optional[_Union[_audio_pb2.AudioInput, _Mapping]] = ..., music: _Optional[_Union[Music, _Mapping]] = ..., tracks: _Optional[_Iterable[str]] = ..., sampling: _Optional[_Union[Sampling, _Mapping]] = ..., output: _Optional[_Union[Output, _Mapping]] = ..., reference: _Optional[_Union[_audio_pb2.AudioInput, _Mapping]] = ..., thinking: _Optional[_Union[Thinking, _Mapping]] = ...) -> None: ...

class ExtractRequest(_message.Message):
    __slots__ = ("submission", "source", "tracks", "sampling", "output")
    SUBMISSION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    submission: Submission
    source: _audio_pb2.AudioInput
    tracks: _containers.RepeatedScalarFieldContainer[str]
    sampling: Sampling
    output: Output
    def __init__(self, submission: _Optional[_Union[Submission, _Mapping]] = ..., source: _Optional[_Union[_audio_pb2.AudioInput, _Mapping]] = ..., tracks: _Optional[_Iterable[str]] = ..., sampling: _Optional[_Union[Sampling, _Mapping]] = ..., output: _Optional[_Union[Output, _Mapping]] = ...) -> None: ...

class UnderstandRequest(_message.Message):
    __slots__ = ("submission", "source", "music", "thinking")
    SUBMISSION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    MUSIC_FIELD_NUMBER: _ClassVar[int]
    THINKING_FIELD_NUMBER: _ClassVar[int]
    submission: Submission
    source: _audio_pb2.AudioInput
    music: Music
    thinking: Thinking
    def __init__(self, submission: _Optional[_Union[Submission, _Mapping]] = ..., source: _Optional[_Union[_audio_pb2.AudioInput, _Mapping]] = ..., music: _Optional[_Union[Music, _Mapping]] = ..., thinking: _Optional[_Union[Thinking, _Mapping]] = ...) -> None: ...

class AlignLyricsRequest(_message.Message):
    __slots__ = ("submission", "source", "music")
    SUBMISSION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    MUSIC_FIELD_NUMBER: _ClassVar[int]
    submission: Submission
    source: _audio_pb2.AudioInput
    music: Music
    def __init__(self, submission: _Optional[_Union[Submission, _Mapping]] = ..., source: _Optional[_Union[_audio_pb2.AudioInput, _Mapping]] = ..., music: _Optional[_Union[Music, _Mapping]] = ...) -> None: ...

class ScoreRequest(_message.Message):
    __slots__ = ("submission", "source", "music")
    SUBMISSION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    MUSIC_FIELD_NUMBER: _ClassVar[int]
    submission: Submission
    source: _audio_pb2.AudioInput
    music: Music
    def __init__(self, submission: _Optional[_Union[Submission, _Mapping]] = ..., source: _Optional[_Union[_audio_pb2.AudioInput, _Mapping]] = ..., music: _Optional[_Union[Music, _Mapping]] = ...) -> None: ...

class CreateSampleRequest(_message.Message):
    __slots__ = ("submission", "description", "instrumental", "seed", "thinking")
    SUBMISSION_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENTAL_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    THINKING_FIELD_NUMBER: _ClassVar[int]
    submission: Submission
    description: str
    instrumental: bool
    seed: int
    thinking: Thinking
    def __init__(self, submission: _Optional[_Union[Submission, _Mapping]] = ..., description: _Optional[str] = ..., instrumental: _Optional[bool] = ..., seed: _Optional[int] = ..., thinking: _Optional[_Union[Thinking, _Mapping]] = ...) -> None: ...

class FormatSampleRequest(_message.Message):
    __slots__ = ("submission", "music", "seed", "thinking")
    SUBMISSION_FIELD_NUMBER: _ClassVar[int]
    MUSIC_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    THINKING_FIELD_NUMBER: _ClassVar[int]
    submission: Submission
    music: Music
    seed: int
    thinking: Thinking
    def __init__(self, submission: _Optional[_Union[Submission, _Mapping]] = ..., music: _Optional[_Union[Music, _Mapping]] = ..., seed: _Optional[int] = ..., thinking: _Optional[_Union[Thinking, _Mapping]] = ...) -> None: ...

class TranscribeRequest(_message.Message):
    __slots__ = ("submission", "source", "music", "tracks", "contents", "voices")
    SUBMISSION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    MUSIC_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    CONTENTS_FIELD_NUMBER: _ClassVar[int]
    VOICES_FIELD_NUMBER: _ClassVar[int]
    submission: Submission
    source: _audio_pb2.AudioInput
    music: Music
    tracks: _containers.RepeatedScalarFieldContainer[str]
    contents: Contents
    voices: Voices
    def __init__(self, submission: _Optional[_Union[Submission, _Mapping]] = ..., source: _Optional[_Union[_audio_pb2.AudioInput, _Mapping]] = ..., music: _Optional[_Union[Music, _Mapping]] = ..., tracks: _Optional[_Iterable[str]] = ..., contents: _Optional[_Union[Contents, str]] = ..., voices: _Optional[_Union[Voices, str]] = ...) -> None: ...

class TaskRequest(_message.Message):
    __slots__ = ("text_to_music", "cover", "repaint", "lego", "complete", "extract", "understand", "align_lyrics", "score", "create_sample", "format_sample", "transcribe")
    TEXT_TO_MUSIC_FIELD_NUMBER: _ClassVar[int]
    COVER_FIELD_NUMBER: _ClassVar[int]
    REPAINT_FIELD_NUMBER: _ClassVar[int]
    LEGO_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    EXTRACT_FIELD_NUMBER: _ClassVar[int]
    UNDERSTAND_FIELD_NUMBER: _ClassVar[int]
    ALIGN_LYRICS_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    CREATE_SAMPLE_FIELD_NUMBER: _ClassVar[int]
    FORMAT_SAMPLE_FIELD_NUMBER: _ClassVar[int]
    TRANSCRIBE_FIELD_NUMBER: _ClassVar[int]
    text_to_music: TextToMusicRequest
    cover: CoverRequest
    repaint: RepaintRequest
    lego: LegoRequest
    complete: CompleteRequest
    extract: ExtractRequest
    understand: UnderstandRequest
    align_lyrics: AlignLyricsRequest
    score: ScoreRequest
    create_sample: CreateSampleRequest
    format_sample: FormatSampleRequest
    transcribe: TranscribeRequest
    def __init__(self, text_to_music: _Optional[_Union[TextToMusicRequest, _Mapping]] = ..., cover: _Optional[_Union[CoverRequest, _Mapping]] = ..., repaint: _Optional[_Union[RepaintRequest, _Mapping]] = ..., lego: _Optional[_Union[LegoRequest, _Mapping]] = ..., complete: _Optional[_Union[CompleteRequest, _Mapping]] = ..., extract: _Optional[_Union[ExtractRequest, _Mapping]] = ..., understand: _Optional[_Union[UnderstandRequest, _Mapping]] = ..., align_lyrics: _Optional[_Union[AlignLyricsRequest, _Mapping]] = ..., score: _Optional[_Union[ScoreRequest, _Mapping]] = ..., create_sample: _Optional[_Union[CreateSampleRequest, _Mapping]] = ..., format_sample: _Optional[_Union[FormatSampleRequest, _Mapping]] = ..., transcribe: _Optional[_Union[TranscribeRequest, _Mapping]] = ...) -> None: ...

class TaskEvent(_message.Message):
    __slots__ = ("sequence", "job_id", "queued", "started", "progress", "audio_header", "audio_chunk", "take_finished", "completed")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    AUDIO_HEADER_FIELD_NUMBER: _ClassVar[int]
    AUDIO_CHUNK_FIELD_NUMBER: _ClassVar[int]
    TAKE_FINISHED_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    job_id: str
    queued: Queued
    started: Started
    progress: Progress
    audio_header: _audio_pb2.AudioHeader
    audio_chunk: _audio_pb2.AudioChunk
    take_finished: TakeFinished
    completed: Completed
    def __init__(self, sequence: _Optional[int] = ..., job_id: _Optional[str] = ..., queued: _Optional[_Union[Queued, _Mapping]] = ..., started: _Optional[_Union[Started, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., audio_header: _Optional[_Union[_audio_pb2.AudioHeader, _Mapping]] = ..., audio_chunk: _Optional[_Union[_audio_pb2.AudioChunk, _Mapping]] = ..., take_finished: _Optional[_Union[TakeFinished, _Mapping]] = ..., completed: _Optional[_Union[Completed, _Mapping]] = ...) -> None: ...

class Queued(_message.Message):
    __slots__ = ("position", "reason")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    position: int
    reason: str
    def __init__(self, position: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class Started(_message.Message):
    __slots__ = ("engine", "device", "attempt", "chooses")
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    CHOOSES_FIELD_NUMBER: _ClassVar[int]
    engine: str
    device: str
    attempt: int
    chooses: bool
    def __init__(self, engine: _Optional[str] = ..., device: _Optional[str] = ..., attempt: _Optional[int] = ..., chooses: _Optional[bool] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("stage", "fraction", "eta_s")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    ETA_S_FIELD_NUMBER: _ClassVar[int]
    stage: str
    fraction: float
    eta_s: float
    def __init__(self, stage: _Optional[str] = ..., fraction: _Optional[float] = ..., eta_s: _Optional[float] = ...) -> None: ...

class StoredOutput(_message.Message):
    __slots__ = ("output", "take", "role", "asset_id", "sample_rate", "channels", "frames", "start_frame")
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    TAKE_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATE_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    START_FRAME_FIELD_NUMBER: _ClassVar[int]
    output: int
    take: int
    role: str
    asset_id: str
    sample_rate: int
    channels: int
    frames: int
    start_frame: int
    def __init__(self, output: _Optional[int] = ..., take: _Optional[int] = ..., role: _Optional[str] = ..., asset_id: _Optional[str] = ..., sample_rate: _Optional[int] = ..., channels: _Optional[int] = ..., frames: _Optional[int] = ..., start_frame: _Optional[int] = ...) -> None: ...

class TakeFinished(_message.Message):
    __slots__ = ("take", "seed", "metadata", "outputs")
    TAKE_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    take: int
    seed: int
    metadata: _metadata_pb2.TakeMetadata
    outputs: _containers.RepeatedCompositeFieldContainer[StoredOutput]
    def __init__(self, take: _Optional[int] = ..., seed: _Optional[int] = ..., metadata: _Optional[_Union[_metadata_pb2.TakeMetadata, _Mapping]] = ..., outputs: _Optional[_Iterable[_Union[StoredOutput, _Mapping]]] = ...) -> None: ...

class Completed(_message.Message):
    __slots__ = ("engine", "takes", "wait_s", "run_s", "ranking")
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    TAKES_FIELD_NUMBER: _ClassVar[int]
    WAIT_S_FIELD_NUMBER: _ClassVar[int]
    RUN_S_FIELD_NUMBER: _ClassVar[int]
    RANKING_FIELD_NUMBER: _ClassVar[int]
    engine: str
    takes: _containers.RepeatedCompositeFieldContainer[TakeFinished]
    wait_s: float
    run_s: float
    ranking: _containers.RepeatedCompositeFieldContainer[RankedTake]
    def __init__(self, engine: _Optional[str] = ..., takes: _Optional[_Iterable[_Union[TakeFinished, _Mapping]]] = ..., wait_s: _Optional[float] = ..., run_s: _Optional[float] = ..., ranking: _Optional[_Iterable[_Union[RankedTake, _Mapping]]] = ...) -> None: ...

class RankedTake(_message.Message):
    __slots__ = ("take", "seed", "score", "chosen", "note")
    TAKE_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    CHOSEN_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    take: int
    seed: int
    score: float
    chosen: bool
    note: str
    def __init__(self, take: _Optional[int] = ..., seed: _Optional[int] = ..., score: _Optional[float] = ..., chosen: _Optional[bool] = ..., note: _Optional[str] = ...) -> None: ...
