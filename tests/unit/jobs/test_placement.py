"""Which worker runs which job."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from acebridge.jobs.placement import choose_preempted, should_take
from acebridge.workers.base import Need
from tests.support.fake_worker import Core, play

LARGE, SMALL, DRAFT = Need("fake", "text2music", "large"), Need("fake", "text2music", "small"), Need("fake", "cover")


def worker(*models: str, suits: Sequence[Need] = (LARGE, SMALL, DRAFT)) -> Any:
    return SimpleNamespace(models=models, suits=lambda need: need in suits)


def test_a_job_goes_to_an_idle_worker_that_has_its_model() -> None:
    empty, loaded, unable = worker(), worker("large"), worker("large", suits=[SMALL])
    assert should_take(empty, LARGE, [])
    assert should_take(empty, LARGE, [worker("small")])
    assert not should_take(empty, LARGE, [loaded])
    assert should_take(empty, LARGE, [unable])  # it has the model, and cannot run the job
    assert should_take(empty, DRAFT, [loaded])
    assert should_take(loaded, LARGE, [worker("large")])
    assert not should_take(unable, LARGE, [])


def test_a_prefetched_job_makes_way_only_where_the_request_can_run() -> None:
    first, second = worker(suits=[SMALL]), worker(suits=[LARGE, SMALL])
    both = [("on first", first), ("on second", second)]
    assert choose_preempted({LARGE: 1}, [], both) == ["on second"]
    assert choose_preempted({LARGE: 5}, [], both) == ["on second"]
    assert choose_preempted({DRAFT: 3}, [], both) == []
    assert choose_preempted({SMALL: 1}, [worker()], both) == []
    assert choose_preempted({SMALL: 2}, [worker()], both) == ["on first"]
    assert choose_preempted({LARGE: 1}, [worker(suits=[SMALL])], both) == ["on second"]
    assert choose_preempted({SMALL: 1, LARGE: 1}, [second], [("on first", first)]) == [
        "on first"
    ]  # the idle one is for LARGE
    assert choose_preempted({}, [], both) == []


def test_a_job_waits_for_the_worker_that_becomes_suitable(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        questions: list[Need] = []

        def suits(need: Need) -> bool:
            questions.append(need)
            return need.model != "large"

        core.worker.suits = suits
        large = await core.submit(model="large")
        small = await core.submit(model="small")
        assert (await core.worker.next_order())["id"] == small  # the one before it is in nobody's way
        core.worker.finish()
        await core.wait_for_end(small)
        for _ in range(20):  # nothing changes, so nobody asks
            await core.journal.get(large)
        asked = len(questions)
        for _ in range(20):
            await core.journal.get(large)
        assert len(questions) == asked
        core.worker.suits = lambda _need: True
        core.scheduler.wake()
        assert (await core.worker.next_order())["id"] == large
        core.worker.finish()
        await core.wait_for_end(large)

    play(tmp_path, scenario)


def test_jobs_go_where_their_model_is_and_elsewhere_when_that_worker_is_busy(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        first, second = core.workers
        second.models = ["large"]
        ids = [await core.submit(model="large") for _ in range(2)]
        assert (await second.next_order())["id"] == ids[0]
        assert (await first.next_order())["id"] == ids[1]  # it was left to the other one, which is busy now
        for each, job_id in zip((second, first), ids, strict=True):
            each.finish()
            await core.wait_for_end(job_id)
        for _ in range(5):
            job_id = await core.submit(model="large")
            assert (await second.next_order())["id"] == job_id
            second.finish()
            await core.wait_for_end(job_id)
        assert first.untaken == 0

    play(tmp_path, scenario, "a", "b")


@pytest.mark.parametrize("suitable", [False, True])
def test_a_request_that_no_worker_suits_stops_no_prefetched_job(tmp_path: Path, suitable: bool) -> None:
    async def scenario(core: Core) -> None:
        core.worker.suits = lambda need: suitable or need.model != "large"
        first = await core.submit(auto_gen=True)
        await core.worker.next_order()
        core.worker.finish()
        await core.wait_for_end(first)
        await core.worker.next_order()  # the next batch
        await core.submit(model="large")
        if suitable:
            await asyncio.wait_for(core.worker.cancelled.wait(), 30)
        else:
            for _ in range(20):
                await core.journal.count("queued")
            assert not core.worker.cancels
            core.worker.finish()

    play(tmp_path, scenario)
