"""The waiting jobs: which is claimed next, what that costs, and the places that their watchers learn."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from acebridge.jobs import order, tables
from acebridge.jobs.job import PRIORITIES
from acebridge.jobs.journal import Journal
from acebridge.workers.base import Need
from tests.support.journals import submit, with_journal


def test_a_start_behind_many_waiting_jobs_writes_as_little_as_behind_few(tmp_path: Path) -> None:
    async def work(journal: Journal) -> None:
        for _ in range(200):
            await submit(journal)
        events = "SELECT count(*) FROM events"
        before = journal._database.query(lambda c: c.execute(events).fetchone()[0])
        assert before == 200
        await journal.claim("cpu")
        assert journal._database.query(lambda c: c.execute(events).fetchone()[0]) == before + 1

    with_journal(tmp_path / "db", work)


def test_a_claim_reads_one_row_for_each_need_however_long_the_queue_is(tmp_path: Path) -> None:
    """Counted in steps of SQLite's machine."""

    async def work(journal: Journal) -> None:
        def fill(connection: sqlite3.Connection, count: int) -> None:
            for number in range(count):
                tables.insert_job(
                    connection, digest="", task="text2music", params="{}", engine="fake", priority=0, sources="[]",
                    model=f"model {number % 3}",
                )  # fmt: skip

        def count_steps(connection: sqlite3.Connection) -> int:
            steps = 0

            def step() -> None:
                nonlocal steps
                steps += 1

            connection.set_progress_handler(step, 1)
            heads = order.waiting_heads(connection)
            first = order.find_next(connection, {head.need for head in heads})
            connection.set_progress_handler(None, 0)
            assert len(heads) == 3
            assert first is not None
            assert first["number"] == 1
            return steps

        journal._database.transact(lambda c: fill(c, 30))
        few = journal._database.query(count_steps)
        journal._database.transact(lambda c: fill(c, 600))
        assert journal._database.query(count_steps) == few

    with_journal(tmp_path / "db", work)


def test_jobs_that_do_not_suit_stay_in_the_queue_and_in_nobodys_way(tmp_path: Path) -> None:
    async def work(journal: Journal) -> None:
        asked: list[Need] = []

        def suits(need: Need) -> bool:
            asked.append(need)
            return need.model != "large"

        ids = [await submit(journal, model=model) for model in ("large", "large", "small", "", "small")]
        claimed = [await journal.claim("cpu", suits) for _ in range(4)]
        assert [job.id if job else None for job in claimed] == [ids[2], ids[3], ids[4], None]
        assert Counter(asked[:3]) == Counter(Need("fake", "text2music", model) for model in ("", "large", "small"))
        assert [(await journal.get(job_id)).state for job_id in ids[:2]] == ["queued", "queued"]
        first = await journal.claim("cpu")
        assert first is not None
        assert first.id == ids[0]

    with_journal(tmp_path / "db", work)


def test_who_watches_a_waiting_job_learns_each_place_and_an_old_number_stays_valid(tmp_path: Path) -> None:
    async def work(journal: Journal) -> None:
        ids = [await submit(journal) for _ in range(3)]
        places: list[tuple[int, int]] = []
        moved = asyncio.Event()

        async def watch() -> None:
            async for batch in journal.watch(ids[2]):
                places.extend((event.sequence, event.body["position"]) for event in batch if event.kind == "queued")
                moved.set()

        watcher = asyncio.create_task(watch())
        for expected in ([(1, 2)], [(1, 2), (1, 3)], [(1, 2), (1, 3), (1, 2)]):
            await moved.wait()
            assert places == expected
            moved.clear()
            if len(expected) == 1:
                ids.append(await submit(journal, "high"))
            elif len(expected) == 2:
                await journal.cancel_waiting(ids[0])
        for job_id in (ids[3], ids[1]):
            claimed = await journal.claim("cpu")
            assert claimed is not None
            assert claimed.id == job_id
        for job_id in (ids[3], ids[1]):
            await journal.succeed(job_id)
        await journal.claim("cpu")
        await journal.succeed(ids[2])
        await watcher
        assert {sequence for sequence, _ in places[:3]} == {1}
        assert (await journal.get(ids[2])).last_sequence == 4

    with_journal(tmp_path / "db", work)


@pytest.mark.parametrize("watched", [1, 20])
def test_places_are_the_same_counted_for_a_few_jobs_or_for_all(tmp_path: Path, watched: int) -> None:
    async def work(journal: Journal) -> None:
        ids = [await submit(journal, priority) for _ in range(10) for priority in PRIORITIES]
        await journal.claim("cpu")
        for chosen in (ids[:watched], [*ids[-watched:], "nobody's"]):
            found = journal._database.query(lambda c, w=chosen: order.positions_of(c, w))
            places = journal._database.query(order.positions)
            assert found == {each: places[each] for each in chosen if each in places}

    with_journal(tmp_path / "db", work)
