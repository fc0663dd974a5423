"""What a task asks for in vain: one table of the fields that an engine or a task has no use for, with the reason."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from acestep_runtime.engines.base import Engine
from acestep_runtime.errors import printable
from acestep_runtime.tasks.schema import to_fields
from acestep_runtime.values import Json, Sampling, Thinking

if TYPE_CHECKING:
    from acestep_runtime.tasks.base import Task

SAMPLING = tuple(f"sampling.{f.name}" for f in dataclasses.fields(Sampling))
#: Settings of a plan; the model also judges takes.
PLANNING = tuple(f"thinking.{f.name}" for f in dataclasses.fields(Thinking) if f.name not in ("plan_first", "model"))
#: Fields of a task without audio that a model serves.
_OF_MODELS = ("sampling.model", "sampling.adapters")


@dataclass(frozen=True)
class Rule:
    """``fields``, as ``group.field``, that have no effect where ``applies`` says so; ``why`` ends the sentence."""

    fields: tuple[str, ...]
    applies: Callable[[Task, Engine], bool]
    why: str


def _only_for(*tasks: str) -> Callable[[Task, Engine], bool]:
    return lambda task, _engine: task.name not in tasks


#: The first rule that names a field counts.
RULES = (
    Rule(SAMPLING, lambda _task, engine: not engine.supports_sampling, "the {engine} engine has no such setting"),
    Rule(
        tuple(field for field in SAMPLING if field not in _OF_MODELS),
        lambda task, _engine: task.kind != "audio",
        "{task} makes no audio",
    ),
    Rule(("sampling.noise_strength", "sampling.skip_quantiser"), _only_for("cover"), "it is for cover"),
    Rule(("sampling.mask",), _only_for("repaint", "lego"), "it is for repaint and lego"),
    Rule(("sampling.skip_loop",), _only_for("lego", "extract"), "it is for lego and extract"),
    Rule(
        ("sampling.steps", "sampling.shift"),
        lambda task, _engine: bool(getattr(task, "sampling", Sampling()).timesteps),
        "timesteps say all of it",
    ),
    Rule(
        ("strength",),
        lambda task, _engine: task.name == "repaint" and getattr(task, "mode", "") != "balanced",
        "it is for the mode balanced",
    ),
    Rule(("loudness_of",), lambda task, _engine: not getattr(task, "match_loudness", True), "match_loudness is off"),
    Rule(
        PLANNING,
        lambda task, _engine: task.can_plan and not getattr(task, "thinking", Thinking()).plan_first,
        "thinking is off",
    ),
)


def describe_unused(task: Task, engine: Engine) -> Iterator[str]:
    """Yield a sentence about each field that was given and has no effect: its name, its value and why."""
    given = dict(_flatten(to_fields(task)))
    for rule in RULES:
        if not rule.applies(task, engine):
            continue
        for field in rule.fields:
            if field in given:
                name, value = field.rpartition(".")[2], given.pop(field)
                why = rule.why.format(engine=engine.name, task=task.name)
                yield f"{name} {_describe(value)} had no effect: {why}."


def _flatten(fields: Mapping[str, Json], prefix: str = "") -> Iterator[tuple[str, Json]]:
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _describe(value: Json) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (list, tuple)):
        return ", ".join(_describe(item["name"] if isinstance(item, Mapping) else item) for item in value)
    return f"{value:g}" if isinstance(value, float) else printable(str(value))
