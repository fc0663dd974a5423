"""Fair share between owners, against a model that sums up all that was ever worked, and its places in the queue."""

from __future__ import annotations

import asyncio
import math
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acebridge.jobs import fair_share, shares
from acebridge.jobs.job import PRIORITIES
from acebridge.jobs.journal import Journal
from acebridge.store.database import Database
from acebridge.workers.base import Need

OWNERS = ("(own)", "laptop", "studio")
#: Nobody can tell which of two comes first that are nearer than this.
NEAR_S = 0.01


@dataclass
class Queue:
    """A journal with a clock that the test moves."""

    folder: Path
    now_s: float = 1000.0
    journal: Any = field(init=False)
    database: Any = field(init=False)

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        self.database = Database(self.folder / "db")
        self.database.clock._base, self.database.clock._started = 0.0, 0.0
        self.database.clock._uptime = lambda: self.now_s
        self.journal = Journal(self.database, max_waiting=1000)

    async def submit(self, owner: str, priority: str = "normal", model: str = "") -> str:
        job = await self.journal.submit(
            "text2music", {"output": {"seeds": [1]}}, engine="fake", priority=priority, key="", request_digest="",
            sources=(), owner=owner, model=model,
        )  # fmt: skip
        return str(job.id)

    async def run_next(self, length_s: float = 30.0) -> str:
        """Run the next job to its end; return its id."""
        job = await self.journal.claim("cpu")
        self.now_s += length_s
        await self.journal.succeed(job.id)
        return str(job.id)

    async def places(self) -> list[str]:
        """The ids of the waiting jobs by their places."""
        waiting = await self.journal.recent(["queued"], 1000)
        assert all([job.position == (await self.journal.get(job.id)).position for job in waiting[:3]])
        return [job.id for job in sorted(waiting, key=lambda job: job.position)]


@pytest.fixture
def queue(tmp_path: Path) -> Any:
    made = Queue(tmp_path)
    yield made
    made.database.close()


# ---- the model: every second of work that ever was, and what was added at the start of each owner ----


@dataclass
class Work:
    owner: str
    started_s: float
    ended_s: float | None = None

    def counts(self, now_s: float) -> float:
        """The integral of 2^(-age / 600 s) over the work; a second at least when it ended."""
        end_s = now_s if self.ended_s is None else self.ended_s
        integral_s = 600 / math.log(2) * (1 - 2 ** (-(end_s - self.started_s) / 600))
        return max(1.0, integral_s) * 2 ** (-(now_s - end_s) / 600)


@dataclass
class Model:
    work: dict[str, Work] = field(default_factory=dict)
    past: list[Work] = field(default_factory=list)
    added: list[tuple[str, float, float]] = field(default_factory=list)
    #: Job -> owner, priority; in the order of submission.
    waiting: dict[str, tuple[str, int]] = field(default_factory=dict)
    jobs: dict[str, tuple[str, int]] = field(default_factory=dict)

    def used(self, owner: str, now_s: float) -> float:
        worked_s = sum(each.counts(now_s) for each in (*self.past, *self.work.values()) if each.owner == owner)
        return worked_s + sum(extra * 2 ** (-(now_s - at) / 600) for who, extra, at in self.added if who == owner)

    def submit(self, job_id: str, owner: str, rank: int, now_s: float) -> None:
        asking = {who for who, _ in self.waiting.values()} | {each.owner for each in self.work.values()}
        if asking and owner not in asking:
            least_s = min(self.used(each, now_s) for each in asking)
            self.added.append((owner, max(0.0, least_s - self.used(owner, now_s)), now_s))
        self.jobs[job_id] = self.waiting[job_id] = (owner, rank)

    def may_be_next(self, now_s: float) -> set[str]:
        """The next job; several where the owners have used nearly the same."""
        first_rank = max(rank for _, rank in self.waiting.values())
        oldest: dict[str, str] = {}
        for job_id, (owner, rank) in self.waiting.items():
            if rank == first_rank:
                oldest.setdefault(owner, job_id)
        least_s = min(self.used(owner, now_s) for owner in oldest)
        return {job_id for owner, job_id in oldest.items() if self.used(owner, now_s) < least_s + NEAR_S}

    def claim(self, job_id: str, now_s: float) -> None:
        del self.waiting[job_id]
        self.work[job_id] = Work(self.jobs[job_id][0], now_s)

    def end(self, job_id: str, now_s: float, *, again: bool = False) -> None:
        done = self.work.pop(job_id)
        done.ended_s = now_s
        self.past.append(done)
        if again:
            self.waiting[job_id] = self.jobs[job_id]
            self.waiting = {each: self.jobs[each] for each in self.jobs if each in self.waiting}


