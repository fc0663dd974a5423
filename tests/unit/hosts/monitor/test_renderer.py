"""What reaches the device: buffers of any size against the samples that they should hold."""

from __future__ import annotations

import tracemalloc

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from acebridge.hosts.monitor.renderer import FADE_S, RESUME_S, Renderer
from acebridge.hosts.monitor.ring import Ring
from tests.support.signals import Samples, noise, sine

RATE_HZ = 48_000
FADE = round(FADE_S * RATE_HZ)
SIZES = st.lists(st.integers(1, 5000), min_size=1, max_size=30)


def ring_of(samples: Samples, *, epoch: int = 0, origin: int = 0, clean: bool = True) -> Ring:
    ring = Ring(len(samples), origin=origin, epoch=epoch, clean=clean)
    ring.write(samples)
    ring.finished = True
    return ring


def playing(ring: Ring | None) -> Renderer:
    renderer = Renderer(RATE_HZ)
    renderer.offered, renderer.playing = ring, True
    return renderer


def buffers(renderer: Renderer, *sizes: int) -> Samples:
    out = []
    for size in sizes:
        out.append(np.full((size, 2), np.float32(0.9)))
        renderer.render(out[-1], False)
    return np.concatenate(out)


def steepest(samples: Samples) -> float:
    return float(np.abs(np.diff(samples, axis=0)).max())


@given(SIZES)
def test_every_sample_comes_once_in_any_buffers(sizes: list[int]) -> None:
    music = noise(0.5, seed=5)
    played = buffers(playing(ring_of(music)), *sizes)
    count = min(len(played), len(music))
    np.testing.assert_array_equal(played[:count], music[:count])
    assert not played[count:].any()


def test_a_preroll_is_silent_and_takes_nothing() -> None:
    music = noise(0.1)
    renderer = Renderer(RATE_HZ, preroll_s=0.01)
    renderer.offered, renderer.playing = ring_of(music), True
    played = buffers(renderer, 300, 300, 4800)
    assert not played[:600].any()
    np.testing.assert_array_equal(played[600:], music[:4800])


@given(SIZES)
def test_a_change_to_another_version_is_aligned_and_has_no_step(sizes: list[int]) -> None:
    first, second = sine(220, 2.0), sine(220, 2.0, peak=0.3)
    renderer = playing(ring_of(first))
    before = buffers(renderer, 4999)
    renderer.offered = ring_of(second[4000:], origin=4000)
    after = buffers(renderer, *sizes)[: len(second) - 4999]
    played = np.concatenate([before, after])
    np.testing.assert_array_equal(played[:4999], first[:4999])
    np.testing.assert_array_equal(played[4999 + FADE :], second[4999 + FADE : len(played)])
    assert steepest(played) <= steepest(first) * 1.05


def test_a_change_takes_one_buffer() -> None:
    first, second = noise(1.0, seed=1), noise(1.0, seed=2)
    renderer = playing(ring_of(first))
    buffers(renderer, 1024)
    renderer.offered = ring_of(second[512:], origin=512)
    assert renderer.switches == 1
    played = buffers(renderer, 1024, 1024)
    assert renderer.switches == 2
    np.testing.assert_array_equal(played[FADE:], second[1024 + FADE : 3072])
    # The fade is linear: two versions of the same music are alike, and their sum then keeps its level.
    rise = (np.arange(1, FADE + 1) / FADE)[:, None]
    expected = first[1024 : 1024 + FADE] * (1 - rise) + second[1024 : 1024 + FADE] * rise
    np.testing.assert_allclose(played[:FADE], expected, atol=1e-6)


def test_another_version_that_has_not_come_so_far_is_waited_for() -> None:
    first, second = noise(1.0, seed=1), noise(1.0, seed=2)
    renderer = playing(ring_of(first))
    buffers(renderer, 1000)
    late = Ring(RATE_HZ)
    late.write(second[:1000])
    renderer.offered = late
    np.testing.assert_array_equal(buffers(renderer, 1000), first[1000:2000])
    late.write(second[1000:20_000])
    np.testing.assert_array_equal(buffers(renderer, 1000)[FADE:], second[2000 + FADE : 3000])


