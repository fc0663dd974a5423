"""The small frozen values that tasks and engines share, and the one routine that checks them.

Limits live in dataclass field metadata (see `limited`), so that validation, documentation and the wire contract
read the same table. Figures: the ACE-Step 1.5 public documentation.
"""

from __future__ import annotations

import dataclasses
import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from acestep_runtime.errors import Cancelled, InvalidValue

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
#: Roles that are no tracks: all together, and what is in none of the tracks that were asked for.
MIX, OTHER = "mix", "other"
TIME_SIGNATURES = (2, 3, 4, 6)
MAX_TEXT = 4096
MAX_SEED = 2**32 - 1
#: Codes of audio that there are, and how many a second of music takes.
CODES, CODES_A_SECOND = 64_000, 5
#: Those of ten minutes.
MAX_CODES = 3000

_LETTERS = "CDEFGAB"
_ACCIDENTALS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}
_SEMITONES = dict(zip(_LETTERS, (0, 2, 4, 5, 7, 9, 11), strict=True))
_MODES = {"major": "major", "maj": "major", "": "major", "minor": "minor", "min": "minor", "m": "minor"}
PITCH_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def limited(
    default: Any = dataclasses.MISSING,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[Any] = (),
    longest: int | None = None,
    unit: str = "",
    also: Mapping[float, str] | None = None,
    remedy: str = "",
    default_factory: Any = dataclasses.MISSING,
) -> Any:
    """Declare a dataclass field together with what it may hold. ``None`` values are always allowed (not given).

    ``low`` and ``high`` are inclusive, ``longest`` bounds ``len()``. On a tuple, ``low``, ``high`` and ``choices`` bound
    each element. ``also`` names values outside of the range that are allowed too, each with what it stands for.
    """
    limits = {
        "low": low, "high": high, "choices": tuple(choices), "longest": longest, "unit": unit, "also": also or {},
        "remedy": remedy,
    }  # fmt: skip
    if default_factory is not dataclasses.MISSING:
        return field(default_factory=default_factory, metadata={"limits": limits})
    return field(default=default, metadata={"limits": limits})


def allowed_text(limits: dict[str, Any]) -> str:
    """Say in words what a field with these limits may hold."""
    unit = f" {limits['unit']}" if limits["unit"] else ""
    unit += "".join(f", or {value:g} for {meaning}" for value, meaning in limits["also"].items())
    if limits["choices"]:
        return ", ".join(str(c) for c in limits["choices"] if c != "")
    # Whole numbers to the last digit: a seed has ten.
    if limits["low"] is not None and limits["high"] is not None:
        return f"{limits['low']:.12g} to {limits['high']:.12g}{unit}"
    if limits["low"] is not None:
        return f"at least {limits['low']:.12g}{unit}"
    if limits["high"] is not None:
        return f"at most {limits['high']:.12g}{unit}"
    return f"at most {limits['longest']}{unit or ' characters'}"


def check(value: Any, prefix: str = "") -> None:
    """Check every limited field of a dataclass instance, nested ones included.

    Raises `InvalidValue` for the first field out of its limits, naming it with its dotted path.
    """
    for f in dataclasses.fields(value):
        held = getattr(value, f.name)
        name = prefix + f.name
        if dataclasses.is_dataclass(held):
            check(held, name + ".")
        limits = f.metadata.get("limits")
        if limits is None or held is None:
            continue
        if limits["longest"] is not None and len(held) > limits["longest"]:
            what = f"{limits['unit'] or 'characters'}"
            raise InvalidValue(
                name,
                held,
                allowed_text(limits),
                remedy=limits["remedy"],
                message=f"{name} holds {len(held)} {what}; allowed: at most {limits['longest']}.",
            )
        for item in held if isinstance(held, tuple) else (held,):
            if dataclasses.is_dataclass(item):
                check(item, name + ".")
            else:
                _check_item(name, item, limits)


