"""Lists of jobs and assets, and ids that are cut short."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import sqlite3
import subprocess
from pathlib import Path

import pytest

from acebridge.cli import listing
from acebridge.client.client import Client
from acebridge.server.services.pages import MAX_BYTES
from acebridge.v1 import jobs_pb2
from acestep_runtime.errors import InvalidValue
from tests.support.daemon import (
    collect,
    create_tone_job,
    daemon_at,
    generate,
    job,
    song,
    until_state,
    write_wav,
)
from tests.support.shell import COMMAND, Shell


def in_terminal(shell: Shell, columns: int, *arguments: str) -> list[str]:
    """The lines that the command shows in a terminal of that width."""
    ours, its = pty.openpty()
    environment = {**shell.environment, "COLUMNS": str(columns), "TERM": "dumb"}
    with subprocess.Popen([*COMMAND, *arguments], stdout=its, env=environment, stdin=subprocess.DEVNULL) as process:
        os.close(its)
        shown = b""
        try:
            while data := os.read(ours, 1 << 16):
                shown += data
        except OSError:  # the other end is closed
            pass
    os.close(ours)
    assert process.returncode == 0
    return shown.decode().splitlines()


def test_one_line_each_in_80_columns_and_in_a_pipe(shell: Shell, client: Client) -> None:
    name = "a\x1b[31m rather\tlong name of a song that nobody would want to read twice.wav"
    asset = client.upload(write_wav(shell.folder / name, song(0.3, seed=5))).asset_id
    job_id = create_tone_job(client, 0.2, caption="fail")
    until_state(client, job_id, "failed")
    heading, row = in_terminal(shell, 80, "assets", "--limit", "1")
    assert heading.split() == ["asset", "name", "length", "Hz", "channels", "size"]
    assert row.split()[0] == asset[:12]
    assert row.rstrip().endswith("0.1 MiB")
    heading, row = in_terminal(shell, 80, "jobs", "--limit", "1")
    assert row.split()[:4] == [job_id[:12], "text2music", "fake", "failed"]
    assert len(row) <= 80
    (line,) = shell.spawn("jobs", "--limit", "1").stdout.splitlines()
    assert line.split("\t")[:4] == [job_id[:12], "text2music", "fake", "failed"]
    assert line.split("\t")[5] == "fail, 0.2 s – The fake engine failed as asked. Ask for something else."
    (line,) = shell.spawn("assets", "--limit", "1").stdout.splitlines()
    assert line.split("\t")[1] == name.replace("\x1b", "\ufffd").replace("\t", "\ufffd")
    assert shell.json("assets", "--limit", "1")[0]["id"] == asset
    assert shell.json("jobs", "--limit", "1")[0]["id"] == job_id


def test_the_beginning_of_an_id_will_do(shell: Shell, client: Client) -> None:
    job_id = create_tone_job(client, 0.2, seed=4)
    shell.run("jobs", "watch", job_id[:12], "-o", "x.wav")
    assert shell.json("jobs", "show", job_id[:12].upper())["id"] == job_id
    assert shell.run("jobs", "delete", job_id[:12]).stdout == "deleted\n"
    asset = client.upload(write_wav(shell.folder / "song.wav", song(0.1, seed=9))).asset_id
    short = asset[:12]
    assert shell.run("assets", "pin", short).stdout == "pinned\n"
    shell.run("assets", "download", short, "-o", "copy.wav")
    assert shell.run("assets", "delete", short).stdout == "deleted\n"
    assert shell.failure("assets", "delete", short) == (
        f"There is no asset {short!r}. It may have been evicted or deleted: upload it again."
    )
    assert shell.failure("jobs", "show", os.fsdecode(b"caf\xe9")).startswith("There is no job 'caf?'.")


def test_a_beginning_of_several_ids_is_refused() -> None:
    ids = ["abcd" + f"{n:028x}" for n in range(7)] + ["ab" + "0" * 30]

    def whole(given: str) -> str:
        return listing.whole_id("job", given, lambda: ids)

    with pytest.raises(InvalidValue) as caught:
        whole("abcd")
    shown = ", ".join(ids[:5])
    assert str(caught.value) == f"'abcd' is the beginning of 7 job ids: {shown} and 2 more. Give more of it."
    assert whole("ab0") == ids[-1]
    assert whole("x") == "x"
    assert whole("") == ""
    # Where not all are listed, a few letters could mean another one.
    ids[:] = [f"{n:032x}" for n in range(1000)]
    assert whole("0" * 11) == "0" * 11


@pytest.mark.slow
def test_jobs_with_long_facts_fit_the_messages_of_any_client(tmp_path: Path) -> None:
    """Lists leave the facts out, and a page ends before it is too large: gRPC's clients take 4 MiB."""
    with daemon_at(tmp_path / "home", step_ms=5) as daemon:
        assert daemon.client is not None
        job_id = collect(generate(daemon.client, 0.1, seed=1)).job_id
        daemon.stop()
        with contextlib.closing(sqlite3.connect(daemon.home / "acebridge.db")) as database, database:
            database.row_factory = sqlite3.Row
            row = dict(database.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone())
            (take,) = json.loads(row["takes"])
            take["facts"] = {**take["facts"], "lyrics": "la " * 70_000}
            take["outputs"] *= 700
            row |= {"takes": json.dumps([take]), "key": None}
            del row["number"]
            for number in range(60):
                row["id"] = f"{number:08x}{job_id[8:]}"
                marks = ",".join("?" * len(row))
                database.execute(f"INSERT INTO jobs ({','.join(row)}) VALUES ({marks})", tuple(row.values()))
        client = daemon.start()
        page = client.call(client.jobs.ListJobs, jobs_pb2.ListJobsRequest(page_size=1000))
        assert page.next_page_token
        assert 2**20 < page.ByteSize() <= MAX_BYTES + 2**16
        assert len(listing.newest_jobs(client, None)) == 61
        assert not page.jobs[0].takes[0].HasField("metadata")
        assert len(job(client, page.jobs[-1].id).takes[0].metadata.lyrics) == 210_000
        with Shell(tmp_path, daemon.environment) as shell:
            assert len(shell.run("jobs", "--limit", "500").stdout.splitlines()) == 61
            assert shell.json("jobs", "show", f"00000007{job_id[8:20]}")["id"] == f"00000007{job_id[8:]}"
