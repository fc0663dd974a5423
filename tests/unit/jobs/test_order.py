"""The waiting jobs: which is claimed next, what that costs, and the places that their watchers learn."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acebridge.jobs import order, prefetch, tables
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


OWNERS = ("laptop", "studio", "tablet")
JOBS = st.lists(
    st.tuples(st.sampled_from(OWNERS), st.sampled_from((-1, 0, 1)), st.sampled_from((0, 1))), min_size=1, max_size=40
)
SECONDS = st.fixed_dictionaries({owner: st.sampled_from((0.0, 1.0, 2.5, 30.0)) for owner in OWNERS})


@given(JOBS, SECONDS, st.fixed_dictionaries({owner: st.sampled_from((1.0, 2.5, 30.0)) for owner in OWNERS}))
def test_a_place_from_counts_is_that_in_the_whole_order(
    rows: list[tuple[str, int, int]], used_s: dict[str, float], costs_s: dict[str, float]
) -> None:
    waiting = [order.Waiting(*row, number) for number, row in enumerate(rows, 1)]
    whole = order.predict_order(waiting, used_s, costs_s)
    counts = {
        owner: Counter((each.priority, each.asked) for each in waiting if each.owner == owner)
        for owner in {each.owner for each in waiting}
    }
    turns = {
        owner: min((-each.priority, -each.asked, each.number) for each in waiting if each.owner == owner)[2]
        for owner in counts
    }
    for place, own in enumerate(whole):
        behind = sum(each[:3] == own[:3] and each.number > own.number for each in waiting)
        assert order.count_before(own, behind, counts, turns, used_s, costs_s) == place


def test_the_place_of_a_new_job_costs_the_same_however_many_wait(tmp_path: Path) -> None:
    """Counted in steps of SQLite's machine."""

    async def work(journal: Journal) -> None:
        def fill(connection: sqlite3.Connection, count: int) -> None:
            for number in range(count):
                values: list[str | int] = [f"{number} of {count}", OWNERS[number % 3], f"model {number % 2}"]
                connection.execute(
                    "INSERT INTO jobs (id, digest, task, params, engine, state, priority, created, sources, owner, model)"
                    " VALUES (?, '', 'text2music', '{}', 'fake', 'queued', 0, 1.0, '[]', ?, ?)",
                    values,
                )

        def count_steps(connection: sqlite3.Connection) -> int:
            steps = 0

            def step() -> None:
                nonlocal steps
                steps += 1

            (number,) = connection.execute("SELECT max(number) FROM jobs").fetchone()
            connection.set_progress_handler(step, 1)
            place = order.position_of(connection, number)
            tables.count_waiting(connection, requested=True)
            order.count_requested(connection)
            prefetch.cancel_obsolete(connection)
            connection.set_progress_handler(None, 0)
            assert place == number - 1
            return steps

        journal._database.transact(lambda c: fill(c, 30))
        few = journal._database.transact(count_steps)
        journal._database.transact(lambda c: fill(c, 600))
        assert journal._database.transact(count_steps) == few

    with_journal(tmp_path / "db", work)


def test_the_numbers_of_jobs_that_wait_follow_every_change(tmp_path: Path) -> None:
    async def work(journal: Journal) -> None:
        def check() -> None:
            by = "engine, task, model, owner, priority, asked"
            counted, stored = (
                journal._database.query(lambda c, q=query: [tuple(row) for row in c.execute(q).fetchall()])
                for query in (
                    f"SELECT {by}, count(*) FROM jobs WHERE state = 'queued' GROUP BY {by} ORDER BY {by}",
                    f"SELECT * FROM waiting ORDER BY {by}",
                )
            )
            assert counted == stored

        ids = [await submit(journal, priority, model=model) for priority in PRIORITIES for model in ("", "turbo")]
        check()
        claimed = await journal.claim("cpu")
        assert claimed is not None
        check()
        await journal.release(only=claimed.id)
        check()
        await journal.cancel_waiting(ids[0])
        check()
        journal._database.transact(lambda c: c.execute("UPDATE jobs SET owner = 'another', priority = 1 WHERE asked"))
        check()
        for job_id in ids[1:]:
            await journal.cancel_waiting(job_id)
        check()
        await journal.delete(ids[1])
        check()

    with_journal(tmp_path / "db", work)