STEPS = st.lists(
    st.one_of(
        *[st.tuples(st.just("serve"), st.sampled_from([0.0, 2.0, 45.0, 700.0]))] * 3,
        *[st.tuples(st.just("submit"), st.sampled_from(OWNERS), st.just("normal"))] * 4,
        st.tuples(st.just("submit"), st.sampled_from(OWNERS), st.sampled_from(["normal", "normal", "normal", "low", "high"])),
        st.tuples(st.just("claim")),
        st.tuples(st.just("pass"), st.sampled_from([0.5, 7.0, 31.0, 240.0, 5000.0])),
        st.tuples(st.sampled_from(["succeed", "fail", "retry", "cancel"]), st.integers(0, 9)),
        st.tuples(st.sampled_from(["release", "reopen"])),
    ),
    min_size=40,
    max_size=60,
)  # fmt: skip


@settings(max_examples=25)
@given(steps=STEPS)
def test_the_next_job_is_that_of_the_owner_who_has_used_least(steps: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        queue, model = Queue(Path(folder)), Model()
        try:
            asyncio.run(play(queue, model, steps))
        finally:
            queue.database.close()


async def play(queue: Queue, model: Model, steps: list[tuple[Any, ...]]) -> None:
    for what, *values in steps:
        journal, running, waiting = queue.journal, list(model.work), list(model.waiting)
        if what == "submit":
            owner, priority = values
            model.submit(await queue.submit(owner, priority), owner, PRIORITIES[priority], queue.now_s)
        elif what == "serve" and waiting:
            claimed = await journal.claim("cpu")
            assert claimed.id in model.may_be_next(queue.now_s)
            model.claim(claimed.id, queue.now_s)
            queue.now_s += values[0]
            await journal.succeed(claimed.id)
            model.end(claimed.id, queue.now_s)
        elif what == "pass":
            queue.now_s += values[0]
        elif what == "claim":
            claimed = await journal.claim("cpu")
            assert (claimed is None) == (not model.waiting)
            if claimed is not None:
                assert claimed.id in model.may_be_next(queue.now_s)
                model.claim(claimed.id, queue.now_s)
        elif what == "cancel" and waiting:
            job_id = waiting[values[0] % len(waiting)]
            await journal.cancel_waiting(job_id)
            del model.waiting[job_id]
        elif what in ("succeed", "fail", "retry") and running:
            job_id = running[values[0] % len(running)]
            if what == "succeed":
                await journal.succeed(job_id)
                again = False
            elif what == "fail":
                await journal.fail(job_id, {"kind": "EngineFailure", "message": "It broke."})
                again = False
            elif not (again := await journal.retry(job_id)):
                continue
            model.end(job_id, queue.now_s, again=again)
        elif what == "release":
            await journal.release()
            for job_id in running:
                model.end(job_id, queue.now_s, again=True)
        elif what == "reopen":  # as after a kill: nobody knows how long they ran
            queue.database.close()
            queue.open()
            for job_id in running:
                model.work[job_id].started_s = queue.now_s
                state = (await queue.journal.get(job_id)).state
                model.end(job_id, queue.now_s, again=state == "queued")


# ---- what follows from it ----


def test_two_owners_with_many_and_few_jobs_take_turns_and_know_their_places(queue: Queue) -> None:
    async def work() -> None:
        many = [await queue.submit("(own)") for _ in range(100)]
        running = await queue.journal.claim("cpu")
        queue.now_s += 5
        few = [await queue.submit("laptop") for _ in range(2)]
        assert [(await queue.journal.get(job_id)).position for job_id in few] == [1, 3]
        order = await queue.places()
        assert order == [few[0], many[1], few[1], *many[2:]]
        queue.now_s += 20
        await queue.journal.succeed(running.id)
        assert [await queue.run_next() for _ in order] == order

    asyncio.run(work())


def test_one_owner_alone_is_served_in_the_order_of_submission(queue: Queue) -> None:
    async def work() -> None:
        priorities = ["normal", "low", "high", "normal", "high"]
        ids = [await queue.submit("laptop", priority) for priority in priorities]
        expected = [ids[number] for number in (2, 4, 0, 3, 1)]
        assert await queue.places() == expected
        assert [await queue.run_next(length_s) for length_s in (1, 900, 30, 0, 5)] == expected

    asyncio.run(work())


def test_priority_goes_before_the_share(queue: Queue) -> None:
    async def work() -> None:
        for _ in range(3):
            await queue.submit("(own)", "high")
            await queue.run_next(300)
        low, urgent = await queue.submit("laptop", "normal"), await queue.submit("(own)", "high")
        assert await queue.places() == [urgent, low]
        assert [await queue.run_next() for _ in range(2)] == [urgent, low]

    asyncio.run(work())


def test_an_idle_time_earns_no_credit(queue: Queue) -> None:
    async def work() -> None:
        for _ in range(20):
            await queue.submit("(own)")
        for _ in range(10):
            await queue.run_next(120)  # twenty minutes, in which the laptop asked for nothing
        late = [await queue.submit("laptop") for _ in range(5)]
        turns = [await queue.run_next(120) in late for _ in range(10)]
        # One after the other from now on, at most one ahead.
        assert all(abs(2 * sum(turns[:count]) - count) <= 1 for count in range(1, 11))

    asyncio.run(work())


def test_who_has_short_jobs_gets_more_of_them(queue: Queue) -> None:
    async def work() -> None:
        long = [await queue.submit("(own)") for _ in range(10)]
        short = [await queue.submit("laptop") for _ in range(30)]
        started: list[str] = []
        for _ in range(16):
            job = await queue.journal.claim("cpu")
            started.append("long" if job.id in long else "short")
            queue.now_s += 40 if job.id in long else 10
            await queue.journal.succeed(job.id)
        assert short
        assert started.count("short") in range(11, 14)  # four of them for each long one
        places = await queue.places()
        assert sum(job_id in short for job_id in places[:10]) in range(7, 10)

    asyncio.run(work())


def test_prefetched_jobs_count_for_nobody(queue: Queue) -> None:
    async def work() -> None:
        job = await queue.journal.submit(
            "text2music", {"output": {"seeds": [1]}}, engine="fake", priority="normal", key="", request_digest="",
            sources=(), owner="laptop", auto_gen=True,
        )  # fmt: skip
        await queue.run_next(60)
        before = queue.database.query(shares.used)
        ahead = await queue.journal.claim("cpu")
        assert (ahead.next_of, ahead.requested) == (job.id, False)
        queue.now_s += 300
        await queue.journal.succeed(ahead.id)
        after = queue.database.query(shares.used)
        assert after["laptop"] == pytest.approx(before["laptop"] * 2 ** (-300 / 600), abs=0.002)
        # Whoever requests the next one is its owner.
        following = await queue.journal.next_batch(ahead.id, "studio")
        owner = queue.database.query(
            lambda c: c.execute("SELECT owner FROM jobs WHERE id = ?", (following.id,)).fetchone()[0]
        )
        assert owner == "studio"

    asyncio.run(work())


def test_an_owner_whose_jobs_suit_nobody_is_in_nobodys_way(queue: Queue) -> None:
    async def work() -> None:
        await queue.submit("laptop", model="large")
        small = await queue.submit("(own)", model="small")
        job = await queue.journal.claim("cpu", lambda need: need == Need("fake", "text2music", "small"))
        assert job.id == small

    asyncio.run(work())


def test_owners_who_have_used_nothing_for_long_are_forgotten(queue: Queue) -> None:
    async def work() -> None:
        await queue.submit("laptop")
        await queue.run_next()
        await queue.journal.prune(1e9)
        assert set(queue.database.query(shares.job_lengths)) == {"laptop"}
        queue.now_s += 40 * fair_share.HALF_LIFE_S
        await queue.journal.prune(1e9)
        assert not queue.database.query(shares.job_lengths)

    asyncio.run(work())
