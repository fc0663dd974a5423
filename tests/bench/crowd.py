"""Many clients at once, long queues and a long history: what a call costs then, beside what it costs otherwise.

Whatever is compared is measured alternately, so that other programs slow both down alike.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import grpc

from acebridge.client.client import Client, request_of
from acebridge.jobs import tables
from acebridge.store.database import Database
from acebridge.v1 import assets_pb2, daemon_pb2, jobs_pb2, tasks_pb2, tasks_pb2_grpc
from tests.bench.running import Running, load, run_daemon

_CLIENTS, _CROWD_S, _PAUSE_S = 64, 60.0, 1.0
_FEW, _MANY, _STARTS, _QUEUE_ROUNDS = 20, 1_000, 10, 5
_OLD_JOBS, _CALLS = 10_000, 150
_EVENTS = 12


def _tone(seconds: float = 0.1, **submission: str) -> tasks_pb2.TextToMusicRequest:
    fields = {"duration_s": seconds, "output": {"seeds": [1]}}
    message = request_of("text2music", fields, submission={"engine": "fake", **submission})
    assert isinstance(message, tasks_pb2.TextToMusicRequest)
    return message


# ---- a crowd ----


async def _be_client(daemon: Running, until: float, firsts_s: list[float]) -> None:
    """Ask for a song, follow it, pause, again and again."""
    metadata = (("authorization", f"Bearer {daemon.token}"),)
    request = _tone()
    async with grpc.aio.insecure_channel(
        daemon.client.address, options=[("grpc.use_local_subchannel_pool", 1)]
    ) as channel:
        stub = tasks_pb2_grpc.TaskServiceStub(channel)
        while True:
            await asyncio.sleep(random.uniform(0, 2 * _PAUSE_S))
            if time.monotonic() > until:
                return
            began = time.perf_counter()
            events: Any = stub.TextToMusic(request, metadata=metadata)
            first = True
            async for _event in events:
                if first:
                    firsts_s.append(time.perf_counter() - began)
                    first = False


def crowd(seconds: float = _CROWD_S) -> None:
    """How long clients wait for their first event while there are many of them."""
    firsts_s: list[float] = []

    async def run(daemon: Running) -> None:
        until = time.monotonic() + seconds
        await asyncio.gather(*(_be_client(daemon, until, firsts_s) for _ in range(_CLIENTS)))

    with run_daemon() as daemon:
        list(daemon.client.submit_request(_tone()))  # the first one starts the worker
        before_s, before_mb = daemon.cpu_s(), daemon.resident_mb()
        asyncio.run(run(daemon))
        cpu_ms = (daemon.cpu_s() - before_s) / len(firsts_s) * 1e3
        after_mb = daemon.resident_mb()
    points = statistics.quantiles([1e3 * first_s for first_s in firsts_s], n=100)
    print(
        f"{_CLIENTS} clients for {seconds:.0f} s, each with a song about every {_PAUSE_S:.0f} s: {len(firsts_s)} jobs,"
        f" request to first event: median {points[49]:.1f} ms, p95 {points[94]:.1f} ms, p99 {points[98]:.1f} ms;"
        f" the daemon's processor time {cpu_ms:.1f} ms a job; its memory {before_mb:.0f} MB, {after_mb:.0f} MB after"
        f" ({load()})"
    )


# ---- a queue ----


def _fill_queue(daemon: Running, waiting: int) -> list[str]:
    """Have a job stand still, and others wait behind it; return the first that do."""
    (daemon.home / "1.steps").touch()
    daemon.client.create(_tone())
    return [daemon.client.create(_tone()).id for _ in range(waiting)][:_STARTS]


def _measure_starts(daemon: Running, jobs: list[str]) -> tuple[float, float]:
    """Let them run; return the time from the end of one to the start of the next, and the daemon's processor time a job."""
    before_s = daemon.cpu_s()
    (daemon.home / "1.steps").unlink()
    for _event in daemon.client.watch(jobs[-1]):
        pass
    cpu_ms = (daemon.cpu_s() - before_s) / len(jobs) * 1e3
    done = [daemon.client.call(daemon.client.jobs.GetJob, jobs_pb2.GetJobRequest(job_id=each)) for each in jobs]
    gaps = [
        after.start_time.ToNanoseconds() - before.end_time.ToNanoseconds() for before, after in itertools.pairwise(done)
    ]
    return statistics.median(gaps) / 1e6, cpu_ms


