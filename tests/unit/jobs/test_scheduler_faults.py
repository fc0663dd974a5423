"""The scheduler at the limits of the system, with a database that fails, and on a full disk."""

from __future__ import annotations

import errno
import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from acebridge.errors import DiskFull
from tests.support.fake_worker import CANCELLED, Core, play


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EMFILE, "Too many open files"),
        BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"),
        sqlite3.OperationalError("unable to open database file"),
        RuntimeError("can't start new thread"),
    ],
)
def test_jobs_wait_while_the_system_is_at_a_limit(
    tmp_path: Path, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(core: Core) -> None:
        jobs = [await core.submit(seeds=[seed]) for seed in range(3)]
        for _ in range(4):
            await core.worker.next_order()
            core.worker.fall(error)
            await core.clock.wake()
        states = [(job.state, job.attempts) for job in [await core.journal.get(job_id) for job_id in jobs]]
        assert states in ([("queued", 0)] * 3, [("running", 1), ("queued", 0), ("queued", 0)])
        for job_id in jobs:
            assert (await core.worker.next_order())["id"] == job_id
            core.worker.finish()
            assert (await core.wait_for_end(job_id)).state == "succeeded"
        assert core.clock.slept == [1.0, 2.0, 4.0, 8.0]

    with caplog.at_level(logging.WARNING):
        play(tmp_path, scenario)
    assert caplog.messages == ["jobs wait: The daemon has reached a limit of this system on open files or processes."]


def test_a_loop_that_fails_is_started_again(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        claim = core.journal.claim

        async def fail(*_: Any) -> Any:
            core.journal.claim = claim
            raise sqlite3.OperationalError("disk I/O error")

        core.journal.claim = fail
        job_id = await core.submit()
        await core.clock.wake()
        assert list(core.scheduler.supervisor.failing) == ["running jobs on cpu"]
        await core.clock.wake()  # it has run for a while
        assert (await core.worker.next_order())["id"] == job_id
        assert not core.scheduler.supervisor.failing

    play(tmp_path, scenario)


@pytest.mark.parametrize("ends_well", [True, False])
def test_a_disk_that_is_full_at_the_end_of_a_job(tmp_path: Path, ends_well: bool) -> None:
    async def scenario(core: Core) -> None:
        job_id = await core.submit()
        await core.worker.next_order()
        core.worker.make_take()
        core.worker.begin_output(1, take=1)
        await core.until(job_id, "take")
        spooled, tries = [], []
        name = "succeed" if ends_well else "fail"
        write = getattr(core.journal, name)

        async def full(*args: Any, **more: Any) -> Any:
            spooled.append(core.spool.job_folder(job_id).exists())
            tries.append(name)
            if len(tries) <= 2:
                raise DiskFull
            return await write(*args, **more)

        setattr(core.journal, name, full)
        if ends_well:
            core.worker.finish()
        else:
            core.worker.fail(CANCELLED)
        for _ in range(2):
            await core.clock.wake()
        assert (await core.wait_for_end(job_id)).state == {"succeed": "succeeded", "fail": "cancelled"}[name]
        assert spooled == [False] * 3  # its space is free before anything is written
        assert core.clock.slept == [1.0, 1.0]

    play(tmp_path, scenario)


def test_a_disk_that_is_full_when_a_job_is_claimed(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        claim, tries = core.journal.claim, []

        async def full(*asked: Any) -> Any:
            tries.append(asked)
            if len(tries) == 1:
                raise DiskFull
            return await claim(*asked)

        core.journal.claim = full
        job_id = await core.submit()
        await core.clock.wake()
        assert (await core.worker.next_order())["id"] == job_id

    play(tmp_path, scenario)
