"""What the Python API keeps of a job at a daemon, and the errors that it makes of the daemon's."""

from __future__ import annotations

import pytest

from acebridge.client.api_runner import OrderSink, runtime_error
from acebridge.client.follow import follow
from acebridge.errors import ErrorReason, JobFailed
from acestep_runtime.errors import Cancelled, EngineFailure, InvalidValue, UnreadableAudio, UnsupportedTask
from acestep_runtime.tasks.base import OutputHeader
from acestep_runtime.values import CancelToken
from tests.support.job_events import JobStory, header, take_message


def test_headers_of_an_interrupted_attempt_are_forgotten() -> None:
    story = JobStory()
    story.add(started={"attempt": 1})
    story.add(audio_header=header(1, 1, 4, "drums"))
    story.add(take_finished=take_message(1, {1}))
    for output, role in ((2, "drums"), (3, "bass")):
        story.add(audio_header=header(output, 2, 4, role))
    story.add(progress={"stage": "playing", "fraction": 0.75})
    story.add(started={"attempt": 2})
    story.add(progress={"stage": "playing", "fraction": 0.5})
    story.add(audio_header=header(2, 2, 6, "mix"))
    story.add(take_finished=take_message(2, {2}))
    story.add(completed={})
    message: list[tuple[str, float]] = []
    sink = OrderSink(CancelToken(), lambda stage, fraction: message.append((stage, fraction)))
    follow(story.events, sink)
    assert sink.headers == {  # by the output, counted from 1 on the wire and from 0 in the runtime
        1: OutputHeader(0, 0, "drums", 48_000, 1, "pcm16", 4),
        2: OutputHeader(1, 1, "mix", 48_000, 1, "pcm16", 6),
    }
    assert message == [("playing", 0.75), ("playing", 0.5)]
    assert sink.job_id == "job"


def test_a_cancelled_order_knows_its_job_from_the_first_event() -> None:
    story, cancel = JobStory(), CancelToken()
    story.add(queued={"position": 1})
    cancel.cancel()
    sink = OrderSink(cancel, lambda *_: None)
    with pytest.raises(Cancelled):
        follow(story.events, sink)
    assert sink.job_id == "job"


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (ErrorReason.INVALID_VALUE, InvalidValue), (ErrorReason.UNREADABLE_AUDIO, UnreadableAudio),
        (ErrorReason.UNSUPPORTED_TASK, UnsupportedTask), (ErrorReason.ENGINE_FAILURE, EngineFailure),
        (ErrorReason.CANCELLED, Cancelled),
    ],
)  # fmt: skip
def test_errors_are_those_of_this_process(kind: ErrorReason, error: type[Exception]) -> None:
    details = {"field": "music.bpm", "value": "3", "allowed": "30 to 300"}
    found = runtime_error(JobFailed(kind, "It is wrong.", remedy="Mend it.", details=details))
    assert type(found) is error
    assert str(found) == ("It is wrong." if kind is ErrorReason.CANCELLED else "It is wrong. Mend it.")
    if isinstance(found, InvalidValue):
        assert (found.field, found.allowed) == ("music.bpm", "30 to 300")


def test_other_errors_stay_what_they_are() -> None:
    failed = JobFailed(ErrorReason.UNAVAILABLE, "The daemon is stopping.")
    assert runtime_error(failed) is failed
