"""Orders for models, which the scheduler hands to in-process workers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from acebridge.errors import ErrorReason, JobFailed, Unavailable
from acebridge.workers.base import NotReady
from tests.support.fake_worker import Core, play


def test_a_model_waits_for_the_job_and_every_worker_loads_it(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        busy = await core.worker_of(await core.submit())
        loading = asyncio.create_task(core.scheduler.manage_model("load", "turbo", "neural"))
        for worker in core.workers:
            if worker is busy:
                assert worker.untaken == 0
                worker.finish()
            order = await worker.next_order()
            assert (order["op"], order["model"], order["engine"]) == ("load", "turbo", "neural")
            worker.models = ["turbo"]
            worker.finish()
        await loading
        await core.scheduler.manage_model("load", "turbo", "neural")  # it is there
        assert [worker.untaken for worker in core.workers] == [0, 0]

    play(tmp_path, scenario, "cuda:0", "cuda:1")


def test_an_order_for_a_model_that_fails(tmp_path: Path) -> None:
    error = {"kind": "InvalidValue", "message": "No such model.", "remedy": "Pull it.", "details": {"field": "model"}}

    async def scenario(core: Core) -> None:
        for answer, says in (
            (lambda: core.worker.fail(error), r"^No such model\. Pull it\.$"),
            (
                lambda: core.worker.die("exit code -9"),
                r"^The engine's process ended at the order to load turbo \(exit code -9\)",
            ),
        ):
            loading = asyncio.create_task(core.scheduler.manage_model("load", "turbo", "neural"))
            await core.worker.next_order()
            answer()
            with pytest.raises(JobFailed, match=says):
                await loading
        loading = asyncio.create_task(core.scheduler.manage_model("load", "turbo", "neural"))
        await core.worker.next_order()
        await core.scheduler.stop()
        with pytest.raises(Unavailable, match="The daemon is stopping"):
            await loading

    play(tmp_path, scenario)


def test_a_model_is_loaded_where_it_is_and_the_others_say_why_not(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        first, second, _ = core.workers
        loading = asyncio.create_task(core.scheduler.manage_model("load", "turbo", "neural"))
        for worker in core.workers:
            await worker.next_order()
            if worker is first:
                worker.fail({"kind": "EngineFailure", "message": "No such model.", "remedy": "Pull it.", "details": {}})
            elif worker is second:
                worker.models = ["turbo"]
                worker.finish()
            else:
                worker.die("exit code -9")
        assert await loading == [
            "ray:0: No such model. Pull it.",
            "ray:2: The engine's process ended at the order to load turbo (exit code -9). See the daemon's log for the reason.",
        ]

    play(tmp_path, scenario, "ray:0", "ray:1", "ray:2")


def test_workers_that_are_not_ready_load_no_model(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        for absent in (1, 2):
            loading = asyncio.create_task(core.scheduler.manage_model("load", "turbo", "neural"))
            for number, worker in enumerate(core.workers):
                await worker.next_order()
                if number < absent:
                    worker.fall(NotReady("The cluster is gone."))
                else:
                    worker.finish()
            if absent == 1:
                await loading
                continue
            with pytest.raises(JobFailed, match=r"^No worker is ready to load turbo: The cluster is gone\.") as caught:
                await loading
            assert caught.value.kind is ErrorReason.ENGINE_FAILURE

    play(tmp_path, scenario, "ray:0", "ray:1")
