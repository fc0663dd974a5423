"""A real daemon in a process of its own, for tests that talk to it, kill it and start it again."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
import psutil

from acebridge.client.client import Client, request_of
from acebridge.client.own_daemon import read_token
from acebridge.contract.enums import encoding_name, enum_name
from acebridge.contract.tasks import TaskRequest
from acebridge.v1 import assets_pb2, daemon_pb2, jobs_pb2, tasks_pb2
from acestep_runtime.audio import convert, wav
from acestep_runtime.audio.samples import Samples
from acestep_runtime.engines.fake import tone
from acestep_runtime.units import ENGINE_RATE_HZ, seconds_to_frames
from tests.support.signals import decode_chunk

T = TypeVar("T")
ENDED = {"succeeded", "failed", "cancelled"}
#: How long anything may take that a test waits for. Only a hang takes longer, on a busy machine too.
PATIENCE_S = 600.0
#: Between two questions of whoever waits, at first and at most: each costs the daemon and the test about a millisecond.
_FIRST_LOOK_S, _LOOK_S = 0.005, 0.05


def until(found: Callable[[], T], what: str = "") -> T:
    """Return the first true result of ``found``, which is asked again and again, the longer it takes the more rarely."""
    deadline, look_s = time.monotonic() + PATIENCE_S, _FIRST_LOOK_S
    while not (result := found()):
        assert time.monotonic() < deadline, f"waited in vain: {what or result}"
        time.sleep(look_s)
        look_s = min(_LOOK_S, 1.25 * look_s)
    return result


_OF_VERSION = "import acebridge.version as v; v.VERSION = {!r}; from acebridge.cli import main; main()"


class Daemon:
    """A home folder and the daemon that serves it."""

    def __init__(
        self,
        home: Path,
        *,
        step_ms: float = 0,
        config: str = "",
        arguments: Sequence[str] = (),
        version: str = "",
        reserve_bytes: int = 1 << 16,  # little: there are many of them
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.home = home
        self.program = ["-c", _OF_VERSION.format(version)] if version else ["-m", "acebridge.cli"]
        self.environment = {
            **os.environ,
            "ACEBRIDGE_HOME": str(home),
            "ACEBRIDGE_FAKE_STEP_MS": str(step_ms),
            "ACEBRIDGE_FAKE_GATES": str(home / "gates"),
            "ACEBRIDGE_RESERVE_BYTES": str(reserve_bytes),
            **environment,
        }
        for name in ("ACEBRIDGE_ADDRESS", "ACEBRIDGE_TOKEN"):
            self.environment.pop(name, None)
        self.arguments = arguments
        (home / "gates").mkdir(parents=True, exist_ok=True)
        (home / "config.toml").write_text(config, "utf-8")
        self.process: subprocess.Popen[bytes] | None = None
        self.client: Client | None = None

    def launch(self) -> subprocess.Popen[bytes]:
        """Start its process, and wait for nothing."""
        (self.home / "daemon.json").unlink(missing_ok=True)  # as left by one that was killed
        with (self.home / "console.txt").open("ab") as console:
            self.process = subprocess.Popen(
                [sys.executable, *self.program, "serve", "--port", "0", *self.arguments],
                env=self.environment, stdin=subprocess.DEVNULL, stdout=console, stderr=console,
            )  # fmt: skip
        return self.process

    def start(self) -> Client:
        """Start it and return a client of it."""
        process = self.launch()
        until(lambda: (self.home / "daemon.json").exists() or process.poll() is not None, "the daemon's address")
        assert process.poll() is None, self.console()
        self.client = Client(self.address, token=self.token)
        return self.client

    @property
    def address(self) -> str:
        return json.loads((self.home / "daemon.json").read_text("utf-8"))["address"]

    @property
    def token(self) -> str:
        """The token that its clients need."""
        return read_token(self.home)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def console(self) -> str:
        """What it has said so far."""
        return (self.home / "console.txt").read_text("utf-8", errors="replace")

    def children(self) -> list[psutil.Process]:
        """All its processes: the workers, and what they are forked from."""
        return psutil.Process(self.pid).children(recursive=True)

    def hold(self, *seeds: int, at: str = "steps") -> None:
        """Let takes of these seeds stand still in the middle of their ``steps``, or behind each block of ``audio``."""
        for seed in seeds:
            (self.home / "gates" / f"{seed}.{at}").touch()

    def release(self, *seeds: int) -> None:
        """Let the takes of these seeds go on that stand still; all of them where no seed is given."""
        for gate in (self.home / "gates").iterdir():
            if not seeds or int(gate.stem) in seeds:
                gate.unlink()

    def workers(self) -> list[psutil.Process]:
        """Its worker processes that are alive."""
        assert self.client is not None
        return [psutil.Process(worker.pid) for worker in status(self.client).workers if worker.pid]

    def kill(self) -> list[psutil.Process]:
        """End it with SIGKILL; return the processes that it had."""
        assert self.process is not None
        workers = self.children()
        self.process.kill()
        self.process.wait()
        self._forget()
        return workers

    def stop(self) -> int:
        """End it with SIGTERM; return its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE_S)
        self._forget()
        return code

    def _forget(self) -> None:
        if self.client is not None:
            self.client.close()
            self.client = None

    def check_store(self) -> int:
        """Assert that nothing half-written is there and every asset is what its name says; return how many there are."""
        there = list((self.home / "assets").glob("*/*"))
        stored = [file for file in there if file.suffix != ".latents"]
        assert {file.stem for file in there} == {file.name for file in stored}
        for file in stored:
            assert hashlib.sha256(file.read_bytes()).hexdigest() == file.name
            assert file.parent.name == file.name[:2]
        assert not list((self.home / "incoming").iterdir())
        spool = self.home / "spool"
        assert not spool.exists() or not list(spool.iterdir())
        return len(stored)


