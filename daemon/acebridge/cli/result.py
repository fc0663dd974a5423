"""What a command has got from its job, as the object that ``--json`` prints."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, TypedDict

from acebridge.cli.files import ResultFiles
from acebridge.client.follow import JobSink
from acebridge.contract.metadata import metadata_values
from acebridge.v1 import audio_pb2, tasks_pb2

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import JsonValue

#: What a person asks first.
_FIRST_FACTS = ("engine", "caption", "bpm", "keyscale", "timesignature", "duration_s", "loudness_db")


class _OptionalOutputKeys(TypedDict, total=False):
    score: JsonValue
    lrc: JsonValue


class OutputReport(_OptionalOutputKeys):
    """A file; frames are at ``sample_rate``. ``score`` and ``lrc`` are there where the take has them."""

    file: str
    take: int
    seed: int
    role: str
    sample_rate: int
    channels: int
    frames: int
    start_frame: int
    asset_id: str


class _FirstAudio(TypedDict, total=False):
    first_audio_s: float


class TimingReport(_FirstAudio):
    """Seconds: in the queue and at work at the daemon, from the start of the command to its first audio and to its end."""

    wait_s: float
    run_s: float
    total_s: float


class _OptionalScore(TypedDict, total=False):
    score: float
    note: str


class RankingEntry(_OptionalScore):
    """A take of those that were made to choose from; ``note`` is the first sentence that its score says."""

    take: int
    seed: int
    chosen: bool


class _OptionalReportKeys(TypedDict, total=False):
    ranking: list[RankingEntry]
    source: str


class Report(_OptionalReportKeys):
    """The object of ``--json``; ``ranking`` is there where takes were chosen, ``source`` for a task that has one."""

    job_id: str
    engine: str
    outputs: list[OutputReport]
    metadata: list[dict[str, JsonValue]]
    timing: TimingReport


class Result(JobSink):
    """What a job has returned so far, and the ``source`` that it was given.

    ``began`` is the time of the monotonic clock at the start of the command.
    """

    def __init__(self, began: float, files: ResultFiles | None = None, source: Path | None = None) -> None:
        self.job_id = ""
        self.files = files
        self._source = source
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
        metadata = [in_order(metadata_values(take.metadata)) for take in done.takes]
        report = Report(
            job_id=self.job_id,
            engine=done.engine,
            outputs=[
                _output_report(take, output, files[output.output], facts)
                for take, facts in zip(done.takes, metadata, strict=True)
                for output in take.outputs
                if output.output in files
            ],
            metadata=metadata,
            timing=TimingReport(
                wait_s=round(done.wait_s, 4),
                run_s=round(done.run_s, 4),
                total_s=round(time.monotonic() - self._began, 4),
            ),
        )
        if self._first_audio_s is not None:
            report["timing"]["first_audio_s"] = round(self._first_audio_s, 4)
        if self._source is not None:
            report["source"] = str(self._source)
        if done.ranking:
            report["ranking"] = [_ranking_entry(take) for take in done.ranking]
        return report


def _output_report(
    take: tasks_pb2.TakeFinished, output: tasks_pb2.StoredOutput, file: Path, facts: Mapping[str, JsonValue]
) -> OutputReport:
    report = OutputReport(
        file=str(file),
        take=take.take,
        seed=take.seed,
        role=output.role,
        sample_rate=output.sample_rate,
        channels=output.channels,
        frames=output.frames,
        start_frame=output.start_frame,
        asset_id=output.asset_id,
    )
    if "score" in facts:
        report["score"] = facts["score"]
    if "lrc" in facts:
        report["lrc"] = facts["lrc"]
    return report


def _ranking_entry(take: tasks_pb2.RankedTake) -> RankingEntry:
    report = RankingEntry(take=take.take, seed=take.seed, chosen=take.chosen)
    if take.HasField("score"):
        report["score"] = take.score
    if take.note:
        report["note"] = take.note
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


def in_order(facts: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return facts in the order in which a person would tell them."""
    first = [name for name in _FIRST_FACTS if name in facts]
    return {name: facts[name] for name in (*first, *sorted(facts.keys() - set(first)))}
