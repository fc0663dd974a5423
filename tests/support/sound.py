"""What a person hears of a program, compared with what it should play."""

from __future__ import annotations

import numpy as np

from tests.support.daemon import until
from tests.support.pulse import Record, find
from tests.support.signals import Samples


def wait_for_more(arrived: Record) -> None:
    """Wait for what is still on its way."""
    end = len(arrived.data)
    until(lambda: len(arrived.data) > end + 48_000, "the end of the record")


def assert_arrived(arrived: Record, music: Samples) -> None:
    """Every sample is there, once, in order, with all its bits, and nothing but silence around."""
    samples = arrived.samples()
    at = find(music, samples)
    assert at > 0
    np.testing.assert_array_equal(samples[at : at + len(music)], music)
    assert not samples[:at].any()
    assert not samples[at + len(music) :].any()
