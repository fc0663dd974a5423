"""Faults in words: which are named, in what order, and how."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acestep_runtime.dsp.musical import Analysis, Grid
from acestep_runtime.fit.parts import WEIGHTS
from acestep_runtime.fit.pitch import Tonality
from acestep_runtime.fit.remedies import find_remedy
from acestep_runtime.fit.timing import GroupOffset, Timing
from acestep_runtime.fit.words import Findings, find_faults, fit_notes
from acestep_runtime.values import Key

SOURCE = Analysis(Grid(96.0), Key(0, "major"), (), (), (), 30.0, -20.0, {"meter": 0.5, "key": 0.5})


def timing(offset_s: float, *groups: tuple[int, int, float]) -> Timing:
    found = tuple(
        GroupOffset(first, last, 2.0 * (first - 1), 2.0 * last, late_s, 1.0) for first, last, late_s in groups
    )
    return Timing(offset_s, 1.0, found, 1.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (timing(0.06), "It is 60 ms late."),
        (timing(-0.03, (1, 4, -0.03), (5, 8, -0.031)), "It is 30 ms early."),
        (
            timing(0.0, (1, 4, 0.0), (5, 8, 0.04)),
            "It is 40 ms late in bars 5 to 8 of the source (12.0 to 20.0 s).",
        ),
        (
            timing(0.0, (1, 4, 0.0), (5, 5, -0.05)),
            "It is 50 ms early in bar 5 of the source (12.0 to 14.0 s).",
        ),
        (timing(0.0), "It does not keep to the beat of the source."),
    ],
)
def test_an_offset_is_named_where_it_is(found: Timing, sentence: str) -> None:
    assert fit_notes({"timing": 0.3}, Findings("lego", SOURCE, timing=found, start_s=4.0)) == (sentence,)


def test_bars_that_are_not_certain_are_not_counted() -> None:
    found = timing(0.0, (1, 4, 0.0), (5, 8, 0.04))
    unsure = dataclasses.replace(SOURCE, confidence={"meter": 0.0})
    (sentence,) = fit_notes({"timing": 0.3}, Findings("lego", unsure, timing=found))
    assert sentence == "It is 40 ms late from 8.0 to 16.0 s of the source."


@given(st.dictionaries(st.sampled_from(sorted(WEIGHTS)), st.floats(0, 1)))
def test_faults_come_worst_first_and_once(parts: dict[str, float]) -> None:
    faults = find_faults(parts)
    factors = [parts[name] ** WEIGHTS[name] for name in faults]
    assert factors == sorted(factors)
    assert len(set(faults)) == len(faults)
    assert all(factor < 0.88 for factor in factors)
    worst = min((parts[name] ** WEIGHTS[name] for name in parts), default=1.0)
    assert bool(faults) == (worst < 0.88)


def test_what_explains_others_stands_alone() -> None:
    assert find_faults({"tempo": 0.2, "timing": 0.1}) == ("tempo",)
    assert find_faults({"tempo": 0.8, "timing": 0.1}) == ("timing", "tempo")
    assert find_faults({"leakage": 0.1, "key": 0.0, "loudness": 0.2}) == ("leakage",)


def test_remedies_name_the_values_of_the_source() -> None:
    assert find_remedy("tempo", SOURCE) == "Ask for another take, or set the tempo: the source has 96 bpm."
    assert "C major" in find_remedy("key", SOURCE)
    unsure = dataclasses.replace(SOURCE, confidence={})
    assert find_remedy("key", unsure) == "Ask for another take, or set the key of the source."
    higher = Findings("lego", unsure, tonality=Tonality(100.0, 0.0, 0.5, 0.1))
    assert fit_notes({"key": 0.1}, higher) == ("It is in another key, a semitone higher than the source.",)
    assert np.all([find_remedy(name, SOURCE).endswith(".") for name in WEIGHTS])
