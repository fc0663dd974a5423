"""How many calls may be open, and the ends of those that stand still or whose tokens are revoked."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc

from acebridge.client.client import Client
from acebridge.contract.status import unpack_error
from acebridge.errors import ErrorReason, JobFailed
from acebridge.server.connections import MAX_CONNECTION_CALLS
from acebridge.server.open_calls import MAX_OWN_CALLS, UPLOAD
from acebridge.tokens import Scope, add_token, revoke_token
from acebridge.v1 import assets_pb2, jobs_pb2, jobs_pb2_grpc
from tests.support.daemon import PATIENCE_S, Daemon, collect, create_tone_job, daemon_at, generate, status, until

MAX_CALLS, MAX_UPLOADS, MAX_CONNECTIONS = 40, 3, 12
#: Longer than a busy machine holds up what is not to be ended.
IDLE_S = 8
CONFIG = f"""
max_open_calls = {MAX_CALLS}
max_uploads = {MAX_UPLOADS}
max_connections = {MAX_CONNECTIONS}
idle_upload_s = {IDLE_S}
stalled_reader_s = {IDLE_S}
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemon_at(tmp_path_factory.mktemp("shared"), step_ms=5, config=CONFIG) as daemon:
        yield daemon


@contextlib.contextmanager
def channel_to(daemon: Daemon) -> Iterator[grpc.Channel]:
    """A connection of its own."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(daemon.address, options) as channel:
        yield channel


def metadata(daemon: Daemon, token: str = "") -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token or daemon.token}"),)


def end_of(call: Any) -> JobFailed:
    """How a call ends that fails."""
    with pytest.raises(grpc.RpcError) as caught:
        for _ in call:
            pass
    return unpack_error(caught.value)


def watch(daemon: Daemon, channel: grpc.Channel, job_id: str, token: str = "") -> Any:
    stub = jobs_pb2_grpc.JobServiceStub(channel)
    return stub.WatchJob(jobs_pb2.WatchJobRequest(job_id=job_id), metadata=metadata(daemon, token))


def hold_job(daemon: Daemon, client: Client, seed: int) -> str:
    """Return the id of a job that stands still."""
    daemon.hold(seed)
    return create_tone_job(client, 0.5, seed=seed)


def test_more_calls_than_there_may_be_are_refused(daemon: Daemon, client: Client) -> None:
    job_id = hold_job(daemon, client, 11)
    with channel_to(daemon) as channel:
        calls = [watch(daemon, channel, job_id) for _ in range(MAX_CALLS)]
        for call in calls:
            next(call)
        with pytest.raises(JobFailed) as caught:
            status(client)
        assert caught.value.kind is ErrorReason.BUSY
        assert str(caught.value) == (
            f"{MAX_CALLS} calls are open. End some of them, or raise max_open_calls in config.toml."
        )
        calls.pop().cancel()
        until(lambda: _answers(client), "a place")
        for call in calls:
            call.cancel()


def _answers(client: Client) -> bool:
    with contextlib.suppress(JobFailed):
        return bool(status(client).pid)
    return False


def test_calls_of_health_need_no_token_and_take_no_place_of_others(daemon: Daemon, client: Client) -> None:
    with channel_to(daemon) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest()
        watches = [stub.Watch(request) for _ in range(MAX_OWN_CALLS)]
        for each in watches:
            next(each)
        with pytest.raises(grpc.RpcError) as caught:
            next(stub.Watch(request))
        assert unpack_error(caught.value).kind is ErrorReason.BUSY
        assert stub.Check(request).status
        assert status(client).pid == daemon.pid
        for each in watches:
            each.cancel()


def test_calls_without_a_token_hold_no_place_even_if_they_send_no_request(daemon: Daemon, client: Client) -> None:
    with standing_calls(daemon, MAX_CALLS + 5, "/acebridge.v1.DaemonService/GetStatus") as calls:
        for call in calls:
            assert call.code() is grpc.StatusCode.UNAUTHENTICATED  # waits for its end
    assert status(client).pid == daemon.pid


@contextlib.contextmanager
def standing_calls(daemon: Daemon, count: int, method: str, *requests: Message, token: str = "") -> Iterator[list[Any]]:
    """Calls on one connection that send these requests and then nothing."""
    stop = threading.Event()

    def send() -> Iterator[Message]:
        yield from requests
        stop.wait(PATIENCE_S)

    with channel_to(daemon) as channel:
        stub = channel.stream_unary(method, request_serializer=lambda request: request.SerializeToString())
        proof = metadata(daemon, token) if token else ()
        calls = [stub.future(send(), metadata=proof) for _ in range(count)]
        try:
            yield calls
        finally:
            stop.set()
            for call in calls:
                call.cancel()


def test_uploads_that_stand_still_end_and_leave_nothing(daemon: Daemon) -> None:
    """Until then one more than there may be is refused."""
    incoming = daemon.home / "incoming"
    part = assets_pb2.UploadAssetRequest(name="half.wav", data=b"RIFF" * 1000)
    with standing_calls(daemon, MAX_UPLOADS + 1, UPLOAD, part, token=daemon.token) as calls:
        ends = [unpack_error(call.exception()) for call in calls]
    assert sorted(end.kind for end in ends) == [ErrorReason.BUSY] + [ErrorReason.TIMED_OUT] * MAX_UPLOADS
    texts = {end.kind: str(end) for end in ends}
    assert texts[ErrorReason.BUSY] == (
        f"{MAX_UPLOADS} uploads are under way. Try again when one has ended, or raise max_uploads in config.toml."
    )
    assert texts[ErrorReason.TIMED_OUT] == (
        f"Nothing has arrived for {IDLE_S} s. Send the file again, without pauses between its parts."
    )
    assert {call.code() for call in calls} == {
        grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.DEADLINE_EXCEEDED,
    }  # fmt: skip
    until(lambda: not list(incoming.iterdir()), "its file to go")


def test_a_request_that_never_comes_is_not_waited_for(daemon: Daemon, client: Client) -> None:
    with standing_calls(daemon, 1, "/acebridge.v1.DaemonService/GetStatus", token=daemon.token) as (call,):
        assert unpack_error(call.exception()).kind is ErrorReason.TIMED_OUT
    assert status(client).pid == daemon.pid


def test_a_stream_that_nobody_reads_ends(daemon: Daemon, client: Client) -> None:
    """What it holds is freed. Others are served meanwhile, and it can be resumed."""
    take = collect(generate(client, 60.0, seed=21))
    process = psutil.Process(daemon.pid)

    def reads() -> bool:
        return any(Path(file.path).is_relative_to(daemon.home / "assets") for file in process.open_files())

    until(lambda: not reads(), "the file of who has read it to be closed")
    with channel_to(daemon) as channel:
        call = watch(daemon, channel, take.job_id)
        events = list(itertools.islice(call, 3))
        assert events
        until(reads, "its file")
        until(lambda: not reads(), "its end")
        collect(generate(client, 0.2, seed=22))
        end = end_of(call)  # it reads again
        assert (end.kind, call.code()) == (ErrorReason.TIMED_OUT, grpc.StatusCode.DEADLINE_EXCEEDED)
        assert str(end).startswith(
            f"Nothing was read for {IDLE_S} s. Resume with WatchJob after the last sequence number"
        )
    assert collect(client.watch(take.job_id)).data == take.data


def test_a_revoked_token_ends_the_streams_that_it_began(daemon: Daemon, client: Client) -> None:
    job_id = hold_job(daemon, client, 31)
    looper = add_token(daemon.home, "looper", [Scope.SUBMIT])
    add_token(daemon.home, "other", [Scope.SUBMIT])
    with channel_to(daemon) as channel:
        call, own = watch(daemon, channel, job_id, looper), watch(daemon, channel, job_id)
        next(call)
        next(own)
        revoke_token(daemon.home, "other")
        revoke_token(daemon.home, "looper")
        end = end_of(call)
        assert (end.kind, call.code()) == (ErrorReason.UNAUTHENTICATED, grpc.StatusCode.UNAUTHENTICATED)
        assert str(end) == "The token of this call was revoked. Make another one with `acebridge token new NAME`."
        daemon.release()
        for _ in own:  # the daemon's own goes on to its end
            pass


def test_connections_beyond_the_limit_are_closed(daemon: Daemon, client: Client) -> None:
    assert status(client).pid == daemon.pid
    host, _, port = daemon.address.rpartition(":")
    with contextlib.ExitStack() as stack:
        for _ in range(MAX_CONNECTIONS + 3):
            stack.enter_context(socket.create_connection((host, int(port)), timeout=PATIENCE_S))
        with channel_to(daemon) as channel, pytest.raises(grpc.RpcError) as caught:
            health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE_S)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert status(client).pid == daemon.pid  # those that are open go on
    with channel_to(daemon) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        assert stub.Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE_S, wait_for_ready=True).status


def test_one_connection_has_only_some_of_the_calls(tmp_path: Path) -> None:
    """A client keeps the others back until one of them ends."""
    with daemon_at(tmp_path / "home", step_ms=5) as daemon, channel_to(daemon) as channel:
        assert daemon.client is not None
        job_id = hold_job(daemon, daemon.client, 41)
        calls = [watch(daemon, channel, job_id) for _ in range(MAX_CONNECTION_CALLS)]
        for call in calls:
            next(call)
        late = watch(daemon, channel, job_id)
        assert status(daemon.client).pid == daemon.pid
        calls.pop().cancel()
        next(late)
        for call in (*calls, late):
            call.cancel()
        daemon.release()


@pytest.mark.slow
def test_forty_readers_that_stand_still_cost_others_nothing(tmp_path: Path) -> None:
    with daemon_at(tmp_path / "home", step_ms=5) as daemon, channel_to(daemon) as channel:
        assert daemon.client is not None
        take = collect(generate(daemon.client, 20.0, seed=51))
        process = psutil.Process(daemon.pid)
        before = process.memory_info().rss
        calls = [watch(daemon, channel, take.job_id) for _ in range(40)]
        for call in calls:
            next(call)
        collect(generate(daemon.client, 0.5, seed=52))
        assert process.memory_info().rss - before < 160 * 2**20
        for call in calls:
            call.cancel()
