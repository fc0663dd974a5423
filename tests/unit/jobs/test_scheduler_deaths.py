"""The scheduler and workers that die with a job."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from acebridge.workers.base import OutOfMemory
from tests.support.fake_worker import Core, asset_id, play


def test_a_job_is_tried_again_after_the_death_of_its_worker(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        job_id = await core.submit(seeds=[1, 2])
        await core.worker.next_order()
        core.worker.make_take()
        core.worker.begin_output(1, take=1)
        core.worker.die("exit code 42")
        again = await core.worker.next_order()
        assert again["id"] == job_id
        assert [take["take"] for take in again["takes"]] == [0]  # what was finished stays
        assert not core.spool.job_folder(job_id).exists()
        core.worker.make_take(1, level=0.25)
        core.worker.finish()
        job = await core.wait_for_end(job_id)
        assert (job.state, job.attempts, job.results()) == ("succeeded", 2, [asset_id(0.5), asset_id(0.25)])

    play(tmp_path, scenario)


def test_a_worker_that_dies_twice_fails_its_job_alone(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        first, second = await core.submit(), await core.submit(seeds=[2])
        for _ in range(2):
            assert (await core.worker.next_order())["id"] == first
            core.worker.begin_output()
            core.worker.die("exit code 42")
        job = await core.wait_for_end(first)
        assert job.error["kind"] == "EngineFailure"
        assert job.error["message"] == (
            "The engine's process ended in the middle of the job, and again when the job was repeated (exit code 42)."
        )
        assert job.error["remedy"].startswith("The daemon goes on with the next job, and finished takes are kept; send")
        assert (await core.worker.next_order())["id"] == second
        core.worker.finish()
        assert (await core.wait_for_end(second)).state == "succeeded"

    play(tmp_path, scenario)


def test_a_job_that_needs_too_much_memory_is_not_tried_again(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        job_id = await core.submit()
        await core.worker.next_order()
        core.worker.fall(OutOfMemory("It took 9 GiB; a worker may take 8 GiB.", "Ask for less."))
        job = await core.wait_for_end(job_id)
        assert (job.state, job.attempts) == ("failed", 1)
        assert (job.error["message"], job.error["remedy"]) == (
            "It took 9 GiB; a worker may take 8 GiB.",
            "Ask for less.",
        )

    play(tmp_path, scenario)


@pytest.mark.parametrize("moment", ["before", "meanwhile"])
def test_a_job_that_was_cancelled_is_not_tried_again(tmp_path: Path, moment: str) -> None:
    """Also when the cancel comes while the job is put back."""

    async def scenario(core: Core) -> None:
        job_id = await core.submit()
        await core.worker.next_order()
        retry = core.journal.retry

        async def cancel_and_retry(again: str) -> bool:
            cancelling = asyncio.create_task(core.scheduler.cancel(job_id))
            await asyncio.sleep(0)  # its look at the job is ahead of the retry
            result = await retry(again)
            await cancelling
            return result

        core.journal.retry = cancel_and_retry
        if moment == "before":
            await core.scheduler.cancel(job_id)
        core.worker.die()
        assert (await core.wait_for_end(job_id)).state == "cancelled"

    play(tmp_path, scenario, obeys=False)


@pytest.mark.parametrize(("deaths", "attempts", "state"), [(1, 1, "succeeded"), (2, 2, "succeeded"), (4, 2, "failed")])
def test_an_order_that_a_dead_worker_did_not_take_is_sent_again(
    tmp_path: Path, deaths: int, attempts: int, state: str
) -> None:
    async def scenario(core: Core) -> None:
        job_id = await core.submit()
        for _ in range(deaths):
            await core.worker.next_order()
            core.worker.die(took_order=False)
        if state == "succeeded":
            await core.worker.next_order()
            core.worker.finish()
        job = await core.wait_for_end(job_id)
        assert (job.state, job.attempts) == (state, attempts)
        assert core.worker.untaken == 0

    play(tmp_path, scenario)
