"""How many musicians share how many devices: a simulation of the queue, with service times that were measured.

Each seat is a musician with a token: asks for something, waits, listens and thinks, asks again. The queue is the scheduler's:
`acebridge.jobs.order` and `acebridge.jobs.fair_share` choose the next job here as they do in the daemon.

`make bench-capacity` writes docs/capacity.svg and prints the table. The same seed gives the same figures.
"""

from __future__ import annotations

import random
import statistics
import sys
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import simpy

from acebridge.jobs import fair_share
from acebridge.jobs.order import Head, first_of
from acebridge.workers.base import Need
from tests.bench.curves import Curve, Panel, draw_panels


@dataclass(frozen=True)
class Service:
    """One job takes ``seconds`` on one device, as measured at ``measured``."""

    name: str
    seconds: float
    measured: str


#: A device is a worker with two cores of its own. Nothing was measured on a GPU, so there is no row for one.
SERVICES = (
    Service("draft, 30 s of song", 0.9, "PERFORMANCE.md, The draft engine: text2music, jazz; two cores"),
    Service(
        "small neural, 60 s of song",
        7.2,
        "PERFORMANCE.md, The neural engine: text2music, 60 s, 8 steps, first take; 512 wide, 8 layers; two cores",
    ),
    Service(
        "full-size neural, 5 s of song",
        17.2,
        "PERFORMANCE.md, The neural engine at full size: 8 steps of 1.38 s and 5 times 1.24 s, in seconds of processor time",
    ),
)
SEATS, DEVICES = (1, 2, 4, 8, 16, 32), (1, 2, 4)
#: A musician listens and thinks for this long, on average; the times are exponential.
THINK_S = 30.0
_WARM_UP_S, _LENGTH_S = 1_800.0, 9_000.0
_NEED = Need("any", "text2music")


@dataclass
class Queue:
    """The queue of a daemon with some devices, in the time of ``world``."""

    world: simpy.Environment
    devices: int
    _waiting: dict[int, tuple[Head, simpy.Event]] = field(default_factory=dict)
    #: Job -> its owner and when it began.
    _running: dict[int, tuple[str, float]] = field(default_factory=dict)
    #: Owner -> what it had used, and when that was.
    _used: dict[str, tuple[float, float]] = field(default_factory=dict)
    _number: int = 0

    def run(self, owner: str, length_s: float, priority: int = 0) -> Generator[simpy.Event, Any, float]:
        """Wait for a device and keep it for some seconds; return how long that was waited for."""
        self._number += 1
        number, asked_at, started = self._number, self.world.now, self.world.event()
        asking = {head.owner for head, _ in self._waiting.values()} | {each for each, _ in self._running.values()}
        if asking and owner not in asking:
            self._used[owner] = fair_share.start(owner, self.used(), asking), self.world.now
        self._waiting[number] = Head(_NEED, owner, priority, 1, number), started
        self._start_jobs()
        yield started
        waited_s: float = self.world.now - asked_at
        yield self.world.timeout(length_s)
        self._used[owner] = self._use_so_far(owner) + fair_share.work(length_s), self.world.now
        del self._running[number]
        self._start_jobs()
        return waited_s

    def used(self) -> dict[str, float]:
        """Return what each owner has used by now, in seconds, as `acebridge.jobs.shares.used` does."""
        used_s = {owner: self._use_so_far(owner) for owner in self._used}
        for owner, began in self._running.values():
            used_s[owner] = used_s.get(owner, 0.0) + fair_share.work(self.world.now - began)
        return {owner: round(each_s, 3) for owner, each_s in used_s.items()}

    def _use_so_far(self, owner: str) -> float:
        used_s, at = self._used.get(owner, (0.0, self.world.now))
        return fair_share.decay(used_s, self.world.now - at)

    def _start_jobs(self) -> None:
        while len(self._running) < self.devices:
            head = first_of((head for head, _ in self._waiting.values()), self.used())
            if head is None:
                return
            _, started = self._waiting.pop(head.number)
            self._running[head.number] = head.owner, self.world.now
            started.succeed()


