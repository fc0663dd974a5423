"""The order of the waiting jobs: which one is next for a worker, and how many go before each.

High priority first; of these, requested jobs before prefetched ones; of these, jobs of the owner who has used least, see
`acebridge.jobs.fair_share`; of these, the oldest. With one owner that is the order in which jobs were submitted.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import NamedTuple, TypeAlias

from acebridge.jobs import fair_share, shares
from acebridge.jobs.job import QUEUED
from acebridge.workers.base import Need

#: The order of one owner. Requested jobs run before prefetched ones, even a low-priority request.
_ORDER = "priority DESC, asked DESC, number"
# The rows of one need and owner begin with the first in order. Without statistics SQLite would sort all that wait.
NEXT_HEAD = """SELECT engine, task, model, owner, priority, asked, number FROM jobs INDEXED BY jobs_by_need
  WHERE state = 'queued' AND (engine, task, model, owner) >= (?, ?, ?, ?) ORDER BY engine, task, model, owner LIMIT 1"""
# Running prefetched jobs are preempted, so they do not count.
_RUNNING = "(SELECT count(*) FROM jobs WHERE state = 'running' AND asked)"
_POSITIONS = f"""SELECT id, {_RUNNING} + row_number() OVER (ORDER BY {_ORDER}) - 1 AS position
  FROM jobs WHERE state = 'queued'"""
_OF_ONE_NEED = """SELECT count(*) FROM jobs INDEXED BY jobs_by_need WHERE state = 'queued'
  AND (engine, task, model, owner, priority, asked) = (?, ?, ?, ?, ?, ?) AND number > ?"""
_WAITING = "SELECT owner, priority, asked, number FROM jobs INDEXED BY jobs_by_need WHERE state = 'queued'"
#: Up to this many jobs, counting for each is faster than counting for all that wait.
_FEW = 8


#: Priority and whether it was requested: jobs of a higher group go before those of a lower one.
Group: TypeAlias = tuple[int, int]


class Waiting(NamedTuple):
    """What places a waiting job in the order."""

    owner: str
    priority: int
    asked: int
    number: int


class Head(NamedTuple):
    """The first of the waiting jobs with one need and one owner."""

    need: Need
    owner: str
    priority: int
    asked: int
    number: int


def waiting_heads(connection: sqlite3.Connection) -> list[Head]:
    """Return the first waiting job of each need and owner. This reads one row for each, however many wait."""
    heads: list[Head] = []
    start = ("", "", "", "")
    while (row := connection.execute(NEXT_HEAD, start).fetchone()) is not None:
        engine, task, model, owner, *rest = row
        heads.append(Head(Need(engine, task, model), owner, *rest))
        # The next text in order: with ">" SQLite would read all rows of this owner.
        start = (engine, task, model, f"{owner}\0")
    return heads


def first_of(heads: Iterable[Head], used_s: Mapping[str, float]) -> Head | None:
    """Return the next one; ``used_s`` is what the owners have used."""
    return min(
        heads, key=lambda head: (-head.priority, -head.asked, used_s.get(head.owner, 0.0), head.number), default=None
    )


def find_next(connection: sqlite3.Connection, needs: Collection[Need]) -> sqlite3.Row | None:
    """Return the row of the next job that has one of ``needs``."""
    first = first_of([head for head in waiting_heads(connection) if head.need in needs], shares.used(connection))
    if first is None:
        return None
    row: sqlite3.Row = connection.execute("SELECT * FROM jobs WHERE number = ?", (first.number,)).fetchone()
    return row


def count_requested(connection: sqlite3.Connection) -> Counter[Need]:
    """Return how many requested jobs wait with each need; prefetched ones do not count."""
    rows = connection.execute(
        "SELECT engine, task, model, sum(jobs) FROM waiting WHERE asked GROUP BY engine, task, model"
    )
    return Counter({Need(engine, task, model): count for engine, task, model, count in rows})


def join(connection: sqlite3.Connection, owner: str) -> None:
    """Note that an owner is about to ask for a job: see `acebridge.jobs.fair_share.start`."""
    asking = {head.owner for head in waiting_heads(connection) if head.asked} | shares.running_owners(connection)
    if asking and owner not in asking:
        shares.begin(connection, owner, asking)


def position_of(connection: sqlite3.Connection, number: int) -> int:
    """Return how many jobs go before a waiting one, as far as that can be known.

    It is exact where every worker suits every job, nothing else is submitted or cancelled, and each job takes as long as the
    last one of its owner took; with one owner, however long they take. This reads what waits behind the job of its owner, and
    one row for each need and owner.
    """
    own = Waiting(
        *connection.execute("SELECT owner, priority, asked, number FROM jobs WHERE number = ?", (number,)).fetchone()
    )
    group, behind = (own.priority, own.asked), 0
    counts: dict[str, Counter[Group]] = {}
    for *need, owner, priority, asked, jobs in connection.execute("SELECT * FROM waiting").fetchall():
        counts.setdefault(owner, Counter())[priority, asked] += jobs
        if owner == own.owner and (priority, asked) == group:
            behind += connection.execute(_OF_ONE_NEED, (*need, *own)).fetchone()[0]
    turns = {owner: head.number for owner, head in _first_heads(connection).items()}
    lengths_s = shares.job_lengths(connection)
    used_s = shares.used(connection, lengths_s)
    costs_s = {owner: fair_share.work(lengths_s[owner]) for owner in counts}
    (running,) = connection.execute(f"SELECT {_RUNNING}").fetchone()
    return int(running) + count_before(own, behind, counts, turns, used_s, costs_s)


def positions(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the same for each waiting job, by its id."""
    if len(_waiting_owners(connection)) > 1:
        places = _count_places(connection)
        rows = connection.execute("SELECT id, number FROM jobs WHERE state = 'queued'")
        return {row["id"]: places[row["number"]] for row in rows}
    return {row["id"]: row["position"] for row in connection.execute(_POSITIONS)}


