"""The limits of what is told, and its words."""

from __future__ import annotations

import pytest

from acestep_runtime.certainty import LIMITS, certainty, describe_findings, is_reported, is_sure, sure_metadata


@pytest.mark.parametrize("finding", LIMITS)
def test_limits_divide_a_confidence_into_three(finding: str) -> None:
    perhaps, sure = LIMITS[finding]
    assert 0 < perhaps < sure < 1
    words = [certainty(finding, value) for value in (0.0, perhaps - 1e-9, perhaps, sure - 1e-9, sure, 1.0)]
    assert words == ["not heard", "not heard", "perhaps", "perhaps", "sure", "sure"]


def test_a_finding_without_a_confidence_is_none() -> None:
    assert not is_reported("tempo", {"key": 1.0})
    assert not is_sure("tempo", {})
    assert is_reported("key", {"key": 1.0})
    assert is_sure("key", {"key": 1.0})


def test_findings_in_words() -> None:
    analysed = {
        "bpm": 96.04, "timesignature": 4, "keyscale": "A minor", "caption": "Soul.",
        "certainty": {"tempo": "sure", "beats": "sure", "meter": "perhaps", "key": "sure"},
    }  # fmt: skip
    assert describe_findings(analysed) == {"bpm": "96.04", "keyscale": "A minor", "timesignature": "perhaps 4"}
    assert describe_findings(analysed, bpm="{:.1f} bpm", timesignature="{}/4") == {
        "bpm": "96.0 bpm", "keyscale": "A minor", "timesignature": "perhaps 4/4"
    }  # fmt: skip
    silence = {"certainty": {"tempo": "not heard", "beats": "not heard", "meter": "not heard", "key": "not heard"}}
    assert describe_findings(silence) == dict.fromkeys(("bpm", "keyscale", "timesignature"), "not heard")
    assert describe_findings({**silence, "bpm": None}) == describe_findings(silence)


def test_music_that_was_made_is_known() -> None:
    assert describe_findings({"bpm": 120.0, "keyscale": "C major"}) == {"bpm": "120", "keyscale": "C major"}
    assert describe_findings({}) == {}


def test_only_what_is_sure_is_built_on() -> None:
    metadata = {
        "bpm": 120.0, "keyscale": "C major", "timesignature": 4, "caption": "x",
        "certainty": {"tempo": "sure", "key": "perhaps", "meter": "perhaps"},
    }  # fmt: skip
    assert sure_metadata(metadata).keys() == {"bpm", "caption", "certainty"}
    made = {"bpm": 120.0, "keyscale": "C major"}
    assert sure_metadata(made) == made