def _check_item(name: str, item: Any, limits: dict[str, Any]) -> None:
    if item in limits["also"]:
        return
    bad = bool(limits["choices"]) and item not in limits["choices"]
    if isinstance(item, (int, float)) and not isinstance(item, bool):
        bad = bad or not math.isfinite(item)
        bad = bad or (limits["low"] is not None and item < limits["low"])
        bad = bad or (limits["high"] is not None and item > limits["high"])
    if bad:
        raise InvalidValue(name, item, allowed_text(limits), remedy=limits["remedy"])


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


@dataclass(frozen=True)
class Music:
    """What the music should be. Everything not given is taken from the source, or left to the engine."""

    caption: str = limited("", longest=MAX_TEXT)
    lyrics: str = limited("", longest=MAX_TEXT)
    language: str = limited("unknown", longest=16)
    bpm: float | None = limited(None, low=30, high=300, unit="beats per minute")
    keyscale: str | None = limited(None, longest=24)
    timesignature: int | None = limited(None, choices=TIME_SIGNATURES, unit="beats per bar")

    def __post_init__(self) -> None:
        if self.keyscale is not None:
            Key.parse(self.keyscale)


@dataclass(frozen=True)
class Adapter:
    """What a model was taught on top (a LoRA), by its name in the folder of adapters; ``scale`` 1 is as trained."""

    name: str = limited("", longest=64)
    scale: float = limited(1.0, low=-2, high=2)


@dataclass(frozen=True)
class Sampling:
    """How a neural engine works; other engines ignore it. ``None`` and "" are the model's own, or the method's usual, way.

    What each does: Sampling in tasks.proto.
    """

    model: str = limited("", longest=128)
    steps: int | None = limited(None, low=1, high=200, unit="steps")
    guidance: float | None = limited(None, low=0, high=30)
    shift: float | None = limited(None, low=0.1, high=10)
    sampler: str = limited("", choices=("", "euler", "heun", "sde"))
    guidance_method: str = limited("", choices=("", "apg", "adg", "cfg"))
    guidance_start: float | None = limited(None, low=0, high=1)
    guidance_end: float | None = limited(None, low=0, high=1)
    timesteps: tuple[float, ...] = limited((), low=0, high=1)
    velocity_clamp: float | None = limited(None, low=0.01, high=100)
    velocity_ema: float | None = limited(None, low=0, high=1)
    noise_strength: float | None = limited(None, low=0, high=1)
    skip_quantiser: bool = False
    mask: str = limited("", choices=("", "explicit", "auto"))
    skip_loop: bool = False
    adapters: tuple[Adapter, ...] = limited((), longest=8, unit="adapters")

    def __post_init__(self) -> None:
        names = [adapter.name for adapter in self.adapters]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InvalidValue("adapters", twice, "each name once")


@dataclass(frozen=True)
class Thinking:
    """How a language model plans a song, or answers in words. ``None`` and "" are the usual way.

    What each does: Thinking in tasks.proto.
    """

    on: bool = False
    model: str = limited("", longest=128)
    temperature: float | None = limited(None, low=0, high=2)
    top_k: int = limited(0, low=0, high=10_000)
    top_p: float | None = limited(None, low=0, high=1)
    guidance: float | None = limited(None, low=1, high=10)
    repetition_penalty: float | None = limited(None, low=1, high=2)
    negative: str = limited("", longest=MAX_TEXT)
    keep_caption: bool = False
    at_once: int = limited(8, low=1, high=8, unit="takes")


class CancelToken:
    """A flag that travels down to the engine and is checked at every step. Thread-safe."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop at its next step."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether a stop was asked for."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Cancelled` when a stop was asked for."""
        if self._event.is_set():
            raise Cancelled

    def sleep(self, seconds: float) -> None:
        """Wait, but wake and raise `Cancelled` as soon as a stop is asked for."""
        if self._event.wait(seconds):
            raise Cancelled
