"""Drum kits: each piece is one stroke as a mono sound. Patterns live in style.toml, mixing in render.py.

A kit is a table of pieces; a piece is a function of its length in the table and a random generator. Recipes follow the
usual analogue ones: a falling sine for skins (Roland TR-808 service notes), inharmonic modes plus noise for metal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np

from acestep_runtime.dsp.synth import (
    Mono,
    apply_envelope,
    apply_filter,
    band_noise,
    decay_envelope,
    partials,
    sound_frames,
)
from acestep_runtime.units import ENGINE_RATE_HZ


@dataclass(frozen=True)
class Piece:
    """One drum or cymbal. ``tone_hz`` is its pitch or lowest mode, ``ring_s`` its time to fall by 60 dB.

    ``noise`` is the share of noise (0 to 1), limited to ``low_hz`` to ``high_hz``; ``gain`` is its level in the kit and
    ``pan`` (−1 left to 1 right) its place.
    """

    make: Callable[[Piece, np.random.Generator], Mono]
    tone_hz: float
    ring_s: float
    noise: float = 0.0
    low_hz: float = 0.0
    high_hz: float = 0.0
    bend: float = 0.0
    gain: float = 1.0
    pan: float = 0.0


def _skin(piece: Piece, rng: np.random.Generator) -> Mono:
    """A membrane: a sine that falls from (1 + bend) times its pitch, its second mode, a noisy stroke."""
    n = sound_frames(piece.ring_s)
    t = np.arange(n) / ENGINE_RATE_HZ
    sweep = piece.tone_hz * (t + piece.bend * 0.03 * (1 - np.exp(-t / 0.03)))
    body = (
        np.sin(2 * np.pi * sweep) + 0.3 * np.sin(2 * np.pi * 1.59 * sweep) * decay_envelope(n, piece.ring_s / 3)
    ).astype(np.float32)
    body *= decay_envelope(n, piece.ring_s)
    stroke = band_noise(n, rng, low_hz=piece.low_hz, high_hz=piece.high_hz) * decay_envelope(n, min(0.06, piece.ring_s))
    return body + np.float32(0.35 * piece.noise) * stroke


def _snare(piece: Piece, rng: np.random.Generator) -> Mono:
    """A short drum with wires: two modes of the head and a longer rattle."""
    n = sound_frames(piece.ring_s)
    head = partials(n, [piece.tone_hz, 1.78 * piece.tone_hz], [1.0, 0.5], [28.0, 42.0])
    wires = band_noise(n, rng, low_hz=piece.low_hz, high_hz=piece.high_hz) * decay_envelope(n, piece.ring_s)
    return np.float32(1 - 0.6 * piece.noise) * head + np.float32(0.5 * piece.noise) * wires


def _metal(piece: Piece, rng: np.random.Generator) -> Mono:
    """A cymbal: many inharmonic modes in noise, the high ones dying first."""
    n = sound_frames(piece.ring_s)
    modes = piece.tone_hz * (1 + 11 * np.sort(rng.random(_MODES)))
    damp = 6.9 / piece.ring_s * (0.7 + 1.2 * (modes / modes.max()) ** 2)
    bell = partials(n, modes, rng.uniform(0.3, 1.0, _MODES) / 8, damp, rng.uniform(0, 2 * np.pi, _MODES))
    sizzle = band_noise(n, rng, low_hz=piece.low_hz, high_hz=piece.high_hz) * decay_envelope(n, 0.8 * piece.ring_s)
    return np.float32(1 - piece.noise) * bell + np.float32(0.4 * piece.noise) * sizzle


#: Modes of a cymbal; with fewer it rings like a bell.
_MODES = 48


def _clap(piece: Piece, rng: np.random.Generator) -> Mono:
    """Several hands: three short bursts and a tail."""
    n = sound_frames(piece.ring_s)
    noise = band_noise(n, rng, low_hz=piece.low_hz, high_hz=piece.high_hz)
    envelope = decay_envelope(n, piece.ring_s) * np.float32(0.6)
    for delay_s in (0.0, 0.011, 0.022):
        at = sound_frames(delay_s) if delay_s else 0
        envelope[at:] += decay_envelope(n - at, 0.03)
    return noise * envelope


def _shaker(piece: Piece, rng: np.random.Generator) -> Mono:
    """Shakers, brushes and tambourines: noise that swells for a moment before it falls."""
    n = sound_frames(piece.ring_s)
    swell = 1 - decay_envelope(n, 0.05)
    jingle = partials(n, piece.tone_hz * np.array([1, 1.31, 1.73, 2.1]), 0.5, 18.0) if piece.tone_hz else 0.0
    noise = band_noise(n, rng, low_hz=piece.low_hz, high_hz=piece.high_hz) * decay_envelope(n, piece.ring_s) * swell
    return np.asarray(noise + (1 - piece.noise) * jingle, np.float32)


_ACOUSTIC = {
    "kick": Piece(_skin, 52, 0.34, noise=0.45, low_hz=900, high_hz=4500, bend=2.6, gain=1.0),
    "snare": Piece(_snare, 188, 0.30, noise=0.75, low_hz=700, high_hz=7500, gain=0.80, pan=0.04),
    "rim": Piece(_snare, 420, 0.07, noise=0.35, low_hz=1500, high_hz=6000, gain=0.50, pan=0.10),
    "hat": Piece(_metal, 3900, 0.11, noise=0.75, low_hz=6500, high_hz=13000, gain=0.30, pan=0.28),
    "open": Piece(_metal, 3700, 0.55, noise=0.7, low_hz=5500, high_hz=12000, gain=0.30, pan=0.28),
    "ride": Piece(_metal, 2600, 1.3, noise=0.3, low_hz=5000, high_hz=11000, gain=0.26, pan=-0.30),
    "crash": Piece(_metal, 1900, 2.4, noise=0.6, low_hz=2500, high_hz=11000, gain=0.42, pan=-0.25),
    "tom1": Piece(_skin, 148, 0.45, noise=0.3, low_hz=600, high_hz=4000, bend=0.7, gain=0.75, pan=0.30),
    "tom2": Piece(_skin, 112, 0.55, noise=0.3, low_hz=500, high_hz=3500, bend=0.7, gain=0.80, pan=0.0),
    "tom3": Piece(_skin, 82, 0.65, noise=0.3, low_hz=400, high_hz=3000, bend=0.7, gain=0.85, pan=-0.32),
    "clap": Piece(_clap, 0, 0.20, low_hz=900, high_hz=5500, gain=0.60),
    "brush": Piece(_shaker, 0, 0.24, noise=1.0, low_hz=1400, high_hz=7000, gain=0.42, pan=0.05),
    "shaker": Piece(_shaker, 0, 0.11, noise=1.0, low_hz=4500, high_hz=11000, gain=0.30, pan=-0.40),
    "tambourine": Piece(_shaker, 5200, 0.22, noise=0.6, low_hz=6000, high_hz=12000, gain=0.28, pan=0.45),
    "conga": Piece(_skin, 196, 0.30, noise=0.2, low_hz=800, high_hz=5000, bend=0.25, gain=0.62, pan=-0.35),
    "bongo": Piece(_skin, 330, 0.18, noise=0.2, low_hz=1200, high_hz=6000, bend=0.2, gain=0.55, pan=0.38),
}


class _Changes(TypedDict, total=False):
    """How a piece differs from that of the acoustic kit: see `Piece`."""

    tone_hz: float
    ring_s: float
    noise: float
    low_hz: float
    high_hz: float
    bend: float
    gain: float


def _kit(**changes: _Changes) -> dict[str, Piece]:
    return {name: replace(piece, **changes.get(name, {})) for name, piece in _ACOUSTIC.items()}


#: Kit → piece → recipe.
KITS = {
    "acoustic": _ACOUSTIC,
    "rock": _kit(
        kick={"noise": 0.8, "tone_hz": 56, "high_hz": 6000},
        snare={"ring_s": 0.36, "tone_hz": 205, "noise": 0.8},
        hat={"ring_s": 0.14},
    ),
    "electronic": _kit(
        kick={"tone_hz": 49, "bend": 4.5, "ring_s": 0.42, "noise": 0.25},
        snare={"tone_hz": 180, "ring_s": 0.22, "noise": 0.9, "low_hz": 1200},
        hat={"ring_s": 0.07, "noise": 0.9, "low_hz": 7500},
        open={"ring_s": 0.30, "noise": 0.9, "low_hz": 7000},
    ),
    "lofi": _kit(
        kick={"tone_hz": 55, "ring_s": 0.28, "noise": 0.15},
        snare={"tone_hz": 170, "noise": 0.6, "high_hz": 4500},
        hat={"high_hz": 8000, "gain": 0.20, "low_hz": 4500},
        open={"high_hz": 8000, "gain": 0.20},
    ),
    "brushes": _kit(
        kick={"ring_s": 0.26, "noise": 0.1, "gain": 0.55},
        snare={"noise": 0.95, "ring_s": 0.2, "gain": 0.32, "high_hz": 5500},
        hat={"gain": 0.22, "ring_s": 0.08},
        ride={"gain": 0.22},
    ),
    "orchestral": _kit(
        kick={"tone_hz": 46, "ring_s": 0.9, "noise": 0.15, "bend": 0.8, "high_hz": 1500, "low_hz": 200},
        tom3={"tone_hz": 73, "ring_s": 1.1, "noise": 0.15},
        tom2={"tone_hz": 98, "ring_s": 0.9, "noise": 0.15},
        crash={"ring_s": 3.2, "gain": 0.40},
    ),
}  # fmt: skip

PIECES = tuple(_ACOUSTIC)


def strike(kit: str, name: str, rng: np.random.Generator) -> Mono:
    """Return one stroke on a piece of a kit, peak at the piece's gain, without DC or clicks at its ends."""
    piece = KITS[kit][name]
    sound = piece.make(piece, rng)
    sound = apply_filter(sound, low_hz=24, order=2)
    sound = apply_envelope(sound, 0.0004, 0.25 * piece.ring_s)
    return sound * np.float32(piece.gain / (np.abs(sound).max() + 1e-9))
