"""The token of a client: where it comes from, which address gets it, and that every kind of call carries it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from acebridge.client.client import Client
from acebridge.client.credentials import read_token, token_for
from acebridge.errors import JobFailed
from acebridge.v1 import assets_pb2, daemon_pb2, jobs_pb2
from acestep_runtime.errors import InvalidValue

TOKEN = "ab" * 32


class Recorder(grpc.GenericRpcHandler):
    """Keeps what the metadata of each call says about who calls, and answers none."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, list[str]]] = []

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> None:
        values = [str(value) for key, value in handler_call_details.invocation_metadata if key == "authorization"]
        self.seen.append((handler_call_details.method.rpartition("/")[2], values))


@pytest.fixture
def recorder() -> Iterator[tuple[str, Recorder]]:
    server, handler = grpc.server(ThreadPoolExecutor(2)), Recorder()
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}", handler
    server.stop(0).wait()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ACEBRIDGE_HOME", str(tmp_path))
    monkeypatch.delenv("ACEBRIDGE_TOKEN", raising=False)
    (tmp_path / "daemon.json").write_text(json.dumps({"address": "127.0.0.1:50710"}))
    (tmp_path / "token").write_text(TOKEN)
    return tmp_path


def call_everything(client: Client) -> None:
    """Make a call of each kind."""
    with pytest.raises(JobFailed):
        client.call(client.daemon.GetStatus, daemon_pb2.GetStatusRequest())
    with pytest.raises(grpc.RpcError):
        list(client.jobs.WatchJob(jobs_pb2.WatchJobRequest(job_id="x")))
    with pytest.raises(grpc.RpcError):
        client.assets.UploadAsset(iter([assets_pb2.UploadAssetRequest(name="x")]))


@pytest.mark.parametrize(("token", "expected"), [(TOKEN, [f"Bearer {TOKEN}"]), ("", [])])
def test_every_kind_of_call_carries_the_token(recorder: tuple[str, Recorder], token: str, expected: list[str]) -> None:
    address, handler = recorder
    with Client(address, token=token) as client:
        call_everything(client)
    assert sorted(handler.seen) == [("GetStatus", expected), ("UploadAsset", expected), ("WatchJob", expected)]


@pytest.mark.usefixtures("home")
def test_the_token_goes_to_the_daemon_of_the_data_folder_only(recorder: tuple[str, Recorder]) -> None:
    address, handler = recorder
    assert token_for("127.0.0.1:50710") == TOKEN
    assert token_for(address) == ""
    with Client(address) as client:
        call_everything(client)
    assert [values for _, values in handler.seen] == [[], [], []]


@pytest.mark.usefixtures("home")
def test_another_daemon_gets_the_token_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEBRIDGE_TOKEN", "cd" * 32)
    assert token_for("127.0.0.1:50711") == "cd" * 32
    assert token_for("127.0.0.1:50710") == TOKEN


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("value", ["x", TOKEN[1:], f"{TOKEN[:32]}\n{TOKEN[32:]}", f"Bearer {TOKEN}", TOKEN.upper()])
def test_a_variable_without_a_token_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("ACEBRIDGE_TOKEN", value)
    with pytest.raises(InvalidValue, match=r"^ACEBRIDGE_TOKEN holds no token of a daemon; allowed: 64 hex") as caught:
        Client("127.0.0.1:50711")
    assert TOKEN[1:30] not in str(caught.value)
    monkeypatch.setenv("ACEBRIDGE_TOKEN", f" {TOKEN}\n")
    assert token_for("127.0.0.1:50711") == TOKEN


def test_a_token_that_changes_is_read_again(recorder: tuple[str, Recorder], home: Path) -> None:
    address, handler = recorder
    (home / "daemon.json").write_text(json.dumps({"address": address}))
    with Client(address) as client:
        for token in (TOKEN, "cd" * 32):
            (home / "token").write_text(token)
            call_everything(client)
        (home / "daemon.json").unlink()  # as a daemon that ends does: the port may be another program's now
        call_everything(client)
    expected = [[f"Bearer {TOKEN}"]] * 3 + [[f"Bearer {'cd' * 32}"]] * 3 + [[]] * 3
    assert [values for _, values in handler.seen] == expected


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b" \n", b"\x00", b"two\nlines", b"short"])
def test_a_missing_or_unreadable_token_is_none(home: Path, content: bytes | None) -> None:
    (home / "token").unlink()
    if content is not None:
        (home / "token").write_bytes(content)
    assert read_token(home) == ""
