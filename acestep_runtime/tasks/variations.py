"""Variations of a take that exists: the fields of the task that makes them.

What is drawn for a take is in `acestep_runtime.values.TakeSeed`; what an engine does with it is the engine's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks.choosing import is_choice
from acestep_runtime.tasks.layer_tries import without_layer_tries
from acestep_runtime.values import Json, TakeSeed, Variation

#: Fields of an output that say which variations it holds.
VARIATION_FIELDS = ("variation", "variation_seeds", "base_variations")


def vary_fields(
    fields: Mapping[str, Json], take_seed: TakeSeed, amount: float, takes: int | None = None
) -> dict[str, Json]:
    """Return the fields of the task that varies one of its takes by ``amount``, 0 to 1; it makes ``takes`` variations.

    ``take_seed`` is what that take was drawn from. Without ``takes`` there is one; a task that chooses chooses as before.
    """
    given = fields.get("output")
    output = without_layer_tries(given) if isinstance(given, Mapping) else {}
    fields = {**fields, "output": output}
    for name in ("seeds", "preview_id", *VARIATION_FIELDS, *(() if is_choice(fields) else ("takes",))):
        output.pop(name, None)
    output |= {"seeds": [take_seed.seed], "variation": amount}
    if take_seed.variations:
        output["base_variations"] = steps_to_json(take_seed.variations)
    if takes is not None:
        output["takes"] = takes
    return {**fields, "output": output}


def without_variation(output: Mapping[str, Json]) -> dict[str, Json]:
    """Return the fields of an output that makes takes of its seeds, and no variations."""
    return {name: value for name, value in output.items() if name not in VARIATION_FIELDS}


def steps_to_json(steps: Sequence[Variation]) -> list[Json]:
    """Return variations as JSON, as the metadata of a take and the field base_variations have them."""
    return [{"amount": step.amount, "seed": step.seed} for step in steps]


def steps_from_json(rows: Json) -> tuple[Variation, ...]:
    """Return variations that `steps_to_json` wrote; none for ``None``. Raises `InvalidValue` for anything else."""
    if not isinstance(rows, (list, tuple, type(None))):
        raise InvalidValue("variations", rows, "a list of variations")
    steps = []
    for row in rows or ():
        amount, seed = (row.get("amount", 0), row.get("seed", 0)) if isinstance(row, Mapping) else (None, None)
        if not isinstance(amount, (int, float)) or not isinstance(seed, (int, float)) or seed != int(seed):
            raise InvalidValue("variations", row, "an amount and a seed")
        steps.append(Variation(float(amount), int(seed)))
    return tuple(steps)
