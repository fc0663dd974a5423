"""What stays around a repaint: the daemon sends back only what changed, and it is made as long as its source here.

So what a repaint costs follows the region, not the song: nothing that stays is hashed, stored or sent.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from acebridge.client.follow import JobSink
from acebridge.contract.enums import encoding_name
from acebridge.hosts.jobfolder.outputs import file_state
from acebridge.hosts.jobfolder.request import AudioFile
from acebridge.v1 import audio_pb2, tasks_pb2
from acestep_runtime.errors import InvalidValue

if TYPE_CHECKING:
    from acestep_runtime.audio.splice import Span
    from acestep_runtime.audio.tags.result import ResultChunks
    from acestep_runtime.tasks.base import Source
    from acestep_runtime.tasks.source_audio import Clip

Part = TypeVar("Part", audio_pb2.AudioHeader, tasks_pb2.StoredOutput)


@dataclass(frozen=True)
class SentSource:
    """A source file as it was when it was sent: its size and its time of change."""

    source: AudioFile
    _state: list[int]

    @classmethod
    def of(cls, source: AudioFile) -> SentSource:
        """Note what the file of a source is like. Raises ``OSError`` when it cannot be found.

        What it takes to read the file is loaded meanwhile, while the daemon is busy with it.
        """
        threading.Thread(
            target=importlib.import_module, args=("acestep_runtime.tasks.source_audio",), daemon=True
        ).start()
        return cls(source, file_state(source.file))

    def open(self, sample_rate: int, channels: int) -> Clip:
        """Open it at another rate and with other channels."""
        from acestep_runtime.tasks.base import Output
        from acestep_runtime.tasks.source_audio import Clip

        return Clip.open(self.part(), Output(sample_rate, channels))

    def chunks_of(self, whole: audio_pb2.AudioHeader, chunks: bytes) -> ResultChunks:
        """Return the chunks of the whole, from those of its region: its recipe, and what the file says of all of it."""
        from acestep_runtime.origins import widen_chunks
        from acestep_runtime.tasks.base import OutputHeader

        header = OutputHeader(
            whole.output, whole.take, whole.role, whole.sample_rate, whole.channels, encoding_name(whole.encoding),
            whole.frames, whole.start_frame, chunks,
        )  # fmt: skip
        return widen_chunks(self.part(), header)

    def part(self) -> Source:
        """Return the part of the file that was sent."""
        from acestep_runtime.tasks.base import Source

        return Source(str(self.source.file), self.source.start_s or 0.0, self.source.end_s)

    def check(self) -> None:
        """Raise `InvalidValue` when the file is no longer as it was."""
        file = self.source.file
        try:
            same = file_state(file) == self._state
        except OSError:
            same = False
        if not same:
            raise InvalidValue(
                "source.file",
                str(file),
                "the file that was sent",
                message=f"The audio file {file} was changed or removed while its repaint was waiting.",
                remedy="Run the action again.",
            )


class WideningSink(JobSink):
    """Hands the events of a repaint that returns only its region to ``target``, as those of one of the whole source.

    What stays follows its header at once, while the engine works.
    """

    def __init__(self, sent: SentSource, target: JobSink) -> None:
        self._sent, self._target = sent, target
        self._clip: Clip | None = None
        #: Output → the frame of the whole at which its region begins.
        self._shifts: dict[int, int] = {}
        #: What of the file is not in the whole, in sentences.
        self._notes: tuple[str, ...] = ()

    def on_event(self, event: tasks_pb2.TaskEvent) -> None:
        """Pass it on."""
        self._target.on_event(event)

    def on_queued(self, queued: tasks_pb2.Queued) -> None:
        """Pass it on."""
        self._target.on_queued(queued)

    def on_started(self, started: tasks_pb2.Started) -> None:
        """Pass it on."""
        self._target.on_started(started)

    def on_progress(self, progress: tasks_pb2.Progress) -> None:
        """Pass it on."""
        self._target.on_progress(progress)

    def on_audio_void(self, outputs: Set[int]) -> None:
        """Pass it on."""
        self._target.on_audio_void(outputs)

    def on_audio_header(self, header: audio_pb2.AudioHeader) -> None:
        """Announce the whole, and send what stays of it. Raises `InvalidValue` when the file is no longer as it was."""
        self._sent.check()  # for every take: the file may change between them
        self._clip = self._clip or self._sent.open(header.sample_rate, header.channels)
        whole, self._shifts[header.output] = _widen(header, self._clip)
        whole.chunks, self._notes = self._sent.chunks_of(whole, header.chunks)
        self._target.on_audio_header(whole)
        for chunk in _chunks_outside(header, self._clip):
            self._target.on_audio(chunk)

    def on_audio(self, chunk: audio_pb2.AudioChunk) -> None:
        """Pass it on at its place in the whole."""
        at = chunk.offset_frames + self._shifts[chunk.output]
        self._target.on_audio(audio_pb2.AudioChunk(output=chunk.output, offset_frames=at, data=chunk.data))

    def on_take(self, take: tasks_pb2.TakeFinished) -> None:
        """Pass it on with outputs and times of the whole."""
        self._target.on_take(self._widen_take(take))

    def on_completed(self, completed: tasks_pb2.Completed) -> None:
        """Pass it on with takes of the whole."""
        whole = tasks_pb2.Completed()
        whole.CopyFrom(completed)
        del whole.takes[:]
        whole.takes.extend(self._widen_take(take) for take in completed.takes)
        self._target.on_completed(whole)

    def _widen_take(self, take: tasks_pb2.TakeFinished) -> tasks_pb2.TakeFinished:
        from acebridge.contract.metadata import metadata_message, metadata_values
        from acestep_runtime.engines.metadata import metadata_from_json, metadata_to_json
        from acestep_runtime.origins import widen_warnings
        from acestep_runtime.tasks.times import shift_times

        if self._clip is None:
            return take
        wide = [_widen(output, self._clip) for output in take.outputs]
        outputs = [output for output, _ in wide]
        for output in outputs:
            output.asset_id = ""  # what the daemon stores is the region alone
        whole = tasks_pb2.TakeFinished(take=take.take, seed=take.seed, metadata=take.metadata, outputs=outputs)
        if wide:
            output, shift = wide[0]
            metadata = shift_times(metadata_from_json(metadata_values(take.metadata)), shift / output.sample_rate)
            warnings = widen_warnings(metadata.get("warnings", ()), self._sent.part(), self._notes)
            metadata = metadata.copy()
            metadata.pop("warnings", None)
            if warnings:
                metadata["warnings"] = warnings
            whole.metadata.CopyFrom(metadata_message(metadata_to_json(metadata)))
        return whole


def _widen(part: Part, clip: Clip) -> tuple[Part, int]:
    """Return what describes a part as it describes the whole, and the frame of the whole at which the part begins."""
    changed = _span_of_change(part, clip)
    whole = type(part)()
    whole.CopyFrom(part)
    whole.frames, whole.start_frame = changed.total_frames, -changed.prefix_frames
    return whole, changed.start + changed.prefix_frames


def _span_of_change(part: Part, clip: Clip) -> Span:
    from acestep_runtime.audio.splice import Span

    return Span(part.start_frame, part.start_frame + part.frames, clip.frames)


def _chunks_outside(changed: audio_pb2.AudioHeader, clip: Clip) -> Iterator[audio_pb2.AudioChunk]:
    """Yield what stays of the source, before and after the part that changed."""
    from acestep_runtime.audio import wav
    from acestep_runtime.audio.dither import Dither

    span, encoding = _span_of_change(changed, clip), encoding_name(changed.encoding)
    for at, end in span.outside:
        dither = Dither.for_encoding(encoding, at)
        for block in clip.blocks(at, end):
            data = wav.encode(dither.add(block), encoding)
            yield audio_pb2.AudioChunk(output=changed.output, offset_frames=at + span.prefix_frames, data=data)
            at += len(block)
