"""Workers that are not there when they get an order: their jobs wait, and lose no attempt."""

from __future__ import annotations

from pathlib import Path

from acebridge.workers.base import NotReady
from tests.support.fake_worker import Core, play


def test_a_job_whose_worker_is_not_ready_waits_and_loses_no_attempt(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        job_id = await core.submit()
        for _ in range(5):
            await core.worker.next_order()
            core.worker.fall(NotReady("The cluster is gone."))
            await core.clock.wake()
        await core.worker.next_order()
        assert (await core.journal.get(job_id)).attempts == 1
        core.worker.make_take()
        core.worker.finish()
        assert (await core.wait_for_end(job_id)).state == "succeeded"

    play(tmp_path, scenario)
