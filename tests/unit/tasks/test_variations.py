"""Variations as a task has them: what is drawn for each take, what is recorded, and the task that varies a take."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.audio.tags.describe import describe_file
from acestep_runtime.engines.draft.engine import DraftEngine
from acestep_runtime.engines.fake import FakeEngine, tone
from acestep_runtime.errors import InvalidValue
from acestep_runtime.recipes import describe, parse_recipe
from acestep_runtime.recording import TakeFiles, record
from acestep_runtime.tasks import Extract, TextToMusic, build_task
from acestep_runtime.tasks.base import Output, Source, Take, Task
from acestep_runtime.tasks.diagnostics import run_with_warnings
from acestep_runtime.tasks.takes import replace_seeds, seeds_of, with_seeds
from acestep_runtime.tasks.variations import steps_from_json, steps_to_json, vary_fields
from acestep_runtime.values import MAX_SEED, CancelToken, Music, TakeSeed, Variation
from tests.support.signals import noise

SEEDS = st.integers(0, MAX_SEED)
STEPS = st.lists(st.builds(Variation, st.floats(0.01, 1), SEEDS), max_size=3).map(tuple)


def _record(task: Task, folder: Path, engine: Any = None) -> list[TakeFiles]:
    folder.mkdir()
    events = record(task, engine or FakeEngine(), folder, CancelToken())
    return [event for event in events if isinstance(event, TakeFiles)]


# ---- seeds ----


@given(st.integers(1, 8), st.lists(SEEDS, max_size=1), st.lists(SEEDS, max_size=1), st.floats(0.01, 1))
def test_each_take_has_a_variation_seed_of_its_own_and_the_seed_stays(
    takes: int, seeds: list[int], steps: list[int], amount: float
) -> None:
    output = with_seeds(Output(takes=takes, seeds=tuple(seeds), variation_seeds=tuple(steps), variation=amount))
    assert set(output.seeds) == {*(seeds or output.seeds[:1])}
    assert len(set(output.variation_seeds)) == len(output.variation_seeds) == takes
    assert list(output.variation_seeds[: len(steps)]) == steps
    assert not set(output.seeds) & set(output.variation_seeds[len(steps) :])
    assert output.distinct_seeds == output.variation_seeds
    assert with_seeds(output) == output
    assert [each.variations for each in output.take_seeds] == [(Variation(amount, n),) for n in output.variation_seeds]


def test_without_an_amount_there_is_no_variation() -> None:
    output = with_seeds(Output(takes=2, seeds=(5,), variation_seeds=(9,)))
    assert (output.seeds, output.variation_seeds) == ((5, 6), ())
    assert output.take_seeds == (TakeSeed(5), TakeSeed(6))


def test_given_seeds_are_varied_one_each() -> None:
    output = with_seeds(Output(takes=3, seeds=(5, 7), variation=0.3, variation_seeds=(1,)))
    assert (output.seeds, output.variation_seeds) == ((5, 7, 7), (1, 2, 3))


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ({"variation": 1.5}, "output.variation is 1.5; allowed: 0 to 1."),
        ({"variation_seeds": [1, 2]}, "output.variation_seeds holds 2 seeds; allowed: at most as many as takes, 1."),
        ({"variation_seeds": [-1]}, "output.variation_seeds is -1; allowed: 0 to 4294967295."),
        ({"base_variations": [{"amount": 2.0}]}, "output.base_variations.amount is 2.0; allowed: 0 to 1."),
        ({"base_variations": [{}] * 32}, "output.base_variations holds 32 variations; allowed: at most 31."),
    ],
)
def test_what_no_variation_can_be_is_refused(output: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        build_task("text2music", {"output": output})
    assert str(refused.value).startswith(says)


def test_the_next_takes_count_on_from_the_variation_seeds() -> None:
    fields = {"output": {"takes": 2, "seeds": [5, 5], "variation": 0.3, "variation_seeds": [8, 9]}}
    assert seeds_of(fields) == [8, 9]
    assert replace_seeds(fields, [10, 11])["output"] == {**fields["output"], "variation_seeds": [10, 11]}
    assert replace_seeds(fields, [8])["output"] == {**fields["output"], "seeds": [5], "variation_seeds": [8]}


# ---- what is recorded ----


def test_a_take_says_how_it_was_varied(tmp_path: Path) -> None:
    task = TextToMusic(duration_s=0.1, output=Output(takes=2, seeds=(100,), variation=0.5, variation_seeds=(120, 140)))
    takes = _record(task, tmp_path / "a")
    assert [take.seed for take in takes] == [100, 100]
    assert [take.metadata["variations"] for take in takes] == [
        [{"amount": 0.5, "seed": 120}], [{"amount": 0.5, "seed": 140}],
    ]  # fmt: skip
    for take, seed in zip(takes, (110, 120), strict=True):
        samples, _ = sf.read(take.outputs[0].path, dtype="float32")
        assert np.array_equal(samples, tone(seed, 0, 0, 4800))
    (plain,) = _record(TextToMusic(duration_s=0.1, output=Output(seeds=(100,))), tmp_path / "b")
    assert "variations" not in plain.metadata


@settings(deadline=None, max_examples=25)
@given(seed=SEEDS, steps=STEPS, amount=st.floats(0.01, 1), variation_seed=st.none() | SEEDS)
def test_the_recipe_of_a_varied_take_makes_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    steps: tuple[Variation, ...],
    amount: float,
    variation_seed: int | None,
) -> None:
    folder = tmp_path_factory.mktemp("takes")
    given_seeds = () if variation_seed is None else (variation_seed,)
    output = Output(takes=2, seeds=(seed,), variation=amount, variation_seeds=given_seeds, base_variations=steps)
    for number, take in enumerate(_record(TextToMusic(duration_s=0.1, output=output), folder / "first")):
        (made,) = take.outputs
        recipe = parse_recipe(describe_file(made.path)[1], "take.wav")
        assert steps_to_json(recipe.take_seed.variations) == take.metadata["variations"]
        ((again,),) = (each.outputs for each in _record(recipe.to_task(), folder / str(number)))
        assert again.path.read_bytes() == made.path.read_bytes()


def test_the_draft_engine_makes_a_varied_take_again_byte_for_byte(tmp_path: Path) -> None:
    task = TextToMusic(Music("jazz"), duration_s=3.0, output=Output(seeds=(4,), variation=0.4))
    ((made,),) = (take.outputs for take in _record(task, tmp_path / "a", DraftEngine()))
    recipe = parse_recipe(describe_file(made.path)[1], "take.wav")
    ((again,),) = (take.outputs for take in _record(recipe.to_task(), tmp_path / "b", DraftEngine()))
    assert again.path.read_bytes() == made.path.read_bytes()


def test_equal_variations_are_noted_and_others_are_not() -> None:
    def notes(*seeds: int) -> list[str]:
        output = Output(takes=2, seeds=(5,), variation=0.3, variation_seeds=seeds)
        task = dataclasses.replace(TextToMusic(duration_s=0.1), output=with_seeds(output))
        takes = [event for event in run_with_warnings(task, FakeEngine(), CancelToken()) if isinstance(event, Take)]
        return list(takes[0].metadata.get("warnings", ()))

    assert notes(8, 9) == []
    assert notes(8, 8) == ["Variation seed 8 of seed 5 is given 2 times: takes with one seed are equal."]


def test_where_nothing_is_left_to_chance_a_note_says_so(tmp_path: Path) -> None:
    sf.write(tmp_path / "song.wav", noise(0.5), 48_000)
    task = Extract(Source(str(tmp_path / "song.wav")), tracks=("drums",), output=Output(seeds=(1,), variation=0.25))
    (take,) = _record(task, tmp_path / "a", DraftEngine())
    assert take.metadata["warnings"] == [
        "variation 0.25 had no effect: the draft engine leaves nothing to chance when it separates."
    ]


# ---- varying a take ----


def test_a_take_is_varied_with_its_seed_and_its_variations() -> None:
    fields = {"strength": 0.5, "output": {"takes": 3, "seeds": [1, 2, 3], "encoding": "pcm16"}}
    assert vary_fields(fields, TakeSeed(2), 0.3) == {
        "strength": 0.5, "output": {"encoding": "pcm16", "seeds": [2], "variation": 0.3},
    }  # fmt: skip
    varied = {"output": {"seeds": [2], "variation": 0.3, "variation_seeds": [9]}}
    assert vary_fields(varied, TakeSeed(2, (Variation(0.3, 9),)), 0.1, 4) == {
        "output": {"seeds": [2], "variation": 0.1, "takes": 4, "base_variations": [{"amount": 0.3, "seed": 9}]}
    }
    choice = {"output": {"takes": 2, "tries": 8, "seeds": [1, 2]}}
    assert vary_fields(choice, TakeSeed(2), 1) == {"output": {"takes": 2, "tries": 8, "seeds": [2], "variation": 1}}


@given(STEPS)
def test_variations_come_back_from_json(steps: tuple[Variation, ...]) -> None:
    assert steps_from_json(steps_to_json(steps)) == steps
    assert steps_from_json(None) == ()


@pytest.mark.parametrize("rows", [3, "x", [1], [{"amount": "far"}], [{"seed": 0.5}]])
def test_json_of_no_variation_is_refused(rows: Any) -> None:
    with pytest.raises(InvalidValue, match="variations is"):
        steps_from_json(rows)


def test_a_recipe_tells_its_variations_and_varies_its_take(tmp_path: Path) -> None:
    output = Output(seeds=(7,), variation=0.3, variation_seeds=(9,), channels=1)
    ((made,),) = (take.outputs for take in _record(TextToMusic(duration_s=0.1, output=output), tmp_path / "a"))
    recipe = parse_recipe(describe_file(made.path)[1], "take.wav")
    assert describe(recipe) == "text2music, fake engine, seed 7, varied by 0.3 (seed 9)"
    assert recipe.take_seed == TakeSeed(7, (Variation(0.3, 9),))
    kept = {"channels": 1, "variation": 0.3, "seeds": [7], "variation_seeds": [9]}
    assert recipe.task_fields()["output"] == kept
    assert recipe.task_fields(takes=3)["output"] == {**kept, "takes": 3}
    assert recipe.task_fields([7])["output"] == {"channels": 1, "seeds": [7]}
    assert recipe.task_fields([])["output"] == {"channels": 1, "seeds": []}
    assert recipe.variation_fields(0.2, 3)["output"] == {
        "channels": 1, "seeds": [7], "variation": 0.2, "base_variations": [{"amount": 0.3, "seed": 9}], "takes": 3,
    }  # fmt: skip
