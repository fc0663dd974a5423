"""Versions of the tables: an old database is copied, then brought up to date."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from acebridge.store import asset_rows, schema
from acebridge.store.assets import AssetStore
from acebridge.store.database import Database
from tests.support.stores import chunks_of, wav_bytes, with_store

FIRST = """
CREATE TABLE assets (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, size_bytes INTEGER NOT NULL, sample_rate INTEGER NOT NULL,
  channels INTEGER NOT NULL, frames INTEGER NOT NULL, pinned INTEGER NOT NULL DEFAULT 0,
  created REAL NOT NULL, last_used REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX assets_by_use ON assets (last_used);
CREATE TABLE paths (
  path TEXT PRIMARY KEY, size_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, asset_id TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE jobs (
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, key TEXT UNIQUE, digest TEXT NOT NULL,
  task TEXT NOT NULL, params TEXT NOT NULL, engine TEXT NOT NULL, state TEXT NOT NULL, priority INTEGER NOT NULL,
  position INTEGER NOT NULL DEFAULT -1, attempts INTEGER NOT NULL DEFAULT 0, created REAL NOT NULL, started REAL,
  finished REAL, last_sequence INTEGER NOT NULL DEFAULT 0, progress TEXT NOT NULL DEFAULT '{}',
  error TEXT NOT NULL DEFAULT '{}', takes TEXT NOT NULL DEFAULT '[]', sources TEXT NOT NULL);
CREATE INDEX jobs_by_state ON jobs (state, priority DESC, number);
CREATE TABLE events (
  job_number INTEGER NOT NULL REFERENCES jobs (number) ON DELETE CASCADE, sequence INTEGER NOT NULL, kind TEXT NOT NULL,
  body TEXT NOT NULL, PRIMARY KEY (job_number, sequence)) WITHOUT ROWID;
INSERT INTO assets VALUES ('a', 'song', 5, 48000, 2, 1, 1, 100.0, 200.0), ('b', 'take', 6, 48000, 2, 1, 0, 100.0, 150.0);
INSERT INTO paths VALUES ('/song.wav', 5, 1, 'a');
"""


def first_database(path: Path) -> None:
    takes = json.dumps([{"take": 1, "seed": 1, "facts": {}, "outputs": [{"asset_id": "b"}]}])
    with closing(sqlite3.connect(path)) as database:
        database.executescript(FIRST)
        database.execute(
            "INSERT INTO jobs (id, digest, task, params, engine, state, priority, created, finished, takes, sources)"
            " VALUES ('j', '', 'repaint', '{}', 'fake', 'succeeded', 0, 1.0, 160.0, ?, ?)",
            (takes, json.dumps(["a"])),
        )
        database.commit()


def test_there_is_a_row_for_each_version() -> None:
    assert [migration.version for migration in schema.MIGRATIONS] == list(range(1, schema.VERSION + 1))


def test_a_database_of_the_first_releases_is_copied_and_brought_up_to_date(tmp_path: Path) -> None:
    first_database(tmp_path / "db")
    for _ in range(2):
        database = Database(tmp_path / "db")
        read = database.query
        assert read(schema.version_of) == schema.VERSION
        assets = read(lambda c: c.execute("SELECT id, used, pinned, missing FROM assets ORDER BY id").fetchall())
        assert [tuple(row) for row in assets] == [("a", 200.0, 1, 0), ("b", 150.0, 0, 0)]
        assert [tuple(row) for row in read(lambda c: c.execute("SELECT * FROM uses ORDER BY 1").fetchall())] == [
            ("a", 1), ("b", 1),
        ]  # fmt: skip
        assert read(lambda c: c.execute("SELECT ended, asked, spent FROM jobs").fetchone()[:]) == (160.0, 1, "[]")
        assert not read(lambda c: c.execute("SELECT * FROM paths").fetchall())  # they know too little to be believed
        database.close()
    with closing(sqlite3.connect(tmp_path / f"db.before-v{schema.VERSION}")) as copy:
        assert copy.execute("PRAGMA user_version").fetchone() == (0,)
        assert copy.execute("SELECT count(*) FROM assets").fetchone() == (2,)


def test_a_new_database_needs_no_copy_and_has_the_same_tables(tmp_path: Path) -> None:
    first_database(tmp_path / "old")
    columns = []
    for name in ("old", "new"):
        database = Database(tmp_path / name)
        columns.append(
            database.query(
                lambda c: {
                    row["name"]: {column["name"] for column in c.execute(f"PRAGMA table_info({row['name']})")}
                    for row in c.execute("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall()
                }
            )
        )
        database.close()
    assert columns[0] == columns[1]
    assert not (tmp_path / f"new.before-v{schema.VERSION}").exists()


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first_database(tmp_path / "db")

    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM assets")
        raise ZeroDivisionError

    broken = schema.Migration(2, "it breaks", fail)
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", (schema.MIGRATIONS[0], broken))
        with pytest.raises(ZeroDivisionError):
            Database(tmp_path / "db")
    database = Database(tmp_path / "db")
    assert database.query(lambda c: c.execute("SELECT count(*) FROM assets").fetchone()[0]) == 2
    database.close()


def test_what_was_promised_is_synced_and_what_may_pass_is_not(tmp_path: Path) -> None:
    database = Database(tmp_path / "db")
    seen = []

    def look(connection: sqlite3.Connection) -> None:
        seen.append(connection.execute("PRAGMA synchronous").fetchone()[0])

    for lasting in (True, False, False, True):
        database.transact(look, lasting=lasting)
    assert seen == [2, 1, 1, 2]  # FULL and NORMAL
    database.close()


def test_a_file_reaches_the_disk_before_its_row_says_that_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bytes, its name, then its row: in this order, a power cut at any moment leaves nothing that was promised undone."""
    data, order = wav_bytes(tmp_path), list[str]()
    sync, replace, row = os.fsync, Path.replace, asset_rows.store

    def fsync(descriptor: int) -> None:
        order.append(f"sync {'folder' if stat.S_ISDIR(os.fstat(descriptor).st_mode) else 'file'}")
        sync(descriptor)

    async def work(store: AssetStore) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fsync)
            patch.setattr(Path, "replace", lambda *paths: order.append("name") or replace(*paths))
            patch.setattr(asset_rows, "store", lambda *values: order.append("row") or row(*values))
            await store.put(chunks_of(data), "x")

    with_store(tmp_path, work)
    assert order == ["sync file", "name", "sync folder", "sync folder", "row"]
