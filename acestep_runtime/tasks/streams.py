"""Tasks that stream the engine's audio: every role is as long as the source, or as requested."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from acestep_runtime.audio import convert
from acestep_runtime.audio.samples import Samples, split_blocks
from acestep_runtime.engines.base import Block, Engine, Progress
from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.previews import Preview
from acestep_runtime.take_latents import Piece, TakeLatents, join
from acestep_runtime.tasks.base import OutputBlock, OutputHeader, OutputLatents, Source, Task, TaskEvent
from acestep_runtime.tasks.preview_input import with_preview
from acestep_runtime.tasks.source_audio import BLOCK_FRAMES, Clip, keep_on_disk
from acestep_runtime.tasks.source_latents import read_source_latents
from acestep_runtime.tasks.takes import Delivery, NoAudio, engine_request, run_takes
from acestep_runtime.tasks.times import shift_times
from acestep_runtime.units import ENGINE_RATE_HZ, frames_to_frames, seconds_to_frames
from acestep_runtime.values import OTHER, TRACKS, CancelToken


@dataclass(frozen=True)
class Stream:
    """The delivery of unchanged roles: ``frames`` frames each at ``rate_hz``, from ``engine_frames`` of the engine."""

    frames: int
    rate_hz: int
    channels: int
    encoding: str
    engine_frames: int

    def deliver(self, take: int, number: int, events: Iterator[Progress | Block]) -> Iterator[TaskEvent]:
        """See `Delivery.deliver`."""
        roles: dict[str, _Role] = {}
        for event in events:
            if isinstance(event, Progress):
                yield event
                continue
            if event.role not in roles:
                output, frames = number + len(roles), self._output_frames(event.preview)
                yield OutputHeader(output, take, event.role, self.rate_hz, self.channels, self.encoding, frames)
                resampler = convert.StreamResampler(ENGINE_RATE_HZ, self.rate_hz, self.channels, self.frames)
                roles[event.role] = _Role(output, resampler, self.engine_frames, frames)
                if (latents := self._output_latents(event)) is not None or event.full is not None:
                    yield OutputLatents(output, latents, event.full)
            yield roles[event.role].push(convert.to_channels(event.samples, self.channels))

    def _output_frames(self, preview: Preview | None) -> int:
        return self.frames if preview is None else frames_to_frames(preview.stop, ENGINE_RATE_HZ, self.rate_hz)

    def _output_latents(self, block: Block) -> TakeLatents | None:
        if block.latents is None or (self.rate_hz, self.channels) != (ENGINE_RATE_HZ, 2):
            return None
        if block.preview is None:
            return block.latents
        stop = block.preview.stop
        return join([Piece(block.latents, ((0, stop),))], 0, stop)

    def in_output_time(self, metadata: TakeMetadata) -> TakeMetadata:
        """See `Delivery.in_output_time`."""
        preview = metadata.get("preview")
        return metadata if preview is None else shift_times(metadata, 0.0, preview["duration_s"])


@dataclass
class _Role:
    """A growing output: ``left`` engine frames are still to come, and ``left_out`` of its own."""

    output: int
    resampler: convert.StreamResampler
    left: int
    left_out: int

    def push(self, samples: Samples) -> OutputBlock:
        self.left -= len(samples)
        made = self.resampler.push(samples, last=self.left == 0)[: self.left_out]
        self.left_out -= len(made)
        return OutputBlock(self.output, made)


@dataclass(frozen=True)
class StreamWithRemainder:
    """The delivery of roles that add up to the source.

    ``role`` also gets ``remainder`` ``[N, C]``: the band above 48 kHz, and losses of the conversion.
    """

    stream: Stream
    role: str
    remainder: Samples

    def deliver(self, take: int, number: int, events: Iterator[Progress | Block]) -> Iterator[TaskEvent]:
        """See `Delivery.deliver`."""
        places: dict[int, int] = {}
        for event in self.stream.deliver(take, number, events):
            if isinstance(event, OutputHeader) and event.role == self.role:
                places[event.output] = 0
            elif isinstance(event, OutputBlock) and event.output in places:
                start = places[event.output]
                places[event.output] = stop = start + len(event.samples)
                event = OutputBlock(event.output, event.samples + self.remainder[start:stop])
            yield event

    def in_output_time(self, metadata: TakeMetadata) -> TakeMetadata:
        """See `Delivery.in_output_time`."""
        return metadata


def run_on_whole_source(
    task: Task, source: Source, engine: Engine, cancel: CancelToken, done: int
) -> Iterator[TaskEvent]:
    """Run an engine on all of ``source``; outputs have its length, or there is metadata alone."""
    clip = Clip.open(source, task.output_spec)
    source_samples = clip.for_engine(0, clip.frames)
    whole = (0, len(source_samples))
    own = read_source_latents(clip, engine)
    request = dataclasses.replace(
        engine_request(task, engine, len(source_samples)), source=source_samples, span=whole, known=whole,
        source_latents=None if own is None else own.window(0, clip.frames, clip.frames),
    )  # fmt: skip
    request = with_preview(request, task.output_spec, engine, *whole)
    yield from run_takes(request, task.output_spec, _choose_delivery(task, clip, source_samples), engine, cancel, done)


def _choose_delivery(task: Task, clip: Clip, source_samples: Samples) -> Delivery:
    if task.kind != "audio":
        return NoAudio()
    stream = Stream(clip.frames, clip.rate_hz, clip.channels, task.output_spec.encoding, len(source_samples))
    if OTHER not in task.roles or clip.rate_hz == ENGINE_RATE_HZ:
        return stream
    tracks: tuple[str, ...] = getattr(task, "tracks", ())
    last = OTHER if len(tracks) < len(TRACKS) else tracks[-1]
    remainder = keep_on_disk(_remainder_blocks(clip, source_samples), clip.frames, clip.channels)
    return StreamWithRemainder(stream, last, remainder)


def _remainder_blocks(clip: Clip, source_samples: Samples) -> Iterator[Samples]:
    """Yield what of a clip the engine's version of it does not have."""
    stream, at = convert.StreamResampler(ENGINE_RATE_HZ, clip.rate_hz, clip.channels, clip.frames), 0
    left = len(source_samples)
    for block in split_blocks(source_samples, BLOCK_FRAMES):
        left -= len(block)
        covered_band = stream.push(convert.to_channels(block, clip.channels), last=left == 0)
        yield clip.read(at, at + len(covered_band)) - covered_band
        at += len(covered_band)


def run_without_source(
    task: Task, duration_s: float, engine: Engine, cancel: CancelToken, done: int, *, is_planned: bool = False
) -> Iterator[TaskEvent]:
    """Run an engine without a source for ``duration_s`` seconds of music; ``is_planned``: the engine has planned them."""
    output = task.output_spec
    rate_hz = output.sample_rate or ENGINE_RATE_HZ
    request = engine_request(task, engine, seconds_to_frames(duration_s, ENGINE_RATE_HZ))
    request = dataclasses.replace(request, has_planned_length=is_planned)
    request = with_preview(request, output, engine, 0, request.frames)
    frames = seconds_to_frames(duration_s, rate_hz)
    stream = Stream(frames, rate_hz, output.channels or 2, output.encoding, request.frames)
    return run_takes(request, output, stream, engine, cancel, done)
