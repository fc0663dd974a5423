"""Recipes: how a result was made, as JSON that travels in its file, and the task that makes it again.

A recipe holds the fields of its task as `acestep_runtime.tasks.schema` has them, the seed of the take, and its parents by their
SHA-256 and name. No path of a machine and no date is in it, so equal results have equal recipes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from acestep_runtime.errors import InvalidValue
from acestep_runtime.file_hashes import hash_file
from acestep_runtime.json_values import JsonObject
from acestep_runtime.switches import read_switch
from acestep_runtime.tasks import AUDIO_FIELDS, TASKS, Task, build_task, to_fields
from acestep_runtime.tasks.base import Source
from acestep_runtime.tasks.variations import steps_from_json, vary_fields, without_variation
from acestep_runtime.values import Json, TakeSeed, Variation

#: Off leaves recipes out of files. A daemon sets it from its setting ``recipes``.
VARIABLE = "ACEBRIDGE_RECIPES"
#: Of the output, what says which takes there are, and not how one of them is made.
_CHOICE = ("takes", "seeds", "variation_seeds", "tries", "min_score", "score_by", "keep_all", "preview_id")
_FORMAT = 1
_HASH = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Parent:
    """An audio file that a result was made from, by the field of the task, and the part of it that was used."""

    field: str
    sha256: str
    name: str
    start_s: float = 0.0
    end_s: float | None = None


@dataclass(frozen=True)
class Recipe:
    """How one output was made. ``fields`` are those of the task without its audio; ``made_by`` is the version of AceBridge.

    ``variation_seed`` is that of a variation, whose amount is in the fields of the output.
    """

    task: str
    seed: int
    engine: str
    role: str = ""
    model: str = ""
    made_by: str = ""
    fields: JsonObject = field(default_factory=dict)
    parents: tuple[Parent, ...] = ()
    variation_seed: int | None = None

    @property
    def take_seed(self) -> TakeSeed:
        """What the take was drawn from."""
        output = self._output()
        steps = steps_from_json(output.get("base_variations"))
        amount = output.get("variation")
        if self.variation_seed is not None and isinstance(amount, (int, float)):
            steps = (*steps, Variation(float(amount), self.variation_seed))
        return TakeSeed(self.seed, steps)

    def to_json(self) -> str:
        """Return it as text; equal recipes give equal text."""
        sources = {
            parent.field: {
                "sha256": parent.sha256,
                "name": parent.name,
                **({"start_s": parent.start_s} if parent.start_s else {}),
                **({} if parent.end_s is None else {"end_s": parent.end_s}),
            }
            for parent in self.parents
        }
        values = {
            "recipe": _FORMAT, "acebridge": self.made_by, "task": self.task, "engine": self.engine, "model": self.model,
            "seed": self.seed, "role": self.role, "fields": {**self.fields, **sources},
        }  # fmt: skip
        if self.variation_seed is not None:
            values["variation_seed"] = self.variation_seed
        held = {name: value for name, value in values.items() if value != ""}
        return json.dumps(held, sort_keys=True, separators=(",", ":"), allow_nan=False)

    def to_task(self) -> Task:
        """Return the task with one take, this one; its parents are named by their hashes. Raises `InvalidValue`."""
        sources = {
            parent.field: {
                "asset_id": parent.sha256,
                "name": parent.name,
                "start_s": parent.start_s,
                "end_s": parent.end_s,
            }
            for parent in self.parents
        }
        return build_task(self.task, {**self.task_fields(), **sources})

    def task_fields(self, seeds: Sequence[int] | None = None, takes: int | None = None) -> dict[str, Json]:
        """Return the fields of the task without its audio, for ``takes`` takes.

        They have its own seeds, so that the first is this one; given ``seeds`` make takes that are no variations, none given
        makes new ones.
        """
        held = self._output() if seeds is None else without_variation(self._output())
        given = [self.seed] if seeds is None else list(seeds)
        count = takes or max(len(given), 1)
        held |= {"seeds": given, **({"takes": count} if count != 1 else {})}
        if self.variation_seed is not None and seeds is None:
            held["variation_seeds"] = [self.variation_seed]
        return {**self.fields, "output": held}

    def variation_fields(self, amount: float, takes: int | None = None) -> dict[str, Json]:
        """Return the fields of the task, without its audio, that varies this take. See `vary_fields`."""
        return vary_fields({**self.fields}, self.take_seed, amount, takes)

    def _output(self) -> dict[str, Json]:
        output = self.fields.get("output")
        return dict(output) if isinstance(output, Mapping) else {}


def wants_recipes() -> bool:
    """Return whether files get their recipe. Raises `InvalidValue` where the variable says something else than yes or no."""
    return read_switch(VARIABLE, default=True)


@cache
def own_version() -> str:
    """Return the version of AceBridge; empty where it runs without having been installed."""
    try:
        return version("acebridge")
    except PackageNotFoundError:
        return ""


def recipe_of(task: Task, engine: str, model: str = "") -> Recipe:
    """Return the recipe of a task, without seed and role. Sources without an asset id are hashed. Raises ``OSError``."""
    fields: dict[str, Json] = to_fields(task)
    parents = tuple(_parent(name, source) for name, source in task.audio_inputs().items())
    for name in AUDIO_FIELDS:
        fields.pop(name, None)
    output = fields.pop("output", None)
    if isinstance(output, Mapping) and (kept := {name: output[name] for name in output if name not in _CHOICE}):
        fields["output"] = kept
    return Recipe(task.name, 0, engine, "", model, own_version(), fields, parents)


def _parent(field: str, source: Source) -> Parent:
    digest = source.asset_id or hash_file(source.path)
    name = re.split(r"[/\\]", source.display_name)[-1].encode("utf-8", "replace").decode()
    return Parent(field, digest, name, source.start_s, source.end_s)


def parse_recipe(text: str, name: str) -> Recipe:
    """Return the recipe in a text, which is in a file of this name. Raises `InvalidValue` for one that makes nothing."""
    try:
        values = json.loads(text)
        if not isinstance(values, dict) or values.get("recipe") != _FORMAT or values.get("task") not in TASKS:
            raise ValueError("of another form")
        if not isinstance(values.get("fields"), dict):
            raise ValueError("without fields")
        fields, seed, variation_seed = values["fields"], values["seed"], values.get("variation_seed")
        for number in (seed, 0 if variation_seed is None else variation_seed):
            if isinstance(number, bool) or not isinstance(number, int):
                raise ValueError("a seed that is no number")
        parents = tuple(_read_parent(field, fields.pop(field)) for field in AUDIO_FIELDS if field in fields)
        words = {key: str(values.get(key, "")) for key in ("engine", "role", "model", "acebridge")}
        recipe = Recipe(
            values["task"],
            seed,
            words["engine"],
            words["role"],
            words["model"],
            words["acebridge"],
            fields,
            parents,
            variation_seed,
        )
        recipe.to_task()
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError, InvalidValue) as error:
        raise InvalidValue(
            "file", name, "a file with a recipe",
            message=f"The recipe in {name} cannot be used: {error}.",
            remedy="It may be of another version of AceBridge.",
        ) from error  # fmt: skip
    return recipe


def _read_parent(field: str, value: Json) -> Parent:
    if not isinstance(value, Mapping) or not _HASH.fullmatch(str(value.get("sha256"))):
        raise ValueError(f"{field} has no hash")
    start_s, end_s = value.get("start_s", 0.0), value.get("end_s")
    if not isinstance(start_s, (int, float)) or not isinstance(end_s, (int, float, type(None))):
        raise ValueError(f"{field} has no times")
    name = re.split(r"[/\\]", str(value.get("name", "")))[-1]
    return Parent(field, str(value["sha256"]), name, float(start_s), None if end_s is None else float(end_s))


def describe(recipe: Recipe) -> str:
    """Return a recipe in a sentence without its subject: what was done, to what, and with which seed."""
    source = next((parent.name for parent in recipe.parents if parent.field == "source"), "")
    start_s, end_s = recipe.fields.get("start_s"), recipe.fields.get("end_s")
    times = ""
    if isinstance(start_s, (int, float)) or isinstance(end_s, (int, float)):
        end = f"{end_s:g} s" if isinstance(end_s, (int, float)) and end_s >= 0 else "the end"
        times = f" {start_s if isinstance(start_s, (int, float)) else 0:g} to {end}"
    of = f" of {source}" if source else ""
    part = f" ({recipe.role})" if recipe.role not in ("", "mix") else ""
    varied = "".join(f", varied by {step.amount:g} (seed {step.seed})" for step in recipe.take_seed.variations)
    return f"{recipe.task}{times}{of}{part}, {recipe.engine} engine, seed {recipe.seed}{varied}"