@dataclass(frozen=True)
class Times:
    """How long jobs take and musicians think, in seconds. With ``vary`` the jobs' times are exponential, else all alike."""

    job_s: float
    think_s: float = THINK_S
    vary: bool = False

    def draw_job_s(self, source: random.Random) -> float:
        """Return the length of a job."""
        return source.expovariate(1 / self.job_s) if self.vary else self.job_s


def simulate_seats(
    seats: int, devices: int, times: Times, *, seed: int = 1, length_s: float = _LENGTH_S, warm_up_s: float = _WARM_UP_S
) -> list[float]:
    """Return how long each job waited, of those that musicians at ``seats`` asked for after the warm-up."""
    world, source, waits = simpy.Environment(), random.Random(seed), list[float]()
    queue = Queue(world, devices)

    def sit(owner: str) -> Generator[simpy.Event, Any, None]:
        while True:
            yield world.timeout(source.expovariate(1 / times.think_s))
            asked_at = world.now
            waited_s = yield from queue.run(owner, times.draw_job_s(source))
            if asked_at >= warm_up_s:
                waits.append(waited_s)

    for seat in range(seats):
        world.process(sit(f"seat {seat}"))
    world.run(until=length_s)
    return waits


def simulate_arrivals(
    jobs: int, rate: float, devices: int, times: Times, *, owners: int = 1, seed: int = 1
) -> list[float]:
    """Return how long each of some jobs waited that arrive at random, ``rate`` of them a second, from any of ``owners``."""
    world, source, waits = simpy.Environment(), random.Random(seed), list[float]()
    queue = Queue(world, devices)

    def ask(owner: str) -> Generator[simpy.Event, Any, None]:
        waits.append((yield from queue.run(owner, times.draw_job_s(source))))

    def arrive() -> Generator[simpy.Event, Any, None]:
        for _ in range(jobs):
            yield world.timeout(source.expovariate(rate))
            world.process(ask(f"owner {source.randrange(owners)}"))

    world.process(arrive())
    world.run()
    return waits


def percentile(values: list[float], share: float) -> float:
    """Return the smallest value that ``share`` of the values do not exceed; 0 without values."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def measure(service: Service) -> dict[int, list[tuple[int, float, float]]]:
    """Return the rows of a service by the number of devices: seats, median and 95 % of the waiting time in seconds."""
    rows: dict[int, list[tuple[int, float, float]]] = {}
    for devices in DEVICES:
        for seats in SEATS:
            waits = simulate_seats(seats, devices, Times(service.seconds))
            rows.setdefault(devices, []).append((seats, statistics.median(waits), percentile(waits, 0.95)))
    return rows


def _round(seconds: float) -> str:
    return f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.1f}".removesuffix(".0")


def main(out: Path) -> None:
    """Print the table in Markdown, and write the picture."""
    panels = []
    print("| one job | devices | " + " | ".join(f"{seats}" for seats in SEATS) + " |")
    print("|---|---|" + "---|" * len(SEATS))
    for service in SERVICES:
        curves = []
        for devices, rows in measure(service).items():
            cells = " | ".join(f"{_round(median_s)}, {_round(late_s)} s" for _, median_s, late_s in rows)
            print(f"| {service.name}, {service.seconds:g} s | {devices} | {cells} |")
            label = f"{devices} device{'s' if devices > 1 else ''}"
            curves.append(Curve(label, [(seats, median_s, late_s) for seats, median_s, late_s in rows]))
        panels.append(Panel(f"{service.name}: {service.seconds:g} s", curves))
    out.write_text(draw_panels("Seconds until a job starts: median, and 95 % (dashed)", "musicians", panels))
    print(f"Wrote {out}.")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/capacity.svg"))
