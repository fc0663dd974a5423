"""The queue with prefetched batches, against a model in plain Python that is written from the contract."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from acebridge.errors import Busy, Conflict
from acebridge.jobs.job import PRIORITIES
from acebridge.jobs.journal import Journal
from acebridge.store.database import Database
from acestep_runtime.tasks.takes import next_seeds

MAX_WAITING = 6
LIVE = ("queued", "running", "succeeded")
ANY = st.integers(0, 40)


@dataclass
class JobModel:
    """A job as the model knows it."""

    id: str
    number: int
    rank: int
    session: str
    auto_gen: bool
    seeds: list[int]
    parent: JobModel | None = None
    asked: bool = True
    state: str = "queued"
    attempts: int = 0
    deleted: bool = False
    chain: list[int] = field(default_factory=list)


class Queue(RuleBasedStateMachine):
    """The journal and its model, side by side."""

    @initialize()
    def open(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.jobs: list[JobModel] = []
        self.number = 0
        self.start()

    def start(self) -> None:
        self.database = Database(Path(self.folder.name) / "db")
        self.journal = Journal(self.database, max_waiting=MAX_WAITING)

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()
            self.folder.cleanup()
            self.loop.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    # ---- the model ----

    def there(self) -> list[JobModel]:
        return [job for job in self.jobs if not job.deleted]

    def is_outdated(self, job: JobModel) -> bool:
        newer = (other for other in self.there() if other.number > job.number and other.parent is None)
        return bool(job.session) and any(other.session == job.session for other in newer)

    def is_unwanted(self, job: JobModel) -> bool:
        assert job.asked or job.parent is not None
        return not job.asked and (self.is_outdated(job) or bool(job.parent and job.parent.deleted))

    def in_order(self) -> list[JobModel]:
        waiting = [job for job in self.there() if job.state == "queued"]
        return sorted(waiting, key=lambda job: (-job.rank, not job.asked, job.number))

    def in_state(self, state: str) -> list[JobModel]:
        return [job for job in self.there() if job.state == state]

    def settle(self) -> None:
        for job in self.in_state("queued"):
            if self.is_unwanted(job):
                job.state = "cancelled"

    def after(self, job: JobModel) -> JobModel | None:
        found = [other for other in self.there() if other.parent is job and other.state in LIVE]
        assert len(found) <= 1
        return found[0] if found else None

    def expect_next(self, job: JobModel, *, asked: bool) -> JobModel:
        """The batch after ``job`` as it must be; its id is not known yet."""
        self.number += 1
        seeds = []
        candidate = job.seeds[-1]
        while len(seeds) < len(job.seeds):
            candidate = (candidate + 1) % 2**32
            if candidate not in job.chain + job.seeds:
                seeds.append(candidate)
        rank = PRIORITIES["normal" if asked else "low"]
        made = JobModel("", self.number, rank, job.session, job.auto_gen, seeds, job, asked)
        made.chain = job.chain + job.seeds
        self.jobs.append(made)
        return made

    def go_on(self, job: JobModel) -> None:
        if job.auto_gen and job.asked and self.after(job) is None and len(self.in_state("queued")) < MAX_WAITING:
            self.expect_next(job, asked=False)

    # ---- what happens ----

    @rule(
        priority=st.sampled_from(list(PRIORITIES)),
        session=st.sampled_from(["", "a", "b"]),
        auto_gen=st.sampled_from([True, True, True, False]),
        seeds=st.sampled_from([[1], [1, 0], [2, 5, 1], [3, 2**32 - 1], []]),
    )
    def submit(self, priority: str, session: str, auto_gen: bool, seeds: list[int]) -> None:
        full = sum(job.asked for job in self.in_state("queued")) >= MAX_WAITING
        made = self.journal.submit(
            "text2music", {"output": {"seeds": seeds}}, engine="fake", priority=priority, key="", request_digest="",
            sources=(), session=session, auto_gen=auto_gen and bool(seeds),
        )  # fmt: skip
        if full:
            with pytest.raises(Busy):
                self.run(made)
            return
        self.number += 1
        auto_gen = auto_gen and bool(seeds)
        self.jobs.append(JobModel(self.run(made).id, self.number, PRIORITIES[priority], session, auto_gen, seeds))
        self.settle()

    @rule()
    def claim(self) -> None:
        waiting = self.in_order()
        claimed = self.run(self.journal.claim("cpu"))
        assert (claimed.id if claimed else None) == (waiting[0].id if waiting else None)
        if waiting:
            waiting[0].state = "running"
            waiting[0].attempts += 1

    @rule(times=st.integers(1, 3))
    def work(self, times: int) -> None:
        """What a device does: without it, few runs of the test would come to a second batch."""
        for _ in range(times):
            self.claim()
            if running := self.in_state("running"):
                self.finish(len(running) - 1, True)
                self.agrees()

    @precondition(lambda self: self.in_state("running"))
    @rule(which=ANY, well=st.sampled_from([True, True, True, False]))
    def finish(self, which: int, well: bool) -> None:
        running = self.in_state("running")
        job = running[which % len(running)]
        if not well:
            self.run(self.journal.fail(job.id, {"kind": "EngineFailure", "message": "It broke."}))
            job.state = "failed"
            return
        self.run(self.journal.succeed(job.id))
        job.state = "succeeded"
        if not self.is_outdated(job):
            self.go_on(job)
        self.settle()

    @precondition(lambda self: self.there())
    @rule(which=ANY)
    def next_batch(self, which: int) -> None:
        job = self.there()[which % len(self.there())]
        following = self.after(job)
        asking = self.journal.next_batch(job.id)
        if following is None and not job.seeds:
            with pytest.raises(Conflict, match="the same again"):
                self.run(asking)
            return
        if following is None and sum(other.asked for other in self.in_state("queued")) >= MAX_WAITING:
            with pytest.raises(Busy):
                self.run(asking)
            return
        message = self.run(asking)
        if following is None:
            following = self.expect_next(job, asked=True)
            following.id = message.id
        following.asked, following.rank = True, max(following.rank, PRIORITIES["normal"])
        if following.state == "succeeded":
            self.go_on(following)
        self.settle()
        assert (message.id, message.state) == (following.id, following.state)

    @precondition(lambda self: self.there())
    @rule(which=ANY)
    def cancel(self, which: int) -> None:
        job = self.there()[which % len(self.there())]
        self.run(self.journal.cancel_waiting(job.id))
        if job.state == "queued":
            job.state = "cancelled"

    @precondition(lambda self: self.there())
    @rule(which=ANY, any_state=st.booleans())
    def delete(self, which: int, any_state: bool) -> None:
        made_ahead = [job.parent for job in self.in_state("queued") if not job.asked and job.parent in self.there()]
        choice = [] if any_state else [job for job in made_ahead if job]
        job = (choice or self.there())[which % len(choice or self.there())]
        if job.state in ("queued", "running"):
            with pytest.raises(Conflict):
                self.run(self.journal.delete(job.id))
            return
        self.run(self.journal.delete(job.id))
        job.deleted = True
        self.settle()

    def in_the_way(self) -> list[str]:
        """What a scheduler stops whose workers all suit every request."""
        found = self.run(self.journal.preemptible())
        return [*found.obsolete, *found.prefetched[: sum(found.waiting.values())]]

    @rule()
    def make_way(self) -> None:
        for job_id in self.in_the_way():
            (job,) = (known for known in self.jobs if known.id == job_id)
            self.run(self.journal.release(only=job_id))
            job.state, job.attempts = "queued", job.attempts - 1
            self.settle()

    @rule(killed=st.booleans())
    def reopen(self, killed: bool) -> None:
        if not killed:
            self.run(self.journal.release())
        self.database.close()
        self.start()
        for job in self.in_state("running"):
            job.attempts -= not killed
            job.state = "queued" if job.attempts < 2 else "failed"
        self.settle()

    # ---- what always holds ----

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "journal"):
            return
        message = {job.id: job for job in self.run(self.journal.recent(limit=1000))}
        by_parent = {job.next_of: job.id for job in reversed(message.values()) if job.next_of}
        for job in self.jobs:
            if not job.id:  # made since the last look
                assert job.parent is not None
                job.id = by_parent[job.parent.id]
        assert message.keys() == {job.id for job in self.there()}
        for job in self.there():
            row = message[job.id]
            assert (row.state, row.attempts, row.requested) == (job.state, job.attempts, job.asked)
            assert PRIORITIES[row.priority] == job.rank
            assert list(row.params["output"]["seeds"]) == job.seeds
            assert row.next_of == (job.parent.id if job.parent else "")
        busy = sum(job.asked for job in self.in_state("running"))
        places = [message[job.id].position for job in self.in_order()]
        assert places == list(range(busy, busy + len(places)))

    @invariant()
    def the_right_ones_are_in_the_way(self) -> None:
        if not hasattr(self, "journal"):
            return
        running = [job for job in self.in_state("running") if not job.asked]
        must = [job for job in running if self.is_unwanted(job)]
        may = sorted((job for job in running if job not in must), key=lambda job: -job.number)
        waiting = sum(job.asked for job in self.in_state("queued"))
        found = self.run(self.journal.preemptible())
        assert sorted(found.obsolete) == sorted(job.id for job in must)
        assert (found.prefetched, sum(found.waiting.values())) == ([job.id for job in may], waiting)

    @invariant()
    def never_two_ahead_and_no_seed_twice(self) -> None:
        for job in getattr(self, "jobs", ()):
            assert job.asked or (job.parent is not None and job.parent.asked)
            received = [*job.chain, *job.seeds]
            assert len(set(received)) == len(received)


Queue.TestCase.settings = settings(deadline=None, max_examples=60, stateful_step_count=30)
TestQueue = Queue.TestCase


def test_next_seeds() -> None:
    assert next_seeds(5, 1, [5]) == [6]
    assert next_seeds(5, 2, [9, 5]) == [6, 7]
    assert next_seeds(7, 2, [9, 5]) == [8, 10]
    assert next_seeds(2**32 - 2, 1, []) == [2**32 - 1]
    assert next_seeds(2**32 - 1, 2, [3, 2**32 - 1]) == [0, 1]
