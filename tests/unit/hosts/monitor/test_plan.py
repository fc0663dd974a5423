"""Which frame of the time line belongs to which time of the player's clock: against a walk frame by frame."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from acebridge.hosts.monitor.plan import Loop, Plan


@given(st.integers(-20, 20), st.integers(-20, 40), st.integers(-20, 30), st.integers(1, 20), st.integers(0, 100))
def test_a_loop_is_a_walk_that_jumps_back(index: int, frame: int, start: int, length: int, steps: int) -> None:
    loop = Loop(start, start + length)
    plan = Plan(1, index, frame, loop)
    at, jumps = frame, frame < loop.end
    for step in range(steps):
        assert plan.frame_at(index + step) == at
        assert plan.loops_at(at) == jumps
        at += 1
        if jumps and at == loop.end:
            at = loop.start


@given(st.integers(-20, 20), st.integers(-20, 40), st.integers(0, 100))
def test_without_a_loop_it_is_a_shift(index: int, frame: int, step: int) -> None:
    assert Plan(1, index, frame).frame_at(index + step) == frame + step
