"""What each owner has used of the workers, in the database: see `acebridge.jobs.fair_share`.

Table ``shares`` has what the jobs that are over have used, as it was at ``at`` of the steady clock, and ``last_s``: how long
the last one took. Running jobs count too, from ``began`` on. Prefetched jobs use workers that nobody else asks for, and do not
count.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Mapping
from statistics import fmean

from acebridge.jobs import fair_share
from acebridge.jobs.job import RUNNING

#: How long a job takes where no job was ever run.
_UNKNOWN_S = 30.0
_STORED = "SELECT owner, used_s, steady_now() - at FROM shares"
_RUNNING = "SELECT owner, steady_now() - coalesce(began, steady_now()) FROM jobs WHERE state = ? AND asked"
#: After this many half-lives nothing is left that counts.
_FORGOTTEN = 30


def used(connection: sqlite3.Connection, lengths_s: Mapping[str, float] | None = None) -> dict[str, float]:
    """Return what each owner has used by now, in whole milliseconds, so that rounding makes no difference of equal use.
    Owners who have used nothing are left out. In seconds.

    With ``lengths_s`` the running jobs count as when they are over: so long does a job of each owner take.
    """
    used_s: defaultdict[str, float] = defaultdict(float)
    for owner, stored_s, age_s in connection.execute(_STORED):
        used_s[owner] += fair_share.decay(stored_s, age_s)
    for owner, worked_s in connection.execute(_RUNNING, (RUNNING,)):
        used_s[owner] += fair_share.work(worked_s if lengths_s is None else max(worked_s, lengths_s[owner]))
    return {owner: round(each_s, 3) for owner, each_s in used_s.items()}


def job_lengths(connection: sqlite3.Connection) -> defaultdict[str, float]:
    """Return how long the last job of each owner took, in seconds; for the others the mean of these."""
    known: dict[str, float] = dict(connection.execute("SELECT owner, last_s FROM shares WHERE last_s > 0").fetchall())
    mean_s = fmean(known.values()) if known else _UNKNOWN_S
    return defaultdict(lambda: mean_s, known)


def running_owners(connection: sqlite3.Connection) -> set[str]:
    """Return the owners of the requested jobs that run."""
    return {owner for owner, _ in connection.execute(_RUNNING, (RUNNING,))}


def begin(connection: sqlite3.Connection, owner: str, asking: Collection[str]) -> None:
    """Note that an owner begins to ask, beside those who are ``asking``."""
    _store(connection, owner, fair_share.start(owner, used(connection), asking))


def charge(connection: sqlite3.Connection, number: int) -> None:
    """Count what a job has used that ends now, or goes back to the queue. Nothing, unless it was requested and runs."""
    row = connection.execute(f"{_RUNNING} AND number = ?", (RUNNING, number)).fetchone()
    if row is None:
        return
    owner, worked_s = row
    stored = connection.execute(f"{_STORED} WHERE owner = ?", (owner,)).fetchone()
    before_s = 0.0 if stored is None else fair_share.decay(stored[1], stored[2])
    _store(connection, owner, before_s + fair_share.work(worked_s))
    connection.execute("UPDATE shares SET last_s = ? WHERE owner = ?", (max(worked_s, fair_share.LEAST_S), owner))


def forget_old(connection: sqlite3.Connection) -> None:
    """Forget the owners who have used nothing for long."""
    connection.execute("DELETE FROM shares WHERE at < steady_now() - ?", (_FORGOTTEN * fair_share.HALF_LIFE_S,))


def _store(connection: sqlite3.Connection, owner: str, used_s: float) -> None:
    connection.execute(
        "INSERT INTO shares (owner, used_s, at) VALUES (?, ?, steady_now())"
        " ON CONFLICT (owner) DO UPDATE SET used_s = excluded.used_s, at = excluded.at",
        (owner, used_s),
    )
