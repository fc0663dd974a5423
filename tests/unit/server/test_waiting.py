"""A job that waits says why, where that is known: to those who ask, and to those who watch."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

from acebridge.jobs.job import Event
from acebridge.server.messages import event_message
from acebridge.server.waiting import with_reason
from tests.support.fake_worker import Core, play

PROBLEM = "The cluster is gone. Start it."


async def rest(core: Core) -> None:
    """Wait until every worker has looked for a job and found none."""
    while core.scheduler.why_waiting() is None:  # noqa: ASYNC110 - nothing announces it
        await asyncio.sleep(0.01)


def test_a_job_that_no_worker_takes_says_the_problem_of_one(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        first, second = core.workers
        first.suits = second.suits = lambda _need: False
        job = await core.journal.get(await core.submit())
        await rest(core)
        assert with_reason(job, core.scheduler) == job
        second.problem = PROBLEM
        waiting = with_reason(job, core.scheduler)
        assert waiting.progress == {
            "stage": f"waiting: {PROBLEM}",
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


def test_nothing_is_said_before_every_worker_has_looked(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        first, second = core.workers
        second.problem, second.suits = PROBLEM, lambda _need: False
        await rest(core)
        job = await core.journal.get(await core.submit())  # the first worker is about to take it
        assert with_reason(job, core.scheduler) == job
        assert await core.worker_of(job.id) is first
        first.make_take()
        first.finish()
        await core.wait_for_end(job.id)
        assert not any(event.kind == "queued" and event.body.get("reason") for event in await events_of(core, job.id))

    play(tmp_path, scenario, "cpu", "ray:1")


async def events_of(core: Core, job_id: str) -> list[Event]:
    return [event async for batch in core.journal.watch(job_id) for event in batch]


def test_who_watches_a_job_that_waits_learns_why_and_when_the_reason_changes(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        worker = core.worker
        worker.suits, worker.problem = (lambda _need: False), PROBLEM
        job_id = await core.submit()
        seen: list[tuple[int, str]] = []
        noted = asyncio.Event()

        async def watch() -> None:
            async for batch in core.journal.watch(job_id):
                for event in batch:
                    if event.kind == "queued":
                        queued = event_message(job_id, event).queued
                        seen.append((queued.position, queued.reason))
                        noted.set()

        async def until(reason: str) -> None:
            while not seen or seen[-1][1] != reason:
                noted.clear()
                await noted.wait()

        watching = asyncio.create_task(watch())
        await until(PROBLEM)
        worker.problem = "The cluster has no GPU. Add one."
        core.scheduler.wake()
        await until(worker.problem)
        core.scheduler.wake()  # and nothing has changed
        await rest(core)
        worker.suits, worker.problem = (lambda _need: True), ""
        core.scheduler.wake()
        await core.worker_of(job_id)
        worker.make_take()
        worker.finish()
        await watching
        assert seen == [(0, ""), (0, PROBLEM), (0, "The cluster has no GPU. Add one.")]

    play(tmp_path, scenario, "ray:0")
