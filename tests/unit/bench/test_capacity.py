"""The simulated queue against closed forms: Erlang's formula for arrivals at random, and that for a fixed number of seats."""

from __future__ import annotations

import math
from itertools import chain
from statistics import fmean

import pytest
import simpy

from tests.bench.capacity import Queue, Times, percentile, simulate_arrivals, simulate_seats
from tests.bench.curves import Curve, Panel, draw_panels


def erlang_c(load: float, devices: int) -> float:
    """The probability that a job has to wait, for arrivals at random and exponential times. ``load`` is in devices."""
    waits = load**devices / math.factorial(devices) * devices / (devices - load)
    return waits / (sum(load**n / math.factorial(n) for n in range(devices)) + waits)


@pytest.mark.parametrize(("devices", "busy", "owners"), [(1, 0.5, 1), (2, 0.7, 1), (4, 0.7, 5)])
def test_jobs_that_arrive_at_random_wait_as_long_as_erlang_says(devices: int, busy: float, owners: int) -> None:
    """An order that does not look at the lengths of jobs leaves the mean as it is, so it holds for fair share as well."""
    job_s, load = 10.0, devices * busy
    waits = simulate_arrivals(12_000, load / job_s, devices, Times(job_s, vary=True), owners=owners)
    must_wait = erlang_c(load, devices)
    spare = (devices - load) / job_s
    assert fmean(wait > 0 for wait in waits) == pytest.approx(must_wait, rel=0.06)
    assert fmean(waits) == pytest.approx(must_wait / spare, rel=0.12)
    if owners == 1:  # first come, first served
        assert percentile(waits, 0.95) == pytest.approx(math.log(must_wait / 0.05) / spare, rel=0.12)


def mean_wait_s(seats: int, devices: int, job_s: float, think_s: float) -> float:
    """The closed form for a fixed number of seats, each with one job at a time, and exponential times."""
    weights = [1.0]
    for asking in range(1, seats + 1):
        arrive, end = (seats - asking + 1) / think_s, min(asking, devices) / job_s
        weights.append(weights[-1] * arrive / end)
    whole = sum(weights)
    waiting = sum(max(0, asking - devices) * weight for asking, weight in enumerate(weights)) / whole
    started = sum(min(asking, devices) * weight for asking, weight in enumerate(weights)) / whole / job_s
    return waiting / started


@pytest.mark.parametrize(("seats", "devices"), [(1, 1), (3, 4), (6, 1), (16, 4)])
def test_musicians_at_seats_wait_as_long_as_the_closed_form_says(seats: int, devices: int) -> None:
    times = Times(8.0, 30.0, vary=True)
    runs = [simulate_seats(seats, devices, times, seed=seed, length_s=50_000.0, warm_up_s=1_000.0) for seed in range(4)]
    waits = list(chain.from_iterable(runs))  # the error of one run is about 5 %
    assert fmean(waits) == pytest.approx(mean_wait_s(seats, devices, 8.0, 30.0), rel=0.08, abs=1e-9)


def test_a_musician_among_many_jobs_of_another_is_next_and_priority_goes_first() -> None:
    world = simpy.Environment()
    queue, started = Queue(world, 1), list[str]()

    def ask(owner: str, at_s: float, priority: int = 0) -> simpy.events.ProcessGenerator:
        yield world.timeout(at_s)
        waited_s = yield from queue.run(owner, 10.0, priority)
        started.append(f"{owner} at {at_s + waited_s:g}")

    for _ in range(5):
        world.process(ask("many", 0.0))
    for _ in range(2):
        world.process(ask("few", 5.0))
    world.process(ask("many", 6.0, 1))
    world.run()
    assert started == [
        "many at 0", "many at 10", "few at 20", "few at 30", "many at 40", "many at 50", "many at 60", "many at 70",
    ]  # fmt: skip


def test_the_share_of_values_below_a_percentile() -> None:
    assert percentile([3.0, 1.0, 2.0, 4.0], 0.5) == 3.0
    assert percentile([1.0], 0.95) == 1.0
    assert percentile([], 0.95) == 0.0


def test_the_picture_has_a_line_for_each_median_and_each_late_time() -> None:
    panel = Panel("one & two", [Curve("1 device", [(1, 0.0, 0.0), (8, 10.0, 1000.0)])])
    picture = draw_panels("Seconds", "musicians", [panel, panel])
    assert picture.count("<polyline") == 4
    assert "one &amp; two" in picture
    assert picture.count('points="72.0,294.0 298.0,184.0"') == 1  # the lower end of the axis, and its middle
