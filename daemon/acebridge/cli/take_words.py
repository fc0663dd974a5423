"""What is known of a take, in one line: the one place that chooses the words for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from acestep_runtime.certainty import describe_findings
from acestep_runtime.errors import printable

if TYPE_CHECKING:
    from pydantic import JsonValue

#: The scores that a take may have, in the order in which they are shown.
SCORES = ("quality", "lyrics_alignment", "lm")


def take_line(facts: Mapping[str, JsonValue]) -> str:
    """Return tempo, key and score of a take in one line."""
    score, words = facts.get("score"), describe_findings(facts)
    parts = [f"{words['bpm']} bpm"] if "bpm" in facts else []
    parts += [words["keyscale"]] if "keyscale" in facts else []
    if isinstance(score, Mapping):
        parts += [f"{part} {value:.2f}" for part in SCORES if isinstance(value := score.get(part), (int, float))]
    return printable(", ".join(parts), 1000) or "nothing is known of it"
