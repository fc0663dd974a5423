"""A stored job gives its request back, for every task, so that it can be sent again."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from acebridge.contract.fields import fields_of
from acebridge.contract.tasks import METHODS, TaskMethod, unwrap
from acebridge.jobs.job import QUEUED, Job
from acebridge.server.job_request import request_message
from acestep_runtime.tasks import TASKS, build_task, to_fields, with_all_seeds

JOB = Job(
    id="1", task="", params={}, engine="draft", state=QUEUED, priority="high", position=0, attempts=0, created=0.0,
    started=None, finished=None, last_sequence=0, progress={}, error={}, takes=(), sources=(), next_of="",
    requested=True, origin={},
)  # fmt: skip
SUBMISSION = {"engine": "draft", "priority": "high"}
SOURCE = {"asset_id": "a" * 64, "name": "song.wav", "start_s": 1.0, "end_s": 9.0}
FIELDS: dict[str, Any] = {
    "source": SOURCE, "reference": {"asset_id": "b" * 64}, "tracks": ["drums", "bass"], "start_s": 2.0, "end_s": 4.0,
    "mode": "aggressive", "scope": "region", "strength": 0.25, "description": "a song", "instrumental": True,
    "music": {"caption": "jazz", "lyrics": "la", "bpm": 90.0, "timesignature": 3},
    "sampling": {"mask": "auto", "timesteps": [1.0, 0.5], "adapters": [{"name": "soft", "scale": 0.5}]},
    "output": {"seeds": [7, 8], "takes": 2, "encoding": "pcm24", "score_by": "lm", "tries": 3},
    "duration_s": 12.0, "codes": [1, 2, 3],
}  # fmt: skip


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.task)
def test_the_request_makes_the_same_task_again(method: TaskMethod) -> None:
    kind = TASKS[method.task]
    task = with_all_seeds(build_task(method.task, {name: value for name, value in FIELDS.items() if kind.has(name)}))
    stored = request_message(dataclasses.replace(JOB, task=method.task, params=to_fields(task)))
    assert stored is not None
    fields = fields_of(unwrap(stored))
    assert fields.pop("submission") == SUBMISSION
    for name in ("source", "reference"):
        if name in fields:
            source: Any = fields[name]
            region = source.pop("region", {})
            fields[name] = {**source, **region}
    assert build_task(method.task, fields) == task


@pytest.mark.parametrize("params", [{"tempo": 3}, {"scope": "half"}, {"music": {"mood": "sad"}}])
def test_parameters_of_another_version_have_no_request(params: dict[str, Any]) -> None:
    assert request_message(dataclasses.replace(JOB, task="repaint", params=params)) is None
    assert request_message(dataclasses.replace(JOB, task="dream", params={})) is None
