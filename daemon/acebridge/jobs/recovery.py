"""What a start of the daemon does about jobs that were running when it ended."""

from __future__ import annotations

import sqlite3

from acebridge.jobs import prefetch, tables
from acebridge.jobs.job import FAILED, RUNNING
from acebridge.workers.messages import Error

#: A job that was running when the daemon died resumes; it fails after this many deaths without a take in between.
MAX_LOST = 2


def recover(connection: sqlite3.Connection) -> None:
    """Put the jobs that were running back to the queue; those that were lost too often fail."""
    # Nobody knows how long they ran: the time without a daemon is no work.
    connection.execute("UPDATE jobs SET began = NULL WHERE state = ?", (RUNNING,))
    for row in connection.execute("SELECT number, lost FROM jobs WHERE state = ?", (RUNNING,)).fetchall():
        if row["lost"] < MAX_LOST:
            tables.requeue(connection, row["number"])
            tables.append_queued(connection, row["number"])
        else:
            error: Error = {
                "kind": "EngineFailure",
                "message": "The daemon was ended twice while this job ran.",
                "remedy": "Look into its log for the reason, then send the job again.",
            }
            tables.delete_unfinished_audio(connection, row["number"])
            tables.end_job(connection, row["number"], FAILED, error)
    prefetch.cancel_obsolete(connection)
