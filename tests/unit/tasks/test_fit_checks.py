"""What a task may ask of the fit with its source, and what it is told else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks import TASKS, build_task
from tests.support import signals
from tests.support.daemon import write_wav

WITH_SOURCE = ("lego", "complete", "extract", "repaint", "cover")


def fields(task: str, path: Path, **output: Any) -> dict[str, Any]:
    kind = TASKS[task]
    source = (
        {"source": {"path": str(write_wav(path / "song.wav", signals.sine(220, 2.0)))}} if kind.has("source") else {}
    )
    tracks = {"tracks": ["drums"]} if kind.has("tracks") else {}
    return {**source, **tracks, "output": output}


@pytest.mark.parametrize("task", [name for name, kind in TASKS.items() if kind.has("output")])
def test_a_fit_needs_a_source(task: str, tmp_path: Path) -> None:
    request = build_task(task, fields(task, tmp_path, tries=2, score_by="fit"))
    if task in WITH_SOURCE:
        request.validate()
        return
    with pytest.raises(InvalidValue) as caught:
        request.validate()
    assert str(caught.value) == f"{task} has no source that its takes could fit. Choose them by quality."
    assert (caught.value.field, caught.value.allowed) == ("score_by", "lyrics_alignment, quality, lm")


@pytest.mark.parametrize(
    ("task", "why"),
    [
        ("text2music", "it has no source that its takes could follow"), ("extract", "its outputs add up to the source"),
        ("lego", ""), ("complete", ""), ("cover", ""), ("repaint", ""),
    ],
)  # fmt: skip
def test_the_timing_of_what_follows_a_source_can_be_fixed(task: str, why: str, tmp_path: Path) -> None:
    request = build_task(task, fields(task, tmp_path, fix_timing=True))
    if not why:
        request.validate()
        return
    with pytest.raises(InvalidValue) as caught:
        request.validate()
    assert str(caught.value) == f"The timing of {task} cannot be fixed: {why}. Leave it out."


@pytest.mark.parametrize("preview", [{"preview_bars": 4}, {"preview_id": "mix.wav", "seeds": [1]}], ids=str)
def test_the_timing_of_a_preview_cannot_be_fixed(preview: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="The timing of a preview cannot be fixed"):
        build_task("lego", fields("lego", tmp_path, fix_timing=True, **preview))
