"""What a job says to those who follow it: numbers first, text last, in the order in which things happen.

    /acebridge/job/ID/queued    ,is    jobs ahead; task
    /acebridge/job/ID/progress  ,ffs   0 to 1; seconds to go, or -1; stage
    /acebridge/job/ID/fit       ,ifs   take; 0 to 1; what is not as it should be
    /acebridge/job/ID/take      ,isss  take; seed; role; file
    /acebridge/job/ID/done      ,ifs   takes; seconds of work; engine
    /acebridge/job/ID/error     ,sss   reason; message; remedy

A controller's fader has an address that does not change: /acebridge/latest/progress and /acebridge/latest/text follow the job
that began last. They come first, so that "done" and "error" end what a job says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from acebridge.client.follow import JobSink
from acebridge.errors import ErrorReason
from acebridge.hosts.osc.messages import Argument
from acebridge.v1 import tasks_pb2

if TYPE_CHECKING:
    from acebridge.client.result_files import ResultFiles

#: Sends a message: its address, its tags, its arguments. Any thread may call it.
Send = Callable[..., None]

PREFIX = "/acebridge"
#: What a job says: kind → tags, names of the arguments, meaning.
KINDS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "queued": ("is", ("jobs", "task"), "the job waits, behind this number of jobs"),
    "progress": ("ffs", ("fraction", "eta_s", "stage"), "how far it is, 0 to 1; seconds to go, -1 when unknown"),
    "fit": ("ifs", ("take", "fit", "text"), "how well a take fits its source, 0 to 1, and its worst fault, if any"),
    "take": (
        "isss",
        ("take", "seed", "role", "file"),
        "a result is in its file; the seed is text, for it may have 32 bits",
    ),
    "done": ("ifs", ("takes", "run_s", "engine"), "the job is complete"),
    "error": ("sss", ("reason", "message", "remedy"), "the job failed or was cancelled"),
}
LATEST = {
    "progress": ("f", ("fraction",), "progress of the job that began last, for a fader"),
    "text": ("s", ("text",), "what that job does now, or what came of it, for a label"),
}


def latest_messages(fraction: float, text: str) -> Iterator[tuple[str, str, Argument]]:
    """Yield address, tags and value of what faders and labels get."""
    for name, value in (("progress", fraction), ("text", text)):
        yield f"{PREFIX}/latest/{name}", LATEST[name][0], value


class Feedback(JobSink):
    """Sends what happens to a job. It comes after the files of the job, so that a file that is named is there.

    ``is_latest`` returns whether no other job has begun since.
    """

    def __init__(self, task: str, files: ResultFiles, send: Send, is_latest: Callable[[], bool]) -> None:
        self.job_id = ""
        self._task, self._files, self._send, self._is_latest = task, files, send, is_latest
        self._chooses = False

    def on_event(self, event: tasks_pb2.TaskEvent) -> None:
        """Keep the id of the job."""
        self.job_id = event.job_id

    def on_queued(self, queued: tasks_pb2.Queued) -> None:
        """Send how many jobs go first."""
        ahead = f", {queued.position} ahead" if queued.position else ""
        ahead += f": {queued.reason}" if queued.reason else ""
        self._show(0.0, f"{self._task}: waiting{ahead}")
        self._say("queued", queued.position, self._task)

    def on_started(self, started: tasks_pb2.Started) -> None:
        """Keep whether takes are chosen: then their files have no names yet when they are finished."""
        self._chooses = started.chooses

    def on_progress(self, progress: tasks_pb2.Progress) -> None:
        """Send how far the job is."""
        eta_s = progress.eta_s if progress.HasField("eta_s") else -1.0
        self._show(progress.fraction, f"{self._task}: {progress.stage}")
        self._say("progress", progress.fraction, eta_s, progress.stage)

    def on_take(self, take: tasks_pb2.TakeFinished) -> None:
        """Send the files of a take that is sure to be kept."""
        if not self._chooses:
            self._say_take(take)

    def on_completed(self, completed: tasks_pb2.Completed) -> None:
        """Send the takes that were chosen, and that the job is done."""
        if self._chooses:
            for take in completed.takes:
                self._say_take(take)
        self._show(1.0, f"{self._task}: done")
        self._say("done", len(completed.takes), completed.run_s, completed.engine)

    def fail(self, reason: ErrorReason, message: str, remedy: str) -> None:
        """Send why the job ended without a result."""
        self._show(0.0, f"{self._task}: {message}")
        self._say("error", str(reason), message, remedy)

    def _say_take(self, take: tasks_pb2.TakeFinished) -> None:
        score = take.metadata.score
        if score.HasField("fit"):
            self._say("fit", take.take, score.fit, next(iter(score.notes), ""))
        audio = [(output.role, self._files.files[output.output]) for output in take.outputs]
        texts = [(path.suffix.removeprefix("."), path) for path in self._files.texts.get(take.take, ())]
        for role, path in (*audio, *texts):
            self._say("take", take.take, str(take.seed), role, str(path))

    def _say(self, kind: str, *arguments: Argument) -> None:
        self._send(f"{PREFIX}/job/{self.job_id}/{kind}", KINDS[kind][0], *arguments)

    def _show(self, fraction: float, text: str) -> None:
        if self._is_latest():
            for message in latest_messages(fraction, text):
                self._send(*message)
