"""The small frozen values that tasks and engines share, with the limits of their fields.

Figures: the ACE-Step 1.5 public documentation.
"""

from __future__ import annotations

import dataclasses
import itertools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from acestep_runtime.errors import Cancelled, InvalidValue
from acestep_runtime.limits import bounded

#: Plain values as JSON holds them.
Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

#: The twelve track names of ACE-Step, in mixing-desk order.
TRACKS = (
    "vocals",
    "backing_vocals",
    "drums",
    "bass",
    "guitar",
    "keyboard",
    "percussion",
    "strings",
    "synth",
    "fx",
    "brass",
    "woodwinds",
)
#: Roles that are no tracks: the full mix, and the remainder beside the requested tracks.
MIX, OTHER = "mix", "other"
TIME_SIGNATURES = (2, 3, 4, 6)
MAX_TEXT = 4096
MAX_SEED = 2**32 - 1
#: How far variations go where nobody says it, and how many may follow each other.
USUAL_VARIATION, MAX_VARIATIONS = 0.3, 32
MAX_STEPS = 200
#: The slowest and the fastest tempo of a request, in beats a minute.
MIN_BPM, MAX_BPM = 30.0, 300.0
#: Size of the audio codebook, and codes per second of music.
CODES, CODES_A_SECOND = 64_000, 5
#: Codes of ten minutes.
MAX_CODES = 3000

_LETTERS = "CDEFGAB"
_ACCIDENTALS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}
_SEMITONES = dict(zip(_LETTERS, (0, 2, 4, 5, 7, 9, 11), strict=True))
_MODES = {"major": "major", "maj": "major", "": "major", "minor": "minor", "min": "minor", "m": "minor"}
PITCH_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


@dataclass(frozen=True)
class Key:
    """A tonic (pitch class 0–11, C = 0) and a mode, ``major`` or ``minor``."""

    tonic: int
    mode: str

    @classmethod
    def parse(cls, text: str) -> Key:
        """Read ``C major``, ``F# minor``, ``B♭ major``, ``Am``, ``Eb``. Raises `InvalidValue` for anything else."""
        raw = text.strip()
        letter, rest = raw[:1].upper(), raw[1:]
        accidental = rest[:1] if rest[:1] in _ACCIDENTALS and rest[:1] else ""
        tail = rest[len(accidental) :].strip()
        mode = _MODES.get(tail if tail in ("m",) else tail.lower()) if tail != "M" else "major"
        if letter not in _SEMITONES or not letter or mode is None:
            raise InvalidValue(
                "keyscale",
                text,
                "A to G, with #, b, ♯ or ♭, then major or minor",
                remedy='Write for example "C major", "F# minor" or "Am".',
            )
        return cls((_SEMITONES[letter] + _ACCIDENTALS[accidental]) % 12, mode)

    def __str__(self) -> str:
        return f"{PITCH_NAMES[self.tonic]} {self.mode}"


def clip_bpm(bpm: float) -> float:
    """Return the nearest tempo that a request may have."""
    return min(MAX_BPM, max(MIN_BPM, bpm))


def spell_key(text: str) -> str:
    """Return a key in full with its own letter and accidental: "Gb minor" for "gbm". Raises as `Key.parse` does."""
    raw = text.strip()
    accidental = raw[1:2] if raw[1:2] in _ACCIDENTALS else ""
    return f"{raw[:1].upper()}{accidental} {Key.parse(raw).mode}"


#: ISO 639 codes of the languages that models can sing.
LANGUAGES = (
    "ar", "az", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "fa", "fi", "fr", "he", "hi", "hr", "ht",
    "hu", "id", "is", "it", "ja", "ko", "la", "lt", "ms", "ne", "nl", "no", "pa", "pl", "pt", "ro", "ru", "sa",
    "sk", "sr", "sv", "sw", "ta", "te", "th", "tl", "tr", "uk", "ur", "vi", "yue", "zh", "unknown",
)  # fmt: skip
#: Codes of countries that are written for their languages → the code of the language.
_OF_COUNTRIES = {
    "jp": "ja",
    "kr": "ko",
    "cn": "zh",
    "tw": "zh",
    "gr": "el",
    "ua": "uk",
    "cz": "cs",
    "dk": "da",
    "se": "sv",
    "br": "pt",
}


def similar_language(code: str) -> str:
    """Return the code of `LANGUAGES` that is meant by another one, such as "jp", "EN" or "pt-BR"; "" if that is not known."""
    first = code.replace("_", "-").partition("-")[0].lower()
    return first if first in LANGUAGES else _OF_COUNTRIES.get(first, "")


@dataclass(frozen=True)
class Music:
    """The requested music. Values not given are taken from the source or chosen by the engine."""

    caption: str = bounded("", max_len=MAX_TEXT)
    lyrics: str = bounded("", max_len=MAX_TEXT)
    language: str = bounded("unknown", max_len=16)
    bpm: float | None = bounded(None, low=MIN_BPM, high=MAX_BPM, unit="beats per minute")
    keyscale: str | None = bounded(None, max_len=24)
    timesignature: int | None = bounded(None, choices=TIME_SIGNATURES, unit="beats per bar")
    chords: str = bounded("", max_len=MAX_TEXT)  # as `acestep_runtime.chords.read` reads them

    def __post_init__(self) -> None:
        if self.keyscale is not None:
            Key.parse(self.keyscale)


