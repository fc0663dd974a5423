"""Streams of TaskEvents made up for tests: jobs that are started again and again, and what is true of them in the end."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field

from hypothesis import strategies as st

from acebridge.client.follow import JobSink
from acebridge.v1 import audio_pb2, tasks_pb2

#: Bytes of a frame of the outputs here: 16 bits, one channel.
FRAME_BYTES = 2


@dataclass
class JobStory:
    """The events of a job, and the samples of its outputs as the attempt that finished them made them."""

    events: list[tasks_pb2.TaskEvent] = field(default_factory=list)
    outputs: dict[int, bytes] = field(default_factory=dict)

    def add(self, **event: object) -> None:
        self.events.append(tasks_pb2.TaskEvent(sequence=len(self.events) + 1, job_id="job", **event))


def header(output: int, take: int, frames: int, role: str = "mix") -> audio_pb2.AudioHeader:
    return audio_pb2.AudioHeader(
        output=output, take=take, role=role, sample_rate=48_000, channels=1, encoding=audio_pb2.ENCODING_PCM16,
        frames=frames,
    )  # fmt: skip


def take_message(take: int, outputs: Set[int]) -> tasks_pb2.TakeFinished:
    return tasks_pb2.TakeFinished(
        take=take, outputs=[tasks_pb2.StoredOutput(output=output, take=take, role="mix") for output in sorted(outputs)]
    )


@st.composite
def job_stories(draw: st.DrawFn, max_takes: int = 3, max_restarts: int = 3) -> JobStory:
    """A job with takes of one or more outputs each, which is interrupted in the middle of takes.

    A take that is begun again may have other outputs and other samples than before.
    """
    story, takes = JobStory(), draw(st.integers(1, max_takes))
    restarts = draw(st.integers(0, max_restarts))
    story.add(queued={"position": 1})
    story.add(started={"attempt": 1})
    take = 0
    while take < takes:
        first = len(story.outputs)
        # libsndfile, which reads the files, takes samples that begin with these bytes for another format.
        halves = st.binary(max_size=12).filter(lambda data: not data.startswith(b"wvpk"))
        samples = draw(st.lists(halves.map(lambda data: data + data), min_size=1, max_size=3))
        audio = [
            {"audio_header": header(first + number, take, len(data) // FRAME_BYTES)}
            for number, data in enumerate(samples)
        ]
        for number, data in enumerate(samples):
            cut = draw(st.integers(0, len(data) // FRAME_BYTES))
            for at, piece in ((0, data[: cut * FRAME_BYTES]), (cut, data[cut * FRAME_BYTES :])):
                chunk = {"output": first + number, "offset_frames": at, "data": piece}
                audio.extend([{"audio_chunk": chunk}] if piece else [])
        interrupted = restarts > 0 and draw(st.booleans())
        for event in audio[: draw(st.integers(0, len(audio)))] if interrupted else audio:
            story.add(**event)
            if draw(st.booleans()):
                story.add(progress={"stage": "working", "fraction": 0.5})
        if interrupted:
            restarts -= 1
            story.add(queued={"position": 0})
            story.add(started={"attempt": 2})
            continue
        story.outputs |= {first + number: data for number, data in enumerate(samples)}
        story.add(take_finished=take_message(take, {first + number for number in range(len(samples))}))
        take += 1
    story.add(completed={"engine": "fake", "takes": [{"take": number} for number in range(takes)]})
    return story


class Samples(JobSink):
    """Keeps the samples of all outputs as a follower tells them, and asserts that they are contiguous."""

    def __init__(self) -> None:
        self.outputs: dict[int, bytearray] = {}

    def on_audio_header(self, header: audio_pb2.AudioHeader) -> None:
        assert header.output not in self.outputs
        self.outputs[header.output] = bytearray()

    def on_audio(self, chunk: audio_pb2.AudioChunk) -> None:
        assert len(self.outputs[chunk.output]) == chunk.offset_frames * FRAME_BYTES
        self.outputs[chunk.output] += chunk.data

    def on_audio_void(self, outputs: Set[int]) -> None:
        for output in outputs:
            del self.outputs[output]