def test_a_jump_needs_no_alignment() -> None:
    first, second = noise(1.0, seed=1), noise(1.0, seed=2)
    renderer = playing(ring_of(first))
    buffers(renderer, 1000)
    renderer.offered = ring_of(second, epoch=1, origin=77)
    np.testing.assert_array_equal(buffers(renderer, 1000)[FADE:], second[FADE:1000])


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=20), st.data())
def test_an_underrun_is_silence_and_nothing_is_lost(sizes: list[int], data: st.DataObject) -> None:
    music = noise(1.0, seed=3)
    ring = Ring(len(music))
    renderer = playing(ring)
    fed = ring.write(music[: data.draw(st.integers(1, 3000))])
    played = []
    for size in sizes:
        played.append(buffers(renderer, size))
        fed += ring.write(music[fed : fed + data.draw(st.integers(0, 3000))])
    ring.write(music[fed:])
    ring.finished = True
    played.append(buffers(renderer, len(music) + 1))
    samples = np.concatenate(played)
    np.testing.assert_array_equal(samples[samples.any(axis=1)], music)  # music alone, without the silence between
    silence = len(samples) - len(music)
    assert renderer.missing_frames <= silence
    assert renderer.underruns <= len(sizes)


def test_underruns_are_counted_once_each_and_end_when_enough_has_come() -> None:
    ring = Ring(RATE_HZ)
    renderer = playing(ring)
    assert not buffers(renderer, 500).any()
    assert (renderer.underruns, renderer.missing_frames) == (0, 0)  # nothing was promised yet
    ring.write(noise(0.3))
    buffers(renderer, 14_300, 500, 500)
    assert (renderer.underruns, renderer.missing_frames) == (1, 900)
    resume = round(RESUME_S * RATE_HZ)
    ring.write(noise(1.0)[: resume - 1])
    assert not buffers(renderer, 500).any()
    ring.write(noise(1.0)[:1])
    assert buffers(renderer, 500).any()
    assert (renderer.underruns, renderer.missing_frames) == (1, 1400)


def test_a_pause_fades_and_takes_no_more_than_the_fade() -> None:
    music = sine(220, 1.0)
    ring = ring_of(music)
    renderer = playing(ring)
    buffers(renderer, 1000)
    renderer.playing = False
    faded = buffers(renderer, 100, 1000)
    assert ring.index == 1000 + FADE
    assert not faded[FADE:].any()
    assert renderer.quiet
    renderer.playing = True
    resumed = buffers(renderer, 1000)
    np.testing.assert_array_equal(resumed[FADE:], music[1000 + 2 * FADE : 2000 + FADE])
    assert steepest(np.concatenate([faded, resumed])) < steepest(music) * 1.5


@given(st.lists(st.integers(1, 300), min_size=1, max_size=10))
def test_a_level_is_reached_in_a_straight_line(sizes: list[int]) -> None:
    renderer = playing(ring_of(np.ones((RATE_HZ, 2), np.float32)))
    buffers(renderer, 100)
    renderer.level = 0.25
    played = buffers(renderer, *sizes)[:, 0]
    line = 1 - 0.75 * np.minimum(np.arange(1, len(played) + 1) / FADE, 1)
    np.testing.assert_allclose(played, line, atol=1e-5)
    assert buffers(renderer, FADE + 5)[-1, 0] == 0.25


def test_a_buffer_makes_no_array() -> None:
    renderer = playing(ring_of(noise(2.0)))
    buffers(renderer, 512)
    renderer.offered = ring_of(noise(2.0, seed=1)[500:], origin=500)
    renderer.level = 0.5
    out = np.zeros((4096, 2), np.float32)
    tracemalloc.start()
    try:
        for _ in range(3):
            renderer.render(out, False)
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        for _ in range(10):
            renderer.render(out, True)
        now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < out.nbytes / 8  # views and numbers, no samples
    assert now - before < 1024
