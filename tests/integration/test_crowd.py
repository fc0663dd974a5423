"""Many clients at once, clients that leave and come back, and clients that read slower than an engine plays."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from acebridge.client.client import Client
from acebridge.errors import JobFailed
from acebridge.v1 import jobs_pb2
from tests.support.daemon import (
    PATIENCE_S,
    Daemon,
    collect,
    create_tone_job,
    daemon_at,
    expected_tone,
    generate,
    state,
    status,
    until,
    until_state,
)
from tests.support.signals import decode_chunk


def in_parallel(tasks: list[Callable[[], None]]) -> None:
    """Run all, each in a thread; raise the first error."""
    errors: list[BaseException] = []

    def collect_error(task: Callable[[], None]) -> None:
        try:
            task()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=collect_error, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_twelve_clients_each_get_their_own(daemon: Daemon) -> None:
    barrier = threading.Barrier(12)
    runs, was_cancelled = threading.Event(), threading.Event()

    def plain(seed: int) -> None:
        with Client(daemon.address, token=daemon.token) as client:
            barrier.wait()
            take = collect(generate(client, 1.3, seed=seed, steps=10))
            assert np.array_equal(take.samples(), expected_tone(seed, 1.3))

    def cancel_waiting() -> None:
        with Client(daemon.address, token=daemon.token) as client:
            barrier.wait()
            assert runs.wait(PATIENCE_S)
            events = generate(client, 1.0, seed=400, priority="low")
            assert client.cancel(next(events).job_id).state == jobs_pb2.JOB_STATE_CANCELLED
            was_cancelled.set()
            with pytest.raises(JobFailed, match="cancelled"):
                collect(events)

    def cancel_running() -> None:
        with Client(daemon.address, token=daemon.token) as client:
            barrier.wait()
            events = generate(client, 1.0, seed=401)
            job_id = next(events).job_id
            until_state(client, job_id, "running")
            runs.set()
            assert was_cancelled.wait(PATIENCE_S)
            client.cancel(job_id)
            with pytest.raises(JobFailed, match="cancelled"):
                collect(events)

    def comes_back() -> None:
        with Client(daemon.address, token=daemon.token) as client:
            barrier.wait()
            events = generate(client, 4.0, seed=402, steps=20)
            data, sequence, job_id = bytearray(8 * 192_000), 0, ""
            for event in events:
                sequence, job_id = event.sequence, event.job_id
                if event.WhichOneof("event") == "audio_chunk":
                    at = event.audio_chunk.offset_frames * 8
                    data[at : at + len(event.audio_chunk.data)] = event.audio_chunk.data
                    break
            events.close()
        with Client(daemon.address, token=daemon.token) as client:
            rest = [event.WhichOneof("event") for event in client.watch(job_id, sequence)]
            assert rest.count("audio_header") == 1  # for one who has lost everything but the number of the event
            assert rest.index("audio_header") < rest.index("audio_chunk")
            for event in client.watch(job_id, sequence):
                assert event.sequence >= sequence
                if event.WhichOneof("event") == "audio_chunk":
                    at = event.audio_chunk.offset_frames * 8
                    data[at : at + len(event.audio_chunk.data)] = event.audio_chunk.data
            assert event.WhichOneof("event") == "completed"
        assert np.array_equal(decode_chunk(bytes(data), "float32", 2), expected_tone(402, 4.0))

    def slow() -> None:
        with Client(daemon.address, token=daemon.token) as client:
            barrier.wait()

            def dawdling():
                for event in generate(client, 10.0, seed=403):
                    time.sleep(0.03)
                    yield event

            assert np.array_equal(collect(dawdling()).samples(), expected_tone(403, 10.0))

    daemon.hold(401)  # the worker is busy with it until the one that waits is cancelled
    in_parallel(
        [lambda seed=seed: plain(seed) for seed in range(8)] + [cancel_waiting, cancel_running, comes_back, slow]
    )
    with Client(daemon.address, token=daemon.token) as client:
        message = status(client)
        assert (message.running_jobs, message.waiting_jobs) == (0, 0)
    daemon.check_store()


def test_a_reader_that_lags_behind_a_failing_job_learns_how_it_ended(daemon: Daemon, client: Client) -> None:
    """The takes that were whole are still told; of the broken one its audio is gone, and not what is complained of."""
    daemon.hold(8, at="audio")
    events = generate(client, 60.0, seed=1, takes=8, steps=3)
    job_id = next(events).job_id
    kinds = []
    for event in events:
        kinds.append(event.WhichOneof("event"))
        if kinds[-1] == "audio_chunk":
            break
    client.cancel(job_id)
    until_state(client, job_id, "cancelled")
    with pytest.raises(JobFailed, match=r"^The job was cancelled\.$") as caught:
        kinds.extend(event.WhichOneof("event") for event in events)
    assert caught.value.kind == "CANCELLED"
    assert "completed" not in kinds
    with pytest.raises(JobFailed, match=r"^The job was cancelled\.$"):
        collect(client.watch(job_id))


@pytest.mark.slow
def test_readers_that_leave_cost_nothing_afterwards(daemon: Daemon) -> None:
    process = psutil.Process(daemon.pid)
    with Client(daemon.address, token=daemon.token) as client:
        job_id = collect(generate(client, 20.0, seed=5)).job_id
    before = process.num_fds()

    def leave_early() -> None:
        with Client(daemon.address, token=daemon.token) as client:
            for event in client.watch(job_id):
                if event.WhichOneof("event") == "audio_chunk":
                    break

    for _ in range(30):
        leave_early()
    until(lambda: process.num_fds() <= before + 3, "the files of readers that left to be closed")


@pytest.mark.slow
def test_memory_does_not_grow_with_the_result(tmp_path: Path) -> None:
    """A reader that lags behind 8 takes of 100 s (307 MB) costs the daemon no more than one of a short song."""
    with daemon_at(tmp_path / "home") as daemon, Client(daemon.address, token=daemon.token) as client:
        process = psutil.Process(daemon.pid)
        collect(generate(client, 1.0))
        warm = process.memory_info().rss
        peak = warm

        def watch_memory() -> None:
            nonlocal peak
            while not over.wait(0.01):
                peak = max(peak, process.memory_info().rss)

        over = threading.Event()
        watcher = threading.Thread(target=watch_memory)
        watcher.start()
        try:
            events = generate(client, 100.0, seed=9, takes=8)
            job_id = next(events).job_id
            received = 0
            for event in events:
                if event.WhichOneof("event") == "audio_chunk":
                    received += len(event.audio_chunk.data)
                    if received < 2_000_000 or state(client, job_id) != "succeeded":
                        time.sleep(0.02)
        finally:
            over.set()
            watcher.join()
        assert received == 8 * 100 * 48_000 * 8
        print(f"daemon: {warm / 2**20:.1f} MiB before, {peak / 2**20:.1f} MiB at most")
        assert peak - warm < 24 * 2**20
        create_tone_job(client)
