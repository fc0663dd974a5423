"""The token of a client: where it comes from, which address gets it, that every kind of call carries it, and that it goes to
nobody who does not know it already."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from acebridge.client.client import Client
from acebridge.client.credentials import token_for
from acebridge.client.discovery import answers, find_daemon, serves
from acebridge.client.own_daemon import read_token
from acebridge.errors import ConnectionLost
from acebridge.processes import start_of
from acebridge.proof import prove
from acebridge.v1 import assets_pb2, daemon_pb2, jobs_pb2
from acestep_runtime.errors import InvalidValue
from tests.support.daemon import until
from tests.support.recorder import Recorder, serve

TOKEN, OTHER = "ab" * 32, "cd" * 32


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with serve(Recorder([TOKEN, OTHER])) as recorder:
        yield recorder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ACEBRIDGE_HOME", str(tmp_path))
    monkeypatch.delenv("ACEBRIDGE_TOKEN", raising=False)
    note(tmp_path, "127.0.0.1:50710")
    return tmp_path


def note(home: Path, address: str, token: str = TOKEN, *, pid: int = 0, start: str = "") -> None:
    """Write what a daemon leaves in its data folder."""
    (home / "daemon.json").write_text(json.dumps({"address": address, "pid": pid or os.getpid(), "start": start}))
    (home / "token").write_text(token)


def call_everything(client: Client, code: grpc.StatusCode = grpc.StatusCode.NOT_FOUND) -> None:
    """Make a call of each kind, which ends with a code."""
    with pytest.raises(grpc.RpcError) as unary:
        client.daemon.GetStatus(daemon_pb2.GetStatusRequest())
    with pytest.raises(grpc.RpcError) as stream:
        list(client.jobs.WatchJob(jobs_pb2.WatchJobRequest(job_id="x")))
    with pytest.raises(grpc.RpcError) as upload:
        client.assets.UploadAsset(iter([assets_pb2.UploadAssetRequest(name="x")]))
    assert {error.value.code() for error in (unary, stream, upload)} == {code}


@pytest.mark.parametrize(("token", "expected"), [(TOKEN, [f"Bearer {TOKEN}"]), ("", [])])
def test_every_kind_of_call_carries_the_token(recorder: Recorder, token: str, expected: list[str]) -> None:
    with Client(recorder.address, token=token) as client:
        call_everything(client)
        call_everything(client)
    assert sorted(call[:2] for call in recorder.calls) == [
        (name, expected) for name in ("GetStatus", "UploadAsset", "WatchJob") for _ in range(2)
    ]
    assert recorder.checks == (1 if token else 0)  # one proof counts for the connection


@pytest.mark.usefixtures("home")
def test_the_token_goes_to_the_daemon_of_the_data_folder_only(recorder: Recorder) -> None:
    assert token_for("127.0.0.1:50710") == token_for("localhost:50710") == TOKEN
    assert token_for(recorder.address) == token_for("localhost:50711") == ""
    with Client(recorder.address) as client:
        call_everything(client)
    assert [call.tokens for call in recorder.calls] == [[], [], []]


@pytest.mark.usefixtures("home")
def test_another_daemon_gets_the_token_of_the_environment(monkeypatch: pytest.MonkeyPatch, recorder: Recorder) -> None:
    monkeypatch.setenv("ACEBRIDGE_TOKEN", OTHER)
    assert token_for("127.0.0.1:50711") == OTHER
    assert token_for("127.0.0.1:50710") == TOKEN
    with Client(recorder.address) as client:
        call_everything(client)
    assert [call.tokens for call in recorder.calls] == [[f"Bearer {OTHER}"]] * 3


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("value", ["x", TOKEN[1:], f"{TOKEN[:32]}\n{TOKEN[32:]}", f"Bearer {TOKEN}", TOKEN.upper()])
def test_a_variable_without_a_token_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("ACEBRIDGE_TOKEN", value)
    with pytest.raises(InvalidValue, match=r"^ACEBRIDGE_TOKEN holds no token of a daemon; allowed: 64 hex") as caught:
        Client("127.0.0.1:50711")
    assert TOKEN[1:30] not in str(caught.value)
    monkeypatch.setenv("ACEBRIDGE_TOKEN", f" {TOKEN}\n")
    assert token_for("127.0.0.1:50711") == TOKEN


def test_a_token_that_changes_is_read_again(recorder: Recorder, home: Path) -> None:
    with Client(recorder.address) as client:
        for token in (TOKEN, OTHER):
            note(home, recorder.address, token)
            call_everything(client)
        assert recorder.checks == 2
        (home / "daemon.json").unlink()  # as a daemon does that is stopping: what is under way goes on
        call_everything(client)
    expected = [[f"Bearer {TOKEN}"]] * 3 + [[f"Bearer {OTHER}"]] * 6
    assert [call.tokens for call in recorder.calls] == expected


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b" \n", b"\x00", b"two\nlines", b"short"])
def test_a_missing_or_unreadable_token_is_none(home: Path, content: bytes | None) -> None:
    (home / "token").unlink()
    if content is not None:
        (home / "token").write_bytes(content)
    assert read_token(home) == ""


def test_a_daemon_of_before_there_were_proofs_can_be_used_and_stopped(home: Path) -> None:
    """As long as it runs: it has noted no start."""
    with serve(Recorder()) as former:
        note(home, former.address)
        fields = {"address": former.address, "pid": os.getpid(), "version": "0.1.0"}
        (home / "daemon.json").write_text(json.dumps(fields))
        assert serves(former.address, home)
        with Client(former.address) as client:
            call_everything(client)
        assert [call.tokens for call in former.calls] == [[f"Bearer {TOKEN}"]] * 3
        with subprocess.Popen([sys.executable, "-c", ""]) as ended:
            ended.wait()
        (home / "daemon.json").write_text(json.dumps({**fields, "pid": ended.pid}))
        assert not serves(former.address, home)
        with Client(former.address) as client:
            call_everything(client, grpc.StatusCode.UNAVAILABLE)


@pytest.mark.parametrize("address", ["junk", "", ":", "127.0.0.1:", "127.0.0.1:x", "[::1]:70000"])
def test_an_address_file_with_no_address_names_no_daemon(home: Path, address: str) -> None:
    note(home, address)
    assert not serves(address, home)


# ---- impostors ----


@pytest.mark.usefixtures("home")
def test_a_warning_comes_before_anything_is_sent_to_who_has_proven_nothing(
    monkeypatch: pytest.MonkeyPatch, recorder: Recorder
) -> None:
    said: list[str] = []
    find_daemon(recorder.address, autostart=False, warn=lambda text: said.append(f"{len(recorder.calls)}: {text}"))
    assert said == [
        f"0: The daemon at {recorder.address} has proven nothing, for there is no token for it: any user of this machine may"
        " listen there. Set ACEBRIDGE_TOKEN to a token of it."
    ]
    monkeypatch.setenv("ACEBRIDGE_TOKEN", OTHER)
    find_daemon(recorder.address, autostart=False, warn=pytest.fail)


def elsewhere(challenge: str, token_hash: str, port: int) -> str:
    """The proof of the daemon itself at another port, where an impostor has fetched it."""
    return prove(challenge, token_hash, port + 1)


def of_before(challenge: str, token_hash: str, port: int) -> str:
    """The proof for another challenge."""
    return prove(challenge[:17] + "0" * 32, token_hash, port)


@pytest.mark.parametrize(
    "impostor",
    [Recorder(), Recorder([OTHER]), Recorder([TOKEN], elsewhere), Recorder([TOKEN], of_before)],
    ids=["no proof", "another token", "of another port", "of another challenge"],
)
def test_an_impostor_gets_nothing(home: Path, impostor: Recorder) -> None:
    with serve(impostor):
        note(home, impostor.address)
        assert not serves(impostor.address, home)
        assert not answers(impostor.address, token=TOKEN)
        assert answers(impostor.address)
        with Client(impostor.address, local=True) as client:
            call_everything(client, grpc.StatusCode.UNAVAILABLE)
            with pytest.raises(ConnectionLost, match="does not answer any more") as caught:
                client.call(client.assets.ImportAsset, assets_pb2.ImportAssetRequest(path="/home/me/song.wav"))
            assert caught.value.remedy
    assert impostor.calls == []


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("given", [None, OTHER], ids=["environment", "argument"])
def test_who_passes_the_challenge_on_gets_no_other_token_either(
    monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    monkeypatch.setenv("ACEBRIDGE_TOKEN", OTHER)
    with serve(Recorder([OTHER], elsewhere)) as relay, Client(relay.address, token=given) as client:
        call_everything(client, grpc.StatusCode.UNAUTHENTICATED)
    assert relay.checks == 3
    assert relay.calls == []


def test_one_that_comes_after_the_daemon_was_killed_gets_nothing(home: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with serve(Recorder([TOKEN])) as daemon:
        note(home, daemon.address, pid=process.pid, start=start_of(process.pid))
        client = Client(daemon.address)
        call_everything(client)
        call_everything(client)
        assert (len(daemon.calls), daemon.checks) == (6, 1)
        address = daemon.address
    process.kill()
    process.communicate()
    with client, serve(Recorder(), address) as impostor:
        until(lambda: answers(address))
        call_everything(client, grpc.StatusCode.UNAVAILABLE)
        (home / "daemon.json").unlink()
        call_everything(client, grpc.StatusCode.UNAVAILABLE)
    assert impostor.calls == []
