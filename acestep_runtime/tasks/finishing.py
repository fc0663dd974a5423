"""Finishing a take that is a preview: the fields of the task that decodes the rest of it."""

from __future__ import annotations

from collections.abc import Mapping

from acestep_runtime.values import Json, TakeSeed

#: Fields of an output that say which takes there are and how much of them, and not how one of them is made.
_OF_SEVERAL = ("preview_bars", "preview_id", "takes", "seeds", "variation_seeds")


def finish_fields(fields: Mapping[str, Json], take_seed: TakeSeed, preview_id: str) -> dict[str, Json]:
    """Return the fields of the task that makes one of its takes whole, from the latents of its preview.

    ``take_seed`` is what the take was drawn from; ``preview_id`` names its first output, "" where that is lost: then the take
    is made from its seed.
    """
    given = fields.get("output")
    output = dict(given) if isinstance(given, Mapping) else {}
    for name in _OF_SEVERAL:
        output.pop(name, None)
    output["seeds"] = [take_seed.seed]
    if output.get("variation") and take_seed.variations:
        output["variation_seeds"] = [take_seed.variations[-1].seed]
    if preview_id:
        output["preview_id"] = preview_id
    return {**fields, "output": output}