@dataclass(frozen=True)
class Adapter:
    """An adapter, by its name in the folder of adapters; ``scale`` 1 is as trained."""

    name: str = bounded("", max_len=64)
    scale: float = bounded(1.0, low=-2, high=2)

    def __post_init__(self) -> None:
        if not self.name:
            raise InvalidValue(
                "name", "", "the name of an adapter", remedy="`acebridge models list` shows the adapters."
            )


@dataclass(frozen=True)
class Sampling:
    """Sampling settings of a neural engine; other engines ignore them. ``None`` and "" are the model's or method's default.

    Each field is described under Sampling in tasks.proto.
    """

    model: str = bounded("", max_len=128)
    steps: int | None = bounded(None, low=1, high=MAX_STEPS, unit="steps")
    guidance: float | None = bounded(None, low=0, high=30)
    shift: float | None = bounded(None, low=0.1, high=10)
    sampler: str = bounded("", max_len=64)  # names: `acestep_runtime.engines.registry`
    guidance_method: str = bounded("", max_len=64)
    guidance_start: float | None = bounded(None, low=0, high=1)
    guidance_end: float | None = bounded(None, low=0, high=1)
    timesteps: tuple[float, ...] = bounded((), low=0, high=1, max_len=MAX_STEPS, unit="noise levels")
    velocity_clamp: float | None = bounded(None, low=0.01, high=100)
    velocity_ema: float | None = bounded(None, low=0, high=1)
    noise_strength: float | None = bounded(None, low=0, high=1)
    skip_quantiser: bool = False
    mask: str = bounded("", choices=("", "explicit", "auto"))
    skip_loop: bool = False
    adapters: tuple[Adapter, ...] = bounded((), max_len=8, unit="adapters")
    dcw: str = bounded("", choices=("", "auto", "off", "low", "high", "double", "pix"))
    dcw_strength: float | None = bounded(None, low=0, high=1)
    dcw_high_strength: float | None = bounded(None, low=0, high=1)
    vae: str = bounded("", max_len=128)

    def __post_init__(self) -> None:
        names = [adapter.name for adapter in self.adapters]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InvalidValue("adapters", twice, "each name once")
        levels = self.timesteps
        rises = any(later > earlier for earlier, later in itertools.pairwise(levels))
        if levels and all(0 <= level <= 1 for level in levels) and (rises or levels[0] == 0):  # others: see the limits
            raise InvalidValue("timesteps", list(levels), "levels that fall from at most 1 to 0, at least one above 0")


#: What a morph changes → the part of the steps in which it does: see `Morph`.
MORPH_WINDOWS = {"words": (0.6, 1.0), "style": (0.2, 0.4), "all": (0.0, 1.0)}


@dataclass(frozen=True)
class Morph:
    """Changing the words or the style of a source while its arrangement stays. ``mode`` "" is off; ``None`` is its default.

    ``caption`` and ``lyrics`` are those of the source, where they differ from the new ones. Each field is described under
    Morph in tasks.proto.
    """

    mode: str = bounded("", choices=("", *MORPH_WINDOWS))
    caption: str = bounded("", max_len=MAX_TEXT)
    lyrics: str = bounded("", max_len=MAX_TEXT)
    start: float | None = bounded(None, low=0, high=0.95)
    end: float | None = bounded(None, low=0, high=1)
    draws: int | None = bounded(None, low=1, high=8, unit="draws")

    def __post_init__(self) -> None:
        if self.mode in MORPH_WINDOWS and self.window[0] > self.window[1]:
            raise InvalidValue("end", self.window[1], f"at least where the morph starts, {self.window[0]:g}")

    @property
    def window(self) -> tuple[float, float]:
        """Where it starts and ends, as shares of the steps."""
        start, end = MORPH_WINDOWS[self.mode]
        return start if self.start is None else self.start, end if self.end is None else self.end

    def source_music(self, music: Music) -> Music:
        """Return what the source is, where ``music`` is what it becomes."""
        return dataclasses.replace(music, caption=self.caption or music.caption, lyrics=self.lyrics or music.lyrics)


@dataclass(frozen=True)
class Thinking:
    """Settings of the language model that plans a song or answers in words. ``None`` and "" are the defaults.

    Each field is described under Thinking in tasks.proto.
    """

    plan_first: bool = False
    model: str = bounded("", max_len=128)
    temperature: float | None = bounded(None, low=0, high=2)
    top_k: int = bounded(0, low=0, high=10_000)
    top_p: float | None = bounded(None, low=0, high=1)
    guidance: float | None = bounded(None, low=1, high=10)
    repetition_penalty: float | None = bounded(None, low=1, high=2)
    negative: str = bounded("", max_len=MAX_TEXT)
    keep_caption: bool = False
    at_once: int = bounded(8, low=1, high=8, unit="takes")


@dataclass(frozen=True)
class Variation:
    """A step from a take towards another one: at ``amount`` 0 the take itself, at 1 that of ``seed``."""

    amount: float = bounded(0.0, low=0, high=1)
    seed: int = bounded(0, low=0, high=MAX_SEED)


@dataclass(frozen=True)
class TakeSeed:
    """What a take is drawn from: a seed, and variations of that take, one after the other."""

    seed: int
    variations: tuple[Variation, ...] = ()


class CancelToken:
    """A flag that travels down to the engine and is checked at every step. Thread-safe."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop at its next step."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether a stop was requested."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Cancelled` when a stop was requested."""
        if self._event.is_set():
            raise Cancelled

    def sleep(self, seconds: float) -> None:
        """Wait, but raise `Cancelled` as soon as a stop is requested."""
        if self._event.wait(seconds):
            raise Cancelled
