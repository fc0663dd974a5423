"""What is known of a take, in one line: the one place that chooses the words for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from acestep_runtime.certainty import describe_findings
from acestep_runtime.errors import printable

if TYPE_CHECKING:
    from pydantic import JsonValue

#: The scores that a take may have, in the order in which they are shown.
SCORES = ("quality", "lyrics_alignment", "lm", "fit")


def take_parts(facts: Mapping[str, JsonValue], *, meter: bool = False) -> list[str]:
    """Return tempo, key and scores of a take, each in words, the ``meter`` behind the key if it is wanted."""
    score, words = facts.get("score"), describe_findings(facts, timesignature="{:g}/4")
    known = [name for name in ("bpm", "keyscale", *(["timesignature"] if meter else [])) if facts.get(name) is not None]
    findings = [f"{words[name]} bpm" if name == "bpm" else words[name] for name in known]
    scores = []
    if isinstance(score, Mapping):
        scores = [
            f"{part.replace('_', ' ')} {value:.2f}"
            for part in SCORES
            if isinstance(value := score.get(part), (int, float))
        ]
    return [printable(part, 300) for part in (*findings, *scores)]


def worst_note(score: JsonValue) -> JsonValue:
    """Return the first sentence that a score says; ``None`` where it says nothing."""
    notes = score.get("notes") if isinstance(score, Mapping) else None
    return notes[0] if isinstance(notes, list) and notes else None


def end_note(note: JsonValue) -> str:
    """Return a sentence as the end of a line; "" where there is none."""
    return f": {printable(str(note), 300)}" if note else ""


def seed_words(seed: int, facts: Mapping[str, JsonValue]) -> str:
    """Return the seed of a take and its variations in words."""
    return " varied by ".join((f"seed {seed}", *variation_words(facts.get("variations"))))


def variation_words(steps: JsonValue) -> list[str]:
    """Return the variations of a take, each in words."""
    known = [step for step in steps if isinstance(step, Mapping)] if isinstance(steps, list) else []
    return [f"{step.get('amount'):g} towards {step.get('seed')}" for step in known]


def preview_words(length: Mapping[str, JsonValue]) -> str:
    """Return how much of a take that is a preview is there, and by what tempo."""
    numbers = _numbers(length)
    tempo = {"request": "as asked for", "source": "of the source", "plan": "of the plan", "assumed": "assumed"}
    return (
        f"{_length_words(numbers)}, at {numbers.get('bpm')} bpm"
        f" ({tempo.get(str(length.get('tempo_from')), 'not known')}); `acebridge finish` decodes the rest"
    )


def take_line(facts: Mapping[str, JsonValue]) -> str:
    """Return tempo, key and score of a take in one line, and how much of it is there if it is a preview."""
    preview = facts.get("preview")
    parts = [
        *take_parts(facts),
        *([f"preview of {_length_words(_numbers(preview))}"] if isinstance(preview, Mapping) else []),
    ]
    return ", ".join(parts) or "nothing is known of it"


def _numbers(length: Mapping[str, JsonValue]) -> dict[str, str]:
    return {name: f"{value:g}" for name, value in length.items() if isinstance(value, (int, float))}


def _length_words(numbers: Mapping[str, str]) -> str:
    bars = numbers.get("bars")
    return f"{bars} bar{'' if bars == '1' else 's'}, {numbers.get('duration_s')} of {numbers.get('whole_s')} s"
