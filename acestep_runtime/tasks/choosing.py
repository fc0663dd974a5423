"""Choosing among takes: their scores, the stop condition, and the ranking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.tasks.base import Output, Take
from acestep_runtime.values import Json


@dataclass(frozen=True)
class RankedTake:
    """The rank of a take, without its audio; ``score`` is ``None`` where it has none.

    ``chosen``: it is one of the best; ``kept``: its audio is kept.
    """

    take: int
    seed: int
    score: float | None
    chosen: bool
    kept: bool


def is_choice(fields: Mapping[str, Json]) -> bool:
    """Return whether a task, by its fields as JSON, chooses among its takes."""
    output = fields.get("output")
    return isinstance(output, Mapping) and ("tries" in output or "min_score" in output)


def score_of(metadata: TakeMetadata, by: str = "") -> float | None:
    """Return the score that a take is ranked by, one of `tasks.base.SCORES`; ``None`` where its metadata has none."""
    score = metadata.get("score", {})
    values = {"lyrics_alignment": score.get("lyrics_alignment"), "quality": score.get("quality"), "lm": score.get("lm")}
    value = values[by or "lyrics_alignment"]
    return values["quality"] if value is None and not by else value


def is_enough(output: Output, takes: Sequence[Take]) -> bool:
    """Return True once ``output.takes`` takes reach ``output.min_score``."""
    if output.min_score is None:
        return False
    scores = (score_of(take.metadata, output.score_by) for take in takes)
    return sum(score is not None and score >= output.min_score for score in scores) >= output.takes


def rank_takes(output: Output, takes: Sequence[Take]) -> tuple[RankedTake, ...]:
    """Return all takes, the best first; ties in the order of generation.

    Takes without a score come last. The first ``output.takes`` are chosen.
    """
    rows = [(score_of(take.metadata, output.score_by), take.take, take.seed) for take in takes]
    rows.sort(key=lambda row: (row[0] is None, -(row[0] or 0.0), row[1]))
    return tuple(
        RankedTake(take, seed, score, place < output.takes, place < output.takes or output.keep_all)
        for place, (score, take, seed) in enumerate(rows)
    )
