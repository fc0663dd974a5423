"""Audio that is not as it should be: an offset of the waveform, samples that are not numbers; and what stops and repeats."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from acestep_runtime.errors import Cancelled
from acestep_runtime.fit import features, measure
from acestep_runtime.fit.measure import FitFacts, measure_fit
from acestep_runtime.values import CancelToken
from tests.support import layers, signals

BASS = FitFacts("lego", ("bass",))


@lru_cache(1)
def song() -> np.ndarray:
    return signals.song(bars=8)


@lru_cache(4)
def bass(late_s: float = 0.0) -> np.ndarray:
    return layers.walking_bass(8, late_s=late_s)


@pytest.mark.parametrize("offset", [0.1, -0.6])
@pytest.mark.parametrize("late_s", [0.0, 0.06])
def test_an_offset_of_the_waveform_changes_no_part(offset: float, late_s: float) -> None:
    plain = measure_fit(song(), bass(late_s), BASS)
    for source, result in ((song() + offset, bass(late_s)), (song(), bass(late_s) + offset)):
        found = measure_fit(source.astype(np.float32), result.astype(np.float32), BASS)
        assert found.notes == plain.notes
        assert found.value == pytest.approx(plain.value, abs=0.02)
        assert dict(found.parts) == pytest.approx(dict(plain.parts), abs=0.02)


def test_an_offset_without_sound_is_silent() -> None:
    assert measure_fit(song(), np.full_like(song(), 0.3), BASS).notes == ("It is silent.",)


@pytest.mark.parametrize("task", ["lego", "repaint"])
@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_samples_that_are_not_numbers_count_as_silence(task: str, odd: float) -> None:
    facts = FitFacts(task, ("bass",), (48_000, len(song()) - 48_000), (0, len(song())))
    gap, broken = bass().copy(), bass().copy()
    gap[200_000:200_100], broken[200_000:200_100] = 0, odd
    assert measure_fit(song(), broken, facts) == measure_fit(song(), gap, facts)


def test_a_cancel_ends_the_measurement_before_its_next_part(monkeypatch: pytest.MonkeyPatch) -> None:
    cancel, calls = CancelToken(), []

    def analyse(*args: object, **options: object) -> object:
        cancel.cancel()
        return real(*args, **options)  # type: ignore[arg-type]

    real = measure.analyse
    monkeypatch.setattr(measure, "analyse", analyse)
    monkeypatch.setattr(measure, "measure_features", calls.append)
    with pytest.raises(Cancelled):
        measure_fit(song(), bass(), BASS, cancel)
    assert not calls


def test_each_recording_is_resampled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    real = features.mono_for_analysis

    def count(samples: np.ndarray, rate_hz: int) -> np.ndarray:
        calls.append(len(samples))
        return real(samples, rate_hz)

    monkeypatch.setattr(features, "mono_for_analysis", count)
    source = signals.song(bars=4, bpm=117)
    for seed in (1, 2, 3):
        measure_fit(source, signals.song(bars=4, bpm=117, seed=seed), FitFacts("lego", ("guitar",)))
    assert len(calls) == 4  # the source and three takes


def test_bars_are_those_of_the_song_that_the_window_is_of() -> None:
    """Eight bars of 2 s from 16 s of a song on: the window begins with bar 9."""
    late = bass().copy()
    late[8 * 48_000 :] = bass(0.06)[8 * 48_000 :]  # from the fifth bar of the window on
    found = measure_fit(song(), late, FitFacts("lego", ("bass",), window_start_s=16.0))
    assert found.notes[0].startswith("It is 6")
    assert "ms late in bars 13 to 16 of the source (24.0 to 32.0 s)." in found.notes[0]
