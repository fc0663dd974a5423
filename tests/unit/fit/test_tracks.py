"""The fit of takes of several tracks, whose values are known."""

from __future__ import annotations

import pytest

from acestep_runtime.fit.measure import Fit, FitFacts
from acestep_runtime.fit.tracks import join_fits


def fit(value: float, *notes: str, task: str = "lego", **parts: float) -> Fit:
    fault = min(parts, key=lambda name: parts[name]) if notes else ""
    return Fit(value, parts, notes, fault, f"Change {fault}." if fault else "", {}, FitFacts(task, ("any",)))


def test_one_bad_track_among_three_is_named_and_lowers_the_value() -> None:
    joined = join_fits(
        {
            "drums": fit(1.0, timing=1.0),
            "guitar": fit(0.064, "It is 120 ms late.", "It is quiet.", timing=0.064),
            "bass": fit(1.0, timing=1.0, key=0.9),
        }
    )
    assert joined.value == pytest.approx(0.4)
    assert joined.notes == ("guitar: It is 120 ms late.", "guitar: It is quiet.")
    assert (joined.fault, joined.remedy) == ("timing", "Change timing.")
    assert joined.parts == {"timing": 0.064, "key": 0.9}
    assert joined.facts.tracks == ("drums", "guitar", "bass")


def test_the_worst_track_comes_first() -> None:
    joined = join_fits({"bass": fit(0.5, "A.", key=0.5), "drums": fit(0.2, "B.", timing=0.2)})
    assert joined.notes == ("drums: B.", "bass: A.")
    assert joined.fault == "timing"


def test_a_silent_track_does_not_decide_alone() -> None:
    silent, fine = fit(0.0, "It is silent.", silence=0.0), fit(1.0, silence=1.0)
    assert 0.2 < join_fits({"bass": silent, "drums": fine, "guitar": fine}).value < 0.4
    assert join_fits({"bass": silent, "drums": silent}).value == pytest.approx(0.02)


def test_a_song_may_lack_a_stem() -> None:
    silent, fine = fit(0.0, "It is silent.", task="extract", silence=0.0), fit(0.9, task="extract", silence=1.0)
    joined = join_fits({"vocals": silent, "drums": fine})
    assert joined.value == pytest.approx(0.9)
    assert joined.notes == ("vocals: It is silent.",)
    assert join_fits({"vocals": silent, "drums": silent}).fault == "silence"
