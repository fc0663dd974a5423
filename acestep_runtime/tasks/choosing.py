"""Choosing among takes: their scores, the stop condition, and the ranking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.tasks.base import FIT, Output, Take
from acestep_runtime.values import Json


@dataclass(frozen=True)
class RankedTake:
    """The rank of a take, without its audio; ``score`` is ``None`` where it has none.

    ``chosen``: it is one of the best; ``kept``: its audio is kept. ``note`` is the first sentence that its score says, if any:
    nothing else remains of takes that are not kept.
    """

    take: int
    seed: int
    score: float | None
    chosen: bool
    kept: bool
    note: str = ""


def is_choice(fields: Mapping[str, Json]) -> bool:
    """Return whether a task, by its fields as JSON, chooses among its takes."""
    output = fields.get("output")
    return isinstance(output, Mapping) and ("tries" in output or "min_score" in output)


def score_of(metadata: TakeMetadata, by: str = "") -> float | None:
    """Return the score that a take is ranked by, one of `tasks.base.SCORES`; ``None`` where its metadata has none."""
    score = metadata.get("score", {})
    values = {
        "lyrics_alignment": score.get("lyrics_alignment"), "quality": score.get("quality"), "lm": score.get("lm"),
        FIT: score.get("fit"),
    }  # fmt: skip
    value = values[by or "lyrics_alignment"]
    return values["quality"] if value is None and not by else value


def is_enough(output: Output, takes: Sequence[Take]) -> bool:
    """Return True once ``output.takes`` takes reach ``output.min_score``.

    A take whose fit cannot be measured counts as one: where a source is too short or silent for that, more tries tell no more.
    """
    if output.min_score is None:
        return False
    scores = (score_of(take.metadata, output.score_by) for take in takes)
    unknown = output.score_by == FIT
    good = (unknown if score is None else score >= output.min_score for score in scores)
    return sum(good) >= output.takes


def rank_takes(output: Output, takes: Sequence[Take]) -> tuple[RankedTake, ...]:
    """Return all takes, the best first; ties in the order of generation.

    Takes without a score come last. The first ``output.takes`` are chosen.
    """
    rows = [(score_of(take.metadata, output.score_by), take) for take in takes]
    rows.sort(key=lambda row: (row[0] is None, -(row[0] or 0.0), row[1].take))
    return tuple(
        RankedTake(
            take.take, take.seed, score, place < output.takes, place < output.takes or output.keep_all, _note_of(take)
        )
        for place, (score, take) in enumerate(rows)
    )


def _note_of(take: Take) -> str:
    return next(iter(take.metadata.get("score", {}).get("notes", ())), "")
