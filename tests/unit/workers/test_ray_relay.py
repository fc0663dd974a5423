"""A relay and its actor in this process, without Ray between them; the worker process is real."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acebridge.version import VERSION
from acebridge.workers.messages import JobOrder
from acebridge.workers.ray import actor, cluster, relay
from acebridge.workers.ray.actor import NodeWorker
from acebridge.workers.ray.cluster import Unreachable
from acebridge.workers.ray.files import Inbox
from acebridge.workers.ray.messages import PLACE
from acebridge.workers.ray.plan import Plan
from acebridge.workers.ray.relay import Relay
from tests.support.daemon import PATIENCE_S, expected_tone
from tests.support.signals import decode_chunk

PLAN = Plan("ray://auto")


class Bench:
    """A relay, what it has said, and the actor that it started."""

    def __init__(self, plan: Plan) -> None:
        self.said: list[Any] = []
        self.actors: list[NodeWorker] = []
        self.relay = Relay(plan, self.said.append)

    def kinds(self) -> list[str]:
        return [message["type"] for message in self.said if message["type"] not in ("alive", "progress")]

    async def until_said(self, kind: str) -> None:
        while kind not in [message["type"] for message in self.said]:  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0.01)


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs a scenario on a bench whose cluster is this process."""

    async def ask(method: Any, *arguments: object) -> Any:
        return await method(*arguments)

    monkeypatch.setattr(cluster, "connect", lambda _: None)
    monkeypatch.setattr(cluster, "ask", ask)
    monkeypatch.setattr(cluster, "put", lambda data: data)
    monkeypatch.setattr(cluster, "end_actor", lambda _: None)
    monkeypatch.setattr(cluster, "label_of", lambda node: node["host"])
    monkeypatch.setattr(cluster, "is_fault_of_node", lambda _: True)
    monkeypatch.setattr(actor, "_node_id", lambda: "")

    async def run(scenario: Callable[[Bench], Awaitable[None]], plan: Plan) -> None:
        bench = Bench(plan)

        def start_actor(plan: Plan) -> tuple[NodeWorker, dict[str, float]]:
            bench.actors.append(NodeWorker(plan.to_json()))
            return bench.actors[-1], {"CPU": 1.0}

        monkeypatch.setattr(cluster, "start_actor", start_actor)
        try:
            await scenario(bench)
        finally:
            for each in bench.actors:
                await each._worker.kill()

    return lambda scenario, plan=PLAN: asyncio.run(asyncio.wait_for(run(scenario, plan), PATIENCE_S))


def order(folder: Path, *, seed: int = 1, steps: int = 2, files: dict[str, str] | None = None) -> JobOrder:
    params = {"duration_s": 0.25, "sampling": {"steps": steps}, "output": {"seeds": [seed]}}
    return {
        "op": "job", "id": f"job {seed}", "priority": "normal",
        "task": "text2music", "params": params, "engine": "fake", "note": "", "spare": "",
        "files": files or {}, "folder": str(folder / str(seed)), "takes": [],
    }  # fmt: skip


def test_an_order_goes_to_the_node_and_its_files_come_back(tmp_path: Path, home: Path, play: Any) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.relay.run(PLACE)
        assert bench.kinds() == ["node", "done"]
        node = bench.said[-2]["body"]
        assert (node["version"], node["device"]) == (VERSION, "cpu")
        assert "cover" in node["engines"]["draft"]
        for seed in (1, 2):
            bench.said.clear()
            await bench.relay.run(order(tmp_path, seed=seed))
            assert bench.kinds() == ["header", "audio", "take", "done"]
            data = (tmp_path / str(seed) / "0.wav").read_bytes()
            wanted = expected_tone(seed, 0.25)
            assert np.array_equal(decode_chunk(data[-wanted.nbytes :], "float32", 2), wanted)
        (own,) = (home / "ray" / "orders").iterdir()
        assert not list(own.iterdir())  # nothing of an order is left on the node

    play(scenario)


