"""What is shown of a job while it runs, where no bar is."""

from __future__ import annotations

import pytest

from acebridge.cli.perform import ProgressLine
from acebridge.v1 import tasks_pb2

GONE, FULL = "The cluster is gone. Start it.", "The cluster has no GPU. Add one."


@pytest.mark.parametrize("shown", [True, False])
def test_why_a_job_waits_is_said_once_for_each_reason(shown: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressLine("generate", shown=shown) as line:
        for position, reason in ((2, ""), (1, ""), (0, GONE), (0, GONE), (0, FULL), (0, ""), (0, FULL)):
            line.on_queued(tasks_pb2.Queued(position=position, reason=reason))
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [f"note: the job waits: {reason}" for reason in (GONE, FULL, FULL)]
