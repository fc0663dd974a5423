"""A repaint does not draw again what its source was drawn from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acestep_runtime.engines.draft.engine import DraftEngine
from acestep_runtime.engines.fake import FakeEngine
from acestep_runtime.recording import TakeFiles, record
from acestep_runtime.seed_guard import with_other_seeds
from acestep_runtime.tasks import Task, build_task
from acestep_runtime.values import CancelToken


def _record(task: Task, folder: Path) -> TakeFiles:
    *_, last = (each for each in record(task, FakeEngine(), folder, CancelToken()) if isinstance(each, TakeFiles))
    return last


def _song(folder: Path, **output: Any) -> str:
    task = build_task("text2music", {"duration_s": 1.0, "output": {"seeds": [7], **output}})
    return str(_record(task, folder).outputs[0].path)


def _repaint(path: str, **output: Any) -> Task:
    return build_task("repaint", {"source": {"path": path}, "start_s": 0.2, "end_s": 0.4, "output": output})


def test_a_repaint_with_the_seed_of_its_source_gets_another_and_says_so(tmp_path: Path) -> None:
    path = _song(tmp_path / "song")
    taken = _record(_repaint(path, seeds=[7]), tmp_path / "repainted")
    assert taken.seed == 2654435769
    assert taken.metadata["warnings"] == [
        "Seed 2654435769 took the place of 7, from which 0.wav was made: with its own seed, what is there comes back."
    ]
    again = _record(_repaint(path, seeds=[2654435769]), tmp_path / "again")
    assert again.outputs[0].sha256 == taken.outputs[0].sha256
    assert "warnings" not in again.metadata


def test_other_takes_keep_their_seeds(tmp_path: Path) -> None:
    task, notes = with_other_seeds(_repaint(_song(tmp_path), seeds=[6, 7, 2654435769], takes=3), FakeEngine())
    assert task.output_spec.seeds == (6, 2654435770, 2654435769)
    assert len(notes) == 1


def test_of_a_variation_its_own_seed_changes(tmp_path: Path) -> None:
    path = _song(tmp_path, variation=0.3, variation_seeds=[9])
    for output, expected in (
        ({"seeds": [7], "variation": 0.3, "variation_seeds": [9]}, ((7,), (2654435771,))),
        ({"seeds": [7], "variation": 0.4, "variation_seeds": [9]}, ((7,), (9,))),
        ({"seeds": [7]}, ((7,), ())),
    ):
        task, notes = with_other_seeds(_repaint(path, **output), FakeEngine())
        assert (task.output_spec.seeds, task.output_spec.variation_seeds) == expected
        assert len(notes) == (expected[1] == (2654435771,))


@pytest.mark.parametrize("recipes", ["no", "yes"])
def test_nothing_else_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipes: str) -> None:
    monkeypatch.setenv("ACEBRIDGE_RECIPES", recipes)
    path = _song(tmp_path)
    others = [
        (_repaint(path, seeds=[8]), FakeEngine()),
        (_repaint(path, seeds=[7]), DraftEngine()),  # draws no noise
        (build_task("cover", {"source": {"path": path}, "output": {"seeds": [7]}}), FakeEngine()),
        *([(_repaint(path, seeds=[7]), FakeEngine())] if recipes == "no" else []),
    ]
    for task, engine in others:
        assert with_other_seeds(task, engine) == (task, [])
