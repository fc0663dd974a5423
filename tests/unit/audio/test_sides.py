"""Sound stays on the sides where a source has some."""

from __future__ import annotations

import numpy as np
import pytest

from acestep_runtime.audio.sides import keep_sides
from tests.support.signals import noise

NEW = noise(0.1)
OLD = noise(0.2)
MEAN = NEW.mean(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (OLD, NEW),
        (OLD * np.float32([1, 0]), np.hstack([MEAN, 0 * MEAN])),
        (OLD * np.float32([0, 1]), np.hstack([0 * MEAN, MEAN])),
        (OLD * np.float32([1e-5, 1]), np.hstack([0 * MEAN, MEAN])),
        (np.repeat(OLD[:, :1], 2, axis=1), np.hstack([MEAN, MEAN])),
        (OLD * 0, NEW),
        (OLD[:0], NEW),
    ],
    ids=["both", "left", "right", "dither on the left", "the same on both", "silence", "nothing"],
)
def test_sides_are_kept(source: np.ndarray, expected: np.ndarray) -> None:
    got = keep_sides(NEW, source)
    assert got.dtype == np.float32
    assert np.allclose(got, expected, atol=1e-7)


def test_mono_stays_as_it_is() -> None:
    assert keep_sides(NEW[:, :1], OLD[:, :1]) is not None
    assert np.array_equal(keep_sides(NEW[:, :1], OLD[:, :1]), NEW[:, :1])
