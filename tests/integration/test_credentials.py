"""The token of the daemon: written at each start for its user alone, and needed for each call."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from acebridge.client.client import Client
from acebridge.client.credentials import open_channel
from acebridge.client.discovery import answers
from acebridge.client.own_daemon import read_token
from acebridge.contract.status import unpack_error
from acebridge.contract.stubs import DaemonStub
from acebridge.errors import JobFailed
from acebridge.server.scopes import SCOPES
from acebridge.v1 import assets_pb2, daemon_pb2, daemon_pb2_grpc, jobs_pb2
from tests.support.daemon import PATIENCE_S, Daemon, daemon_at, status, until


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemon_at(tmp_path_factory.mktemp("home")) as daemon:
        yield daemon


def test_the_token_is_secret_and_new_at_each_start(tmp_path: Path) -> None:
    tokens = []
    for _ in range(2):
        with daemon_at(tmp_path / "home") as daemon:
            file = daemon.home / "token"
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            tokens.append(file.read_text("ascii"))
    assert all(re.fullmatch("[0-9a-f]{64}", token) for token in tokens)
    assert tokens[0] != tokens[1]


def test_calls_with_the_token_are_answered(daemon: Daemon) -> None:
    with Client(daemon.address, token=daemon.token) as client:
        assert client.call(client.daemon.GetStatus, daemon_pb2.GetStatusRequest()).pid == daemon.pid


METHODS = [(service, method) for service, methods in SCOPES.items() for method in methods]


@pytest.mark.parametrize(("service", "method"), METHODS, ids=[method for _, method in METHODS])
def test_no_method_is_answered_without_a_token(daemon: Daemon, service: str, method: str) -> None:
    with grpc.insecure_channel(daemon.address) as channel:
        call = channel.stream_stream(f"/{service}/{method}")(iter([b"\xff no message"]))
        with pytest.raises(grpc.RpcError) as caught:
            list(call)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert str(unpack_error(caught.value)) == (
        "This call carries no token. Send the metadata `authorization: Bearer TOKEN`, where TOKEN is the text of the file"
        " `token` in the daemon's data folder, which `acebridge token show` prints."
    )


def test_health_needs_none(daemon: Daemon) -> None:
    with grpc.insecure_channel(daemon.address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        assert stub.Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE_S).status == 1
        watch = stub.Watch(health_pb2.HealthCheckRequest())
        assert next(iter(watch)).status == 1
        watch.cancel()


@pytest.mark.slow
def test_a_daemon_may_need_no_token(tmp_path: Path) -> None:
    with daemon_at(tmp_path / "home", config="[auth]\nrequired = false\n") as daemon:
        with Client(daemon.address, token="") as client:
            assert status(client).pid == daemon.pid
        with pytest.raises(grpc.RpcError, match="not the daemon's"):  # a wrong one is a mistake
            ask_with(daemon, f"Bearer {'ab' * 32}")
        assert "warning calls need no token: every program and user of this machine may use" in daemon.console()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_written_in_any_case(daemon: Daemon, scheme: str) -> None:
    value = f"{scheme} {read_token(daemon.home)}"
    assert ask_with(daemon, value).pid == daemon.pid
    assert ask_with(daemon, value, value).pid == daemon.pid


@pytest.mark.parametrize(
    "form", ["{}", "Basic {}", "Bearer {}x", "Bearer  {}", "Bearer", "", "Bearer {},Bearer {}", "é {}"]
)
def test_another_form_of_the_token_is_refused(daemon: Daemon, form: str) -> None:
    token = read_token(daemon.home)
    with pytest.raises(grpc.RpcError) as caught:
        ask_with(daemon, f"Bearer {token}", form.format(token, token))
    assert caught.value.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.INTERNAL)
    assert not form.isascii() or caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def ask_with(daemon: Daemon, *values: str) -> daemon_pb2.DaemonStatus:
    """The answer of a call with these values of its metadata."""
    with grpc.insecure_channel(daemon.address) as channel:
        stub: DaemonStub = daemon_pb2_grpc.DaemonServiceStub(channel)
        return stub.GetStatus(daemon_pb2.GetStatusRequest(), metadata=[("authorization", value) for value in values])


@pytest.mark.slow
def test_a_client_outlives_the_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEBRIDGE_HOME", str(tmp_path))
    daemon = Daemon(tmp_path)
    daemon.start()
    daemon.arguments = ("--port", daemon.address.rpartition(":")[2])  # where it is started again
    with Client(daemon.address) as client:
        tokens = {read_token(tmp_path)}
        assert status(client).pid == daemon.pid
        assert daemon.stop() == 0
        daemon.start()
        tokens.add(read_token(tmp_path))
        until(lambda: answers(daemon.address))
        assert client.daemon.GetStatus(daemon_pb2.GetStatusRequest(), wait_for_ready=True).pid == daemon.pid
    assert len(tokens) == 2
    assert daemon.stop() == 0


@pytest.mark.parametrize("token", ["ab" * 32, "x", "Bearer"])
def test_a_wrong_token_is_refused_with_a_remedy(daemon: Daemon, token: str) -> None:
    with Client(daemon.address, token=token) as client:
        with pytest.raises(JobFailed, match="token") as caught:
            client.call(client.daemon.GetStatus, daemon_pb2.GetStatusRequest())
        assert "data folder" in caught.value.remedy
        with pytest.raises(grpc.RpcError) as stream:
            list(client.jobs.WatchJob(jobs_pb2.WatchJobRequest(job_id="x")))
        with pytest.raises(grpc.RpcError) as upload:
            client.assets.UploadAsset(iter([assets_pb2.UploadAssetRequest(name="x", data=b"x")]))
    for error in (stream.value, upload.value):
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        assert unpack_error(error).remedy == caught.value.remedy


def test_a_wrong_token_is_refused_by_health_too(daemon: Daemon) -> None:
    with open_channel(daemon.address, "ab" * 32) as channel, pytest.raises(grpc.RpcError) as caught:
        health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
