"""The ring against a deque of frames."""

from __future__ import annotations

import threading
from collections import deque

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from acebridge.hosts.monitor.ring import Ring
from tests.support.signals import Samples

#: What is done: frames that are written, read or skipped.
STEPS = st.lists(st.tuples(st.sampled_from(("write", "read", "skip")), st.integers(0, 40)), max_size=60)


def numbers(start: int, count: int) -> Samples:
    """Frames that hold their own number, and its negative."""
    values = np.arange(start, start + count, dtype=np.float32)
    return np.stack([values, -values], axis=1)


@given(st.integers(1, 30), st.integers(-50, 50), STEPS)
def test_it_is_a_deque_of_limited_length(size: int, origin: int, steps: list[tuple[str, int]]) -> None:
    ring, model, written = Ring(size, origin=origin), deque[float](), 0
    for what, count in steps:
        if what == "write":
            taken = ring.write(numbers(written, count))
            assert taken == min(count, size - len(model))
            model.extend(range(written, written + taken))
            written += taken
        elif what == "read":
            out = np.full((count, 2), np.float32(0.5))
            got = ring.read(out)
            assert got == min(count, len(model))
            assert out[:got, 0].tolist() == [model.popleft() for _ in range(got)]
            np.testing.assert_array_equal(out[:got, 1], -out[:got, 0])
            assert (out[got:] == 0.5).all()
        else:
            count = min(count, ring.readable())
            ring.skip(count)
            for _ in range(count):
                model.popleft()
        assert (ring.readable(), ring.writable()) == (len(model), size - len(model))
        assert (ring.index, ring.end) == (origin + written - len(model), origin + written)


def test_a_writer_and_a_reader_in_threads_of_their_own() -> None:
    ring, total = Ring(997), 200_000
    got: list[Samples] = []

    def write() -> None:
        done = 0
        while done < total:
            done += ring.write(numbers(done, min(total - done, 1 + done % 613)))

    writer = threading.Thread(target=write)
    writer.start()
    count = 0
    while count < total:
        out = np.empty((1 + count % 211, 2), np.float32)
        frames = ring.read(out)
        got.append(out[:frames].copy())
        count += frames
    writer.join()
    np.testing.assert_array_equal(np.concatenate(got), numbers(0, total))
