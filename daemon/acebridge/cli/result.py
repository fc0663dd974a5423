"""What a command has got from its job, as the object that ``--json`` prints."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, TypedDict

from acebridge.cli.files import ResultFiles
from acebridge.client.follow import JobSink
from acebridge.contract.fields import values_of
from acebridge.v1 import audio_pb2, tasks_pb2

if TYPE_CHECKING:
    from pydantic import JsonValue

#: What a person asks first.
_FIRST_FACTS = ("engine", "caption", "bpm", "keyscale", "timesignature", "duration", "loudness_db")


class OutputReport(TypedDict):
    """A file. Takes count from 1; frames are at ``sample_rate``."""

    file: str
    take: int
    seed: int
    role: str
    sample_rate: int
    channels: int
    frames: int
    start_frame: int
    score: JsonValue
    lrc: JsonValue
    asset: str


class TimingReport(TypedDict):
    """Seconds: waited and worked at the daemon, from the start of the command to its first audio and to its end."""

    waited_s: float
    worked_s: float
    first_audio_s: float | None
    total_s: float


class RankedReport(TypedDict):
    """A take of those that were made to choose from."""

    take: int
    seed: int
    score: float | None
    chosen: bool


class _Ranked(TypedDict, total=False):
    ranking: list[RankedReport]


class Report(_Ranked):
    """The object of ``--json``; ``ranking`` is there where takes were chosen."""

    job: str
    engine: str
    outputs: list[OutputReport]
    metadata: list[dict[str, JsonValue]]
    timing: TimingReport


class Result(JobSink):
    """What a job has returned so far. ``began`` is the time of the monotonic clock at the start of the command."""

    def __init__(self, began: float, files: ResultFiles | None = None) -> None:
        self.job_id = ""
        self.files = files
        self._began = began
        self._first_audio_s: float | None = None

    def on_event(self, event: tasks_pb2.TaskEvent) -> None:
        """Keep the id of the job."""
        self.job_id = event.job_id

    def on_audio(self, _: audio_pb2.AudioChunk) -> None:
        """Keep the time of the first audio."""
        if self._first_audio_s is None:
            self._first_audio_s = time.monotonic() - self._began

    def report(self, done: tasks_pb2.Completed) -> Report:
        """Return the report on a job that is done."""
        files = {} if self.files is None else self.files.files
        metadata = [_in_order(values_of(take.metadata)) for take in done.takes]
        report = Report(
            job=self.job_id,
            engine=done.engine,
            outputs=[
                OutputReport(
                    file=str(files[output.output]),
                    take=take.take + 1,
                    seed=take.seed,
                    role=output.role,
                    sample_rate=output.sample_rate,
                    channels=output.channels,
                    frames=output.frames,
                    start_frame=output.start_frame,
                    score=facts.get("score"),
                    lrc=facts.get("lrc"),
                    asset=output.asset_id,
                )
                for take, facts in zip(done.takes, metadata, strict=True)
                for output in take.outputs
                if output.output in files
            ],
            metadata=metadata,
            timing=TimingReport(
                waited_s=round(done.waited_s, 4),
                worked_s=round(done.worked_s, 4),
                first_audio_s=None if self._first_audio_s is None else round(self._first_audio_s, 4),
                total_s=round(time.monotonic() - self._began, 4),
            ),
        )
        if done.ranking:
            report["ranking"] = [
                RankedReport(
                    take=take.take + 1,
                    seed=take.seed,
                    score=take.score if take.HasField("score") else None,
                    chosen=take.chosen,
                )
                for take in done.ranking
            ]
        return report


def ranking_warnings(done: tasks_pb2.Completed, min_score: float | None) -> Iterator[str]:
    """Yield what a person should know of a choice of takes; ``min_score`` is the score that they should reach."""
    ranking = done.ranking
    if not ranking:
        return
    if not any(take.HasField("score") for take in ranking):
        yield "No take has such a score, so the first ones are kept."
    elif min_score is not None:
        good = sum(take.score >= min_score for take in ranking if take.HasField("score"))
        if good < sum(take.chosen for take in ranking):
            reached = "no take" if not good else f"only {good} of {len(ranking)} takes"
            best = "" if good else f"; the best has {ranking[0].score:.3f}"
            yield f"{reached} reached a score of {min_score:g}{best}. More tries may: --max-tries."


def _in_order(facts: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return facts as a person would tell them; a Struct has no order of its own."""
    first = [name for name in _FIRST_FACTS if name in facts]
    return {name: facts[name] for name in (*first, *sorted(facts.keys() - set(first)))}
