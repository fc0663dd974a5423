"""Which layers are chosen by their fit without being told, and which are not."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from acestep_runtime.tasks import TASKS, build_task, to_fields, with_all_seeds
from acestep_runtime.tasks.base import Output
from acestep_runtime.tasks.layer_tries import GOOD_FIT, LAYER_TRIES, layer_output, with_layer_tries, without_layer_tries
from acestep_runtime.tasks.variations import vary_fields
from acestep_runtime.values import TakeSeed

CHOICE: dict[str, Any] = {"tries": LAYER_TRIES, "min_score": GOOD_FIT, "score_by": "fit"}
#: Each says which takes are meant.
SAYS_WHICH: list[dict[str, Any]] = [
    {"takes": 2}, {"seeds": [0]}, {"tries": 1}, {"tries": 5}, {"min_score": 0.0}, {"preview_bars": 4},
    {"preview_id": "a"}, {"variation": 0.5}, {"variation": 0.5, "seeds": [3]},
]  # fmt: skip


@pytest.mark.parametrize("task", TASKS)
def test_only_layers_get_tries(task: str) -> None:
    kind = TASKS[task]
    expected = dataclasses.replace(Output(), **CHOICE) if task in ("lego", "complete") else Output()
    assert with_layer_tries(kind, Output()) == expected
    assert layer_output(kind, {}) == (CHOICE if task in ("lego", "complete") else {})


@pytest.mark.parametrize("fields", SAYS_WHICH, ids=str)
def test_whoever_says_which_takes_gets_these(fields: dict[str, Any]) -> None:
    output = Output(**{name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()})
    # Where a layer is to be chosen all the same, its fit decides.
    by = {"score_by": "fit"} if output.chooses else {}
    assert with_layer_tries(TASKS["lego"], output) == dataclasses.replace(output, **by)
    assert layer_output(TASKS["lego"], fields) == {**fields, **by}
    assert with_layer_tries(TASKS["cover"], output) == output


@pytest.mark.parametrize("score", ["lyrics_alignment", "quality", "lm"])
def test_whoever_names_a_score_gets_it(score: str) -> None:
    fields: dict[str, Any] = {"tries": 4, "score_by": score}
    assert layer_output(TASKS["complete"], fields) == fields
    assert with_layer_tries(TASKS["complete"], Output(**fields)) == Output(**fields)


def test_what_says_nothing_of_takes_changes_nothing() -> None:
    fields: dict[str, Any] = {
        "takes": 1,
        "encoding": "pcm16",
        "auto_score": True,
        "fix_timing": True,
        "sample_rate": 44_100,
    }
    assert layer_output(TASKS["lego"], fields) == {**fields, **CHOICE}
    assert with_layer_tries(TASKS["lego"], Output(**fields)).chooses


def test_the_tries_are_in_the_task_before_it_runs_and_have_their_seeds() -> None:
    task: Any = with_all_seeds(build_task("lego", {"source": {"path": "song.wav"}, "tracks": ["drums"]}))
    output: Any = to_fields(task)["output"]
    assert {name: output[name] for name in CHOICE} == CHOICE
    assert len(output["seeds"]) == LAYER_TRIES
    assert with_all_seeds(task) == task  # a daemon that was started again asks again


def test_other_takes_of_a_layer_are_not_chosen_from_more() -> None:
    output: dict[str, Any] = {**CHOICE, "seeds": [5, 6, 7], "encoding": "pcm16"}
    assert without_layer_tries(output) == {"seeds": [5, 6, 7], "encoding": "pcm16"}
    varied: Any = vary_fields({"output": output}, TakeSeed(6), 0.25)
    assert varied == {"output": {"seeds": [6], "variation": 0.25, "encoding": "pcm16"}}
    for own in ({"tries": 4, "min_score": GOOD_FIT, "score_by": "fit"}, {"tries": LAYER_TRIES}, {**CHOICE, "takes": 2}):
        assert without_layer_tries(own) == own
