"""The arithmetic of the judges, without the weights that make quality fetches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from tests.quality import judge_beats, judge_chords, judges
from tests.quality.corpus import Note
from tests.quality.judge_chords import BINS, HOP, LABELS, LOWEST_HZ, RATE_HZ, ChordSpan


def notes(*starts_s: float, pitch: int = 60) -> list[Note]:
    return [Note(start_s, start_s + 0.1, pitch, 90) for start_s in starts_s]


@pytest.mark.parametrize("bin_number", [0, 20, 71, 130, 215])
def test_the_transform_of_a_sine_at_a_bin(bin_number: int) -> None:
    """A sine of amplitude a gives a/2 times the square root of the window's length, Q · rate / f."""
    f = LOWEST_HZ * 2 ** (bin_number / BINS)
    sine = 0.6 * np.sin(2 * np.pi * f * np.arange(4 * RATE_HZ) / RATE_HZ)
    spectrum = judge_chords.transform(sine)[20]
    ratio = 2 ** (1 / 36)
    quality = (ratio**2 + 1) / (ratio**2 - 1)
    assert int(np.argmax(spectrum)) == bin_number
    assert spectrum[bin_number] == pytest.approx(0.3 * np.sqrt(quality * RATE_HZ / f), rel=0.01)
    far = np.abs(np.arange(len(spectrum)) - bin_number) > 12
    assert spectrum[far].max() < 0.01 * spectrum[bin_number]


