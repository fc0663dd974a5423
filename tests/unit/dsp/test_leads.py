"""Voices that rise slowly are heard on the beat, as voices that are struck are."""

from __future__ import annotations

import numpy as np
import pytest

from acestep_runtime.dsp.analysis import mono_for_analysis
from acestep_runtime.dsp.players import Note
from acestep_runtime.dsp.render import Mixer
from acestep_runtime.dsp.voices import LEADS_S, VOICES, lead_s
from acestep_runtime.fit.features import find_onsets, onset_curve

RATE = 48_000
TIMES_S = np.arange(1.0, 9.0, 0.5)


def play(voice: str, track: str) -> np.ndarray:
    """Return sixteen notes on the beats of 120 bpm, one at a time."""
    mixer = Mixer(seed=1, brightness=0.0, room_s=0.2)
    for number, start_s in enumerate(TIMES_S):
        mixer.play(Note(float(start_s), 0.35, track, voice, 0.75, ((60, 64, 67, 72)[number % 4],)))
    return np.concatenate([mixer.read(at) for at in range(RATE, 10 * RATE, RATE)])


def late_s(samples: np.ndarray) -> float:
    """Return how late the steepest rise of the notes is, the median."""
    peaks_s = find_onsets(onset_curve(mono_for_analysis(samples, RATE))).peak_s
    away_s = peaks_s[:, None] - TIMES_S
    nearest = away_s[np.arange(len(away_s)), np.abs(away_s).argmin(axis=1)]
    return float(np.median(nearest[np.abs(nearest) < 0.1]))


@pytest.mark.parametrize(
    ("voice", "track"),
    [("brass", "brass"), ("trumpet", "brass"), ("saxophone", "woodwinds"), ("flute", "woodwinds"),
     ("clarinet", "woodwinds"), ("female:a", "vocals"), ("male", "vocals")],
)  # fmt: skip
def test_a_slow_attack_sounds_where_a_piano_sounds(voice: str, track: str) -> None:
    piano_s = late_s(play("piano", "keyboard"))
    assert late_s(play(voice, track)) == pytest.approx(piano_s, abs=0.005)


def test_the_first_note_of_a_song_keeps_its_attack() -> None:
    mixer = Mixer(seed=1, brightness=0.0, room_s=0.2)
    mixer.play(Note(0.0, 0.5, "woodwinds", "flute", 0.75, (72,)))
    out = mixer.read(RATE)
    assert np.abs(out[0]).max() < 0.01 * np.abs(out).max()


def test_leads_are_those_of_voices_and_consonants_have_none() -> None:
    assert set(LEADS_S) <= set(VOICES)
    assert lead_s("piano") == lead_s("female:ta") == 0
    assert lead_s("female:a") == lead_s("female") == LEADS_S["female"]
