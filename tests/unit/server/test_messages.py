"""Values of the daemon as messages of the contract."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acebridge.contract.metadata import metadata_values
from acebridge.jobs.job import JobEvent
from acebridge.server.messages import chunk_message, event_message, timestamp
from acebridge.v1 import audio_pb2


@given(seconds=st.floats(0, 4e9))
@settings(deadline=None)
def test_times_keep_their_microseconds(seconds: float) -> None:
    stamp = timestamp(seconds)
    assert stamp is not None
    assert math.isclose(stamp.ToMicroseconds() / 1e6, seconds, abs_tol=1e-6)
    assert timestamp(None) is None


HEADER = {
    "output": 3, "take": 1, "role": "mix", "sample_rate": 44_100, "channels": 1, "frames": 10, "start_frame": -4,
}  # fmt: skip
TAKE = {"take": 1, "seed": 7, "facts": {"bpm": 96}, "outputs": [{**HEADER, "asset_id": "ab", "encoding": "pcm16"}]}
RANKING = [{"take": 1, "seed": 7, "score": 0.5, "chosen": True}, {"take": 0, "seed": 6, "chosen": False}]
EVENTS = [
    JobEvent(1, "queued", {"position": 2}),
    JobEvent(2, "started", {"engine": "draft", "device": "cpu", "attempt": 1, "chooses": False}),
    JobEvent(3, "progress", {"stage": "drums", "fraction": 0.5, "eta_s": None}),
    JobEvent(4, "header", {**HEADER, "encoding": "pcm16"}),
    JobEvent(5, "take", TAKE),
    JobEvent(6, "completed", {"engine": "draft", "waited_s": 0.5, "worked_s": 1.5, "ranking": RANKING}),
]
KINDS = ["queued", "started", "progress", "audio_header", "take_finished", "completed"]


def test_every_event_has_its_message() -> None:
    messages = [event_message("job", event, [TAKE]) for event in EVENTS]
    assert [message.WhichOneof("event") for message in messages] == KINDS
    assert [message.sequence for message in messages] == [event.sequence for event in EVENTS]
    assert {message.job_id for message in messages} == {"job"}
    assert messages[0].queued.position == 2
    assert not messages[2].progress.HasField("eta_s")
    counted = {**HEADER, "output": 4, "take": 2}  # from 1, as clients count
    assert messages[3].audio_header == audio_pb2.AudioHeader(**counted, encoding=audio_pb2.ENCODING_PCM16)
    take = messages[4].take_finished
    assert (take.take, take.seed, take.outputs[0].asset_id) == (2, 7, "ab")
    assert (take.outputs[0].output, take.outputs[0].take) == (4, 2)
    assert metadata_values(take.metadata) == {"bpm": 96}
    completed = messages[5].completed
    assert list(completed.takes) == [take]
    assert (completed.wait_s, completed.run_s) == (0.5, 1.5)
    assert [(each.take, each.HasField("score")) for each in completed.ranking] == [(2, True), (1, False)]
    assert chunk_message(3, 8, b"ab") == audio_pb2.AudioChunk(output=4, offset_frames=8, data=b"ab")


def test_audio_has_no_message_of_its_own() -> None:
    with pytest.raises(ValueError, match="kind audio"):
        event_message("job", JobEvent(1, "audio", {"output": 0, "offset_frames": 0, "frames": 1}))