def test_features_are_decibels_below_the_loudest_bin() -> None:
    sine = np.sin(2 * np.pi * 8 * LOWEST_HZ * np.arange(2 * 48_000) / 48_000)
    read = judge_chords.features(np.stack([sine, sine], axis=1), 48_000)
    assert read.shape == (2 * RATE_HZ // HOP, 216, 2)
    assert (read.max(), read.min()) == (0.0, -80.0)
    # The second harmonic's bins begin an octave higher.
    assert np.argmax(read[10, :, 0]) - np.argmax(read[10, :, 1]) == BINS


def test_a_gated_recurrent_unit_against_another_implementation() -> None:
    """Torch's unit is this one where the reset gate is fully open: it applies the reset after the product."""
    rng = np.random.default_rng(1)
    kernel, recurrent, bias = rng.normal(0, 0.5, (3, 12)), rng.normal(0, 0.5, (4, 12)), rng.normal(0, 0.2, 12)
    kernel[:, 4:8], recurrent[:, 4:8], bias[4:8] = 0, 0, 100  # r = 1
    kernel[:, :4], recurrent[:, :4], bias[:4] = 0, 0, 0  # z = 1/2
    x = rng.normal(0, 1, (6, 3))
    names = {"g/kernel": kernel, "g/recurrent_kernel": recurrent, "g/bias": bias}
    unit = torch.nn.GRU(3, 4)
    order = np.r_[4:8, 0:4, 8:12]  # torch: r, z, n
    with torch.no_grad():
        unit.weight_ih_l0.copy_(torch.from_numpy(kernel.T[order]))
        unit.weight_hh_l0.copy_(torch.from_numpy(recurrent.T[order]))
        unit.bias_ih_l0.copy_(torch.from_numpy(bias[order]))
        unit.bias_hh_l0.zero_()
        expected = unit(torch.from_numpy(x.astype(np.float32))[:, None])[0][:, 0].numpy()
    assert judge_chords._gru(x, names, "g") == pytest.approx(expected, abs=1e-5)


def test_the_reset_gate_scales_the_state_before_the_product() -> None:
    names = {"g/kernel": np.zeros((1, 3)), "g/recurrent_kernel": np.array([[0.0, 0.0, 2.0]]),
             "g/bias": np.array([0.0, 0.0, 1.0])}  # fmt: skip
    first = 0.5 * np.tanh(1.0)
    second = 0.5 * first + 0.5 * np.tanh(1.0 + 0.5 * first * 2.0)
    assert judge_chords._gru(np.zeros((2, 1)), names, "g").ravel() == pytest.approx([first, second])


def test_a_chord_of_one_frame_is_not_believed() -> None:
    wanted, other = LABELS.index("C:maj"), LABELS.index("A:min")
    probabilities = np.full((20, len(LABELS)), 0.001)
    probabilities[:, wanted] = 0.5
    probabilities[7] = 0.001
    probabilities[7, other] = 0.6
    probabilities[14:, wanted], probabilities[14:, other] = 0.001, 0.9
    assert judge_chords.decode(probabilities) == [wanted] * 14 + [other] * 6
    spans = judge_chords.join_frames(judge_chords.decode(probabilities))
    assert [(span.label, span.triad) for span in spans] == [("C:maj", (0, "")), ("A:min", (9, "m"))]
    assert spans[0].end_s == pytest.approx(14 * 4096 / 44_100)


def test_there_are_170_labels_in_order() -> None:
    assert (len(LABELS), LABELS[0], LABELS[-2:]) == (170, "A#:7", ("N", "X"))


@pytest.mark.parametrize(("label", "triad"), [
    ("C:maj", (0, "")), ("F#:7", (6, "")), ("B:min7", (11, "m")), ("G:sus4", None), ("D:dim", None), ("N", None),
])  # fmt: skip
def test_the_triad_of_a_label(label: str, triad: tuple[int, str] | None) -> None:
    assert ChordSpan(0, 1, label).triad == triad


def test_agreement_counts_beats_whose_triad_is_clear() -> None:
    spans = [ChordSpan(0.0, 1.2, "C:maj7"), ChordSpan(1.2, 2.0, "A:min")]
    beats_s = np.array([0.0, 0.5, 1.0, 1.5, 2.0])
    assert judges.triads_by_beat(spans, beats_s) == [(0, ""), (0, ""), (9, "m"), (9, "m")]
    longer_s = np.linspace(0, 2, 13)
    truth = [(0, "")] * 6 + [None, None] + [(9, "m")] * 3 + [(4, "m")]
    # Six beats of C until 1 s, two that do not count, three of four of A minor.
    assert judges.chord_agreement(spans, longer_s, truth) == pytest.approx(9 / 10)
    assert np.isnan(judges.chord_agreement(spans, longer_s, [None] * 5 + [(0, "")] * 7))


def test_filters_add_up_to_one_and_rise_in_pitch() -> None:
    filters = judge_beats.bands()
    assert filters.shape == (705, 136)
    assert filters.sum(axis=0) == pytest.approx(np.ones(136))
    assert np.all(np.diff(filters.argmax(axis=0)) > 0)


@pytest.mark.parametrize(("bpm", "meter", "first"), [(120, 4, 0), (95, 3, 2), (150, 4, 3), (60, 3, 1)])
def test_beats_of_even_pulses(bpm: float, meter: int, first: int) -> None:
    times_s = np.arange(0.4, 20, 60 / bpm)
    probabilities = np.tile([0.01, 0.01, 0.98], (1050, 1))
    for number, frame in enumerate(np.rint(times_s * 50).astype(int)):
        down = number % meter == first
        probabilities[frame - 1 : frame + 2] = (0.1, 0.4, 0.5) if down else (0.4, 0.1, 0.5)
        probabilities[frame] = (0.1, 0.8, 0.1) if down else (0.8, 0.1, 0.1)
    beats = judge_beats.decode(probabilities)
    assert beats.meter == meter
    assert judges.onset_f1(beats.beats_s, times_s, 0.03) > 0.95
    assert judges.onset_f1(beats.downbeats_s, times_s[first::meter], 0.03) > 0.9


def test_notes_match_by_pitch_and_onset() -> None:
    assert judges.note_f1(notes(0, 1, 2), notes(0.04, 1.06, 2)) == pytest.approx(2 / 3)
    assert judges.note_f1(notes(0, pitch=60), notes(0, pitch=61)) == 0
    assert judges.note_f1([], []) == 1
    assert judges.note_f1(notes(0), []) == 0
    # One note cannot match two.
    assert judges.note_f1(notes(0, 0.01), notes(0)) == pytest.approx(2 / 3)


TIMES = st.lists(st.integers(0, 300).map(lambda k: k / 100), max_size=12)


@given(TIMES, TIMES)
def test_as_many_pairs_are_matched_as_can_be(found_s: list[float], true_s: list[float]) -> None:
    near = [[abs(a - b) <= 0.05 + 1e-9 for b in true_s] for a in found_s]
    most = 0
    if found_s and true_s:
        most = int((maximum_bipartite_matching(csr_array(np.array(near, dtype=int))) >= 0).sum())
    total = len(found_s) + len(true_s)
    assert judges.onset_f1(found_s, true_s) == pytest.approx(2 * most / total if total else 1.0)


def test_drums_match_by_kind() -> None:
    found = notes(0, 1, pitch=36) + notes(0.5, 1.5, pitch=40) + notes(3, pitch=42)
    true = notes(0, 1, pitch=35) + notes(0.5, pitch=38) + notes(2, pitch=49)
    scores = judges.drum_f1(found, true)
    assert scores == pytest.approx({"kick": 1.0, "snare": 2 / 3, "hat": 0.0, "cymbal": 0.0, "all": 6 / 9})
