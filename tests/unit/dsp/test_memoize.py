import threading

import numpy as np
import pytest

from acestep_runtime.dsp.memoize import memoize_by_audio


@pytest.fixture
def calls() -> list[tuple]:
    return []


@pytest.fixture
def total(calls: list[tuple]):
    @memoize_by_audio(2)
    def total(samples, scale, *, offset=0):
        calls.append((scale, offset))
        return samples.sum() * scale + offset

    return total


def test_equal_audio_is_analysed_once(total, calls) -> None:
    sound = np.arange(6, dtype=np.float32).reshape(3, 2)
    assert total(sound, 2) == total(sound.copy(), 2) == total(np.asfortranarray(sound), 2) == 30
    assert calls == [(2, 0)]


@pytest.mark.parametrize(
    "other",
    [
        lambda x: (x + 1, 2), lambda x: (x.reshape(2, 3), 2), lambda x: (x.astype(np.float64), 2), lambda x: (x, 3),
        lambda x: (x[:0], 2),
    ],
)  # fmt: skip
def test_different_audio_is_analysed_again(total, calls, other) -> None:
    sound = np.arange(6, dtype=np.float32).reshape(3, 2)
    total(sound, 2)
    total(*other(sound))
    assert len(calls) == 2
    total(sound, 2, offset=1)
    assert len(calls) == 3


def test_only_the_last_results_are_kept(total, calls) -> None:
    for scale in (1, 2, 1, 3, 1, 2):
        total(np.ones(3, np.float32), scale)
    assert [scale for scale, _ in calls] == [1, 2, 3, 2]


def test_errors_are_not_kept() -> None:
    @memoize_by_audio(2)
    def fails(samples):
        del samples
        raise ValueError(str(threading.get_ident()))

    for _ in range(2):
        with pytest.raises(ValueError, match=r"\d"):
            fails(np.ones(1))
