"""``python -m tests.bench.ray_cluster``: workers on a Ray cluster of this machine beside one of this machine alone.

Prints figures, asserts nothing: jobs that wait, on one and on two actors; audio through the object store beside the local
spool; memory of a relay and an actor.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from acebridge.client.client import Client
from acebridge.v1 import jobs_pb2
from tests.support.daemon import Daemon, collect, create_tone_job, daemon_at, generate, job
from tests.support.ray_cluster import RayCluster

_JOBS, _STEPS, _STEP_MS = 8, 20, 50
_AUDIO_S, _RUNS = 300.0, 3


def union_s(intervals: Sequence[tuple[float, float]]) -> float:
    """Return the length of the union of intervals."""
    total, end = 0.0, float("-inf")
    for begin, stop in sorted(intervals):
        total += max(0.0, stop - max(begin, end))
        end = max(end, stop)
    return total


def _interval(done: jobs_pb2.Job) -> tuple[float, float]:
    return done.start_time.ToNanoseconds() / 1e9, done.end_time.ToNanoseconds() / 1e9


def measure_waiting(client: Client) -> tuple[float, float]:
    """Return jobs a second while any ran, and how many ran at once on average."""
    ids = [create_tone_job(client, 0.1, seed=seed, steps=_STEPS) for seed in range(_JOBS)]
    for job_id in ids:
        collect(client.watch(job_id))
    intervals = [_interval(job(client, job_id)) for job_id in ids]
    wall_s = union_s(intervals)
    return _JOBS / wall_s, sum(stop - begin for begin, stop in intervals) / wall_s


def measure_audio(client: Client) -> float:
    """Return how many MiB/s a job with little to compute writes, at best."""
    best_s = float("inf")
    for seed in range(_RUNS):
        job_id = create_tone_job(client, _AUDIO_S, seed=seed, steps=1)
        collect(client.watch(job_id))
        begin, end = _interval(job(client, job_id))
        best_s = min(best_s, end - begin)
    return _AUDIO_S * 48_000 * 2 * 4 / 2**20 / best_s


def _start_all(client: Client, count: int) -> float:
    """Have all workers start; return the seconds until the first job was done."""
    began_s = time.monotonic()
    collect(generate(client, 0.1, seed=1, steps=1))
    first_s = time.monotonic() - began_s
    for job_id in [create_tone_job(client, 0.1, seed=seed, steps=100) for seed in range(2 * count)]:
        collect(client.watch(job_id))
    return first_s


def _private_mib(process: psutil.Process) -> float:
    return float(process.memory_full_info().uss) / 2**20


def _report(name: str, daemon: Daemon, count: int, cluster: RayCluster | None = None) -> None:
    assert daemon.client is not None
    first_s = _start_all(daemon.client, count)
    rate, at_once = measure_waiting(daemon.client)
    audio = measure_audio(daemon.client)
    print(
        f"{name}: first job after {first_s:.1f} s; {rate:.2f} jobs/s of {_STEPS * _STEP_MS} ms each, {at_once:.2f} at"
        f" once; audio {audio:.0f} MiB/s",
        flush=True,
    )
    if cluster is not None:
        relays = [each for each in daemon.children() if "acebridge.workers.ray.relay" in " ".join(each.cmdline())]
        actors = cluster.actors()
        print(
            f"  relays {', '.join(f'{_private_mib(each):.0f}' for each in relays)} MiB, actors"
            f" {', '.join(f'{_private_mib(each):.0f}' for each in actors)} MiB of their own",
            flush=True,
        )


def main() -> None:
    """Measure all of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with daemon_at(folder / "local", step_ms=_STEP_MS) as daemon:
            _report("local, 1 worker", daemon, 1)
        variables = {"ACEBRIDGE_HOME": str(folder / "nodes"), "ACEBRIDGE_FAKE_STEP_MS": str(_STEP_MS)}
        cluster = RayCluster(variables)
        try:
            cluster.add("first=2", "second=2")
            os.environ.update(cluster.access)
            for count, address in ((1, "ray://auto"), (2, "ray://auto"), (1, cluster.client_address)):
                config = f'workers = "{address}"\nray_workers = {count}\nray_resources = {{ seat = 1 }}\n'
                with daemon_at(folder / f"{count}{len(address)}", config=config) as daemon:
                    _report(f"{address}, {count} workers", daemon, count, cluster)
        finally:
            cluster.stop()


if __name__ == "__main__":
    main()
