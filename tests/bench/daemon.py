"""``make bench``: what a user waits for, measured on this machine. Prints figures, asserts nothing.

Everything is measured from outside, through the real daemon and a real connection on loopback, next to a bare gRPC echo
of the same chunks in the same run, so that the figures of two machines can be compared by their ratios.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import platform
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc

from acebridge.client.client import Client
from acebridge.server.output_reader import CHUNK_BYTES
from acebridge.v1 import audio_pb2, jobs_pb2, tasks_pb2, tasks_pb2_grpc
from tests.bench import crowd, edge, lyrics, monitor, osc, reaper_actions
from tests.bench.running import Running, run_daemon

_LATENCY_CALLS = 200
_STREAM_S = 600.0
_RUNS = 5


class _Echo(tasks_pb2_grpc.TaskServiceServicer):
    def __init__(self, chunks: int) -> None:
        self._chunks = chunks
        self._data = os.urandom(CHUNK_BYTES)

    async def TextToMusic(self, request: Any, context: Any) -> AsyncIterator[tasks_pb2.TaskEvent]:  # noqa: ARG002, N802
        for n in range(self._chunks):
            chunk = audio_pb2.AudioChunk(output=0, offset_frames=n * CHUNK_BYTES // 8, data=self._data)
            yield tasks_pb2.TaskEvent(sequence=n, job_id="0" * 32, audio_chunk=chunk)


def _serve_echo(chunks: int, port: Any) -> None:
    async def run() -> None:
        server = grpc.aio.server()
        tasks_pb2_grpc.add_TaskServiceServicer_to_server(_Echo(chunks), server)  # type: ignore[no-untyped-call]
        port.send(server.add_insecure_port("127.0.0.1:0"))
        await server.start()
        await server.wait_for_termination()

    asyncio.run(run())


@contextmanager
def _echo(chunks: int) -> Iterator[Client]:
    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve_echo, args=(chunks, there), daemon=True)
    process.start()
    with Client(f"127.0.0.1:{here.recv()}", token="") as client:
        yield client
    process.terminate()
    process.join()


def _audio_bytes(events: Iterator[tasks_pb2.TaskEvent]) -> int:
    return sum(len(event.audio_chunk.data) for event in events if event.HasField("audio_chunk"))


def _rate(stream: Callable[[], Iterator[tasks_pb2.TaskEvent]]) -> float:
    began = time.perf_counter()
    size = _audio_bytes(stream())
    return size / (time.perf_counter() - began) / 1e6


def latency(client: Client) -> None:
    """Request to first event, each call a job of its own."""
    times_ms = []
    for _ in range(_LATENCY_CALLS):
        began = time.perf_counter()
        events = client.submit("text2music", {"duration_s": 0.1}, submission={"engine": "fake"})
        next(events)
        times_ms.append((time.perf_counter() - began) * 1e3)
        for _event in events:
            pass
    quantiles = statistics.quantiles(times_ms, n=20)
    print(f"request to first event: median {statistics.median(times_ms):.2f} ms, p95 {quantiles[18]:.2f} ms "
          f"({_LATENCY_CALLS} calls)")  # fmt: skip


def streaming(daemon: Running) -> None:
    """Audio throughput of a finished job's replay, a live job and a bare echo, alternating in one run."""
    client, before_mb = daemon.client, daemon.resident_mb()
    job = ""
    for event in client.submit("text2music", {"duration_s": _STREAM_S}, submission={"engine": "fake"}):
        job = event.job_id
    frames = client.call(client.jobs.GetJob, jobs_pb2.GetJobRequest(job_id=job)).takes[0].outputs[0].frames
    chunks = -(-frames * 8 // CHUNK_BYTES)
    ours, bare = [], []
    with _echo(chunks) as echo:
        for _ in range(_RUNS):
            bare.append(_rate(lambda: echo.submit("text2music", {})))
            ours.append(_rate(lambda: client.watch(job)))
    share = statistics.median(ours) / statistics.median(bare)
    print(f"streaming {frames * 8 / 1e6:.0f} MB: {statistics.median(ours):.0f} MB/s, bare echo of the same chunks "
          f"{statistics.median(bare):.0f} MB/s, share {share:.0%} (median of {_RUNS})")  # fmt: skip
    print(f"daemon memory: {before_mb:.0f} MB before, {daemon.resident_mb():.0f} MB after")


def draft(client: Client) -> None:
    """How fast the draft engine is against the audio it makes, and when its first audio arrives."""
    duration_s = 30.0
    source: audio_pb2.AudioInput | None = None
    lyrics = "[Verse]\n" + "Morning light across the floor\nEvery shadow leads to you\n" * 3
    orders: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("text2music", "pop", {"duration_s": duration_s, "music": {"caption": "pop", "bpm": 100.0}}),
        ("text2music", "jazz", {"duration_s": duration_s, "music": {"caption": "jazz", "bpm": 120.0}}),
        ("text2music", "pop, sung", {"duration_s": duration_s, "music": {"caption": "pop", "lyrics": lyrics}}),
        ("text2music", "pop, sung, scored", {"duration_s": duration_s, "music": {"caption": "pop", "lyrics": lyrics},
                                             "output": {"seeds": [2], "auto_score": True}}),
        ("cover", "jazz, saxophone", {"music": {"caption": "jazz, saxophone"}}),
        ("repaint", "8 s, piano", {"start_s": 10.0, "end_s": 18.0, "music": {"caption": "brighter piano"}}),
        ("repaint", "8 s, guitar solo", {"start_s": 12.0, "end_s": 20.0, "music": {"caption": "guitar solo"}}),
        ("lego", "drums and bass", {"tracks": ["drums", "bass"]}),
        ("complete", "drums, bass, guitar, strings", {"tracks": ["drums", "bass", "guitar", "strings"]}),
        ("extract", "drums, bass and vocals", {"tracks": ["drums", "bass", "vocals"]}),
        ("understand", "", {}),
        ("align_lyrics", "", {"music": {"lyrics": lyrics}}),
        ("score", "", {"music": {"lyrics": lyrics}}),
        ("create_sample", "", {"description": "an upbeat song about summer"}),
    )  # fmt: skip
    for task, what, fields in orders:
        makes = task not in ("understand", "align_lyrics", "score", "create_sample")
        output = {"output": {"seeds": [1]}} if makes else {}
        began, first_s = time.perf_counter(), 0.0
        source_given = None if task in ("text2music", "create_sample") else source
        for event in client.submit(task, {**output, **fields}, source=source_given, submission={"engine": "draft"}):
            if event.HasField("audio_chunk") and not first_s:
                first_s = time.perf_counter() - began
            if event.HasField("completed") and task == "text2music":
                source = audio_pb2.AudioInput(asset_id=event.completed.takes[0].outputs[0].asset_id)
        took_s = time.perf_counter() - began
        first = f"first audio after {first_s:.2f} s" if first_s else "no audio"
        title = ", ".join(filter(None, (task, what)))
        speed = f"{took_s:.2f} s ({duration_s / took_s:.1f} x real time)"
        print(f"draft {title}, {duration_s:.0f} s of audio: {speed}, {first}")


def main() -> None:
    """Measure everything."""
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, grpcio {grpc.__version__}"
    )
    with run_daemon() as daemon:
        latency(daemon.client)
        osc.report(daemon.home)
        edge.report(daemon.home, daemon.client)
        streaming(daemon)
        draft(daemon.client)
    with run_daemon() as daemon:
        reaper_actions.report({"ACEBRIDGE_HOME": str(daemon.home)})
    with run_daemon() as daemon:
        monitor.report(daemon.client)
    crowd.report()
    lyrics.report()


if __name__ == "__main__":
    main()
