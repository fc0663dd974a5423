"""Which jobs go to the other machine: all four states of the line and of this machine."""

from __future__ import annotations

import asyncio

import pytest

from acebridge.workers.base import Need
from acebridge.workers.remote import Line, RemoteState, address_of, device_name

UP = RemoteState(is_up=True, tasks=frozenset({"cover"}))
DOWN = RemoteState(why="studio.local does not answer.", tasks=frozenset({"cover"}))


def line(state: RemoteState, *own: str) -> Line:
    line = Line("studio.local:50710")
    line.note_own(frozenset(own))
    line.note_state(state)
    return line


@pytest.mark.parametrize(
    ("state", "own", "goes"),
    [
        (UP, (), True),
        (UP, ("cover",), True),
        (DOWN, (), True),  # where it waits
        (DOWN, ("cover",), False),
        (RemoteState(is_up=True, tasks=frozenset()), ("cover",), False),
        (RemoteState(), (), True),
    ],
)
def test_a_neural_job_has_one_place(state: RemoteState, own: tuple[str, ...], goes: bool) -> None:
    found = line(state, *own)
    need = Need("neural", "cover", "acestep-v15-turbo")
    assert (found.suits_remote(need), found.suits_local(need)) == (goes, not goes)
    of_there = Need("neural", "cover")  # its model is not on this machine
    assert (found.suits_remote(of_there), found.suits_local(of_there)) == (True, False)
    draft = Need("draft", "cover")
    assert (found.suits_remote(draft), found.suits_local(draft)) == (False, True)


def test_nothing_neural_is_placed_before_this_machine_is_known() -> None:
    found = Line("studio.local:50710")
    need = Need("neural", "cover")
    assert not found.suits_remote(need)
    assert not found.suits_local(need)
    assert found.suits_local(Need("draft", "cover"))


def test_each_change_wakes_whoever_waits() -> None:
    calls: list[bool] = []
    found = Line("studio.local:50710")
    found.on_change = lambda: calls.append(found.state.is_up)

    async def scenario() -> None:
        waiting = asyncio.create_task(found.wait_until_known(600))
        await asyncio.sleep(0)
        found.note_own(frozenset())
        await asyncio.sleep(0)
        assert not waiting.done()
        found.note_state(UP)
        await waiting
        await found.wait_until_known(0)

    asyncio.run(scenario())
    assert calls == [False, True]


def test_a_device_stands_for_an_address() -> None:
    assert device_name("[fe80::1]:1") == "remote:[fe80::1]:1"
    assert address_of(device_name("[fe80::1]:1")) == "[fe80::1]:1"
    assert line(UP).host == "studio.local"
