"""The events of the job there as the messages of a worker here."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

from acebridge.contract.enums import encoding_name
from acebridge.contract.metadata import metadata_values
from acebridge.forwarding.outputs import Outputs
from acebridge.v1 import audio_pb2, tasks_pb2
from acebridge.workers.messages import Header, JobOrder, Message, RankedTake, StoredOutput


class Arrivals:
    """What has come of a job that ``host`` does for an order, whichever calls it came with."""

    def __init__(self, order: JobOrder, host: str) -> None:
        self.outputs = Outputs(Path(order["folder"]), order["takes"])
        #: Number of the newest event that has come whole.
        self.sequence = 0
        self._host = host
        self._takes = {take["take"] + 1 for take in order["takes"]}
        self._fraction = 0.0
        self._engine = order["engine"]

    def progress(self, stage: str, fraction: float = 0.0, eta_s: float | None = None) -> Message:
        """Return a message about progress. It never falls: a job that is made again catches up with what is here."""
        self._fraction = max(self._fraction, fraction)
        return {"type": "progress", "body": {"stage": stage, "fraction": self._fraction, "eta_s": eta_s}}

    def messages(self, event: tasks_pb2.TaskEvent) -> Iterator[Message]:
        """Yield what an event means. Raises `AudioMismatch`, and ``OSError`` for a disk that does not take the audio."""
        match event.WhichOneof("event"):
            case "queued":
                first = event.queued.position
                why = event.queued.reason or (f"{first} jobs go first" if first else "")
                yield self.progress(f"waiting at {self._host}" + (f": {why}" if why else ""))
            case "started" if event.started.engine != self._engine:
                note = f"The {event.started.engine} engine made this, as the {self._engine} engine at {self._host} could not."
                self._engine = event.started.engine
                yield {"type": "engine", "body": {"engine": self._engine, "note": note}}
            case "progress":
                report = event.progress
                yield self.progress(report.stage, report.fraction, report.eta_s if report.HasField("eta_s") else None)
            case "audio_header":
                if self.outputs.begin(event.audio_header):
                    yield {"type": "header", "body": _header(event.audio_header)}
            case "audio_chunk":
                if (added := self.outputs.add(event.audio_chunk)) is not None:
                    yield {"type": "audio", "body": added}
            case "take_finished":
                yield from self._take(event.take_finished)
            case "completed":
                if event.completed.ranking:
                    yield {"type": "ranking", "body": _ranking(event.completed)}
        self.sequence = max(self.sequence, event.sequence)

    def _take(self, take: tasks_pb2.TakeFinished) -> Iterator[Message]:
        if take.take in self._takes:
            return
        outputs = [_output_body(output, self.outputs.finish(output.output, output.asset_id)) for output in take.outputs]
        self._takes.add(take.take)
        facts = metadata_values(take.metadata)
        yield {"type": "take", "body": {"take": take.take - 1, "seed": take.seed, "facts": facts, "outputs": outputs}}


def _header(header: audio_pb2.AudioHeader) -> Header:
    body: Header = {
        "output": header.output - 1,
        "take": header.take - 1,
        "role": header.role,
        "sample_rate": header.sample_rate,
        "channels": header.channels,
        "encoding": encoding_name(header.encoding),
        "frames": header.frames,
        "start_frame": header.start_frame,
    }
    return {**body, "chunks": base64.b64encode(header.chunks).decode()} if header.chunks else body


def _output_body(output: tasks_pb2.StoredOutput, encoding: str) -> StoredOutput:
    return {
        "output": output.output - 1,
        "take": output.take - 1,
        "role": output.role,
        "sample_rate": output.sample_rate,
        "channels": output.channels,
        "encoding": encoding,
        "frames": output.frames,
        "start_frame": output.start_frame,
        "asset_id": output.asset_id,
    }


def _ranking(completed: tasks_pb2.Completed) -> list[RankedTake]:
    kept = {take.take for take in completed.takes}
    return [
        {
            "take": each.take - 1,
            "seed": each.seed,
            "score": each.score if each.HasField("score") else None,
            "chosen": each.chosen,
            "kept": each.take in kept,
            "note": each.note,
        }
        for each in completed.ranking
    ]