def queue() -> None:
    """How fast one job follows another where few and where many wait."""
    gaps: dict[int, list[tuple[float, float]]] = {_FEW: [], _MANY: []}
    for _ in range(_QUEUE_ROUNDS):
        for waiting, measured in gaps.items():
            with run_daemon() as daemon:
                list(daemon.client.submit_request(_tone()))
                jobs = _fill_queue(daemon, waiting)
                measured.append(_measure_starts(daemon, jobs))
    (few_ms, few_cpu), (many_ms, many_cpu) = (
        tuple(statistics.median(values) for values in zip(*measured, strict=True)) for measured in gaps.values()
    )
    print(
        f"from the end of a job to the start of the next: {few_ms:.1f} ms where {_FEW} wait, {many_ms:.1f} ms where"
        f" {_MANY} wait, {many_ms / few_ms:.2f} x; the daemon's processor time {few_cpu:.1f} and {many_cpu:.1f} ms a job"
        f" ({load()})"
    )


# ---- a history ----


def _fill_history(home: Path, jobs: int) -> None:
    """Write jobs that have ended long ago, with their events and what they have made."""
    database = Database(home / "acebridge.db")
    takes = [{"take": 1, "seed": 1, "facts": {}, "outputs": []}]

    def work(connection: Any) -> None:
        for number in range(jobs):
            row = tables.insert_job(
                connection, key=f"old {number}", digest="", task="text2music", params=json.dumps({"output": {"seeds": [1]}}),
                engine="fake", priority=0, sources="[]", session=f"session {number % 50}", auto_gen=0,
            )  # fmt: skip
            for _ in range(_EVENTS):
                tables.append_event(
                    connection, row["number"], "progress", {"stage": "s", "fraction": 0.5, "eta_s": 1.0}
                )
            tables.end_job(connection, row["number"], "succeeded", {})
            connection.execute("UPDATE jobs SET takes = ? WHERE number = ?", (json.dumps(takes), row["number"]))
            asset_id = f"{number:064x}"
            connection.execute("INSERT INTO uses VALUES (?, ?)", (asset_id, row["number"]))
            connection.execute(
                "INSERT INTO assets (id, name, size_bytes, sample_rate, channels, frames, created, last_used, used)"
                " VALUES (?, 'old.wav', 1, 48000, 2, 100, ?, 0, steady_now())", (asset_id, float(number)),
            )  # fmt: skip
            (folder / asset_id).write_bytes(b"x")

    folder = home / "assets" / "00"
    folder.mkdir(parents=True)
    (home / "config.toml").write_text("scrub_bytes_per_s = 0\n")  # these are not what their names say
    database.transact(work)
    database.close()


def _calls(client: Client) -> dict[str, Callable[[], object]]:
    """Return what is measured, by name; all need the job that `watch` follows."""
    done = next(event.job_id for event in client.submit_request(_tone()))
    made: list[str] = []

    def submit() -> None:
        made.append(next(client.submit_request(_tone(session="mine"))).job_id)

    def delete() -> None:
        job_id = made.pop()
        for _event in client.watch(job_id):
            pass
        client.call(client.jobs.DeleteJob, jobs_pb2.DeleteJobRequest(job_id=job_id))

    queued = jobs_pb2.ListJobsRequest(states=[jobs_pb2.JOB_STATE_QUEUED], page_size=10)
    return {
        "list": lambda: client.call(client.jobs.ListJobs, jobs_pb2.ListJobsRequest(page_size=10)),
        "list the waiting": lambda: client.call(client.jobs.ListJobs, queued),
        "list assets": lambda: client.call(client.assets.ListAssets, assets_pb2.ListAssetsRequest(page_size=10)),
        "get": lambda: client.call(client.jobs.GetJob, jobs_pb2.GetJobRequest(job_id=done)),
        "status": lambda: client.call(client.daemon.GetStatus, daemon_pb2.GetStatusRequest()),
        "watch": lambda: list(client.watch(done)),
        "submit": submit,
        "delete": delete,
    }


def history() -> None:
    """What calls cost where many jobs have ended, beside what they cost where none has."""
    with ExitStack() as stack:
        daemons = [stack.enter_context(run_daemon(partial(_fill_history, jobs=count))) for count in (0, _OLD_JOBS)]
        both = [_calls(daemon.client) for daemon in daemons]
        for name in both[0]:
            times_ms: list[list[float]] = [[], []]
            cpu_ms: list[float] = [0.0, 0.0]
            for _ in range(_CALLS):
                for number, calls in enumerate(both):
                    before_s, began = daemons[number].cpu_s(), time.perf_counter()
                    calls[name]()
                    times_ms[number].append((time.perf_counter() - began) * 1e3)
                    cpu_ms[number] += (daemons[number].cpu_s() - before_s) * 1e3 / _CALLS
            fresh, old = map(statistics.median, times_ms)
            print(
                f"{name}: {fresh:.2f} ms, behind {_OLD_JOBS} old jobs {old:.2f} ms, {old / fresh:.2f} x; the daemon's"
                f" processor time {cpu_ms[0]:.2f} and {cpu_ms[1]:.2f} ms ({load()})"
            )


def report() -> None:
    """Measure all of it."""
    queue()
    history()
    crowd()


if __name__ == "__main__":
    for part in sys.argv[1:] or ["report"]:
        globals()[part]()
