"""The follower of a job's events, on streams with restarts in the middle of takes."""

from __future__ import annotations

from collections.abc import Iterator, Set

import pytest
from hypothesis import given, settings

from acebridge.client.follow import JobSink, follow
from acebridge.errors import ErrorReason, JobFailed
from acebridge.v1 import audio_pb2, tasks_pb2
from tests.support.job_events import JobStory, Samples, header, job_stories, take_message


class Calls(JobSink):
    """Every call, by the name of its method."""

    def __init__(self, log: list[str] | None = None, name: str = "") -> None:
        self.log = [] if log is None else log
        self._name = name

    def _add(self, method: str) -> None:
        self.log.append(f"{self._name}{method}")

    def on_event(self, event: tasks_pb2.TaskEvent) -> None:
        self._add(f"event {event.WhichOneof('event')}")

    def on_queued(self, queued: tasks_pb2.Queued) -> None:
        self._add(f"queued {queued.position}")

    def on_audio_void(self, outputs: Set[int]) -> None:
        self._add(f"void {sorted(outputs)}")

    def on_started(self, started: tasks_pb2.Started) -> None:
        self._add(f"started {started.attempt}")

    def on_progress(self, progress: tasks_pb2.Progress) -> None:
        self._add(f"progress {progress.fraction}")

    def on_audio_header(self, header: audio_pb2.AudioHeader) -> None:
        self._add(f"header {header.output}")

    def on_audio(self, chunk: audio_pb2.AudioChunk) -> None:
        self._add(f"audio {chunk.output}")

    def on_take(self, take: tasks_pb2.TakeFinished) -> None:
        self._add(f"take {take.take}")

    def on_completed(self, completed: tasks_pb2.Completed) -> None:
        self._add(f"completed {completed.engine}")


@settings(deadline=None, max_examples=100)
@given(job_stories())
def test_sinks_end_with_exactly_what_the_last_attempt_made(story: JobStory) -> None:
    samples = Samples()
    completed = follow(story.events, samples)
    assert {output: bytes(data) for output, data in samples.outputs.items()} == story.outputs
    assert completed == story.events[-1].completed


@settings(deadline=None, max_examples=100)
@given(job_stories())
def test_every_event_reaches_the_method_of_its_kind(story: JobStory) -> None:
    calls = Calls()
    follow(story.events, calls)
    kinds = {"audio_header": "header", "audio_chunk": "audio", "take_finished": "take"}
    message = iter(call for call in calls.log if not call.startswith("void"))
    for event in story.events:
        kind = event.WhichOneof("event")
        assert kind is not None
        assert next(message) == f"event {kind}"
        assert next(message).split()[0] == kinds.get(kind, kind)
    assert next(message, None) is None


def events_with_restart() -> list[tasks_pb2.TaskEvent]:
    """A take that is finished, and one that is begun twice, the second time with one output less."""
    story = JobStory()
    story.add(started={"attempt": 1})
    story.add(audio_header=header(0, 0, 4))
    story.add(take_finished=take_message(0, {0}))
    story.add(audio_header=header(1, 1, 4))
    story.add(audio_header=header(2, 1, 4))
    story.add(started={"attempt": 2})
    story.add(audio_header=header(1, 1, 4))
    story.add(take_finished=take_message(1, {1}))
    story.add(completed={"engine": "fake"})
    return story.events


def test_only_unfinished_audio_is_void_and_it_is_so_before_the_new_start() -> None:
    calls = Calls()
    follow(events_with_restart(), calls)
    assert [call for call in calls.log if not call.startswith("event")] == [
        "started 1", "header 0", "take 0", "header 1", "header 2", "void [1, 2]", "started 2", "header 1", "take 1",
        "completed fake",
    ]  # fmt: skip


def test_all_sinks_hear_of_an_event_before_the_next_one() -> None:
    log: list[str] = []
    follow(events_with_restart()[-1:], Calls(log, "a "), Calls(log, "b "))
    assert log == ["a event completed", "a completed fake", "b event completed", "b completed fake"]


def test_a_stream_that_ends_early_is_a_failure() -> None:
    with pytest.raises(JobFailed, match=r"before the job was complete\. See `acebridge jobs show job`\.") as failed:
        follow(events_with_restart()[:-1])
    assert failed.value.kind is ErrorReason.ENGINE_FAILURE
    with pytest.raises(JobFailed, match="before the job was complete"):
        follow([])


def test_a_stream_is_read_to_its_end_and_what_ends_it_after_the_result_does_no_harm() -> None:
    read: list[str] = []

    def stream() -> Iterator[tasks_pb2.TaskEvent]:
        yield events_with_restart()[-1]
        read.append("end")
        raise JobFailed(ErrorReason.UNAVAILABLE, "The daemon is stopping.")

    assert follow(stream()).engine == "fake"
    assert read == ["end"]


def test_errors_of_the_stream_and_of_a_sink_go_through() -> None:
    class Full(JobSink):
        def on_audio_header(self, _: audio_pb2.AudioHeader) -> None:
            raise OSError(28, "No space left on device")

    def failing_stream() -> Iterator[tasks_pb2.TaskEvent]:
        yield events_with_restart()[0]
        raise JobFailed(ErrorReason.CANCELLED, "The job was cancelled.")

    with pytest.raises(JobFailed, match="was cancelled"):
        follow(failing_stream(), JobSink())
    with pytest.raises(OSError, match="No space left"):
        follow(events_with_restart(), Full())
