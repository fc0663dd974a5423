"""The streamed mix against one sum in numpy, and when its tracks are open."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.audio import mixdown
from acestep_runtime.audio.mixdown import Track, mix_down
from acestep_runtime.audio.samples import Samples
from tests.support.signals import noise


def blocks(samples: Samples, *lengths: int) -> Generator[Samples, None, None]:
    """Yield samples in blocks of these lengths, again and again."""
    at = 0
    while at < len(samples):
        for length in lengths:
            yield samples[at : at + length]
            at += length


TRACKS = st.lists(
    st.tuples(
        st.integers(1, 900),
        st.integers(0, 1200),
        st.sampled_from([1, 2]),
        st.sampled_from([(0.5,), (-1.5, 0.25)]),
        st.lists(st.integers(1, 700), min_size=1, max_size=3),
    ),
    max_size=4,
)


@given(tracks=TRACKS, frames=st.integers(1, 1500), block=st.integers(1, 500))
@settings(deadline=None)
def test_blocks_of_any_length_add_up_to_the_sum(tracks, frames: int, block: int) -> None:
    expected = np.zeros((frames, 2), np.float32)
    mixed = []
    for seed, (length, at, channels, gains, lengths) in enumerate(tracks):
        samples = noise(length / 48_000, channels=channels, seed=seed)
        mixed.append(Track(lambda s=samples, n=lengths: blocks(s, *n), length, at, gains))
        inside = samples[: max(0, frames - at)]
        expected[at : at + len(inside)] += np.array(gains, np.float32) * inside
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mixdown, "BLOCK_FRAMES", block)
        pieces = list(mix_down(mixed, frames, 2))
    assert [len(piece) for piece in pieces[:-1]] == [block] * (len(pieces) - 1)
    total = np.concatenate(pieces)
    assert total.dtype == np.float32
    np.testing.assert_array_equal(total, expected)


def test_a_track_is_open_only_while_it_sounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixdown, "BLOCK_FRAMES", 100)
    open_now: set[int] = set()

    def track(number: int) -> Generator[Samples, None, None]:
        open_now.add(number)
        try:
            while True:
                yield np.ones((30, 1), np.float32)
        finally:
            open_now.remove(number)

    tracks = [Track(lambda n=n: track(n), 100, 100 * n) for n in range(3)]
    tracks.append(Track(lambda: track(3), 250, 50))
    tracks.append(Track(lambda: track(4), 100, 300))  # never: the mix is over
    seen = [(block.min(), block.max(), set(open_now)) for block in mix_down(tracks, 300, 1)]
    assert seen == [(1, 2, {3}), (2, 2, {3}), (2, 2, set())]
    mix = mix_down(tracks, 300, 1)
    next(mix)
    assert open_now == {3}
    mix.close()
    assert open_now == set()


def test_a_track_that_ends_early_is_an_error() -> None:
    short = Track(lambda: blocks(noise(0.1), 1000), 4801)
    with pytest.raises(ValueError, match="a track of the mix ended 1 frames early"):
        list(mix_down([short], 5000, 2))