@contextlib.contextmanager
def daemon_at(home: Path, **options: Any) -> Iterator[Daemon]:
    """Run a daemon; at the end nothing of it is left, and it has had no accident."""
    daemon = Daemon(home, **options)
    workers: list[psutil.Process] = []
    try:
        daemon.start()
        yield daemon
        if daemon.process is not None and daemon.process.poll() is None:
            workers = daemon.children()
            assert daemon.stop() == 0, daemon.console()
        assert_gone(workers)
        assert "Traceback" not in daemon.console(), daemon.console()
    finally:
        if daemon.process is not None and daemon.process.poll() is None:
            daemon.kill()


def assert_gone(workers: Sequence[psutil.Process]) -> None:
    """Assert that processes have ended (or do so presently)."""
    left = psutil.wait_procs(list(workers), timeout=PATIENCE_S)[1]
    assert not left, left


@dataclasses.dataclass
class Take:
    """What came of one job: its events in order, and the bytes of its outputs."""

    events: list[tasks_pb2.TaskEvent]
    headers: dict[int, Any]
    data: dict[int, bytearray]

    @property
    def kinds(self) -> list[str]:
        return [event.WhichOneof("event") for event in self.events]

    @property
    def completed(self) -> tasks_pb2.Completed:
        assert self.kinds[-1] == "completed"
        return self.events[-1].completed

    @property
    def job_id(self) -> str:
        return self.events[0].job_id

    def samples(self, output: int = 1) -> Samples:
        header = self.headers[output]
        return decode_chunk(bytes(self.data[output]), encoding_name(header.encoding), header.channels)


def collect(events: Iterator[tasks_pb2.TaskEvent]) -> Take:
    """Read a stream to its end, asserting all that the contract promises of every stream."""
    take = Take([], {}, {})
    sequence, fraction, chooses = 0, 0.0, False
    frames_done: dict[int, int] = {}
    finished: set[int] = set()
    for event in events:
        assert event.sequence >= sequence
        sequence = event.sequence
        assert not take.events or event.job_id == take.job_id
        kind = event.WhichOneof("event")
        body = getattr(event, kind)
        if kind == "started":
            chooses, fraction = body.chooses, 0.0
            for unfinished in take.headers.keys() - finished:
                del take.headers[unfinished]
        elif kind == "progress":
            assert fraction <= body.fraction <= 1
            fraction = body.fraction
        elif kind == "completed":
            assert take.kinds[-1] == "progress"
            assert fraction == 1
            assert not take.events[-1].progress.HasField("eta_s")
        elif kind == "audio_header":
            assert body.output not in take.headers
            take.headers[body.output], take.data[body.output], frames_done[body.output] = body, bytearray(), 0
        elif kind == "audio_chunk":
            header = take.headers[body.output]
            frame_bytes = wav.encoding_of(encoding_name(header.encoding)).sample_bytes * header.channels
            assert 0 < len(body.data) <= 256 * 1024
            assert len(body.data) % frame_bytes == 0
            assert body.offset_frames == frames_done[body.output]
            frames_done[body.output] += len(body.data) // frame_bytes
            take.data[body.output] += body.data
        elif kind == "take_finished":
            for output in body.outputs:
                header = take.headers[output.output]
                for name in ("take", "role", "sample_rate", "channels", "frames", "start_frame"):
                    assert getattr(output, name) == getattr(header, name)
                assert frames_done[output.output] == output.frames
                finished.add(output.output)
        take.events.append(event)
        if kind == "audio_chunk":  # its audio is kept once
            take.events[-1] = tasks_pb2.TaskEvent(
                sequence=event.sequence, job_id=event.job_id,
                audio_chunk={"output": body.output, "offset_frames": body.offset_frames},
            )  # fmt: skip
        if kind == "completed":
            wanted = {output.output for made in body.takes for output in made.outputs}
            assert wanted <= finished
            assert chooses or wanted == set(take.headers) == finished
    return take