def positions_of(connection: sqlite3.Connection, job_ids: Collection[str]) -> dict[str, int]:
    """Return the same for those of these jobs that wait."""
    if len(job_ids) > _FEW or len(_waiting_owners(connection)) > 1:
        return {job_id: place for job_id, place in positions(connection).items() if job_id in job_ids}
    found = (
        connection.execute("SELECT id, number FROM jobs WHERE id = ? AND state = ?", (job_id, QUEUED)).fetchone()
        for job_id in job_ids
    )
    return {row["id"]: position_of(connection, row["number"]) for row in found if row is not None}


def _first_heads(connection: sqlite3.Connection) -> dict[str, Head]:
    """Return the first waiting job of each owner."""
    found: dict[str, Head] = {}
    for head in sorted(waiting_heads(connection), key=lambda head: (-head.priority, -head.asked, head.number)):
        found.setdefault(head.owner, head)
    return found


def _waiting_owners(connection: sqlite3.Connection) -> set[str]:
    return {head.owner for head in waiting_heads(connection)}


def _count_places(connection: sqlite3.Connection) -> dict[int, int]:
    """Return how many jobs go before each waiting one, by its number, where several owners wait."""
    lengths_s = shares.job_lengths(connection)
    waiting = [Waiting(*row) for row in connection.execute(_WAITING)]
    (running,) = connection.execute(f"SELECT {_RUNNING}").fetchone()
    costs_s = {owner: fair_share.work(lengths_s[owner]) for owner in {each.owner for each in waiting}}
    order = predict_order(waiting, shares.used(connection, lengths_s), costs_s)
    return {each.number: place for place, each in enumerate(order, running)}


def count_before(
    own: Waiting,
    behind: int,
    counts: Mapping[str, Mapping[Group, int]],
    turns: Mapping[str, int],
    used_s: Mapping[str, float],
    costs_s: Mapping[str, float],
) -> int:
    """Return how many jobs go before one in the order that `predict_order` predicts, from numbers of jobs alone.

    ``behind`` is how many jobs of its owner and group have a greater number, ``counts`` how many jobs of each owner and group
    wait, ``turns`` the number of each owner's first job.
    """
    group = own.priority, own.asked

    def key(owner: str, index: int) -> tuple[float, int]:
        return used_s.get(owner, 0.0) + index * costs_s[owner], turns[owner]

    higher = {owner: sum(jobs for each, jobs in groups.items() if each > group) for owner, groups in counts.items()}
    own_key = key(own.owner, higher[own.owner] + counts[own.owner][group] - 1 - behind)
    before = 0
    for owner, groups in counts.items():
        first = higher[owner]
        # The use of an owner grows from job to job, so those that go before are its first ones.
        before += first + bisect_left(range(first, first + groups.get(group, 0)), own_key, key=partial(key, owner))
    return before


def predict_order(
    waiting: Iterable[Waiting], used_s: Mapping[str, float], costs_s: Mapping[str, float]
) -> list[Waiting]:
    """Return jobs in the order in which they will be next, if each of an owner uses what ``costs_s`` says, in seconds.

    Owners who have used the same take turns: whoever was served first has the use that has decayed most.
    """
    before: Counter[str] = Counter()
    first: dict[str, int] = {}
    keys: dict[int, tuple[int, int, float, int, int]] = {}
    jobs = sorted(waiting, key=lambda each: (-each.priority, -each.asked, each.number))
    for each in jobs:
        will_use_s = used_s.get(each.owner, 0.0) + before[each.owner] * costs_s[each.owner]
        before[each.owner] += 1
        turn = first.setdefault(each.owner, each.number)
        keys[each.number] = (-each.priority, -each.asked, will_use_s, turn, each.number)
    return sorted(jobs, key=lambda each: keys[each.number])
