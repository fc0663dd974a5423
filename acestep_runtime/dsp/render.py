"""From notes to stereo: mixer, reverb and master, a bar at a time. N frames, 2 channels, float32, 48 kHz.

notes of bar k ─► sounds (cached) ─► mixer: gain, pan ─┬──────────────► sum ─► soft limit ─► frames up to bar k+1
                                                       └─► reverb ─────┘      tails are kept for later bars
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft

from acestep_runtime.dsp.draws import Seed, draw, seed_of_choice
from acestep_runtime.dsp.drums import KITS, strike
from acestep_runtime.dsp.players import Note
from acestep_runtime.dsp.synth import Mono, band_noise, decay_envelope, sound_frames
from acestep_runtime.dsp.voices import LEADS_S, lead_s, play_voice
from acestep_runtime.threads import parallel_map
from acestep_runtime.units import ENGINE_RATE_HZ, db_to_gain

Stereo = npt.NDArray[np.float32]

#: The master compresses above the knee and never passes the ceiling (−1.1 dBFS).
KNEE, CEILING = 0.55, 0.88
#: Notes may begin this much before their bar: they are humanised, and some voices rise slowly (`LEADS_S`).
_EARLY_FRAMES = sound_frames(0.02 + max(LEADS_S.values()))
#: Names the noise of rooms among the choices of a seed.
_ROOM = 77
#: Sounds that a mixer caches, and the frames by which its buffers grow.
_MAX_SOUNDS, _GROWTH = 192, sound_frames(2.0)


@dataclass(frozen=True)
class ChannelStrip:
    """A mixer channel: gain, place (−1 left to 1 right), pitch-dependent spread, and reverb send."""

    gain_db: float
    pan: float = 0.0
    spread: float = 0.0
    send_db: float = -14.0


CHANNEL_STRIPS = {
    "vocals": ChannelStrip(-4.5, 0.0, 0.0, -17.0),
    "backing_vocals": ChannelStrip(-12.0, 0.0, 0.0, -12.0),
    "drums": ChannelStrip(-3.0, 0.0, 1.0, -19.0),
    "bass": ChannelStrip(-4.5, 0.0, 0.0, -34.0),
    "guitar": ChannelStrip(-9.0, 0.34, 0.1, -14.0),
    "keyboard": ChannelStrip(-7.5, -0.18, 0.5, -14.0),
    "percussion": ChannelStrip(-8.0, 0.0, 1.0, -16.0),
    "strings": ChannelStrip(-11.0, 0.0, 0.7, -8.0),
    "synth": ChannelStrip(-10.5, 0.14, 0.3, -10.0),
    "fx": ChannelStrip(-13.0, 0.0, 0.0, -8.0),
    "brass": ChannelStrip(-9.5, -0.28, 0.2, -10.0),
    "woodwinds": ChannelStrip(-9.0, 0.20, 0.0, -10.0),
}
#: Voices that are double-tracked, one to each side.
_DOUBLE_TRACK_PAN = {"guitar_driven": 0.8, "guitar_acoustic": 0.4, "supersaw": 0.5, "riser": 0.7, "downlifter": 0.7}
#: Level corrections of solo voices.
_FRONT_DB = {
    "guitar_lead": 1.5,
    "synth_lead": 0.5,
    "synth_pluck": -2.0,
    "guitar_muted": 1.0,
    "trumpet": 1.0,
    "bell": -1.0,
}


@lru_cache(maxsize=4)
def reverb_ir(room_s: float, seed: int) -> Stereo:
    """Return a room's impulse response, read-only ``[n, 2]`` with unit energy a channel: decaying noise in three bands.

    The high band decays first, the low end stays dry. ``room_s`` is the time to fall by 60 dB in the middle band
    (Moorer, About This Reverberation Business, 1979).
    """
    n = sound_frames(0.012 + 0.9 * room_s)
    late = sound_frames(0.012)
    out = np.zeros((n, 2), np.float32)
    for side in range(2):
        rng = np.random.default_rng([seed, side, _ROOM])
        for low, high, share, level in ((180, 800, 1.1, 1.0), (800, 3500, 1.0, 0.8), (3500, 9000, 0.5, 0.4)):
            band = band_noise(n - late, rng, low_hz=low, high_hz=high) * decay_envelope(n - late, room_s * share)
            out[late:, side] += np.float32(level) * band
    fade = sound_frames(0.05)
    out[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
    response = np.asarray(out / np.sqrt(np.sum(out**2, axis=0)), np.float32)
    response.setflags(write=False)
    return response


@lru_cache(maxsize=4)
def _reverb_spectrum(room_s: float, seed: int, size: int) -> npt.NDArray[np.complex64]:
    return np.asarray(rfft(np.ascontiguousarray(reverb_ir(room_s, seed).T), size))


def limit_peak(samples: Stereo) -> Stereo:
    """Return the samples softly limited above `KNEE`, so that no peak passes `CEILING`; below `KNEE` they are unchanged."""
    over = np.maximum(np.abs(samples) - KNEE, 0)
    if not over.any():
        return samples
    bent = np.sign(samples) * (KNEE + (CEILING - KNEE) * np.tanh(over / (CEILING - KNEE)))
    return np.where(over > 0, bent, samples).astype(np.float32)


@dataclass(frozen=True)
class _SoundKey:
    """Identity of a sound: voice or kit, pitches or piece, length, velocity, and which of several variants."""

    voice: str
    what: tuple[int, ...] | str
    length_ms: int
    velocity: float
    variant: int


class Mixer:
    """Places sounds in a rolling buffer and returns finished frames. Repeated sounds are synthesised once.

    Buffers are ``[2, n]``, which numpy is faster with.
    """

    def __init__(
        self, *, seed: Seed, brightness: float, room_s: float, gain_db: float = 0.0, like: Mixer | None = None
    ) -> None:
        """Set it up; the sounds of a mixer ``like`` it, of the same seed and brightness, are shared."""
        self._seed, self._bright, self._room_s = seed, brightness, room_s
        self._room_seed = seed_of_choice(seed, _ROOM)
        self._gain = db_to_gain(gain_db)
        self._tail = len(reverb_ir(room_s, self._room_seed))
        self._dry = np.zeros((2, 0), np.float32)
        self._send = np.zeros((2, 0), np.float32)
        self._wet = np.zeros((2, 0), np.float32)
        self._at = 0
        self._sounds: OrderedDict[_SoundKey, Mono] = OrderedDict() if like is None else like._sounds

    def prepare(self, notes: Iterable[Note]) -> None:
        """Synthesise the sounds of coming notes in parallel, which is faster than one by one in `play`."""
        keys = dict.fromkeys(key for note in notes for _, _, key in _sounds_of_note(note))
        missing = [key for key in keys if key not in self._sounds][:_MAX_SOUNDS]
        for key, mono in zip(missing, parallel_map(self._synthesise, missing), strict=True):
            self._cache(key, mono)

    def _synthesise(self, key: _SoundKey) -> Mono:
        voice, what, length_ms = key.voice, key.what, key.length_ms
        name = f"{voice} {what} {length_ms} {key.velocity} {key.variant}"
        rng = draw(self._seed, crc32(name.encode()))
        if isinstance(what, str):
            return strike(voice, what, rng)
        return play_voice(voice, what, length_ms / 1000, key.velocity, self._bright, rng)

    def _cache(self, key: _SoundKey, mono: Mono) -> Mono:
        self._sounds[key] = mono
        self._sounds.move_to_end(key)
        while len(self._sounds) > _MAX_SOUNDS:
            self._sounds.popitem(last=False)
        return mono

    def play(self, note: Note) -> None:
        """Add one note, so that it is heard at its time: voices that rise slowly begin earlier, but not before the frames
        already returned. Any other part before these is lost."""
        strip = CHANNEL_STRIPS[note.track]
        start = round(note.start_s * ENGINE_RATE_HZ)
        start = max(min(start, self._at), start - round(lead_s(note.voice) * ENGINE_RATE_HZ))
        level = db_to_gain(strip.gain_db + _FRONT_DB.get(note.voice, 0.0)) * note.velocity
        if note.pitches and note.voice in _DOUBLE_TRACK_PAN:
            level *= 0.75
        for pan, late, key in _sounds_of_note(note):
            mono = self._cache(key, self._sounds[key] if key in self._sounds else self._synthesise(key))
            angle = (float(np.clip(pan, -1, 1)) + 1) * np.pi / 4
            sides = np.array([np.cos(angle), np.sin(angle)], np.float32) * np.float32(np.sqrt(2) * level)
            self._add(start + late, sides[:, None] * mono, db_to_gain(strip.send_db))

    def _add(self, start: int, stereo: Stereo, send: float) -> None:
        skip = max(0, self._at - start)
        stereo = stereo[:, skip:]
        at = max(start, self._at) - self._at
        stop = at + stereo.shape[1]
        self._grow(stop)
        self._dry[:, at:stop] += stereo
        self._send[:, at:stop] += np.float32(send) * stereo

    def _grow(self, n: int) -> None:
        short = n - self._dry.shape[1]
        if short > 0:
            more = np.zeros((2, -(-short // _GROWTH) * _GROWTH), np.float32)
            self._dry = np.concatenate((self._dry, more), axis=1)
            self._send = np.concatenate((self._send, more), axis=1)

    def read(self, until: int) -> Stereo:
        """Return the finished frames from the last call's end to frame ``until``."""
        n = until - self._at
        if n <= 0:
            return np.zeros((0, 2), np.float32)
        self._grow(n)
        wet = np.zeros((2, max(self._wet.shape[1], n + self._tail)), np.float32)
        wet[:, : self._wet.shape[1]] = self._wet
        if self._send[:, :n].any():
            size = next_fast_len(n + self._tail, real=True)
            spectrum = _reverb_spectrum(self._room_s, self._room_seed, size)

            def resound(side: int) -> None:
                tail = irfft(rfft(self._send[side, :n], size) * spectrum[side], size)
                wet[side, : n + self._tail] += tail[: n + self._tail]

            parallel_map(resound, range(2))
        out = limit_peak(((self._dry[:, :n] + wet[:, :n]) * np.float32(self._gain)).astype(np.float32))
        self._dry, self._send, self._wet = self._dry[:, n:].copy(), self._send[:, n:].copy(), wet[:, n:].copy()
        self._at = until
        return np.ascontiguousarray(out.T)