def expected_tone(seed: int, duration_s: float, *, role: int = 0, rate_hz: int = 48_000, channels: int = 2) -> Samples:
    """What the fake engine's tone must be once it has reached the client."""
    made = tone(seed, role, 0, seconds_to_frames(duration_s, ENGINE_RATE_HZ))
    return convert.resample(
        convert.to_channels(made, channels), ENGINE_RATE_HZ, rate_hz, seconds_to_frames(duration_s, rate_hz)
    )


def tone_request(seconds: float = 0.5, *, seed: int = 1, key: str = "", **more: Any) -> TaskRequest:
    """A request for a tone of the fake engine. ``more``: steps, caption, takes, priority, output."""
    fields: dict[str, Any] = {
        "duration_s": seconds,
        "music": {"caption": more.get("caption", "")},
        "output": {"seeds": [seed], "takes": more.get("takes"), **more.get("output", {})},
        "sampling": {"steps": more.get("steps")},
    }
    submission = {"engine": "fake", "idempotency_key": key, "priority": more.get("priority")}
    return request_of("text2music", fields, submission=submission)


def generate(client: Client, seconds: float = 0.5, **more: Any) -> Iterator[Any]:
    """Ask for a tone: see `tone_request`."""
    return client.submit_request(tone_request(seconds, **more))


def create_tone_job(client: Client, seconds: float = 0.5, **more: Any) -> str:
    """Ask for a tone and leave; return the job's id."""
    return client.create(tone_request(seconds, **more)).id


def job(client: Client, job_id: str) -> jobs_pb2.Job:
    return client.call(client.jobs.GetJob, jobs_pb2.GetJobRequest(job_id=job_id))


def delete_job(client: Client, job_id: str) -> None:
    client.call(client.jobs.DeleteJob, jobs_pb2.DeleteJobRequest(job_id=job_id))


def state(client: Client, job_id: str) -> str:
    return enum_name(jobs_pb2.JobState.DESCRIPTOR, job(client, job_id).state)


def until_state(client: Client, job_id: str, *wanted: str) -> str:
    def is_reached() -> str:
        now = state(client, job_id)
        assert now in wanted or now not in ENDED, f"{job_id} is {now}, not {wanted}"
        return now if now in wanted else ""

    return until(is_reached, f"{job_id} to be {wanted}")


def until_started(client: Client, job_id: str) -> None:
    """Wait until a job has done some of its steps."""
    until(lambda: job(client, job_id).progress.fraction > 0, f"{job_id} to be under way")


def status(client: Client) -> daemon_pb2.DaemonStatus:
    return client.call(client.daemon.GetStatus, daemon_pb2.GetStatusRequest())


def download(client: Client, asset_id: str) -> bytes:
    data = b"".join(client.download(asset_id))
    assert hashlib.sha256(data).hexdigest() == asset_id
    return data


def assets(client: Client) -> list[assets_pb2.Asset]:
    return list(client.call(client.assets.ListAssets, assets_pb2.ListAssetsRequest(page_size=1000)).assets)


def write_wav(path: Path, samples: Samples, rate_hz: int = 48_000, encoding: str = "float32") -> Path:
    wav.write(path, samples, rate_hz, encoding)
    return path


def song(seconds: float = 2.0, *, rate_hz: int = 48_000, channels: int = 2, seed: int = 0) -> Samples:
    """Noise at −20 dBFS: every sample differs, so that any shift or change shows."""
    shape = (round(seconds * rate_hz), channels)
    return (0.1 * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)
