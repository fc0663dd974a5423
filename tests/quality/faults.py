"""True stems with faults made on purpose, to see whether the fit tells them. Nothing here is code of the engine.

Parts of made songs are played again: at another tempo, higher, or in another key. Stems of the corpus are changed by Rubber
Band (pedalboard), where it is installed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

import numpy as np

from . import made, sounds
from .corpus import Excerpt, Samples
from .sound_cache import keep
from .sounds import RATE_HZ

_CACHE_VERSION = 1  # another one where the same song would be changed otherwise
_SHIFTS_MS = (30, 60, 120)
_TEMPO = 1.03
#: Tracks without pitch, and without time: effects rise and fall between the beats.
UNPITCHED, UNTIMED = ("drums", "percussion", "fx"), ("fx",)
#: Parts in `sounds.PLAYERS` by track, where the name is another one, and their places between left and right.
_PARTS = {"keyboard": "keys"}
_SIDES = {"keyboard": -0.35, "guitar": 0.45, "synth": 0.3, "strings": -0.2}


@dataclass(frozen=True)
class Fault:
    """A fault by its name, and the parts of the fit of which one must name it."""

    name: str
    parts: tuple[str, ...]
    needs_pitch: bool = False

    def concerns(self, track: str) -> bool:
        """Whether a track can have it."""
        return not (self.needs_pitch and track in UNPITCHED) and not (
            track in UNTIMED and {"timing", "tempo"}.intersection(self.parts)
        )


FAULTS = (
    *(Fault(f"{ms} ms late", ("timing",)) for ms in _SHIFTS_MS),
    *(Fault(f"{ms} ms early", ("timing",)) for ms in _SHIFTS_MS),
    Fault("3 % faster", ("tempo",)),
    Fault("a semitone higher", ("key", "tuning"), needs_pitch=True),
    Fault("40 cents higher", ("tuning",), needs_pitch=True),
    Fault("in another key", ("key",), needs_pitch=True),
    Fault("silent", ("silence",)),
    Fault("a copy of the source", ("leakage",)),
)


def shift(samples: Samples, ms: float) -> Samples:
    """Return audio that comes ``ms`` later (negative: earlier), of the same length, with silence where nothing is left."""
    frames = round(1e-3 * ms * RATE_HZ)
    out = np.zeros_like(samples)
    if abs(frames) < len(samples):
        out[max(0, frames) : len(samples) + min(0, frames)] = samples[max(0, -frames) : len(samples) - max(0, frames)]
    return out


def play_again(song: Excerpt, track: str, *, tempo: float = 1.0, semitones: float = 0.0) -> Samples:
    """Return a track of a made song, played in numpy at another tempo or higher, as loud and as long as its stem.

    The first beat stays where it is. Fractions of a semitone are made by reading the sounds faster, from notes that are longer
    and later by as much.
    """
    players = np.random.default_rng(11)
    whole = 0 if track == "drums" else round(semitones)
    rate = 2 ** ((semitones - whole) / 12) if track != "drums" else 1.0
    frames = int(np.ceil(rate * len(song.mix)))
    first_s = float(song.beats_s[0])
    notes = [
        (
            max(0.0, rate * (first_s + (note.start_s - first_s) / tempo)),
            rate * (note.end_s - note.start_s) / tempo,
            note.pitch + whole,
            note.velocity,
        )
        for note in song.notes[track]
    ]
    if track == "drums":
        sound = sounds.drums(notes, frames, players)
    else:
        mono = sounds.PLAYERS[_PARTS.get(track, track)](notes, frames, players)
        sound = sounds.pan(mono, _SIDES.get(track, 0.0))
    sound = sounds.in_room(sound, 0.9, 0.02 if track == "bass" else 0.18, players)
    at = np.arange(len(song.mix)) * rate
    sound = np.stack([np.interp(at, np.arange(len(sound)), channel, right=0.0) for channel in sound.T], axis=1)
    return _as_loud(sound, song.stems[track])


def stretch(song: Excerpt, track: str, *, tempo: float = 1.0, semitones: float = 0.0) -> Samples:
    """Return a stem at another tempo or higher, changed by Rubber Band, as loud and as long as it was."""
    import pedalboard

    stem = song.stems[track]
    changed = pedalboard.time_stretch(
        np.ascontiguousarray(stem.T), RATE_HZ, stretch_factor=tempo, pitch_shift_in_semitones=semitones
    ).T[: len(stem)]
    return _as_loud(np.pad(changed, ((0, len(stem) - len(changed)), (0, 0))), stem)


def _as_loud(sound: np.ndarray, stem: Samples) -> Samples:
    level, own = (float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))) for x in (stem, sound))
    return (sound * level / max(1e-9, own)).astype(np.float32)


def takes(song: Excerpt, track: str) -> Mapping[str, Callable[[], Samples]]:
    """Return what makes each fault that a track can have, by its name in `FAULTS`; "" makes the track as it should be."""
    stem = song.stems[track]
    makes: dict[str, Callable[[], Samples]] = {
        "": lambda: stem,
        **{f"{ms} ms late": partial(shift, stem, ms) for ms in _SHIFTS_MS},
        **{f"{ms} ms early": partial(shift, stem, -ms) for ms in _SHIFTS_MS},
        "silent": lambda: np.zeros_like(stem),
        "a copy of the source": lambda: (song.mix - stem).astype(np.float32),
    }
    change: Callable[..., Samples] | None = (
        play_again if song.name in made.NAMES else stretch if find_spec("pedalboard") else None
    )
    if change is not None:
        other_key = 3 + hashlib.sha256(song.name.encode()).digest()[1] % 3
        changes = {
            "3 % faster": {"tempo": _TEMPO},
            "a semitone higher": {"semitones": 1.0},
            "40 cents higher": {"semitones": 0.4},
            "in another key": {"semitones": float(other_key)},
        }
        for name, how in changes.items():
            key = f"{_CACHE_VERSION} {change.__name__} {song.name} {song.font} {track} {len(stem)} {how}"
            makes[name] = partial(keep, "faults", key, partial(change, song, track, **how))
    others = {fault.name for fault in FAULTS if not fault.concerns(track)}
    return {name: make for name, make in makes.items() if name not in others}
