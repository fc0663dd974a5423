"""The fit of layers whose faults are known."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.dsp import harmony
from acestep_runtime.fit import parts
from acestep_runtime.fit.measure import Fit, FitFacts, measure_fit
from acestep_runtime.fit.remedies import REMEDIES
from acestep_runtime.fit.words import SENTENCES
from tests.support import layers, signals

RATE_HZ = 48_000
BASS = FitFacts("lego", ("bass",))


@lru_cache(1)
def song() -> np.ndarray:
    return signals.song(bars=8)


@lru_cache(16)
def bass(**how: float) -> np.ndarray:
    return layers.walking_bass(8, **how)


def fit(result: np.ndarray, facts: FitFacts = BASS) -> Fit:
    found = measure_fit(song(), result, facts)
    assert 0 <= found.value <= 1
    assert found.value == pytest.approx(parts.fit_value(found.parts))
    assert set(found.parts) <= parts.PARTS[facts.task]
    assert bool(found.notes) == bool(found.fault) == bool(found.remedy)
    return found


def test_a_layer_that_fits_has_no_fault() -> None:
    found = fit(bass())
    assert found.value > 0.9
    assert found.notes == ()


def test_a_late_layer_is_late_by_as_much() -> None:
    for late_ms, least in ((30, 0.05), (60, 0.4), (-60, 0.4), (120, 0.7)):
        found = fit(bass(late_s=late_ms / 1e3))
        assert found.figures["offset_s"] == pytest.approx(late_ms / 1e3, abs=0.012)
        assert found.value < fit(bass()).value - least
        assert found.fault == "timing"
        assert f"ms {'late' if late_ms > 0 else 'early'}" in found.notes[0]


@pytest.mark.parametrize("semitones", [1, 3, 4, 5, -2])
def test_another_key_is_found_with_its_distance(semitones: int) -> None:
    found = fit(bass(semitones=semitones))
    assert found.figures["cents"] == pytest.approx(100 * semitones, abs=8)
    assert found.value < fit(bass()).value
    assert found.parts["key"] < 0.9


@pytest.mark.parametrize("cents", [40, 25, -35])
def test_another_tuning_is_found_in_cents(cents: int) -> None:
    found = fit(bass(semitones=cents / 100))
    assert found.figures["cents"] == pytest.approx(cents, abs=5)
    assert found.fault == "tuning"
    assert f"cents {'higher' if cents > 0 else 'lower'}" in found.notes[0]


def test_another_tempo_is_named_with_both() -> None:
    found = fit(bass(bpm=120 * 1.03))
    assert found.value < 0.6
    assert found.fault == "tempo"
    assert "124 bpm" in found.notes[0]
    assert "120 bpm" in found.remedy


def test_silence_is_worth_nothing() -> None:
    found = fit(np.zeros_like(song()))
    assert (found.value, found.notes) == (0.0, ("It is silent.",))


def test_a_copy_of_the_source_is_no_layer() -> None:
    for copy in (song(), 0.3 * song(), np.roll(song(), 2000, axis=0)):
        found = fit(copy.astype(np.float32), FitFacts("lego", ("guitar",)))
        assert found.value < 0.1
        assert found.fault == "leakage"


def test_a_cover_may_be_a_copy_at_full_strength_only() -> None:
    near = (song() + 0.2 * bass()).astype(np.float32)
    values = [measure_fit(song(), near, FitFacts("cover", strength=strength)).value for strength in (0.3, 1.0)]
    assert values[0] < 0.3 < 0.8 < values[1]


def test_a_stem_is_in_its_source_and_its_offset_is_exact() -> None:
    facts = FitFacts("extract", ("bass",))
    mix = (song() + bass()).astype(np.float32)
    right = measure_fit(mix, bass(), facts)
    assert right.value > 0.9
    late = measure_fit(mix, bass(late_s=0.03), facts)
    assert late.figures["offset_s"] == pytest.approx(0.03, abs=1e-3)
    assert late.fault == "timing"
    other = measure_fit(mix, bass(semitones=5), facts)
    assert other.value < 0.5 * right.value
    assert measure_fit(mix, mix, facts).value < 0.3


def test_drums_have_no_key() -> None:
    found = measure_fit(bass(), signals.clicks(np.arange(0, 15.5, 0.5), 16.0), FitFacts("lego", ("drums",)))
    assert "key" not in found.parts
    assert found.value > 0.8


def test_effects_have_no_beat() -> None:
    """A sweep that ends on each second bar is no layer that is early."""
    sweep = np.zeros_like(song())
    for bar in range(0, 8, 2):
        stop = round((2 * bar + 4) * RATE_HZ) - 2000
        sweep[stop - RATE_HZ : stop] = signals.noise(1.0, seed=bar) * np.linspace(0, 1, RATE_HZ)[:, None] ** 2
    found = measure_fit(song(), sweep, FitFacts("lego", ("fx",)))
    assert not {"timing", "tempo", "key"} & set(found.parts)
    assert found.value > 0.9
    assert "timing" in measure_fit(song(), sweep, FitFacts("lego", ("drums",))).parts


def test_only_the_span_counts() -> None:
    span = (4 * RATE_HZ, 12 * RATE_HZ)
    facts = FitFacts("lego", ("bass",), span)
    result = bass().copy()
    inside = measure_fit(song(), result, facts)
    result[: span[0]] = 0
    result[span[1] :] = signals.noise(4)
    assert measure_fit(song(), result, facts) == inside
    late = bass(late_s=0.06)
    assert measure_fit(song(), late, facts).figures["offset_s"] == pytest.approx(0.06, abs=0.012)


def test_a_jump_at_the_edge_of_a_repaint_lowers_its_seams() -> None:
    span = (4 * RATE_HZ, 8 * RATE_HZ)
    facts = FitFacts("repaint", span=span, known=(0, len(song())))
    seams = []
    for gain in (1.0, 0.02):
        result = song().copy()
        result[span[0] : span[1]] *= gain
        seams.append(measure_fit(song(), result, facts).parts["seams"])
    assert seams[0] == 1.0
    assert seams[1] < 0.4


@pytest.mark.parametrize("before_s", [0.0, 0.02, 0.5])
def test_what_goes_on_behind_a_song_has_its_beat_only_to_fit(before_s: float) -> None:
    end = len(song()) // 2
    source = song().copy()
    source[end:] = 0
    span = (end - round(before_s * RATE_HZ), len(source))
    facts = FitFacts("repaint", span=span, known=(0, end), strength=0.5)
    found = measure_fit(source, song(), facts)
    assert found.value > 0.9
    assert not {"loudness", "density", "key", "leakage"} & set(found.parts)
    late = np.concatenate([song()[:end], signals.noise(0.1) * 0.01, song()[end:]])[: len(source)]
    assert measure_fit(source, late, facts).parts["timing"] < found.parts["timing"]


def test_a_region_that_begins_in_the_song_is_compared_there() -> None:
    end = len(song()) // 2
    source = song().copy()
    source[end:] = 0
    facts = FitFacts("repaint", span=(end - 4 * RATE_HZ, len(source)), known=(0, end), strength=0.5)
    found = measure_fit(source, song(), facts)
    assert found.parts["leakage"] < 0.2
    assert found.parts["key"] > 0.9


def test_a_silent_source_says_nothing_against_a_layer() -> None:
    found = measure_fit(np.zeros_like(song()), bass(), BASS)
    assert found.value == 1.0
    assert set(found.parts) == {"silence", "start"}


def test_the_source_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    source, calls = signals.song(bars=4, bpm=118), []
    real = harmony.pitch_classes

    def count(mono: np.ndarray) -> harmony.Pitches:
        calls.append(len(mono))
        return real(mono)

    monkeypatch.setattr(harmony, "pitch_classes", count)
    takes = [signals.song(bars=4, bpm=118, seed=seed) for seed in (1, 2, 3)]
    measure_fit(source, takes[0], BASS)
    first = len(calls)
    for take in takes[1:]:
        measure_fit(source, take, BASS)
    assert len(calls) == first + 2  # the takes alone


@pytest.mark.parametrize(("task", "frames"), [("text2music", 48_000), ("lego", 47_999)])
def test_wrong_input_is_refused(task: str, frames: int) -> None:
    with pytest.raises(ValueError, match=r"allowed: lego|47999 frames"):
        measure_fit(np.zeros((48_000, 2), np.float32), np.zeros((frames, 2), np.float32), FitFacts(task))


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from(parts.TASKS),
    st.integers(1, 30_000),
    st.integers(0, 2**31),
    st.sampled_from([0.0, 0.5, np.nan, np.inf]),
)
def test_no_audio_causes_an_error(task: str, frames: int, seed: int, odd: float) -> None:
    rng = np.random.default_rng(seed)
    source, result = (rng.normal(0, 0.1, (frames, 2)).astype(np.float32) for _ in range(2))
    result[frames // 2] = odd
    span = tuple(sorted(int(x) for x in rng.integers(0, frames, 2)))
    for facts in (FitFacts(task), FitFacts(task, ("bass",), (span[0], span[1]), (0, frames))):
        found = measure_fit(source, result, facts)
        assert 0 <= found.value <= 1
        assert all(0 <= value <= 1 for value in found.parts.values())


def test_each_part_has_a_weight_a_sentence_and_a_remedy() -> None:
    assert set(SENTENCES) == set(REMEDIES) == set(parts.WEIGHTS)
    assert set().union(*parts.PARTS.values()) == set(parts.WEIGHTS)
