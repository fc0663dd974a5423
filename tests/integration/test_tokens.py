"""Tokens that the command makes: what each may do at a daemon that runs, from when it is made until it is revoked."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import grpc
import pytest

from acebridge.client.client import Client
from acebridge.errors import JobFailed
from acebridge.v1 import assets_pb2, daemon_pb2, jobs_pb2, models_pb2
from tests.support.daemon import Daemon, assets, collect, create_tone_job, download, generate, song, status, write_wav
from tests.support.shell import FAKE, Shell


def make(shell: Shell, name: str, *scopes: str) -> str:
    """Make a token by the command."""
    done = shell.run("token", "new", name, *(word for scope in scopes for word in ("--scope", scope)))
    assert re.fullmatch(r"[0-9a-f]{64}\n", done.stdout)
    return done.stdout.strip()


def refuse(client: Client, method: str, request: object, needed: str) -> None:
    """Assert that a call needs another scope, and that the sentence says so."""
    stub = {"J": client.jobs, "A": client.assets, "M": client.models, "D": client.daemon}[method[0]]
    name = method.partition(".")[2]
    with pytest.raises(JobFailed) as caught:
        client.call(getattr(stub, name), request)
    cause = caught.value.__cause__
    assert isinstance(cause, grpc.RpcError)
    assert cause.code() is grpc.StatusCode.PERMISSION_DENIED
    assert caught.value.kind == "PERMISSION_DENIED"
    assert str(caught.value) == (
        f"The token of this call does not allow {name}: that needs the scope {needed}."
        f" Make one with `acebridge token new NAME --scope {needed.partition(' ')[0]}`."
    )


def test_a_program_that_makes_music_sees_what_it_made(shell: Shell, daemon: Daemon, client: Client) -> None:
    other = create_tone_job(client, 0.1, seed=5)
    with Client(daemon.address, token=make(shell, "looper")) as looper:  # submit, by default
        source = looper.upload(write_wav(shell.folder / "song.wav", song(0.2)))
        made = collect(generate(looper, 0.2, seed=3))
        assert download(looper, made.completed.takes[0].outputs[0].asset_id)
        assert looper.call(looper.jobs.GetJob, jobs_pb2.GetJobRequest(job_id=made.job_id)).id == made.job_id
        assert looper.call(looper.assets.PinAsset, assets_pb2.PinAssetRequest(asset_id=source.asset_id)).pinned
        assert looper.cancel(create_tone_job(looper, 0.1, seed=4)).id
        assert status(looper).pid == daemon.pid
        with closing(sqlite3.connect(daemon.home / "acebridge.db")) as database:
            owners = dict(database.execute("SELECT id, owner FROM jobs").fetchall())
        assert (owners[other], owners[made.job_id]) == ("(own)", "looper")  # they share the workers
        refuse(looper, "J.ListJobs", jobs_pb2.ListJobsRequest(), "read or admin")
        refuse(looper, "A.ListAssets", assets_pb2.ListAssetsRequest(), "read or admin")
        refuse(looper, "J.DeleteJob", jobs_pb2.DeleteJobRequest(job_id=other), "admin")
        refuse(looper, "A.DeleteAsset", assets_pb2.DeleteAssetRequest(asset_id=source.asset_id), "admin")
        refuse(looper, "M.UnloadModel", models_pb2.UnloadModelRequest(name="x"), "admin")
        refuse(looper, "D.Shutdown", daemon_pb2.ShutdownRequest(), "admin")
    assert status(client).pid == daemon.pid


def test_a_program_that_looks_changes_nothing(shell: Shell, daemon: Daemon, client: Client) -> None:
    made = collect(generate(client, 0.1, seed=6))
    with Client(daemon.address, token=make(shell, "display", "read")) as display:
        assert {asset.id for asset in assets(display)} == {asset.id for asset in assets(client)}
        assert collect(display.watch(made.job_id)).kinds == made.kinds
        with pytest.raises(JobFailed, match="does not allow TextToMusic: that needs the scope submit or admin"):
            list(generate(display, 0.1))
        with pytest.raises(JobFailed, match="does not allow UploadAsset"):
            display.upload(write_wav(shell.folder / "new.wav", song(0.3)))
        refuse(display, "J.CancelJob", jobs_pb2.CancelJobRequest(job_id=made.job_id), "submit or admin")


def test_a_token_counts_from_when_it_is_made_until_it_is_revoked(shell: Shell, daemon: Daemon) -> None:
    with Client(daemon.address, token=make(shell, "all", "read", "submit", "admin")) as client:
        job_id = collect(generate(client, 0.1, seed=8)).job_id
        client.call(client.jobs.DeleteJob, jobs_pb2.DeleteJobRequest(job_id=job_id))
        assert shell.run("token", "revoke", "all").stdout == "revoked all\n"
        with pytest.raises(JobFailed) as caught:
            status(client)
        assert caught.value.kind == "UNAUTHENTICATED"


def test_tokens_are_listed_and_never_shown_again(shell: Shell, daemon: Daemon) -> None:
    token = make(shell, "Stream Deck", "submit", "read")
    shown = shell.run("token", "list").stdout + shell.run("token", "show", "Stream Deck").stdout
    assert re.search(r"^Stream Deck\tsubmit, read\t20\d\d-\d\d-\d\dT", shown, re.MULTILINE)
    assert token not in shown
    assert shell.run("token", "show").stdout == f"{daemon.token}\n"
    assert shell.failure("token", "new", "Stream Deck").startswith("There is a token 'Stream Deck' already.")
    assert shell.failure("token", "revoke", "nobody").startswith("There is no token 'nobody'.")
    assert "admin" in shell.run("token", "new", "x", "--scope", "root", code=2).stderr


@pytest.mark.slow
def test_the_command_itself_works_with_one(shell: Shell, daemon: Daemon, tmp_path: Path) -> None:
    """As on another account, or behind a tunnel: the address and a token are all that it has."""
    token = make(shell, "guest")
    guest = Shell(shell.folder, {**shell.environment, "ACEBRIDGE_HOME": str(tmp_path / "none")})
    guest.environment |= {"ACEBRIDGE_ADDRESS": daemon.address, "ACEBRIDGE_TOKEN": token}
    write_wav(guest.folder / "song.wav", song(0.3))
    with guest:
        guest.spawn("cover", "song.wav", "-o", "out.wav", *FAKE)
        assert "does not allow ListJobs" in guest.spawn("jobs", code=4).stderr
        guest.environment.pop("ACEBRIDGE_TOKEN")
        assert "This call carries no token." in guest.spawn("jobs", code=4).stderr
        guest.environment["ACEBRIDGE_TOKEN"] = "ab" * 32
        assert "The token of this call is not that of the daemon at" in guest.spawn("jobs", code=4).stderr
    assert (guest.folder / "out.wav").exists()


def test_no_daemon_has_no_token(shell: Shell, tmp_path: Path) -> None:
    nobody = {**shell.environment, "ACEBRIDGE_HOME": str(tmp_path / "none")}
    with Shell(shell.folder, nobody) as shell:
        assert shell.failure("token", "show", code=3).startswith("There is no token yet")
        assert shell.run("token", "list").stdout == ""
        shell.run("token", "new", "early", "--scope", "read")
    assert {file.name for file in (tmp_path / "none").iterdir()} == {"audit.log", "tokens.json", "tokens.lock"}
