"""Layers are chosen by their fit, unless another score is named.

Where one take is asked for and nothing says which, it is the first good one of a few tries.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from acestep_runtime.tasks.base import FIT, Output, Task
from acestep_runtime.values import Json

#: Of tries that are good half of the time, one of three is in 7 cases of 8; a fourth would cost as much and save 1 in 16.
LAYER_TRIES = 3
#: The fit that ends them: true stems of songs reach 0.6 nine times in ten, and faults that are heard at once lie below.
GOOD_FIT = 0.6
#: Fields that say which takes are meant: what is unset is ``None`` in the first, and empty or 0 in the others.
_UNSET, _EMPTY = ("tries", "min_score", "preview_bars"), ("seeds", "variation", "preview_id")
#: What the output of such a layer says.
_CHOICE: Mapping[str, Json] = {"tries": LAYER_TRIES, "min_score": GOOD_FIT, "score_by": FIT}


def with_layer_tries(task: type[Task], output: Output) -> Output:
    """Return the output of a task, for a layer of which one take is asked for with the tries that choose it.

    Seeds, tries, a minimum score, a preview and a variation each say that these takes are meant and no others. Of layers that
    are to be chosen all the same the output says that their fit decides, unless it names another score.
    """
    choice = _choice(task, {name: getattr(output, name) for name in ("takes", "score_by", *_UNSET, *_EMPTY)})
    return dataclasses.replace(output, **choice) if choice else output


def layer_output(task: type[Task], output: Mapping[str, Json]) -> dict[str, Json]:
    """Do the same with the fields of an output, as JSON."""
    return {**output, **_choice(task, output)}


def _choice(task: type[Task], values: Mapping[str, Json]) -> Mapping[str, Any]:
    """Return what the output of a task is to say further."""
    if not task.is_accompaniment:
        return {}
    if _is_open(values):
        return _CHOICE
    chooses = values.get("tries") is not None or values.get("min_score") is not None
    return {"score_by": FIT} if chooses and not values.get("score_by") else {}


def _is_open(values: Mapping[str, Json]) -> bool:
    return (
        values.get("takes") in (None, 1)
        and all(values.get(name) is None for name in _UNSET)
        and not any(values.get(name) for name in _EMPTY)
    )


def without_layer_tries(output: Mapping[str, Json]) -> dict[str, Json]:
    """Return the fields of an output without tries that `with_layer_tries` put there.

    Whoever asks again for other takes than those has said which, so nobody is to choose among more.
    """
    if all(output.get(name) == value for name, value in _CHOICE.items()) and output.get("takes", 1) == 1:
        return {name: value for name, value in output.items() if name not in _CHOICE}
    return dict(output)
