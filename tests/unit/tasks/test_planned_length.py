"""How long a song is: as asked, as its codes, as its plan, or as its words need."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from acestep_runtime.engines.base import EngineRequest, Progress
from acestep_runtime.engines.fake import FakeEngine
from acestep_runtime.tasks import build_task
from acestep_runtime.tasks.base import OutputHeader, Take
from acestep_runtime.values import CancelToken


class Planner(FakeEngine):
    """The fake engine, with what it was asked; its plan is as long as a seed says."""

    supports_planning = True

    def __init__(self) -> None:
        self.requests: list[EngineRequest] = []
        self.planned: list[EngineRequest] = []

    def plan_length(self, request: EngineRequest, _cancel: CancelToken) -> Generator[Progress, None, float | None]:
        self.planned.append(request)
        yield Progress("thinking", 0.0)
        return None if request.seed == 99 else float(request.seed)

    def run(self, request: EngineRequest, cancel: CancelToken) -> Any:
        self.requests.append(request)
        return super().run(request, cancel)


def _run(engine: FakeEngine, done: int = 0, **fields: Any) -> list[Any]:
    return list(build_task("text2music", fields).run(engine, CancelToken(), done))


def _seconds(events: list[Any]) -> list[float]:
    return [event.frames / 48_000 for event in events if isinstance(event, OutputHeader)]


@pytest.mark.parametrize("done", [0, 1])
def test_all_takes_are_as_long_as_the_plan_of_the_first(done: int) -> None:
    engine = Planner()
    events = _run(engine, done, thinking={"plan_first": True}, output={"seeds": [3, 5], "takes": 2})
    assert _seconds(events) == [3.0] * (2 - done)
    assert [request.seed for request in engine.planned] == [3]
    assert all(request.has_planned_length for request in engine.requests)
    assert [event.seed for event in events if isinstance(event, Take)] == [3, 5][done:]


def test_a_drawn_seed_is_that_of_its_plan() -> None:
    class ShortPlanner(Planner):
        def plan_length(self, request: EngineRequest, cancel: CancelToken) -> Generator[Progress, None, float | None]:
            yield from super().plan_length(request, cancel)
            return 2.0

    engine = ShortPlanner()
    assert _seconds(_run(engine, thinking={"plan_first": True})) == [2.0]
    assert engine.planned[0].seed == engine.requests[0].seed


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"duration_s": 2.0, "thinking": {"plan_first": True}}, 2.0),
        ({"codes": [1] * 20, "thinking": {"plan_first": True}}, 4.0),
        ({"codes": [1] * 20, "duration_s": 9.0}, 4.0),
        ({"codes": [1] * 20, "duration_s": 2.5}, 2.5),
        ({}, 30.0),
        ({"thinking": {"plan_first": True}, "output": {"seeds": [99]}}, 30.0),
    ],
)
def test_a_length_that_is_asked_for_goes_before_a_plan(fields: dict[str, Any], seconds: float) -> None:
    engine = Planner()
    assert _seconds(_run(engine, **fields)) == [seconds]
    assert not any(request.has_planned_length for request in engine.requests)


def test_an_engine_that_follows_no_plan_makes_what_is_asked_for() -> None:
    fields: dict[str, Any] = {"codes": [1] * 20, "duration_s": 9.0, "thinking": {"plan_first": True}}
    assert _seconds(_run(FakeEngine(), **fields)) == [9.0]
