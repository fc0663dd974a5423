"""The tables of the database, one row of `MIGRATIONS` for each version of them. The version is in ``PRAGMA user_version``.

A migration runs in one transaction, behind a copy of the database as it was. A database of a newer version is refused.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from acebridge.errors import Conflict


@dataclass(frozen=True)
class Migration:
    """What makes tables of this version from those of the version before."""

    version: int
    about: str
    apply: Callable[[sqlite3.Connection], None]


#: What the first databases had.
FIRST_TABLES = """
CREATE TABLE IF NOT EXISTS assets (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, size_bytes INTEGER NOT NULL, sample_rate INTEGER NOT NULL,
  channels INTEGER NOT NULL, frames INTEGER NOT NULL, pinned INTEGER NOT NULL DEFAULT 0,
  created REAL NOT NULL, last_used REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS jobs (
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, key TEXT UNIQUE, digest TEXT NOT NULL,
  task TEXT NOT NULL, params TEXT NOT NULL, engine TEXT NOT NULL, state TEXT NOT NULL, priority INTEGER NOT NULL,
  position INTEGER NOT NULL DEFAULT -1, attempts INTEGER NOT NULL DEFAULT 0, created REAL NOT NULL, started REAL,
  finished REAL, last_sequence INTEGER NOT NULL DEFAULT 0, progress TEXT NOT NULL DEFAULT '{}',
  error TEXT NOT NULL DEFAULT '{}', takes TEXT NOT NULL DEFAULT '[]', sources TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS events (
  job_number INTEGER NOT NULL REFERENCES jobs (number) ON DELETE CASCADE, sequence INTEGER NOT NULL, kind TEXT NOT NULL,
  body TEXT NOT NULL, PRIMARY KEY (job_number, sequence)) WITHOUT ROWID;
"""
#: Columns that databases without a version may lack. ``asked`` is 0 for a prefetched batch that was not requested yet,
#: ``spent`` holds the seeds that the first request of its chain named, ``lost`` counts the attempts since a take was finished,
#: ``origin`` is where the request came from.
_JOB_COLUMNS = {
    "session": "TEXT NOT NULL DEFAULT ''",
    "auto_gen": "INTEGER NOT NULL DEFAULT 0",
    "next_of": "TEXT",
    "asked": "INTEGER NOT NULL DEFAULT 1",
    "spent": "TEXT NOT NULL DEFAULT '[]'",
    "lost": "INTEGER NOT NULL DEFAULT 0",
    "origin": "TEXT NOT NULL DEFAULT '{}'",
}
_FIRST_INDEXES = """
CREATE INDEX IF NOT EXISTS jobs_by_parent ON jobs (next_of) WHERE next_of IS NOT NULL;
CREATE INDEX IF NOT EXISTS jobs_by_session ON jobs (session, number) WHERE session != '';
"""
# ``used`` and ``ended`` count in the seconds of `acebridge.store.clock`. ``checked`` is when the bytes of an asset were last
# compared with its hash. ``missing``: its file is not there. ``uses`` has the assets that a job reads or has made,
# ``removals`` those whose files are about to be removed. ``position`` of a job is not used any more: it is counted on demand.
_DURABLE_TABLES = """
ALTER TABLE assets ADD COLUMN used REAL NOT NULL DEFAULT 0;
ALTER TABLE assets ADD COLUMN checked REAL NOT NULL DEFAULT 0;
ALTER TABLE assets ADD COLUMN missing INTEGER NOT NULL DEFAULT 0;
UPDATE assets SET used = last_used;
DROP INDEX IF EXISTS assets_by_use;
CREATE INDEX assets_by_use ON assets (used);
CREATE INDEX assets_by_check ON assets (checked);
CREATE INDEX assets_by_creation ON assets (created, id);
CREATE INDEX assets_by_size ON assets (missing, size_bytes);
ALTER TABLE jobs ADD COLUMN ended REAL;
UPDATE jobs SET ended = finished;
CREATE INDEX jobs_by_end ON jobs (ended) WHERE ended IS NOT NULL;
DROP INDEX IF EXISTS jobs_by_state;
CREATE INDEX jobs_in_order ON jobs (state, priority DESC, asked DESC, number);
CREATE INDEX jobs_by_creation ON jobs (created, id);
CREATE INDEX jobs_prefetched ON jobs (state) WHERE asked = 0;
DROP TABLE IF EXISTS paths;
CREATE TABLE paths (
  path TEXT PRIMARY KEY, device TEXT NOT NULL, inode TEXT NOT NULL, size_bytes INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, asset_id TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX paths_by_asset ON paths (asset_id);
CREATE TABLE uses (
  asset_id TEXT NOT NULL, job_number INTEGER NOT NULL REFERENCES jobs (number) ON DELETE CASCADE,
  PRIMARY KEY (asset_id, job_number)) WITHOUT ROWID;
CREATE INDEX uses_by_job ON uses (job_number);
CREATE TABLE removals (asset_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE clock (steady REAL NOT NULL, wall REAL NOT NULL);
"""
# Lists of many entries: each reads those that it shows, and no others.
_LIST_INDEXES = """
CREATE INDEX jobs_by_state ON jobs (state, created, id);
DROP INDEX assets_by_creation;
CREATE INDEX assets_by_creation ON assets (created, id) WHERE NOT missing;
"""
# ``note`` is one more warning of the takes of a job: why its engine does it, where another one may be expected.
_ENGINE_NOTES = "ALTER TABLE jobs ADD COLUMN note TEXT NOT NULL DEFAULT ''"
# ``content`` is a digest of what a job with seeds makes; empty for one without, and in rows of older versions.
_CONTENTS = """
ALTER TABLE jobs ADD COLUMN content TEXT NOT NULL DEFAULT '';
CREATE INDEX jobs_by_content ON jobs (content, number) WHERE content != '';
"""
# ``latents_bytes`` is the size of the latents beside the audio of an asset, 0 without any.
_LATENTS = """
ALTER TABLE assets ADD COLUMN latents_bytes INTEGER NOT NULL DEFAULT 0;
DROP INDEX assets_by_size;
CREATE INDEX assets_by_size ON assets (missing, size_bytes, latents_bytes);
"""
# ``model`` is the full name of the model that a job loads, "" where that is not known. Waiting jobs are found by their needs.
# ``owner`` is the name of the token that a job was submitted with, ``began`` when it started, by the steady clock.
# ``shares`` has what each owner has used, see `acebridge.jobs.shares`.
_NEEDS = """
ALTER TABLE jobs ADD COLUMN model TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN owner TEXT NOT NULL DEFAULT '(own)';
ALTER TABLE jobs ADD COLUMN began REAL;
CREATE INDEX jobs_by_need ON jobs (engine, task, model, owner, priority DESC, asked DESC, number) WHERE state = 'queued';
CREATE TABLE shares (
  owner TEXT PRIMARY KEY, used_s REAL NOT NULL, at REAL NOT NULL, last_s REAL NOT NULL DEFAULT 0) WITHOUT ROWID;
"""
# ``spare`` is the engine that does a job where memory is short for its own, "" for none.
_SPARE_ENGINES = "ALTER TABLE jobs ADD COLUMN spare TEXT NOT NULL DEFAULT ''"

# ``waiting`` counts the jobs that wait, by what places them in the order: a place is found without reading all that wait.
# Triggers keep it; each begins a row with none, for an upsert would obey the conflict clause of the statement that fires it.
_GROUP = ("engine", "task", "model", "owner", "priority", "asked")


def _count_waiting_jobs(connection: sqlite3.Connection) -> None:
    names = ", ".join(_GROUP)

    def change(row: str, by: str) -> str:
        values = ", ".join(f"{row}.{name}" for name in _GROUP)
        same = f"({names}) = ({values})"
        return f"""
          INSERT INTO waiting SELECT {values}, 0 WHERE NOT EXISTS (SELECT 1 FROM waiting WHERE {same});
          UPDATE waiting SET jobs = jobs {by} WHERE {same};
          DELETE FROM waiting WHERE {same} AND jobs = 0;"""

    connection.execute(
        "CREATE TABLE waiting (engine TEXT NOT NULL, task TEXT NOT NULL, model TEXT NOT NULL, owner TEXT NOT NULL,"
        f" priority INTEGER NOT NULL, asked INTEGER NOT NULL, jobs INTEGER NOT NULL, PRIMARY KEY ({names})) WITHOUT ROWID"
    )
    connection.execute(
        f"INSERT INTO waiting SELECT {names}, count(*) FROM jobs WHERE state = 'queued' GROUP BY {names}"
    )
    for name, event, row, by in (
        ("jobs_wait", "INSERT", "new", "+ 1"),
        ("jobs_wait_no_more", "DELETE", "old", "- 1"),
        ("jobs_wait_otherwise", f"UPDATE OF state, {names}", "old", "- 1"),
        ("jobs_wait_again", f"UPDATE OF state, {names}", "new", "+ 1"),
    ):
        connection.execute(
            f"CREATE TRIGGER {name} AFTER {event} ON jobs WHEN {row}.state = 'queued' BEGIN {change(row, by)} END"
        )


def _run_all(connection: sqlite3.Connection, script: str) -> None:
    for statement in script.split(";"):
        connection.execute(statement)


def _adopt_first_tables(connection: sqlite3.Connection) -> None:
    _run_all(connection, FIRST_TABLES)
    known = {column[1] for column in connection.execute("PRAGMA table_info(jobs)")}
    for name, kind in _JOB_COLUMNS.items():
        if name not in known:
            connection.execute(f"ALTER TABLE jobs ADD COLUMN {name} {kind}")
    _run_all(connection, _FIRST_INDEXES)


def _make_durable(connection: sqlite3.Connection) -> None:
    _run_all(connection, _DURABLE_TABLES)
    record_uses(connection)


def record_uses(connection: sqlite3.Connection) -> None:
    """Fill ``uses`` from the sources and the takes of all jobs."""
    for number, sources, takes in connection.execute("SELECT number, sources, takes FROM jobs").fetchall():
        made = [output["asset_id"] for take in json.loads(takes) for output in take["outputs"]]
        rows = [(asset_id, number) for asset_id in (*json.loads(sources), *made)]
        connection.executemany("INSERT OR IGNORE INTO uses VALUES (?, ?)", rows)


MIGRATIONS = (
    Migration(1, "the tables of the first releases", _adopt_first_tables),
    Migration(2, "uses of assets, ages that no clock can change, the identity of sources", _make_durable),
    Migration(3, "lists that read what they show", lambda connection: _run_all(connection, _LIST_INDEXES)),
    Migration(4, "why a job's engine was chosen", lambda connection: _run_all(connection, _ENGINE_NOTES)),
    Migration(5, "jobs that make the same", lambda connection: _run_all(connection, _CONTENTS)),
    Migration(6, "latents of takes", lambda connection: _run_all(connection, _LATENTS)),
    Migration(7, "what a waiting job needs, and whose it is", lambda connection: _run_all(connection, _NEEDS)),
    Migration(8, "the engine of a job where memory is short", lambda connection: _run_all(connection, _SPARE_ENGINES)),
    Migration(9, "how many jobs wait", _count_waiting_jobs),
)
VERSION = MIGRATIONS[-1].version


def is_empty(connection: sqlite3.Connection) -> bool:
    """Return whether a database holds nothing at all, as one does that was just made."""
    return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of the tables; 0 before there were versions, and in an empty database."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def check_version(connection: sqlite3.Connection, path: Path) -> int:
    """Return the version of the tables. Raises `Conflict` for one that this AceBridge does not know."""
    version = version_of(connection)
    if version > VERSION:
        raise Conflict(
            f"The database {path} has version {version}, and this AceBridge knows versions up to {VERSION}.",
            remedy="Update AceBridge, or set ACEBRIDGE_HOME to another folder.",
        )
    return version


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the tables to `VERSION`, after a copy of the database to ``<name>.before-v<version>`` beside it.

    Raises `Conflict` for a version that this AceBridge does not know.
    """
    version = check_version(connection, path)
    if version == VERSION:
        return
    if not is_empty(connection):
        copy_database(connection, path.with_name(f"{path.name}.before-v{VERSION}"))
    for migration in MIGRATIONS[version:]:
        connection.execute("BEGIN IMMEDIATE")
        try:
            migration.apply(connection)
            connection.execute(f"PRAGMA user_version = {migration.version}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # so that the tables are there whatever happens to the log


def copy_database(connection: sqlite3.Connection, target: Path) -> None:
    """Copy a database as it is at this moment into one file, which gets its name when it is whole."""
    unfinished = target.with_name(target.name + ".part")
    unfinished.unlink(missing_ok=True)
    copy = sqlite3.connect(unfinished)
    try:
        connection.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
    finally:
        copy.close()
    unfinished.replace(target)
