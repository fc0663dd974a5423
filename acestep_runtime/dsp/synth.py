"""Oscillators, strings, noise and envelopes for voices. No notes, no instruments.

Everything is band-limited by construction: tones are sums of partials below `TOP_HZ`, noise is shaped in the frequency
domain. n is the number of frames; all sounds are mono float32 ``[n]`` at `ENGINE_RATE_HZ`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft

from acestep_runtime.units import ENGINE_RATE_HZ

Mono = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

#: No partial lies above this: the octave below Nyquist is left to noise, and high notes stay mild.
TOP_HZ = 16_000.0
_BLOCK = 256


def midi_to_hz(pitch: float) -> float:
    """Return the equal-tempered frequency of a MIDI note number (69 = 440 Hz)."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def sound_frames(length_s: float) -> int:
    """Return the number of frames of a sound of ``length_s`` seconds, at least one."""
    return max(1, round(length_s * ENGINE_RATE_HZ))


def partials(n: int, hz: npt.ArrayLike, amps: npt.ArrayLike, decay: npt.ArrayLike = 0.0,
             phase: npt.ArrayLike = 0.0) -> Mono:  # fmt: skip
    """Return the sum of damped sines: ``amps·exp(−decay·t)·sin(2π·hz·t + phase)``, arrays over the partials.

    With t = (256·a + b)/rate each damped sine is an outer product over (a, b), so that the whole sum is one matrix
    product: a dense bank costs two multiplications per sample and partial, and no sine.
    """
    freq, amp, damp, turn = (
        np.array(a) for a in np.broadcast_arrays(*(np.asarray(v, float) for v in (hz, amps, decay, phase)))
    )
    keep = np.atleast_1d(np.abs(freq) < TOP_HZ)
    freq, amp, damp, turn = (np.atleast_1d(a)[keep] for a in (freq, amp, damp, turn))
    pole = (-damp + 2j * np.pi * freq) / ENGINE_RATE_HZ
    coarse = np.exp(np.outer(np.arange(-(-n // _BLOCK)) * _BLOCK, pole))
    fine = amp[:, None] * np.exp(np.outer(pole, np.arange(_BLOCK)) + 1j * turn[:, None])
    left = np.concatenate((coarse.real, coarse.imag), axis=1).astype(np.float32)
    right = np.concatenate((fine.imag, fine.real), axis=0).astype(np.float32)
    return np.asarray((left @ right).reshape(-1)[:n], np.float32)


def harmonics(phase: Floats, amps: Floats) -> Mono:
    """Return the sum over k of ``amps[k−1]·sin(k·phase)`` for any phase ``[n]`` in radians."""
    turn = np.exp(1j * phase).astype(np.complex64)
    power, out = np.ones_like(turn), np.zeros(len(turn), np.float32)
    for amp in amps:
        power *= turn
        out += np.float32(amp) * power.imag
    return out


def vibrato_phase(n: int, hz: float, rate_hz: float, depth_cents: float, onset_s: float = 0.25) -> Floats:
    """Return the phase ``[n]`` of a tone whose vibrato fades in after ``onset_s``."""
    t = np.arange(n) / ENGINE_RATE_HZ
    cents = depth_cents * np.clip(t / onset_s - 0.6, 0.0, 1.0) * np.sin(2 * np.pi * rate_hz * t)
    step = 2 * np.pi * hz * 2.0 ** (cents / 1200.0) / ENGINE_RATE_HZ
    return np.asarray(np.cumsum(step) - step, np.float64)


def pluck_string(
    n: int, hz: float, *, damping: float, decay_s: float, rng: np.random.Generator, pick_hz: float
) -> Mono:
    """Return a plucked string: Karplus and Strong (1983) with the fractional tuning of Jaffe and Smith (1983).

    ``damping`` 0 to 0.5 is the weight of the loop's low-pass, ``decay_s`` the time to fall by 60 dB at the
    fundamental, ``pick_hz`` the corner of the excitation. Runs a period at a time: each sample depends on earlier periods only.
    """
    period = ENGINE_RATE_HZ / hz
    size = int(period - damping - 1e-9)
    frac = period - damping - size
    loss = 10.0 ** (-3.0 / (max(decay_s, 0.02) * hz))
    taps = loss * np.array([(1 - damping) * (1 - frac), (1 - damping) * frac + damping * (1 - frac), damping * frac])
    a, b, c = (np.float32(v) for v in taps)
    out = np.zeros(n + 2 * size + 4, np.float32)
    out[2 : 2 + size] = band_noise(size, rng, high_hz=pick_hz)
    out[2 : 2 + size] -= out[2 : 2 + size].mean()
    for at in range(2 + size, n + 2, size):
        past = out[at - size - 2 : at]
        out[at : at + size] = a * past[2:] + b * past[1:-1] + c * past[:-2]
    return out[2 : 2 + n].copy()


def apply_filter(samples: Mono, *, low_hz: float = 0.0, high_hz: float = 0.0, order: int = 2) -> Mono:
    """Apply Butterworth magnitudes: a high-pass at ``low_hz``, a low-pass at ``high_hz``.

    0 disables a side. The phase is kept (the filter is symmetric in time); the ends are padded against wrap-around.
    """
    n = len(samples)
    size = next_fast_len(n + 2048, real=True)
    freq = np.fft.rfftfreq(size, 1 / ENGINE_RATE_HZ)
    gain = np.ones_like(freq)
    if low_hz:
        gain /= np.sqrt(1 + (low_hz / np.maximum(freq, 1e-3)) ** (2 * order))
    if high_hz:
        gain /= np.sqrt(1 + (freq / high_hz) ** (2 * order))
    spectrum = rfft(samples.astype(np.float32, copy=False), size) * gain.astype(np.float32)
    return np.asarray(irfft(spectrum, size)[:n], np.float32)


def band_noise(n: int, rng: np.random.Generator, *, low_hz: float = 0.0, high_hz: float = 0.0, order: int = 2) -> Mono:
    """Return Gaussian noise between two corners (0 = open), scaled to an RMS of one."""
    noise = apply_filter(rng.standard_normal(n).astype(np.float32), low_hz=low_hz, high_hz=high_hz, order=order)
    return np.asarray(noise / np.float32(np.sqrt(np.mean(noise**2)) + 1e-9), np.float32)


def decay_envelope(n: int, decay_s: float) -> Mono:
    """Return an exponential envelope that falls by 60 dB in ``decay_s`` seconds."""
    return np.asarray(np.exp(np.arange(n) * (-6.907755 / (decay_s * ENGINE_RATE_HZ))), np.float32)


def apply_envelope(samples: Mono, attack_s: float, release_s: float) -> Mono:
    """Apply raised-cosine fades and remove DC, so that the sound starts and stops without a click.

    The remaining mean is removed under a Hann window: a bump below 1/length Hz, which is inaudible.
    """
    out = samples.copy()
    for length_s, end in ((attack_s, slice(None)), (release_s, slice(None, None, -1))):
        n = min(sound_frames(length_s), len(out))
        out[end][:n] *= (0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / n)).astype(np.float32)
    bump = (1 - np.cos(2 * np.pi * (np.arange(len(out)) + 0.5) / len(out))).astype(np.float32)
    return out - np.float32(out.mean(dtype=np.float64)) * bump


def normalise_level(samples: Mono, rms: float = 0.2) -> Mono:
    """Scale the sound so that its loudest 50 ms have the given RMS: all voices then match."""
    window = min(len(samples), sound_frames(0.05))
    energy = np.concatenate(([0.0], np.cumsum(samples.astype(np.float64) ** 2)))
    loudest = np.sqrt(np.max(energy[window:] - energy[:-window]) / window)
    return np.asarray(samples * np.float32(rms / (loudest + 1e-9)), np.float32)
