"""What comes of a job elsewhere, as the messages of a worker here."""

from __future__ import annotations

from pathlib import Path

import pytest

from acebridge.forwarding.arrivals import Arrivals
from acebridge.v1 import tasks_pb2
from acebridge.workers.messages import JobOrder


@pytest.mark.parametrize(
    ("queued", "stage"),
    [
        (tasks_pb2.Queued(), "waiting at studio"),
        (tasks_pb2.Queued(position=3), "waiting at studio: 3 jobs go first"),
        (tasks_pb2.Queued(position=3, reason="The cluster is gone."), "waiting at studio: The cluster is gone."),
    ],
)
def test_a_job_that_waits_elsewhere_says_why(tmp_path: Path, queued: tasks_pb2.Queued, stage: str) -> None:
    order: JobOrder = {
        "op": "job", "id": "1", "engine": "fake", "spare": "", "task": "text2music", "priority": "normal", "params": {},
        "folder": str(tmp_path), "files": {}, "takes": [], "note": "",
    }  # fmt: skip
    (message,) = Arrivals(order, "studio").messages(tasks_pb2.TaskEvent(sequence=1, queued=queued))
    assert message["type"] == "progress"
    assert message["body"]["stage"] == stage
