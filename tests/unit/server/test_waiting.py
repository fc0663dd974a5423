"""A job that waits says why, where that is known."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from acebridge.server.waiting import with_reason
from tests.support.fake_worker import Core, play


def test_a_job_that_no_worker_takes_says_the_problem_of_one(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        first, second = core.workers
        first.suits = second.suits = lambda _need: False
        job = await core.journal.get(await core.submit())
        assert with_reason(job, core.scheduler) == job
        second.problem = "The cluster is gone. Start it."
        waiting = with_reason(job, core.scheduler)
        assert waiting.progress == {
            "stage": "waiting: The cluster is gone. Start it.",
            "fraction": 0.0,
            "eta_s": None,
        }
        for other in (dataclasses.replace(job, state="running"), dataclasses.replace(job, state="failed")):
            assert with_reason(other, core.scheduler) == other
        scheduler: Any = core.scheduler
        scheduler.running["ray:0"] = "another"  # it may wait for that one
        assert with_reason(job, core.scheduler) == job
        scheduler.running.clear()

    play(tmp_path, scenario, "ray:0", "ray:1")
