"""Instruments: one function a voice, from MIDI pitches and a length to a mono sound. Drums: drums.py.

A voice gets all simultaneous pitches, because an amplifier distorts a chord and not its notes. ``velocity`` is 0 to 1,
``bright`` (−1 dark to 1 bright) comes from the style. A voice with a release rings on
after ``length_s``, up to `LONGEST_S` seconds. Singers sing "a", or the syllable after a colon in their
name: "male:ta" (see vocal_tract.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from acestep_runtime.dsp.effects import EFFECTS
from acestep_runtime.dsp.synth import (
    Floats,
    Mono,
    apply_envelope,
    apply_filter,
    band_noise,
    decay_envelope,
    harmonics,
    midi_to_hz,
    normalise_level,
    partials,
    pluck_string,
    sound_frames,
    vibrato_phase,
)
from acestep_runtime.dsp.vocal_tract import sing_note

LONGEST_S = 12.0
Pitches = tuple[int, ...]
Voice = Callable[[Pitches, float, float, float, np.random.Generator], Mono]


def _mix(sounds: Sequence[Mono]) -> Mono:
    return np.asarray(sum(sounds[1:], sounds[0]) / np.sqrt(len(sounds)), np.float32)


def _harmonic_numbers(hz: float, most: int, top_hz: float = 14_000.0) -> Floats:
    return np.arange(1, max(2, min(most, int(top_hz / hz)) + 1), dtype=np.float64)


def _saw_amplitudes(k: Floats, hz: float, corner_hz: float, tilt: float = 1.0) -> Floats:
    """Amplitudes 1/k^tilt behind a 12 dB per octave low-pass at ``corner_hz``: the spectrum of a filtered saw."""
    return np.asarray(k**-tilt / (1 + (k * hz / corner_hz) ** 2), np.float64)


def _filter_corner(corner_hz: float, velocity: float, bright: float) -> float:
    return float(corner_hz * 2.0 ** (1.1 * bright + 1.2 * (velocity - 0.6)))


def _piano(pitches: Pitches, length_s: float, velocity: float, bright: float, rng: np.random.Generator) -> Mono:
    """Two slightly detuned stiff strings a note (Fletcher and Rossing, The Physics of Musical Instruments, ch. 12)."""
    n = sound_frames(length_s + 0.22)
    sounds = []
    for pitch in pitches:
        hz = midi_to_hz(pitch)
        k = _harmonic_numbers(hz, 28)
        stiff = 2.5e-4 * (hz / 261.6) ** 1.1
        freq = k * hz * np.sqrt(1 + stiff * k**2)
        amps = _saw_amplitudes(k, hz, _filter_corner(2600, velocity, bright) + 1.6 * hz, 0.75) * (
            0.25 + np.abs(np.sin(np.pi * k / 7.6))
        )
        damp = (0.55 + hz / 900) * (1 + 0.22 * k)
        phase = rng.uniform(0, 2 * np.pi, len(k))
        sounds.append(partials(n, freq, 0.75 * amps, 1.6 * damp, phase)
                      + partials(n, freq * 1.0006, 0.35 * amps, 0.45 * damp, phase + 0.4))  # fmt: skip
    thump = band_noise(n, rng, low_hz=90, high_hz=1400) * decay_envelope(n, 0.07) * np.float32(0.10 * velocity)
    return apply_envelope(_mix(sounds) + thump, 0.0025, 0.2)


def _epiano(pitches: Pitches, length_s: float, velocity: float, bright: float, rng: np.random.Generator) -> Mono:
    """A tine piano: a round fundamental, and a bell that decays at once."""
    n = sound_frames(length_s + 0.2)
    sounds = []
    for pitch in pitches:
        hz = midi_to_hz(pitch)
        bite = velocity * 2.0**bright
        sounds.append(partials(n, hz * np.array([1, 1.002, 2, 3, 4, 5, 7.1, 11.3]),
                               [0.8, 0.3, 0.30 * bite, 0.16 * bite, 0.08 * bite, 0.05 * bite, 0.07 * bite, 0.03 * bite],
                               [1.2, 0.8, 2.2, 4.0, 6.0, 8.0, 14.0, 22.0],
                               rng.uniform(0, 0.6, 8)))  # fmt: skip
    return apply_envelope(_mix(sounds), 0.003, 0.18)


def _organ(pitches: Pitches, length_s: float, velocity: float, bright: float, rng: np.random.Generator) -> Mono:
    n = sound_frames(length_s + 0.06)
    drawbars = np.array([0.5, 1, 1.5, 2, 3, 4, 6, 8])
    amps = np.array([0.6, 1.0, 0.35, 0.7, 0.3, 0.25, 0.12, 0.12]) * drawbars ** (0.4 * bright)
    sounds = [partials(n, midi_to_hz(p) * drawbars, amps, 0, rng.uniform(0, 6.28, 8)) for p in pitches]
    wobble = 1 + 0.06 * np.sin(2 * np.pi * 6.2 * np.arange(n) / 48000 + velocity)
    return apply_envelope(_mix(sounds) * wobble.astype(np.float32), 0.008, 0.05)


def _ensemble_voice(
    attack_s: float, release_s: float, corner_hz: float, cents: tuple[float, ...], tilt: float
) -> Voice:
    """Return a voice of several detuned saws behind a low-pass: string sections and pads."""

    def voice(pitches: Pitches, length_s: float, velocity: float, bright: float, rng: np.random.Generator) -> Mono:
        n = sound_frames(length_s + release_s)
        sounds = []
        for pitch in pitches:
            hz = midi_to_hz(pitch)
            k = _harmonic_numbers(hz, 36, 11_000)
            amps = _saw_amplitudes(k, hz, _filter_corner(corner_hz, velocity, bright), tilt)
            freq = np.concatenate([k * hz * 2 ** ((c + rng.normal(0, 1.0)) / 1200) for c in cents])
            sounds.append(partials(n, freq, np.tile(amps, len(cents)), 0, rng.uniform(0, 2 * np.pi, len(freq))))
        return apply_envelope(_mix(sounds), min(attack_s, 0.6 * length_s + 0.01), release_s)

    return voice


def _pluck_voice(corner_hz: float, damp: float, growth: float, tilt: float, cents: float = 5.0) -> Voice:
    """Return a voice of decaying saws whose upper partials decay first, as through a closing filter."""

    def voice(pitches: Pitches, length_s: float, velocity: float, bright: float, rng: np.random.Generator) -> Mono:
        n = sound_frames(length_s + 0.08)
        sounds = []
        for pitch in pitches:
            hz = midi_to_hz(pitch)
            k = _harmonic_numbers(hz, 40, 12_000)
            amps = _saw_amplitudes(k, hz, _filter_corner(corner_hz, velocity, bright), tilt)
            rate = damp * (1 + growth * k)
            turn = rng.uniform(0, 2 * np.pi, len(k)) * (k > 1)
            sounds.append(partials(n, k * hz, amps, rate, turn))
            if cents:
                sounds.append(0.7 * partials(n, k * hz * 2 ** (cents / 1200), amps, rate, turn + 1.0 * (k > 1)))
        return apply_envelope(_mix(sounds), 0.003, 0.07)

    return voice


def _bass_voice(corner_hz: float, damp: float, growth: float, noise: float) -> Voice:
    """Return a bass: a strong fundamental, partials that decay in proportion to their number, finger or pick noise."""

    def voice(pitches: Pitches, length_s: float, velocity: float, bright: float, rng: np.random.Generator) -> Mono:
        n = sound_frames(length_s + 0.06)
        hz = midi_to_hz(pitches[0])
        k = _harmonic_numbers(hz, 26, 5000)
        amps = _saw_amplitudes(k, hz, _filter_corner(corner_hz, velocity, bright), 0.9)
        tone = partials(n, k * hz, amps, damp * (1 + growth * (k - 1)), rng.uniform(0, 1.5, len(k)))
        contact = band_noise(n, rng, low_hz=500, high_hz=3000) * decay_envelope(n, 0.03) * np.float32(noise * velocity)
        return apply_envelope(tone + contact, 0.004, 0.05)

    return voice


def _guitar_voice(damping: float, decay_s: float, pick_hz: float, strum_s: float, *, mute: float = 0.0) -> Voice:
    """Return a plucked guitar: one Karplus-Strong string a pitch, strummed upwards, through a small wooden body."""

    def voice(pitches: Pitches, length_s: float, velocity: float, bright: float, rng: np.random.Generator) -> Mono:
        n = sound_frames(length_s + 0.12)
        ring_s = mute or decay_s
        sounds = []
        for order, pitch in enumerate(sorted(pitches)):
            at = round(order * strum_s * 48000)
            string = np.zeros(n, np.float32)
            if at < n:
                string[at:] = pluck_string(n - at, midi_to_hz(pitch), damping=damping,
                                           decay_s=ring_s * 2 ** ((52 - pitch) / 24), rng=rng,
                                           pick_hz=_filter_corner(pick_hz, velocity, bright))  # fmt: skip
            sounds.append(apply_envelope(string, 0.001, 0.01))
        wood = apply_filter(_mix(sounds), low_hz=75, high_hz=9000)
        return apply_envelope(wood + 0.5 * apply_filter(wood, low_hz=90, high_hz=240), 0.001, 0.1)

    return voice


def _distortion_guitar(
    pitches: Pitches, length_s: float, velocity: float, bright: float, rng: np.random.Generator
) -> Mono:
    """A distorted chord: root, fifth and octave into a valve-like curve and a loudspeaker that ends at 5 kHz.

    The input is limited to 2.5 kHz, so that aliases at 48 kHz lie above the loudspeaker.
    """
    n = sound_frames(length_s + 0.08)
    root = min(pitches)
    strings = []
    for pitch in (root, root + 7, root + 12):
        hz = midi_to_hz(pitch)
        k = _harmonic_numbers(hz, 16, 2500)
        strings.append(partials(n, k * hz * 2 ** (rng.normal(0, 2) / 1200), k**-0.8, 0.5 + 0.15 * k,
                                rng.uniform(0, 2 * np.pi, len(k))))  # fmt: skip
    drive = 2.2 + 2.5 * velocity
    distorted = np.tanh(np.float32(drive) * normalise_level(_mix(strings), 0.5) + np.float32(0.1)) - np.tanh(
        np.float32(0.1)
    )
    return apply_envelope(
        apply_filter(distorted, low_hz=90, high_hz=_filter_corner(4200, 0.6, 0.6 * bright), order=4), 0.003, 0.07
    )


def _lead_voice(corner_hz: float, tilt: float, depth_cents: float, attack_s: float, breath: float = 0.0, odd: float = 1.0,
          swell: float = 0.0, nasal_hz: float = 0.0) -> Voice:  # fmt: skip
    """Return a single line with vibrato: synth and guitar leads, winds, brass.

    ``odd`` below 1 weakens even partials (reeds), ``swell`` opens the spectrum after the attack (brass), ``breath`` adds
    noise and ``nasal_hz`` a formant.
    """

    def voice(pitches: Pitches, length_s: float, velocity: float, bright: float, rng: np.random.Generator) -> Mono:
        n = sound_frames(length_s + 0.1)
        sounds = []
        for pitch in pitches:
            hz = midi_to_hz(pitch)
            k = _harmonic_numbers(hz, 32, 11_000)
            amps = _saw_amplitudes(k, hz, _filter_corner(corner_hz, velocity, bright), tilt) * np.where(
                k % 2 == 1, 1.0, odd
            )
            if nasal_hz:
                amps *= 1 + 1.8 * np.exp(-((np.log2(k * hz / nasal_hz) / 0.5) ** 2))
            phase = vibrato_phase(n, hz * 2 ** (rng.normal(0, 2) / 1200), rng.uniform(4.9, 5.7), depth_cents)
            tone = harmonics(phase, amps)
            if swell:
                late = (1 - decay_envelope(n, 0.35)) * np.float32(swell)
                tone = tone * late + harmonics(phase, amps * np.exp(-0.5 * (k - 1))) * (1 - late)
            if breath:
                tone += band_noise(n, rng, low_hz=0.8 * hz, high_hz=6 * hz) * np.float32(breath)
            sounds.append(tone)
        return apply_envelope(_mix(sounds), attack_s, 0.09)

    return voice


#: Singers: vocal tract (by range where empty), and detuning of a group's voices in cents.
SINGERS: dict[str, tuple[str, tuple[float, ...]]] = {
    "female": ("female", (0.0,)),
    "male": ("male", (0.0,)),
    "hum": ("", (0.0,)),
    "choir": ("", (-11.0, 2.0, 9.0)),
}


def _singer_voice(name: str, syllable: str) -> Voice:
    """Return the voice of a singer on one syllable."""
    voice_type, cents = SINGERS[name]
    articulation = syllable[:-1] + "m" if name == "hum" else syllable

    def voice(pitches: Pitches, length_s: float, velocity: float, bright: float, rng: np.random.Generator) -> Mono:
        return sing_note(voice_type, articulation, pitches, length_s, velocity, bright, rng, cents)

    return voice


#: Name in style.toml → voice.
VOICES: dict[str, Voice] = {
    "piano": _piano,
    "epiano": _epiano,
    "organ": _organ,
    "bass_finger": _bass_voice(700, 1.3, 0.6, 0.10),
    "bass_pick": _bass_voice(1500, 1.0, 0.35, 0.22),
    "bass_upright": _bass_voice(480, 2.6, 0.9, 0.12),
    "bass_synth": _bass_voice(900, 0.6, 0.25, 0.0),
    "bass_sub": _bass_voice(160, 0.5, 0.3, 0.05),
    "guitar_acoustic": _guitar_voice(0.36, 3.2, 5200, 0.009),
    "guitar_nylon": _guitar_voice(0.47, 2.6, 2600, 0.010),
    "guitar_clean": _guitar_voice(0.43, 3.4, 3600, 0.006),
    "guitar_muted": _guitar_voice(0.45, 3.0, 3800, 0.004, mute=0.28),
    "guitar_driven": _distortion_guitar,
    "guitar_lead": _lead_voice(2600, 0.55, 22, 0.006, breath=0.01, nasal_hz=1500),
    "strings": _ensemble_voice(0.14, 0.40, 2600, (-7, 1, 8), 0.9),
    "strings_short": _ensemble_voice(0.02, 0.16, 3200, (-6, 5), 0.9),
    "pad": _ensemble_voice(0.35, 0.70, 1300, (-11, -4, 3, 10), 0.9),
    "supersaw": _ensemble_voice(0.008, 0.10, 5200, (-16, -7, 0, 8, 15), 0.85),
    "synth_pluck": _pluck_voice(5200, 1.6, 0.28, 0.9),
    "synth_lead": _lead_voice(3800, 0.85, 16, 0.012),
    "bell": _pluck_voice(3000, 0.9, 0.9, 1.6, 0.0),
    "brass": _lead_voice(2400, 0.6, 6, 0.03, swell=1.0, nasal_hz=1100),
    "trumpet": _lead_voice(3000, 0.5, 12, 0.03, swell=1.0, nasal_hz=1300),
    "saxophone": _lead_voice(1900, 0.55, 16, 0.03, breath=0.025, odd=0.7, nasal_hz=950),
    "flute": _lead_voice(900, 1.5, 18, 0.05, breath=0.06),
    "clarinet": _lead_voice(1800, 0.8, 8, 0.03, odd=0.2),
    **{name: _singer_voice(name, "a") for name in SINGERS},
    **EFFECTS,
}

#: Voices that rise slowly → seconds from their beginning to where they are heard to begin: as much later than a piano's are
#: their onsets (`fit.features`), or half of the attack, where that is longer. Whoever plays them begins earlier by as much.
LEADS_S: dict[str, float] = {
    "brass": 0.014,
    "trumpet": 0.014,
    "saxophone": 0.011,
    "flute": 0.017,
    "clarinet": 0.011,
    "strings": 0.035,
    "strings_short": 0.012,
    "pad": 0.04,
    "female": 0.009,
    "male": 0.009,
    "hum": 0.009,
    "choir": 0.009,
}


def lead_s(voice: str) -> float:
    """Return by how much later than it begins a note of a voice is heard; a syllable with a consonant is heard at once."""
    name, _, syllable = voice.partition(":")
    return LEADS_S.get(name, 0.0) if len(syllable) < 2 else 0.0


def play_voice(
    voice: str, pitches: Pitches, length_s: float, velocity: float, bright: float, rng: np.random.Generator
) -> Mono:
    """Play ``pitches`` on a voice for ``length_s`` seconds; return the sound with its release, normalised."""
    name, _, syllable = voice.partition(":")
    play = _singer_voice(name, syllable) if syllable else VOICES[name]
    return normalise_level(play(pitches, min(length_s, LONGEST_S), velocity, bright, rng))
