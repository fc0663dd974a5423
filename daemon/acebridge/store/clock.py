"""The time by which ages are counted. It never goes back, and the system's clock cannot move it.

While the daemon runs, it advances with a clock of the system that nobody sets. From one run to the next it advances with the
wall clock, but by a day at most: a clock that is wrong by years ages nothing by more than that. So ages are days in which
AceBridge was in use, and the store keeps things rather too long than too short.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

#: What the time between two runs counts at most, in seconds.
LONGEST_GAP_S = 86400.0


def _uptime() -> float:
    """Return seconds of a clock that cannot be set; where the system has one, sleep counts."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class SteadyClock:
    """The clock of one database, which keeps how far it has come. Seconds; it starts at the time of the wall clock."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        wall: Callable[[], float] = time.time,
        uptime: Callable[[], float] = _uptime,
    ) -> None:
        self._wall, self._uptime = wall, uptime
        row = connection.execute("SELECT steady, wall FROM clock").fetchone()
        now = wall()
        if row is None:  # a new database, or one from before there was this clock
            latest = connection.execute(
                "SELECT max(time) FROM (SELECT max(used) AS time FROM assets UNION ALL SELECT max(ended) FROM jobs)"
            ).fetchone()[0]
            row = (now, now) if latest is None else (latest, latest)
        self._base: float = row[0] + min(max(now - row[1], 0.0), LONGEST_GAP_S)
        self._started = uptime()

    def now(self) -> float:
        """Return the time."""
        return self._base + max(self._uptime() - self._started, 0.0)

    def save(self, connection: sqlite3.Connection) -> None:
        """Keep how far it has come, within a transaction."""
        connection.execute("DELETE FROM clock")
        connection.execute("INSERT INTO clock VALUES (?, ?)", (self.now(), self._wall()))
