"""The scheduler stops jobs: cancelled ones, and prefetched ones that block requests."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from acebridge.errors import NotFound
from tests.support.fake_worker import Core, asset_id, play, wav_bytes

# ---- cancelling ----


def test_a_cancel_before_the_job_runs(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        first, second = await core.submit(), await core.submit(seeds=[2])
        await core.worker.next_order()
        assert (await core.scheduler.cancel(second)).state == "cancelled"
        core.worker.finish()
        await core.wait_for_end(first)
        third = await core.submit()
        assert (await core.worker.next_order())["id"] == third
        assert not core.worker.cancels
        with pytest.raises(NotFound):
            await core.scheduler.cancel("nothing")

    play(tmp_path, scenario)


def test_a_cancel_never_overtakes_its_job(tmp_path: Path) -> None:
    """While the daemon still looks for the sources of a job the worker does not have it yet: then it never gets it."""

    async def scenario(core: Core) -> None:
        get, looking, go_on = core.store.get, asyncio.Event(), asyncio.Event()

        async def slow(asset: str) -> Any:
            looking.set()
            await go_on.wait()
            return await get(asset)

        core.store.get = slow
        (core.spool.job_folder("x").parent).mkdir(exist_ok=True)
        file = core.spool.job_folder("x").parent / "source.wav"
        file.write_bytes(wav_bytes(0.1))
        source = (await core.store.adopt(file, asset_id(0.1), "source.wav")).id
        job_id = await core.submit(sources=[source])
        await looking.wait()
        assert (await core.scheduler.cancel(job_id)).state == "running"
        go_on.set()
        assert (await core.wait_for_end(job_id)).state == "cancelled"
        assert (core.worker.untaken, core.worker.cancels, core.worker.kills) == (0, [], 0)

    play(tmp_path, scenario)


def test_a_cancel_while_the_job_runs(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        job_id = await core.submit()
        await core.worker.next_order()
        core.worker.begin_output()
        await core.until(job_id, "audio")
        assert (await core.scheduler.cancel(job_id)).state == "running"
        await core.scheduler.cancel(job_id)  # twice is once
        job = await core.wait_for_end(job_id)
        assert (job.state, job.error["message"]) == ("cancelled", "The job was cancelled.")
        assert await core.kinds(job_id) == ["queued", "started"]
        second = await core.submit()
        await core.worker.next_order()
        await core.clock.wake()  # the grace of the first one passes: it must not hit the second
        core.worker.finish()
        assert (await core.wait_for_end(second)).state == "succeeded"
        assert (core.worker.cancels, core.worker.kills, core.clock.slept) == ([job_id], 0, [5.0])
        assert (await core.scheduler.cancel(second)).state == "succeeded"

    play(tmp_path, scenario)


def test_a_worker_that_does_not_stop_in_time_is_ended(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        job_id = await core.submit()
        await core.worker.next_order()
        await core.scheduler.cancel(job_id)
        await core.clock.wake()
        job = await core.wait_for_end(job_id)
        assert (job.state, job.error["message"]) == ("cancelled", "The job was cancelled.")
        assert (core.worker.cancels, core.worker.kills, core.clock.slept) == ([job_id], 1, [0.25])
        second = await core.submit()
        assert (await core.worker.next_order())["id"] == second
        core.worker.finish()
        assert (await core.wait_for_end(second)).state == "succeeded"

    play(tmp_path, scenario, grace_s=0.25, obeys=False)


def test_a_worker_that_hangs_at_its_start_is_ended(tmp_path: Path) -> None:
    """It takes a cancel only once it has its order."""

    async def scenario(core: Core) -> None:
        async def hang(_: str) -> None:
            await asyncio.Event().wait()

        core.worker.cancel = hang
        job_id = await core.submit()
        await core.worker.next_order()
        await core.scheduler.cancel(job_id)
        await core.clock.wake()
        assert (await core.wait_for_end(job_id)).state == "cancelled"
        assert (core.worker.kills, core.clock.slept) == (1, [0.25])

    play(tmp_path, scenario, grace_s=0.25)


def test_a_job_that_succeeds_in_spite_of_its_cancel_has_succeeded(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        job_id = await core.submit()
        await core.worker.next_order()
        await core.scheduler.cancel(job_id)
        core.worker.make_take()
        core.worker.finish()
        assert (await core.wait_for_end(job_id)).state == "succeeded"

    play(tmp_path, scenario, obeys=False)


# ---- preempting ----


async def start_prefetched_job(core: Core, session: str = "") -> tuple[str, str]:
    """Have a job succeed whose next batch is prefetched; return both, with the latter running."""
    first = await core.submit(auto_gen=True, session=session)
    (await core.worker_of(first)).finish()
    await core.wait_for_end(first)
    (ahead,) = (job.id for job in await core.journal.recent() if job.next_of == first)
    return first, ahead


def test_a_prefetched_job_is_preempted_and_completes_later(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        first, ahead = await start_prefetched_job(core)
        await core.worker_of(ahead)
        core.worker.begin_output()
        await core.until(ahead, "audio")
        request = await core.submit(seeds=[7])
        assert (await core.worker.next_order())["id"] == request
        assert core.worker.cancels == [ahead]
        waiting = await core.journal.get(ahead)
        assert (waiting.state, waiting.attempts, waiting.requested) == ("queued", 0, False)
        assert not core.spool.job_folder(ahead).exists()
        core.worker.finish()
        await core.wait_for_end(request)
        assert (await core.worker.next_order())["id"] == ahead
        core.worker.make_take()
        core.worker.finish()
        job = await core.wait_for_end(ahead)
        assert (job.state, job.attempts, job.next_of) == ("succeeded", 1, first)

    play(tmp_path, scenario)


def test_a_prefetched_job_stays_where_another_worker_is_idle(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        _, ahead = await start_prefetched_job(core)
        ahead_on = await core.worker_of(ahead)
        request_on = await core.worker_of(await core.submit(seeds=[7]))
        assert request_on is not ahead_on
        assert not ahead_on.cancels
        # Now no worker is idle.
        assert await core.worker_of(await core.submit(seeds=[8])) is ahead_on
        assert ahead_on.cancels == [ahead]

    play(tmp_path, scenario, "cuda:0", "cuda:1")


def test_an_obsolete_job_is_stopped_and_not_queued_again(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        _, ahead = await start_prefetched_job(core, session="mine")
        await core.worker_of(ahead)
        request = await core.submit(seeds=[7], session="mine")
        assert (await core.wait_for_end(ahead)).state == "cancelled"
        assert (await core.worker.next_order())["id"] == request

    play(tmp_path, scenario)


def test_a_preempted_job_that_is_cancelled_too_is_cancelled(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        _, ahead = await start_prefetched_job(core)
        await core.worker_of(ahead)
        request = await core.submit(seeds=[7])
        await core.worker.cancelled.wait()
        await core.scheduler.cancel(ahead)
        await core.clock.wake()
        assert (await core.wait_for_end(ahead)).state == "cancelled"
        assert (await core.worker.next_order())["id"] == request

    play(tmp_path, scenario, obeys=False)
