"""An order goes on whatever the other daemon loses or says; only what cannot pass ends it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acebridge.client.client import request_of
from acebridge.client.forwarded import note_request
from acebridge.contract.status import status_of
from acebridge.contract.tasks import TaskRequest
from acebridge.errors import ConnectionLost, ErrorReason, JobFailed
from acebridge.forwarding import job as job_module
from acebridge.forwarding.job import forward
from acebridge.paths import FORWARDED_FOLDER
from acebridge.v1 import jobs_pb2, tasks_pb2
from acebridge.workers.messages import JobOrder, Message
from acestep_runtime.audio import wav
from acestep_runtime.errors import Cancelled
from acestep_runtime.values import CancelToken

FRAMES = 10
DATA = wav.encode(np.full((FRAMES, 1), 0.5, np.float32), "float32")
FILE = wav.header(FRAMES, 1, 48_000, "float32") + DATA + wav.trailer(FRAMES, 1, "float32")
ASSET = hashlib.sha256(FILE).hexdigest()
LOST = ConnectionLost(ErrorReason.UNAVAILABLE, "Gone.")
GONE = JobFailed(ErrorReason.NOT_FOUND, "No such job.")
STALE = JobFailed(ErrorReason.INVALID_VALUE, "Too new.", details={"field": "after_sequence"})
BROKEN = JobFailed(ErrorReason.INTERNAL, "A fault.")
_AUDIO = {"output": 1, "take": 1, "role": "mix", "sample_rate": 48_000, "channels": 1, "frames": FRAMES}


def _event(sequence: int, **body: Any) -> tasks_pb2.TaskEvent:
    return tasks_pb2.TaskEvent(sequence=sequence, job_id="there", **body)


#: All events of the job there.
EVENTS = (
    _event(1, queued={"position": 2}),
    _event(2, started={"attempt": 1}),
    _event(3, audio_header={**_AUDIO, "encoding": "ENCODING_FLOAT32"}),
    _event(4, audio_chunk={"output": 1, "offset_frames": 0, "data": DATA[:16]}),
    _event(5, progress={"stage": "sampling", "fraction": 0.5, "eta_s": 2.0}),
    _event(6, audio_chunk={"output": 1, "offset_frames": 4, "data": DATA[16:]}),
    _event(7, take_finished={"take": 1, "seed": 3, "outputs": [{**_AUDIO, "asset_id": ASSET}]}),
    _event(8, completed={"engine": "neural"}),
)


class FakeDaemon:
    """The other daemon: each call to watch a job does the next of ``acts``: some events, then an error or none."""

    address = "127.0.0.1:1"
    jobs: Any = type("Jobs", (), {"GetJob": None})

    def __init__(self, *acts: tuple[int, Exception | None]) -> None:
        self._acts = list(acts)
        self.watched: list[int] = []
        self.keys: list[str] = []
        self.priorities: list[tasks_pb2.Priority] = []
        self.stored: list[tuple[str, str]] = []
        self.job = jobs_pb2.Job(id="there", state=jobs_pb2.JOB_STATE_RUNNING)
        #: Of the jobs that are found by their keys; after these they run.
        self.states: list[jobs_pb2.JobState] = []
        self.drops = 0
        self.cancelled: list[str] = []

    # what a Connection has

    def get(self) -> FakeDaemon:
        return self

    def drop(self) -> None:
        self.drops += 1

    def note_use(self) -> None:
        pass

    # what a Client has

    def store(self, asset_id: str, path: Path, name: str, *, on_piece: Callable[[int], None]) -> str:
        assert path.is_absolute()
        on_piece(0)
        self.stored.append((asset_id, name))
        return asset_id

    def create(self, request: TaskRequest) -> jobs_pb2.Job:
        self.keys.append(request.submission.idempotency_key)
        self.priorities.append(request.submission.priority)
        return jobs_pb2.Job(id="there", state=self.states.pop(0) if self.states else jobs_pb2.JOB_STATE_RUNNING)

    def submit_request(self, request: TaskRequest, on_call: Callable[[Any], None]) -> Iterator[tasks_pb2.TaskEvent]:
        self.keys.append(request.submission.idempotency_key)
        self.priorities.append(request.submission.priority)
        return self.watch("there", 0, on_call)

    def watch(self, job_id: str, after: int, on_call: Callable[[Any], None]) -> Iterator[tasks_pb2.TaskEvent]:
        assert job_id == "there"
        on_call(self)
        self.watched.append(after)
        count, error = self._acts.pop(0)
        yield from [event for event in EVENTS if event.sequence > after][:count]
        if error is not None:
            raise error

    def call(self, _method: object, _request: object) -> jobs_pb2.Job:
        return self.job

    def cancel(self, job_id: str = "") -> None:
        self.cancelled.append(job_id)


def order(folder: Path, **more: Any) -> JobOrder:
    params: dict[str, Any] = {"duration_s": 1.0, "output": {"seeds": [3]}}
    values: dict[str, Any] = {
        "op": "job", "id": "here", "task": "text2music", "params": params, "engine": "neural", "priority": "low", "note": "",
        "files": {}, "folder": str(folder / "spool"), "takes": [], **more,
    }  # fmt: skip
    return values  # type: ignore[return-value]


def run(daemon: FakeDaemon, home: Path, **more: Any) -> list[Message]:
    return list(forward(order(home, **more), daemon, home, CancelToken()))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_module, "_FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(job_module, "_LONGEST_PAUSE_S", 0.0)


def bodies(messages: Sequence[Message], kind: str) -> list[Any]:
    return [message["body"] for message in messages if message["type"] == kind]  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    ("acts", "watched", "drops"),
    [
        ([(8, None)], [0], 0),
        ([(4, LOST), (9, None)], [0, 4], 0),
        ([(0, LOST), (1, LOST), (3, BROKEN), (9, None)], [0, 0, 1, 4], 1),
        ([(6, GONE), (9, None)], [0, 0], 1),  # it lost the job: it is made again, and what is here stays
        ([(5, STALE), (9, None)], [0, 0], 1),
        ([(5, None), (9, None)], [0, 5], 0),  # the stream ended without a word
        ([(5, JobFailed(ErrorReason.CANCELLED, "Call over.")), (9, None)], [0, 5], 0),
        ([(7, LOST), (9, None)], [0, 7], 0),
        ([(3, LOST), (0, LOST), (9, None)], [0, 3, 3], 1),
    ],
)
def test_the_same_comes_out_whatever_happens(
    tmp_path: Path, acts: list[tuple[int, Exception | None]], watched: list[int], drops: int
) -> None:
    daemon = FakeDaemon(*acts)
    if acts[0][1] is GONE:
        daemon.call = lambda *_: (_ for _ in ()).throw(GONE)  # type: ignore[method-assign]
    messages = run(daemon, tmp_path)
    assert daemon.watched == watched
    assert (tmp_path / "spool" / "0.wav").read_bytes() == FILE
    assert len(bodies(messages, "header")) == 1
    assert bodies(messages, "audio") == [
        {"output": 0, "offset_frames": 0, "frames": 4},
        {"output": 0, "offset_frames": 4, "frames": 6},
    ]
    (take,) = bodies(messages, "take")
    assert (take["take"], take["seed"], take["outputs"][0]["asset_id"]) == (0, 3, ASSET)
    fractions = [body["fraction"] for body in bodies(messages, "progress")]
    assert fractions == sorted(fractions)
    stages = [body["stage"] for body in bodies(messages, "progress")]
    assert stages[0] == "sending to 127.0.0.1"
    assert "waiting at 127.0.0.1: 2 jobs go first" in stages
    lost = [error for _, error in acts[:-1] if error not in (GONE, STALE)]
    assert ("waiting: the line to 127.0.0.1 broke." in stages) == bool(lost)
    assert daemon.drops == drops  # one that broke comes back soonest over the same connection
    assert set(daemon.keys) == {"forwarded here"}
    assert not list((tmp_path / FORWARDED_FOLDER).iterdir())


def test_the_end_of_the_job_there_is_that_of_the_job_here(tmp_path: Path) -> None:
    daemon = FakeDaemon((4, JobFailed(ErrorReason.ENGINE_FAILURE, "Short.")))
    failure = JobFailed(ErrorReason.ENGINE_FAILURE, "The model broke.", remedy="Take another.")
    daemon.job = jobs_pb2.Job(id="there", state=jobs_pb2.JOB_STATE_FAILED, error=status_of(failure))
    with pytest.raises(JobFailed) as caught:
        run(daemon, tmp_path)
    assert (caught.value.message, caught.value.remedy) == ("The model broke.", "Take another.")
    assert daemon.watched == [0]
    assert not list((tmp_path / FORWARDED_FOLDER).iterdir())


@pytest.mark.parametrize("error", [BROKEN, GONE])
def test_a_fault_that_stays_is_the_end(tmp_path: Path, error: JobFailed) -> None:
    daemon = FakeDaemon(*[(0, error)] * 5)
    with pytest.raises(JobFailed) as caught:
        run(daemon, tmp_path)
    assert caught.value is error
    assert len(daemon.watched) == 5


def test_a_second_attempt_finds_the_job_or_makes_one_in_place_of_a_cancelled_one(tmp_path: Path) -> None:
    asked = request_of("text2music", {"duration_s": 1.0})
    for states, count in (([], 1), ([jobs_pb2.JOB_STATE_CANCELLED], 2)):
        home = tmp_path / str(count)
        note_request(home, "here", FakeDaemon.address, asked)  # an attempt before this one has asked
        daemon = FakeDaemon((8, None))
        daemon.states = list(states)
        run(daemon, home)
        assert len(daemon.keys) == len(set(daemon.keys)) == count
        assert daemon.keys[0] == "forwarded here"


def test_sources_go_by_their_hashes_with_their_names(tmp_path: Path) -> None:
    daemon = FakeDaemon((8, None))
    source = {"asset_id": "ab" * 32, "name": "song.wav", "start_s": 1.0}
    run(daemon, tmp_path, task="repaint", params={"source": source, "start_s": 0.5}, files={"ab" * 32: "/store/ab"})
    assert daemon.stored == [("ab" * 32, "song.wav")]


def test_an_upload_that_goes_on_is_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So the next try comes soon, over the same connection; without progress the connection is made again."""
    monkeypatch.setattr(job_module, "_MOST_FAULTS", 2)
    daemon = FakeDaemon((8, None))
    arrived = [5, 9, 9, None]

    def store(_asset_id: str, _path: Path, _name: str, *, on_piece: Callable[[int], None]) -> str:
        if (at := arrived.pop(0)) is None:
            return ""
        on_piece(at)
        raise LOST

    monkeypatch.setattr(daemon, "store", store)
    source = {"asset_id": "ab" * 32, "name": "song.wav"}
    run(daemon, tmp_path, task="repaint", params={"source": source, "start_s": 0.5}, files={"ab" * 32: "/store/ab"})
    assert (arrived, daemon.drops) == ([], 1)


def test_the_priority_goes_there_and_stays_what_was_sent_first(tmp_path: Path) -> None:
    """The same key needs the same request; a prefetched job that somebody asks for meanwhile has another priority."""
    daemon = FakeDaemon((8, None), (8, None))
    run(daemon, tmp_path / "first", priority="high")
    asked = request_of("text2music", {"duration_s": 1.0}, submission={"priority": "low"})
    note_request(tmp_path, "here", FakeDaemon.address, asked)
    run(daemon, tmp_path, priority="normal")
    assert daemon.priorities == [tasks_pb2.PRIORITY_HIGH, tasks_pb2.PRIORITY_LOW]


def test_a_cancel_ends_the_job_there(tmp_path: Path) -> None:
    daemon, token = FakeDaemon((4, None)), CancelToken()
    messages = forward(order(tmp_path), daemon, tmp_path, token)  # type: ignore[arg-type]
    while next(messages)["type"] != "audio":
        pass
    token.cancel()
    with pytest.raises(Cancelled):
        list(messages)
    assert daemon.cancelled[-1] == "there"
    assert not list((tmp_path / FORWARDED_FOLDER).iterdir())
