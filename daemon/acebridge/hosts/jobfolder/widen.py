"""What stays around a repaint: the daemon sends back only what changed, and it is made as long as its source here.

So what a repaint costs follows the region, not the song: nothing that stays is hashed, stored or sent.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from acebridge.contract.fields import values_of
from acebridge.hosts.jobfolder.outputs import file_state
from acebridge.hosts.jobfolder.request import AudioFile
from acebridge.v1 import audio_pb2, tasks_pb2
from acestep_runtime.errors import InvalidValue

if TYPE_CHECKING:
    from acestep_runtime.audio.splice import Span
    from acestep_runtime.tasks.source_audio import Clip

Part = TypeVar("Part", audio_pb2.AudioHeader, tasks_pb2.StoredOutput)


@dataclass(frozen=True)
class Around:
    """A source file as it was when it was sent: its size and its time of change."""

    source: AudioFile
    _state: list[int]

    @classmethod
    def of(cls, source: AudioFile) -> Around:
        """Note what the file of a source is like. Raises ``OSError`` when it cannot be found.

        What it takes to read the file is loaded meanwhile, while the daemon is busy with it.
        """
        threading.Thread(
            target=importlib.import_module, args=("acestep_runtime.tasks.source_audio",), daemon=True
        ).start()
        return cls(source, file_state(source.file))

    def whole(self, events: Iterator[tasks_pb2.TaskEvent]) -> Iterator[tasks_pb2.TaskEvent]:
        """Return the events of a repaint of only its region as those of one of the whole source.

        What stays follows its header at once, while the engine works. Raises `InvalidValue` when the file is no longer
        as it was.
        """
        clip: Clip | None = None
        shifts: dict[int, int] = {}
        for event in events:
            kind = event.WhichOneof("event")
            if kind == "audio_header":
                clip = clip or self._opened(event.audio_header)
                changed = audio_pb2.AudioHeader()
                changed.CopyFrom(event.audio_header)
                shifts[changed.output] = _widen(event.audio_header, clip)
                yield event
                for chunk in _kept(changed, clip):
                    yield tasks_pb2.TaskEvent(job_id=event.job_id, audio_chunk=chunk)
                continue
            if kind == "audio_chunk":
                event.audio_chunk.offset_frames += shifts[event.audio_chunk.output]
            elif kind == "take_finished" and clip is not None:
                _widen_take(event.take_finished, clip)
            elif kind == "completed" and clip is not None:
                for take in event.completed.takes:
                    _widen_take(take, clip)
            yield event

    def _opened(self, header: audio_pb2.AudioHeader) -> Clip:
        from acestep_runtime.tasks.base import Output, Source
        from acestep_runtime.tasks.source_audio import Clip

        file, start_s, end_s = self.source.file, self.source.start_s, self.source.end_s
        try:
            same = file_state(self.source.file) == self._state
        except OSError:
            same = False
        if not same:
            raise InvalidValue(
                "source.file", str(file), "the file that was sent",
                message=f"The audio file {file} was changed or removed while its repaint was waiting.",
                remedy="Run the action again.",
            )  # fmt: skip
        return Clip.open(Source(str(file), start_s or 0.0, end_s), Output(header.sample_rate, header.channels))


def _widen(part: Part, clip: Clip) -> int:
    """Make what describes a part describe the whole; return the frame of the whole at which the part begins."""
    changed = _changed_span(part, clip)
    part.frames, part.start_frame = changed.total_frames, -changed.prepended
    return changed.start + changed.prepended


def _changed_span(part: Part, clip: Clip) -> Span:
    from acestep_runtime.audio.splice import Span

    return Span(part.start_frame, part.start_frame + part.frames, clip.frames)


def _widen_take(take: tasks_pb2.TakeFinished, clip: Clip) -> None:
    from acestep_runtime.tasks.times import shift_times

    shifts_s = [_widen(output, clip) / output.sample_rate for output in take.outputs]
    facts = shift_times(values_of(take.metadata), shifts_s[0]) if shifts_s else {}
    take.metadata.update(facts)


def _kept(changed: audio_pb2.AudioHeader, clip: Clip) -> Iterator[audio_pb2.AudioChunk]:
    """Yield what stays of the source, before and after the part that changed."""
    from acebridge.client.wav_writer import ENCODINGS
    from acestep_runtime.audio import wav

    span = _changed_span(changed, clip)
    for at, end in span.kept:
        for block in clip.blocks(at, end):
            data = wav.encode(block, ENCODINGS[changed.encoding])
            yield audio_pb2.AudioChunk(output=changed.output, offset_frames=at + span.prepended, data=data)
            at += len(block)
