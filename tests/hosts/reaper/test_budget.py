"""budget.lua: work over several ticks, a share of calls for each, begun again after an edit."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.lua_modules import Leaves

TICK_S = 0.033

_LOOK = b"""
function(budget, log, count, room)
  return function()
    return budget.observe("project", function()
      for i = 1, count do
        log(i)
        budget.spend(100)
      end
      return "seen"
    end, room)
  end
end
"""


class Host:
    """A REAPER of which only the clock and the changes of a project are known."""

    def __init__(self) -> None:
        self.now, self.changes, self.is_open = 100.0, 1, True
        self.log: list[int] = []
        self.leaves = Leaves(
            time_precise=lambda: self.now, GetProjectStateChangeCount=lambda _: self.changes,
            ValidatePtr2=lambda *_: self.is_open,
        )  # fmt: skip
        self.budget = self.leaves["budget"]

    def look(self, count: int, room: int = 0) -> Any:
        """Return work that spends 100 calls ``count`` times."""
        return self.leaves.lua.eval(_LOOK)(self.budget.table, self.log.append, count, room)

    def do(self, code: bytes) -> Any:
        """Return work that runs Lua code; ``budget`` and ``log`` are known in it."""
        return self.leaves.lua.eval(b"function(budget, log) return function() " + code + b" end end")(
            self.budget.table, self.log.append
        )

    def tick(self, *works: Any) -> list[Any]:
        """Go on with all works, as scripts do in one tick."""
        self.now += TICK_S
        return [work() for work in works]


@pytest.fixture
def host() -> Host:
    return Host()


def test_a_tick_ends_when_its_calls_are_spent(host: Host) -> None:
    work = host.budget.start(host.look(30))
    seen = []
    for _ in range(3):
        seen += host.tick(work)
    assert seen == [False, False, (True, b"seen")]
    assert host.log == [*range(1, 31)]


def test_a_work_with_a_small_share_spends_no_more(host: Host) -> None:
    work = host.budget.start(host.look(9), 400)
    host.tick(work)
    assert host.log == [1, 2, 3, 4]
    host.tick(work)
    assert host.log == [*range(1, 9)]


def test_works_of_one_tick_share_it(host: Host) -> None:
    first, second = host.budget.start(host.look(11)), host.budget.start(host.look(11))
    host.tick(first, second)
    assert len(host.log) == 12
    host.tick(second)
    assert len(host.log) == 22


def test_room_for_what_is_done_at_once_is_kept_free(host: Host) -> None:
    one, other = host.budget.start(host.look(1, 1500)), host.budget.start(host.look(3))
    assert host.tick(one, other) == [(True, b"seen"), False]
    assert host.log == [1, 1], "what was reserved is not spent by somebody else"
    late = host.budget.start(host.look(8, 1500))
    assert host.tick(late) == [False]
    assert host.tick(late) == [(True, b"seen")]


def test_an_edit_has_a_look_begin_again(host: Host) -> None:
    work = host.budget.start(host.look(15))
    host.tick(work)
    host.changes += 1
    assert host.tick(work) == [False]
    assert host.tick(work) == [(True, b"seen")]
    assert host.log == [*range(1, 13), *range(1, 13), *range(13, 16)]


def test_a_project_that_was_closed_gives_nothing(host: Host) -> None:
    work = host.budget.start(host.look(15))
    host.tick(work)
    host.is_open = False
    assert host.tick(work) == [(True, None)]


def test_nothing_interrupts_what_is_done_at_once(host: Host) -> None:
    work = host.budget.start(
        host.do(b"budget.at_once(function() for i = 1, 50 do log(i) budget.spend(100) end end) budget.spend(1) log(0)")
    )
    assert host.tick(work) == [False]
    assert host.log == [*range(1, 51)]
    assert host.tick(work) == [True]
    assert host.log[-1] == 0


def test_a_fault_is_raised_in_its_tick(host: Host) -> None:
    fault = host.budget.start(host.do(b'budget.at_once(function() error("broken", 0) end)'))
    with pytest.raises(Exception, match="broken"):
        host.tick(fault)
    work = host.budget.start(host.look(13))
    assert host.tick(work) == [False], "what was done at once has ended"