def _sounds_of_note(note: Note) -> list[tuple[float, int, _SoundKey]]:
    """Return the sounds of a note: one or two, each with its pan and its delay in frames."""
    strip = CHANNEL_STRIPS[note.track]
    velocity = round(note.velocity * 4) / 4
    if note.piece:
        place = strip.pan + strip.spread * KITS[note.voice][note.piece].pan
        variant = round(note.start_s * ENGINE_RATE_HZ) % 3
        return [(place, 0, _SoundKey(note.voice, note.piece, 0, velocity, variant))]
    length_ms = max(30, 10 * round(note.length_s * 100))
    middle = sum(note.pitches) / len(note.pitches)
    place = strip.pan + strip.spread * float(np.clip((middle - 62) / 30, -1, 1)) + note.pan
    wide = _DOUBLE_TRACK_PAN.get(note.voice)
    rows = [(place, 0, 0)] if wide is None else [(-wide, 0, 0), (wide, 420, 1)]
    return [
        (pan, late, _SoundKey(note.voice, note.pitches, length_ms, velocity, variant)) for pan, late, variant in rows
    ]


def render(bars: Iterable[tuple[list[Note], float]], frames: int, mixer: Mixer) -> Iterator[Stereo]:
    """Play bars, each with its notes and the time in seconds at which it ends; yield blocks that add up to ``frames``."""
    done = 0
    for notes, end_s in bars:
        inside = [note for note in notes if note.start_s * ENGINE_RATE_HZ < frames]
        mixer.prepare(inside)
        for note in inside:
            mixer.play(note)
        until = min(frames, round(end_s * ENGINE_RATE_HZ) - _EARLY_FRAMES)
        if until > done:
            yield mixer.read(until)
            done = until
    if done < frames:
        yield mixer.read(frames)


def apply_fade_out(block: Stereo, at: int, frames: int, fade: int) -> Stereo:
    """Return ``block``, which begins at frame ``at`` of ``frames``, faded out over the last ``fade`` frames of the whole.

    The gain is a quarter of a sine, and 0 at the very end.
    """
    left = frames - at - np.arange(len(block))
    if not len(block) or left[-1] >= fade:
        return block
    return block * np.sin(0.5 * np.pi * np.clip(left / fade, 0.0, 1.0)).astype(np.float32)[:, None]


def rms_db(samples: Stereo) -> float:
    """Return the RMS level in dBFS, −120 for silence."""
    power = float(np.mean(samples.astype(np.float64) ** 2)) if len(samples) else 0.0
    return max(-120.0, 10 * np.log10(power)) if power > 0 else -120.0
