"""What a command has got from its job so far: files, and the object that ``--json`` prints."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from acebridge.client.client import Client
from acebridge.client.wav_writer import Writer
from acebridge.contract.fields import values_of
from acebridge.errors import JobFailed
from acebridge.v1 import tasks_pb2

#: What a person asks first.
_FIRST_FACTS = ("engine", "caption", "bpm", "keyscale", "timesignature", "duration", "loudness_db")


class Result:
    """What a job has returned so far. ``min_score`` is what takes should reach."""

    def __init__(self, began: float, min_score: float | None = None) -> None:
        self.job_id = ""
        self._began = began
        self._min_score = min_score
        self._first_audio_s: float | None = None
        self._chooses = False
        self._files: dict[int, Path] = {}
        self._completed: tasks_pb2.Completed | None = None

    def take_in(self, event: tasks_pb2.TaskEvent, writer: Writer | None, client: Client) -> None:
        """Take note of an event and write its audio. Takes to choose from are fetched when the choice is made."""
        self.job_id = event.job_id
        kind = event.WhichOneof("event")
        if kind == "started":
            self._chooses = event.started.chooses
        elif kind == "completed":
            self._completed = event.completed
        elif kind == "audio_chunk" and self._first_audio_s is None:
            self._first_audio_s = time.monotonic() - self._began
        if writer is None:
            return
        if self._chooses:
            if kind == "completed":
                self._fetch(event.completed, writer, client)
        elif kind == "started":
            writer.discard()
        elif kind == "audio_header":
            writer.begin(event.audio_header)
        elif kind == "audio_chunk":
            writer.add(event.audio_chunk)
        elif kind == "take_finished":
            for output in event.take_finished.outputs:
                self._files[output.output] = writer.finish(output.output)

    def _fetch(self, done: tasks_pb2.Completed, writer: Writer, client: Client) -> None:
        """Write the takes that were kept, numbered from the best."""
        for place, take in enumerate(done.takes):
            for output in take.outputs:
                self._files[output.output] = writer.save(output.role, place, client.download(output.asset_id))

    def complaints(self) -> Iterator[str]:
        """Yield what there is to say of a choice."""
        ranking = self._done().ranking
        if not ranking:
            return
        if not any(take.HasField("score") for take in ranking):
            yield "No take has such a score, so the first ones are kept."
        elif self._min_score is not None:
            good = sum(take.score >= self._min_score for take in ranking if take.HasField("score"))
            if good < sum(take.chosen for take in ranking):
                reached = "no take" if not good else f"only {good} of {len(ranking)} takes"
                best = "" if good else f"; the best has {ranking[0].score:.3f}"
                yield f"{reached} reached a score of {self._min_score:g}{best}. More tries may: --max-tries."

    def _done(self) -> tasks_pb2.Completed:
        if self._completed is None:
            raise JobFailed("EngineFailure", "The daemon ended the stream before the job was complete.",
                            remedy=f"See `acebridge jobs show {self.job_id}`.")  # fmt: skip
        return self._completed

    def report(self) -> dict[str, Any]:
        """Return the object that ``--json`` prints."""
        done = self._done()
        facts = [_in_order(values_of(take.metadata)) for take in done.takes]
        outputs = [
            {
                "file": str(self._files[output.output]), "take": take.take + 1, "seed": take.seed, "role": output.role,
                "sample_rate": output.sample_rate, "channels": output.channels, "frames": output.frames,
                "start_frame": output.start_frame, "score": fact.get("score"), "lrc": fact.get("lrc"),
                "asset": output.asset_id,
            }
            for take, fact in zip(done.takes, facts, strict=True)
            for output in take.outputs
            if output.output in self._files
        ]  # fmt: skip
        timing = {
            "waited_s": round(done.waited_s, 4),
            "worked_s": round(done.worked_s, 4),
            "first_audio_s": None if self._first_audio_s is None else round(self._first_audio_s, 4),
            "total_s": round(time.monotonic() - self._began, 4),
        }
        report = {"job": self.job_id, "engine": done.engine, "outputs": outputs, "metadata": facts, "timing": timing}
        ranking = [
            {
                "take": take.take + 1, "seed": take.seed, "score": take.score if take.HasField("score") else None,
                "chosen": take.chosen,
            }
            for take in done.ranking
        ]  # fmt: skip
        return {**report, "ranking": ranking} if ranking else report


def _in_order(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts as a person would tell them; a Struct has no order of its own."""
    first = [name for name in _FIRST_FACTS if name in facts]
    return {name: facts[name] for name in (*first, *sorted(facts.keys() - set(first)))}