def test_a_cancelled_order_ends_and_the_actor_stays(tmp_path: Path, play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEBRIDGE_FAKE_STEP_MS", "100")

    async def scenario(bench: Bench) -> None:
        await bench.relay.run(PLACE)
        running = asyncio.create_task(bench.relay.run(order(tmp_path, steps=200)))
        await bench.until_said("progress")
        await bench.relay.cancel("another")
        await bench.relay.cancel("job 1")
        await running
        assert bench.said[-1]["body"]["kind"] == "Cancelled"
        await bench.relay.run(order(tmp_path, seed=2))
        assert bench.said[-1]["type"] == "done"
        assert len(bench.actors) == 1

    play(scenario)


def test_an_actor_that_does_not_answer_is_lost(tmp_path: Path, play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "SILENCE_S", 0.05)

    async def scenario(bench: Bench) -> None:
        await bench.relay.run(PLACE)

        async def read() -> Any:
            await asyncio.Event().wait()

        monkeypatch.setattr(bench.actors[0], "read", read)
        await bench.relay.run(order(tmp_path))
        death = bench.said[-1]
        assert (death["type"], death["took_order"], death["remedy"]) == ("death", True, "")
        assert death["reason"].endswith("no sign of life for 0.05 s")

    play(scenario)


def test_a_disk_that_takes_no_audio_ends_the_job_with_the_reason(
    tmp_path: Path, play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Inbox, "write", write)

    async def scenario(bench: Bench) -> None:
        await bench.relay.run(PLACE)
        await bench.relay.run(order(tmp_path))
        assert bench.said[-1]["type"] == "error"
        assert bench.said[-1]["body"]["message"].startswith("The disk is full")

    play(scenario)


def test_a_source_that_was_damaged_is_no_result(tmp_path: Path, play: Any) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.relay.run(PLACE)
        (tmp_path / "source").write_bytes(b"not what its name says")
        await bench.relay.run(order(tmp_path, files={"0" * 64: str(tmp_path / "source")}))
        assert (bench.said[-1]["type"], bench.said[-1]["took_order"]) == ("death", False)
        assert "arrived damaged" in bench.said[-1]["reason"]

    play(scenario)


def test_an_order_without_an_actor_was_not_taken(tmp_path: Path, play: Any) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.relay.run(order(tmp_path))
        assert (bench.said[-1]["type"], bench.said[-1]["took_order"]) == ("death", False)

    play(scenario)


def test_a_node_with_another_version_is_refused(play: Any) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.relay.run(PLACE)
        error = bench.said[-1]["body"]
        assert error["message"].endswith(f"has AceBridge {VERSION}, and this daemon is version 0.0.1.")
        assert error["remedy"] == "Install the same version on all of them."

    play(scenario, replace(PLAN, version="0.0.1"))


def test_a_cluster_is_asked_again_until_it_answers(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "_RETRY_S", 0.0)
    faults = [Unreachable("It is gone."), Unreachable("It is gone."), Unreachable("It is new.")]

    def connect(_: str) -> None:
        if faults:
            raise faults.pop(0)

    async def scenario(bench: Bench) -> None:
        monkeypatch.setattr(cluster, "connect", connect)
        await bench.relay.run(PLACE)
        assert [each["says"] for each in bench.said if each["type"] == "problem"] == ["It is gone.", "It is new."]
        assert bench.said[-1]["type"] == "done"

    play(scenario)


def test_an_actor_that_nobody_asks_ends(tmp_path: Path, play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEBRIDGE_FAKE_STEP_MS", "100")
    monkeypatch.setattr(actor, "FORSAKEN_S", 0.0)
    ended = asyncio.Event()
    monkeypatch.setattr(actor.os, "_exit", lambda _: ended.set())

    async def scenario(bench: Bench) -> None:
        await bench.relay.run(PLACE)
        await bench.actors[0].begin({**order(tmp_path, steps=200)}, [])
        await ended.wait()

    play(scenario)
