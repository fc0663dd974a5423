"""The events of a job, handed to sinks. Every program that reads a stream of TaskEvents does it here.

So one rule is written once: a job that is started again repeats the takes that were not finished, and the audio of these that
has already arrived is void.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Set
from contextlib import suppress
from typing import TYPE_CHECKING

from acebridge.errors import ErrorReason, JobFailed

if TYPE_CHECKING:  # light to import: a program that a person waits for loads the contract later
    from acebridge.v1 import audio_pb2, tasks_pb2


class JobSink:
    """What a program does with the events of a job. It overrides the methods for the events that it needs."""

    def on_event(self, event: tasks_pb2.TaskEvent, /) -> None:
        """Handle an event of any kind, before the method for its kind. The first one names the job."""

    def on_queued(self, queued: tasks_pb2.Queued, /) -> None:
        """Handle that the job waits, or that its place in the queue has changed."""

    def on_audio_void(self, outputs: Set[int], /) -> None:
        """Discard what has arrived of these outputs. Their headers come again if they are made again."""

    def on_started(self, started: tasks_pb2.Started, /) -> None:
        """Handle that an engine works on the job, for the first time or again."""

    def on_progress(self, progress: tasks_pb2.Progress, /) -> None:
        """Handle how far the job is."""

    def on_audio_header(self, header: audio_pb2.AudioHeader, /) -> None:
        """Begin an output."""

    def on_audio(self, chunk: audio_pb2.AudioChunk, /) -> None:
        """Handle the next samples of an output."""

    def on_take(self, take: tasks_pb2.TakeFinished, /) -> None:
        """Handle a take that is finished and stored: its outputs have all their samples."""

    def on_completed(self, completed: tasks_pb2.Completed, /) -> None:
        """Handle the end of the job."""


def follow(events: Iterable[tasks_pb2.TaskEvent], *sinks: JobSink) -> tasks_pb2.Completed:
    """Hand every event to each of ``sinks``, in their order; return what ``completed``, the last event, holds.

    Raises what ``events`` and the sinks raise, and `JobFailed` when ``events`` end before the job is complete.
    """
    job_id = ""
    unfinished: set[int] = set()
    stream = iter(events)
    for event in stream:
        job_id = event.job_id
        void: frozenset[int] = frozenset()
        match event.WhichOneof("event"):
            case "started":
                void = frozenset(unfinished)
                unfinished.clear()
            case "audio_header":
                unfinished.add(event.audio_header.output)
            case "take_finished":
                unfinished.difference_update(output.output for output in event.take_finished.outputs)
        for sink in sinks:
            _dispatch(event, void, sink)
        if event.HasField("completed"):
            with suppress(JobFailed):  # whatever happens to the stream now: everything has arrived
                deque(stream, maxlen=0)  # a call that is left before its end would count as cancelled
            return event.completed
    raise JobFailed(
        ErrorReason.ENGINE_FAILURE,
        "The daemon ended the stream before the job was complete.",
        remedy=f"See `acebridge jobs show {job_id}`." if job_id else "Try again.",
    )


def _dispatch(event: tasks_pb2.TaskEvent, void: Set[int], sink: JobSink) -> None:
    sink.on_event(event)
    match event.WhichOneof("event"):
        case "queued":
            sink.on_queued(event.queued)
        case "started":
            if void:
                sink.on_audio_void(void)
            sink.on_started(event.started)
        case "progress":
            sink.on_progress(event.progress)
        case "audio_header":
            sink.on_audio_header(event.audio_header)
        case "audio_chunk":
            sink.on_audio(event.audio_chunk)
        case "take_finished":
            sink.on_take(event.take_finished)
        case "completed":
            sink.on_completed(event.completed)
