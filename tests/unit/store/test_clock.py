"""Ages: whatever the system's clock does, nothing gets old that was not used for long."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from acebridge.store.assets import AssetStore
from acebridge.store.clock import LONGEST_GAP_S, SteadyClock
from acebridge.store.database import Database
from tests.support.stores import chunks_of, files_in, wav_bytes, with_store

DAY_S = 86400.0


class Clocks:
    """A wall clock that can be set, and one that cannot."""

    def __init__(self) -> None:
        self.wall_s, self.uptime_s = 1e9, 5.0

    def open(self, connection: sqlite3.Connection) -> SteadyClock:
        return SteadyClock(connection, wall=lambda: self.wall_s, uptime=lambda: self.uptime_s)


def test_the_steady_clock(tmp_path: Path) -> None:
    clocks, database = Clocks(), Database(tmp_path / "db")

    def restart(wall_s: float) -> float:
        """Save, start again at another time of the wall clock, and return how far the steady clock went meanwhile."""
        nonlocal clock
        before = clock.now()
        database.transact(clock.save)
        clocks.wall_s += wall_s
        clocks.uptime_s = 1.0  # the machine has started again too
        clock = database.query(clocks.open)
        return clock.now() - before

    clock = database.query(clocks.open)
    assert clock.now() == 1e9
    clocks.uptime_s += 7.0
    for jump_s in (40 * DAY_S, -400 * DAY_S):
        clocks.wall_s += jump_s
        assert clock.now() == 1e9 + 7.0
    assert restart(60.0) == 60.0
    assert restart(40 * DAY_S) == LONGEST_GAP_S
    assert restart(-40 * DAY_S) == 0.0
    assert restart(0.0) == 0.0
    database.close()


def test_a_clock_that_is_far_ahead_when_an_old_database_is_opened_ages_nothing(tmp_path: Path) -> None:
    clocks, database = Clocks(), Database(tmp_path / "db")
    database.transact(
        lambda c: c.execute("INSERT INTO assets VALUES ('x', 'x', 1, 1, 1, 1, 0, 1e9, 1e9, 1e9, 0, 0, 0)").connection
    )
    clocks.wall_s += 40 * DAY_S
    assert database.query(clocks.open).now() == 1e9 + LONGEST_GAP_S
    database.close()


@pytest.mark.parametrize("jump_s", [40 * DAY_S, -400 * DAY_S])
@pytest.mark.parametrize("restarts", [False, True])
def test_no_jump_of_the_clock_removes_audio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump_s: float, restarts: bool
) -> None:
    real = time.time

    async def store_some(store: AssetStore) -> None:
        for seed in range(3):
            await store.put(chunks_of(wav_bytes(tmp_path, seed)), f"{seed}")

    async def evict(store: AssetStore) -> None:
        assert await store.evict(quota_bytes=1 << 40, max_age_s=30 * DAY_S) == 0

    async def jump(store: AssetStore) -> None:
        monkeypatch.setattr(time, "time", lambda: real() + jump_s)
        await store.put(chunks_of(wav_bytes(tmp_path, 9)), "during")
        await evict(store)
        monkeypatch.setattr(time, "time", real)
        await evict(store)

    async def all_at_once(store: AssetStore) -> None:
        await store_some(store)
        await jump(store)

    if restarts:
        for work in (store_some, jump, evict):
            with_store(tmp_path, work)
    else:
        with_store(tmp_path, all_at_once)
    assert len(files_in(tmp_path)) == 4


def test_assets_that_are_too_old_go_in_small_steps(tmp_path: Path) -> None:
    async def work(store: AssetStore) -> None:
        for seed in range(20):
            await store.put(chunks_of(wav_bytes(tmp_path, seed, 0.002)), f"{seed}")
        assert await store.evict(quota_bytes=1 << 40, max_age_s=-1) == 16
        assert {asset.name for asset in await store.recent(99)} == {"16", "17", "18", "19"}
        assert await store.evict(quota_bytes=1 << 40, max_age_s=-1) == 4

    with_store(tmp_path, work)
