"""When workers on a Ray cluster start, which jobs they suit, and what their ends mean. Their relays are scripted."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from acebridge.workers.base import Device, Need, NotReady, OutOfMemory, WorkerDied
from acebridge.workers.messages import JobOrder
from acebridge.workers.ray.messages import PLACE, Node
from acebridge.workers.ray.plan import Plan, plan_from_json
from acebridge.workers.ray.worker import RayWorker, can_do
from tests.support.daemon import PATIENCE_S

DRAFT, NEURAL = Need("draft", "cover"), Need("neural", "cover", "turbo")
NODE: Node = {
    "node_id": "", "host": "studio", "version": "1", "device": "cpu", "models": ["turbo"],
    "engines": {"draft": ["cover"], "neural": ["cover"]},
}  # fmt: skip
SMALL: Node = {**NODE, "engines": {"draft": ["cover"], "neural": []}, "models": []}
ORDER: JobOrder = {
    "op": "job", "id": "1", "priority": "normal",
    "task": "cover", "params": {}, "engine": "draft", "note": "", "spare": "", "files": {},
    "folder": "", "takes": [],
}  # fmt: skip
DONE = {"type": "done", "models": ["turbo"]}
Says = dict[str, Any]


def node(body: Node, label: str = "studio") -> Says:
    return {"type": "node", "label": label, "body": body}


def death(*, took_order: bool, remedy: str = "") -> Says:
    return {"type": "death", "reason": "gone", "took_order": took_order, "remedy": remedy}


class ScriptedRelay:
    """Stands for the process of a relay: says what the test has it say at each order."""

    def __init__(self) -> None:
        self.models: Sequence[str] = ()
        self.restarts = 0
        self.orders: list[str] = []
        self.kills = 0
        self.says: asyncio.Queue[Says | Exception] = asyncio.Queue()

    async def run(self, order: Any) -> AsyncGenerator[Any, None]:
        self.orders.append(order["op"])
        while True:
            said = await self.says.get()
            if isinstance(said, Exception):
                raise said
            yield said
            if said["type"] in ("done", "error"):
                return

    async def kill(self) -> None:
        self.kills += 1


class Team:
    """Workers of one cluster."""

    def __init__(self, folder: Path, count: int) -> None:
        members: list[RayWorker] = []
        self.wakes = 0
        self.pauses: list[float] = []
        self.relays = [ScriptedRelay() for _ in range(count)]
        for number, relay in enumerate(self.relays):
            worker = RayWorker(
                Device(f"ray:{number}"), Plan("ray://auto"), folder, team=members, wake=self._wake, sleep=self._sleep
            )
            worker._relay = relay  # type: ignore[assignment]
        self.workers = members

    def _wake(self) -> None:
        self.wakes += 1

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def say(self, number: int, *messages: Says | Exception) -> None:
        for message in messages:
            self.relays[number].says.put_nowait(message)

    async def until_woken(self, times: int) -> None:
        while self.wakes < times:  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0)

    async def start(self, number: int, body: Node = NODE, label: str = "studio") -> None:
        """Have a worker start that has been asked for."""
        wakes = self.wakes
        self.say(number, node(body, label), DONE)
        await self.until_woken(wakes + 1)


def play(folder: Path, scenario: Callable[[Team], Awaitable[None]], count: int = 2) -> None:
    async def run() -> None:
        team = Team(folder, count)
        await scenario(team)
        for worker in team.workers:
            await worker.kill()

    asyncio.run(asyncio.wait_for(run(), PATIENCE_S))


def test_a_worker_starts_when_a_job_waits_for_it(tmp_path: Path) -> None:
    async def scenario(team: Team) -> None:
        first, second = team.workers
        assert not team.relays[0].orders
        assert not first.suits(DRAFT)
        assert not second.suits(DRAFT)  # one at a time
        assert (first.device.label, second._starting) == ("", None)
        await team.start(0)
        assert first.suits(DRAFT)
        assert str(first.device) == "ray:0 (studio)"
        assert not second.suits(DRAFT)  # the first one will take it
        assert (team.relays[0].orders, team.relays[1].orders) == ([PLACE["op"]], [])

    play(tmp_path, scenario)


def test_the_next_one_starts_when_all_others_are_busy(tmp_path: Path) -> None:
    async def scenario(team: Team) -> None:
        first, second = team.workers
        first.suits(DRAFT)
        await team.start(0)
        running = asyncio.create_task(_collect(first))
        while len(team.relays[0].orders) < 2:  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0)
        assert not second.suits(DRAFT)
        assert second._starting is not None
        await team.start(1)
        assert second.suits(DRAFT)
        team.say(0, DONE)
        assert await running == [DONE]

    play(tmp_path, scenario)


async def _collect(worker: RayWorker) -> list[Any]:
    return [message async for message in worker.run(ORDER)]


def test_a_node_that_cannot_do_a_job_leaves_it_to_another(tmp_path: Path) -> None:
    async def scenario(team: Team) -> None:
        first, second = team.workers
        first.suits(NEURAL)
        await team.start(0, SMALL)
        assert not first.suits(NEURAL)
        assert first.suits(DRAFT)
        assert "cannot do cover with the neural engine and the model turbo" in first.problem
        assert not second.suits(NEURAL)
        await team.start(1)
        assert second.suits(NEURAL)
        assert not first.problem  # as it is no problem any more

    play(tmp_path, scenario)


def test_a_job_left_to_a_worker_that_takes_another_one_has_the_next_one_start(tmp_path: Path) -> None:
    """The daemon checks the sources of a job before a worker gets it: until then the worker seems to be free."""

    async def scenario(team: Team) -> None:
        first, second = team.workers
        first.suits(DRAFT)
        await team.start(0)
        assert not second.suits(DRAFT)
        assert second._starting is None
        wakes = team.wakes
        running = asyncio.create_task(_collect(first))
        await team.until_woken(wakes + 1)
        assert not second.suits(DRAFT)
        assert second._starting is not None
        team.say(0, DONE)
        await running

    play(tmp_path, scenario)


def test_a_model_is_loaded_by_the_workers_that_have_started(tmp_path: Path) -> None:
    order: Any = {"op": "load", "id": "load turbo", "engine": "neural", "model": "turbo"}

    async def scenario(team: Team) -> None:
        first, second = team.workers
        team.say(0, node(NODE), DONE, DONE)
        assert [message async for message in first.run(order)] == [DONE]  # none has: one does
        with pytest.raises(NotReady):
            [message async for message in second.run(order)]
        assert not team.relays[1].orders

    play(tmp_path, scenario)


@pytest.mark.parametrize(("took_order", "raised"), [(True, WorkerDied), (False, NotReady)])
def test_a_worker_without_its_actor_suits_nothing_until_it_has_another(
    tmp_path: Path, took_order: bool, raised: type[WorkerDied]
) -> None:
    async def scenario(team: Team) -> None:
        (worker,) = team.workers
        worker.suits(DRAFT)
        await team.start(0)
        team.say(0, death(took_order=took_order))
        with pytest.raises(WorkerDied, match=r"^gone$") as caught:
            await _collect(worker)
        assert type(caught.value) is raised
        assert caught.value.took_order
        assert team.relays[0].kills == 1
        assert not worker.device.label
        with pytest.raises(NotReady):
            await _collect(worker)
        assert not worker.suits(DRAFT)
        await team.start(0)
        assert worker.suits(DRAFT)

    play(tmp_path, scenario, 1)


def test_too_much_memory_ends_a_process_and_not_the_actor(tmp_path: Path) -> None:
    async def scenario(team: Team) -> None:
        (worker,) = team.workers
        worker.suits(DRAFT)
        await team.start(0)
        team.say(0, death(took_order=True, remedy="Take less."))
        with pytest.raises(OutOfMemory) as caught:
            await _collect(worker)
        assert (caught.value.message, caught.value.remedy) == ("gone", "Take less.")
        assert worker.suits(DRAFT)

    play(tmp_path, scenario, 1)


def test_a_start_that_fails_says_why_and_is_tried_again(tmp_path: Path) -> None:
    async def scenario(team: Team) -> None:
        (worker,) = team.workers
        worker.suits(DRAFT)
        problems = []

        async def sleep(seconds: float) -> None:
            team.pauses.append(seconds)
            problems.append(worker.problem)

        worker._sleep = sleep
        refusal = {"kind": "EngineFailure", "message": "Another version.", "remedy": "Install it.", "details": {}}
        team.say(
            0,
            {"type": "error", "body": refusal, "models": []},
            WorkerDied("exit code 1"),
            death(took_order=False),
            OSError(errno.EMFILE, "Too many open files"),
        )
        await team.start(0)
        assert problems == [
            "Another version. Install it.",
            "The Ray worker could not start: exit code 1. See the log of Ray.",
            "The Ray worker could not start: gone. See the log of Ray.",
            "The Ray worker could not start: [Errno 24] Too many open files. See the daemon's log.",
        ]
        assert team.pauses == [1.0, 2.0, 4.0, 8.0]
        assert (worker.problem, worker.suits(DRAFT)) == ("", True)

    play(tmp_path, scenario, 1)


def test_a_cluster_that_does_not_answer_is_a_problem_until_it_does(tmp_path: Path) -> None:
    async def scenario(team: Team) -> None:
        (worker,) = team.workers
        worker.suits(DRAFT)
        team.say(0, {"type": "problem", "says": "It cannot be reached."})
        while not worker.problem:  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0)
        assert not worker.suits(DRAFT)
        await team.start(0)
        assert not worker.problem

    play(tmp_path, scenario, 1)


def test_what_a_node_can_do() -> None:
    assert can_do(NODE, NEURAL)
    assert can_do(NODE, Need("neural", "cover"))
    assert not can_do(NODE, Need("neural", "cover", "base"))
    assert not can_do(NODE, Need("neural", "lego"))
    assert not can_do(NODE, Need("fake", "cover"))


def test_a_plan_goes_to_a_relay_as_text() -> None:
    plan = Plan("ray://a:1", {"CPU": 2.0}, 5.0, None, {"A": "b"}, "0.9")
    assert plan_from_json(plan.to_json()) == plan
