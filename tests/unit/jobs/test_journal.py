"""The journal against a model of it in plain Python, and its recovery."""

from __future__ import annotations

import asyncio
import json
import math
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acebridge.errors import Busy, Conflict, NotFound, Unavailable
from acebridge.jobs import tables
from acebridge.jobs.job import PRIORITIES
from acebridge.jobs.journal import Journal
from acebridge.store import asset_rows
from acebridge.store.database import Database
from tests.support.journals import submit, with_journal

STEPS = st.lists(
    st.one_of(
        st.sampled_from([("submit", name) for name in PRIORITIES]),
        st.tuples(st.just("cancel"), st.integers(0, 30)),
        st.tuples(st.sampled_from(["claim", "succeed", "fail", "release", "reopen"]), st.just(0)),
    ),
    max_size=40,
)


@settings(deadline=None, max_examples=40)
@given(steps=STEPS)
def test_the_queue_is_priority_then_first_come_first_served(steps: list[tuple[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "db"
        database = Database(path)
        journal = Journal(database, max_waiting=1000)
        order: list[str] = []  # by submission
        rank: dict[str, int] = {}
        state: dict[str, str] = {}
        attempts: dict[str, int] = {}

        async def play() -> None:
            nonlocal database, journal
            for what, which in steps:
                running = [job_id for job_id in order if state[job_id] == "running"]
                if what == "submit":
                    job_id = await submit(journal, which)
                    order.append(job_id)
                    rank[job_id], state[job_id], attempts[job_id] = PRIORITIES[which], "queued", 0
                elif what == "claim":
                    waiting = sorted((j for j in order if state[j] == "queued"), key=lambda j: -rank[j])
                    claimed = await journal.claim("cpu")
                    assert (claimed.id if claimed else None) == (waiting[0] if waiting else None)
                    if claimed:
                        state[claimed.id] = "running"
                        attempts[claimed.id] += 1
                elif what == "cancel" and order:
                    job_id = order[which % len(order)]
                    await journal.cancel_waiting(job_id)
                    state[job_id] = "cancelled" if state[job_id] == "queued" else state[job_id]
                elif what in ("succeed", "fail") and running:
                    if what == "succeed":
                        await journal.succeed(running[0])
                    else:
                        await journal.fail(running[0], {"kind": "EngineFailure", "message": "It broke."})
                    state[running[0]] = {"succeed": "succeeded", "fail": "failed"}[what]
                elif what == "release":
                    await journal.release()
                    for job_id in running:
                        state[job_id], attempts[job_id] = "queued", attempts[job_id] - 1
                elif what == "reopen":  # as after a kill
                    database.close()
                    database = Database(path)
                    journal = Journal(database, max_waiting=1000)
                    for job_id in running:
                        state[job_id] = "queued" if attempts[job_id] < 2 else "failed"
                jobs = {job.id: job for job in await journal.recent(limit=1000)}
                assert {j: jobs[j].state for j in order} == state
                assert {j: jobs[j].attempts for j in order} == attempts
                waiting = sorted((j for j in order if state[j] == "queued"), key=lambda j: -rank[j])
                busy = sum(held == "running" for held in state.values())
                assert [jobs[j].position for j in waiting] == list(range(busy, busy + len(waiting)))

        try:
            asyncio.run(play())
        finally:
            database.close()


def test_sequence_numbers_never_decrease_even_over_attempts(tmp_path: Path) -> None:
    async def first(journal: Journal) -> tuple[str, int]:
        job_id = await submit(journal)
        await journal.claim("cpu")
        for fraction in (0.1, 0.5):
            await journal.append(job_id, [("progress", {"stage": "x", "fraction": fraction, "eta_s": None})])
        return job_id, (await journal.get(job_id)).last_sequence

    async def second(journal: Journal) -> list[tuple[str, int]]:
        await journal.claim("cpu")
        await journal.succeed(job_id)
        return [(event.kind, event.sequence) async for batch in journal.watch(job_id) for event in batch]

    job_id, last = with_journal(tmp_path / "db", first)
    assert last == 4
    second_result = with_journal(tmp_path / "db", second)
    assert second_result == [
        ("queued", 1),
        ("started", 2),
        ("queued", 5),
        ("started", 6),
        ("progress", 7),
        ("completed", 8),
    ]


def test_idempotency_keys(tmp_path: Path) -> None:
    async def work(journal: Journal) -> None:
        first = await submit(journal, key="k", about="one")
        assert await submit(journal, key="k", about="one") == first
        with pytest.raises(Conflict, match="already belongs to job"):
            await submit(journal, key="k", about="two")
        with pytest.raises(Conflict):
            await journal.find_key("k", "two")
        assert await journal.find_key("other", "one") is None
        assert await submit(journal, about="one") != first  # no key, no likeness
        await journal.cancel_waiting(first)
        await journal.delete(first)
        assert await submit(journal, key="k", about="two") != first

    with_journal(tmp_path / "db", work)


def test_a_full_queue_and_missing_jobs(tmp_path: Path) -> None:
    async def work(journal: Journal) -> None:
        ids = [await submit(journal) for _ in range(3)]
        with pytest.raises(Busy, match="3 jobs wait already"):
            await submit(journal)
        assert await submit(journal, key="") if await journal.cancel_waiting(ids[0]) else None
        for call in (journal.get("no"), journal.cancel_waiting("no"), journal.delete("no")):
            with pytest.raises(NotFound, match="There is no job 'no'"):
                await call
        with pytest.raises(Conflict, match="is queued"):
            await journal.delete(ids[1])

    with_journal(tmp_path / "db", work, max_waiting=3)


def test_watchers_get_all_events_and_are_removed_at_the_end(tmp_path: Path) -> None:
    async def work(journal: Journal) -> None:
        job_id = await submit(journal)
        event_kinds: list[str] = []

        async def listen() -> None:
            async for batch in journal.watch(job_id):
                event_kinds.extend(event.kind for event in batch)

        watcher = asyncio.create_task(listen())
        await asyncio.sleep(0.01)
        await journal.claim("cpu")
        for number in range(600):  # more than one batch
            await journal.append(job_id, [("audio", {"output": 0, "offset_frames": number, "frames": 1})])
        await journal.succeed(job_id)
        await watcher
        assert event_kinds == ["queued", "started", *["audio"] * 600, "progress", "completed"]
        assert not journal._watchers.job_ids
        waiting = await submit(journal)
        watcher = asyncio.create_task(anext_of(journal, waiting))
        await asyncio.sleep(0.01)
        journal.end_watches()
        with pytest.raises(Unavailable, match="The job goes on"):
            await watcher
        assert not journal._watchers.job_ids

    async def anext_of(journal: Journal, job_id: str) -> None:
        async for _ in journal.watch(job_id):
            pass

    with_journal(tmp_path / "db", work)


def test_a_job_that_ended_is_not_released(tmp_path: Path) -> None:
    async def work(journal: Journal) -> None:
        done, cancelled, stopped = [await submit(journal) for _ in range(3)]
        for _ in range(3):
            await journal.claim("cpu")
        await journal.succeed(done)
        await journal.release({cancelled})
        states = [(await journal.get(job_id)).state for job_id in (done, cancelled, stopped)]
        assert states == ["succeeded", "cancelled", "queued"]
        assert (await journal.get(stopped)).attempts == 0
        assert (await journal.get(cancelled)).error["message"] == "The job was cancelled."

    with_journal(tmp_path / "db", work)


def test_a_job_needs_its_sources_until_it_has_ended_and_its_results_as_long_as_it_is_there(tmp_path: Path) -> None:
    ids = {name: name * 64 for name in "abc"}

    async def work(journal: Journal) -> None:
        database = journal._database

        async def busy_assets() -> str:
            return await database.read(
                lambda c: "".join(name for name, each in ids.items() if asset_rows.in_use(c, each))
            )

        async def free_assets() -> str:
            return "".join(each[0] for each in await database.read(lambda c: asset_rows.find_unneeded(c, ids.values())))

        with pytest.raises(NotFound, match="There is no asset 'aaaa"):
            await submit(journal, sources=[ids["a"]])
        assert not await journal.recent()
        for asset_id in ids.values():
            asset = asset_rows.Asset(asset_id, "x", 1, 48_000, 2, 1, False, 1.0, 1.0)
            await database.run(lambda c: asset_rows.store(c, asset))  # noqa: B023
        running = await submit(journal, sources=[ids["a"]])
        await journal.claim("cpu")
        take = {"take": 0, "seed": 1, "facts": {}, "outputs": [{"asset_id": ids["b"]}]}
        await journal.append(running, [("take", take)])
        waiting = await submit(journal, sources=[ids["a"], ids["c"]])
        assert await busy_assets() == "abc"
        await journal.cancel_waiting(waiting)
        assert await busy_assets() == "ab"
        await journal.succeed(running)
        assert (await busy_assets(), await free_assets()) == ("", "")
        await journal.delete(waiting)
        assert await free_assets() == "c"
        await journal.delete(running)
        assert await free_assets() == "abc"

    with_journal(tmp_path / "db", work)


@pytest.mark.parametrize("jump_s", [40 * 86400, -400 * 86400])
def test_a_clock_that_jumps_makes_no_job_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump_s: float) -> None:
    real = time.time

    async def work(journal: Journal) -> None:
        first = await submit(journal)
        await journal.claim("cpu")
        await journal.succeed(first)
        monkeypatch.setattr(time, "time", lambda: real() + jump_s)
        await journal.prune(30 * 86400)
        second = await submit(journal)
        await journal.claim("cpu")
        await journal.succeed(second)
        monkeypatch.setattr(time, "time", real)
        await journal.prune(30 * 86400)
        assert {job.id for job in await journal.recent()} == {first, second}
        completed = [event.body async for batch in journal.watch(second) for event in batch][-1]
        assert completed["waited_s"] >= 0
        await journal.prune(-1.0)  # past any age
        assert not await journal.recent()

    with_journal(tmp_path / "db", work)


def test_a_job_that_makes_the_same_as_one_before_it_knows_that_job(tmp_path: Path) -> None:
    async def work(journal: Journal) -> None:
        async def ask(seeds: list[int], task: str = "text2music", engine: str = "fake") -> Any:
            params = {"output": {"seeds": seeds}} if seeds else {"about": "x"}
            return await journal.submit(
                task, params, engine=engine, priority="normal", key="", request_digest="", sources=()
            )

        first = await ask([1])
        others = [
            await ask([2]),
            await ask([1], engine="draft"),
            await ask([1], task="cover"),
            await ask([]),
            await ask([]),
        ]
        assert [job.same_as for job in (first, *others)] == [""] * 6
        second, third = await ask([1]), await ask([1])
        assert (second.same_as, third.same_as) == (first.id, second.id)
        await journal.cancel_waiting(second.id)
        assert (await journal.get(third.id)).same_as == first.id
        await journal.cancel_waiting(first.id)
        assert (await journal.get(third.id)).same_as == ""
        batch = await journal.next_batch(others[0].id)  # its seed is 3
        assert (await ask([3])).same_as == batch.id

    with_journal(tmp_path / "db", work)
    database = Database(tmp_path / "db")
    plan = database.query(lambda c: c.execute(f"EXPLAIN QUERY PLAN {tables.SAME}", ("x", 9)).fetchall())
    assert [row["detail"] for row in plan] == ["SEARCH jobs USING INDEX jobs_by_content (content=? AND number<?)"]
    database.close()


def test_digests_depend_on_content_not_order() -> None:
    assert tables.digest({"a": 1, "b": [2]}) == tables.digest({"b": [2], "a": 1}) != tables.digest({"a": 1, "b": [3]})


def test_a_list_reads_what_it_shows_however_many_jobs_have_ended(tmp_path: Path) -> None:
    """Counted in steps of SQLite's machine. All pages of a list are what sorting gives."""

    async def work(journal: Journal) -> None:
        def fill(connection: sqlite3.Connection) -> None:
            for number in range(600):
                row = tables.insert_job(
                    connection, digest="", task="text2music", params="{}", engine="fake", priority=0, sources="[]"
                )
                if number % 100:
                    state = "failed" if number % 50 == 0 else "succeeded"
                    connection.execute("UPDATE jobs SET state = ? WHERE number = ?", (state, row["number"]))

        journal._database.transact(fill)
        jobs = await journal.recent(limit=1000)
        for states in (
            (),
            ("queued",),
            ("failed",),
            ("succeeded",),
            ("queued", "failed"),
            ("succeeded", "queued", "queued"),
        ):
            wanted = [job.id for job in jobs if not states or job.state in states]
            listed: list[str] = []
            before = None
            while page := await journal.recent(states, 7, before=before):
                listed += [job.id for job in page]
                before = (page[-1].created, page[-1].id)
            assert listed == wanted
            steps = journal._database.query(lambda c, s=states: _steps(c, lambda: tables.newest(c, s, 7, None)))
            assert steps < 200  # of ten each: a row takes some hundred

    with_journal(tmp_path / "db", work)


def test_lists_leave_out_what_is_known_of_takes(tmp_path: Path) -> None:
    async def work(journal: Journal) -> None:
        takes = [
            {"take": n, "seed": 2**53 + n, "facts": {"lyrics": "la " * 9}, "outputs": [{"asset_id": "a"}]}
            for n in (0, 1)
        ]
        short = [{name: value for name, value in take.items() if name != "facts"} for take in takes]
        nan = [
            {"take": 0, "seed": 1, "facts": {"bpm": math.nan}, "outputs": []}
        ]  # Python writes it, SQLite does not read it
        for stored in (takes, [], nan):
            job_id = await submit(journal)
            values = (json.dumps(stored), job_id)
            await journal._database.run(lambda c, v=values: c.execute("UPDATE jobs SET takes = ? WHERE id = ?", v))
        third, second, first = await journal.recent(limit=3)
        assert list(first.takes) == short
        assert second.takes == ()
        assert [take["seed"] for take in third.takes] == [1]
        assert list((await journal.get(first.id)).takes) == takes

    with_journal(tmp_path / "db", work)


def _steps(connection: sqlite3.Connection, work: Callable[[], object]) -> int:
    count = 0

    def step() -> None:
        nonlocal count
        count += 1

    connection.set_progress_handler(step, 10)
    work()
    connection.set_progress_handler(None, 0)
    return count
