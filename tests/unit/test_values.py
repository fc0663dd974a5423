"""Values that a request may have."""

from __future__ import annotations

import pytest

from acestep_runtime.errors import InvalidValue
from acestep_runtime.limits import validate
from acestep_runtime.values import MAX_BPM, MIN_BPM, Music, clip_bpm


@pytest.mark.parametrize(("bpm", "nearest"), [(1.0, 30.0), (30.0, 30.0), (97.5, 97.5), (300.0, 300.0), (1e9, 300.0)])
def test_the_nearest_tempo_is_one_that_a_request_may_have(bpm: float, nearest: float) -> None:
    assert clip_bpm(bpm) == nearest
    validate(Music(bpm=nearest))


def test_a_tempo_beyond_the_limits_is_refused() -> None:
    for bpm in (MIN_BPM - 0.001, MAX_BPM + 0.001):
        with pytest.raises(InvalidValue, match="30 to 300 beats per minute"):
            validate(Music(bpm=bpm))
