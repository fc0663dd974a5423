"""Requests at random, and bytes that are no requests: each is refused or served, none is a fault of the daemon."""

from __future__ import annotations

import json
import random
import socket
from collections import Counter
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import status_pb2

from acebridge.client.client import Client, request_of
from acebridge.client.credentials import open_channel
from acebridge.errors import ErrorReason, JobFailed
from acebridge.v1 import audio_pb2, tasks_pb2
from tests.support import fuzz
from tests.support.daemon import (
    PATIENCE_S,
    Daemon,
    create_tone_job,
    daemon_at,
    delete_job,
    job,
    song,
    until_state,
    write_wav,
)
from tests.support.size import assert_no_growth, size_of
from tests.support.tiers import Rounds

_FAULTS = (grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL)
_REFUSALS = (ErrorReason.UNREADABLE_AUDIO, ErrorReason.INVALID_VALUE)


def send(channel: grpc.Channel, method: fuzz.Method, data: bytes) -> tuple[grpc.StatusCode, bytes, Any]:
    """Send bytes to a method; return the code, the first answer, and the error."""
    kind = "_".join("stream" if streams else "unary" for streams in (method.takes_stream, method.answers_stream))
    call = getattr(channel, kind)(method.path)
    try:
        answer = call(iter([data]) if method.takes_stream else data, timeout=PATIENCE_S)
        if not method.answers_stream:
            return grpc.StatusCode.OK, answer, None
        first = next(answer, b"")
        answer.cancel()
    except grpc.RpcError as error:
        return error.code(), b"", error
    return grpc.StatusCode.OK, first, None


def log_lines(daemon: Daemon, message: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (daemon.home / "logs" / "daemon.log").read_text("utf-8").splitlines()]
    return [line for line in lines if line["message"] == message]


@pytest.mark.parametrize("method", fuzz.methods(), ids=lambda method: method.path.rpartition("/")[2])
def test_bytes_that_are_no_message_are_an_invalid_argument(daemon: Daemon, method: fuzz.Method) -> None:
    before = len(log_lines(daemon, "a request cannot be read"))
    with open_channel(daemon.address, daemon.token) as channel:
        code, _, error = send(channel, method, b"\xff\xff\xff")
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert error.details().startswith(f"The 3 bytes of this request are no message that {method.path} takes. ")
    (packed,) = [value for key, value in error.trailing_metadata() if key == "grpc-status-details-bin"]
    assert status_pb2.Status.FromString(packed).details
    logged = log_lines(daemon, "a request cannot be read")[before:]
    assert [line["method"] for line in logged] == [method.path]


def test_the_services_of_grpc_itself_refuse_them_too(daemon: Daemon) -> None:
    with open_channel(daemon.address, daemon.token) as channel:
        for path, streams in (
            ("/grpc.health.v1.Health/Check", False),
            ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", True),
        ):
            method = fuzz.Method(path, tasks_pb2.Submission.DESCRIPTOR, streams, streams)
            assert send(channel, method, b"\xff")[0] is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "path", ["/secret", "//", "/secret/a/b", "/grpc.health.v1.Health/List", "/grpc.health.v1.Health/x"]
)
def test_a_method_that_is_not_there_leaves_no_trace(daemon: Daemon, path: str) -> None:
    """Anybody may name one as they like."""
    method = fuzz.Method(path, tasks_pb2.Submission.DESCRIPTOR, False, False)
    is_open = path.startswith("/grpc.health")
    with grpc.insecure_channel(daemon.address) as stranger, open_channel(daemon.address, daemon.token) as owner:
        refusal = grpc.StatusCode.UNIMPLEMENTED if is_open else grpc.StatusCode.UNAUTHENTICATED
        assert send(stranger, method, b"")[0] is refusal
        assert send(owner, method, b"")[0] is grpc.StatusCode.UNIMPLEMENTED
    log = (daemon.home / "logs" / "daemon.log").read_text("utf-8")
    assert "secret" not in log + daemon.console()
    assert "Traceback" not in log + daemon.console()


def test_bad_headers_are_not_printed(daemon: Daemon) -> None:
    """Anybody can send them, as many as they like."""
    host, port = daemon.address.rsplit(":", 1)
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
    header = bytes((0, 2)) + b"te" + bytes((4,)) + b"\xff" * 4  # literal, not indexed: RFC 7541, 6.2.2
    frame = len(header).to_bytes(3, "big") + bytes((1, 5)) + (1).to_bytes(4, "big") + header
    ping = (8).to_bytes(3, "big") + bytes((6, 0, 0, 0, 0, 0)) + b"answered"
    printed, answer = len(daemon.console()), b""
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as connection:
        connection.sendall(preface + frame + ping)
        while b"answered" not in answer:  # by then the header was read
            received = connection.recv(1 << 16)
            assert received
            answer += received
    assert "metadata" not in daemon.console()[printed:]


def assert_well(daemon: Daemon) -> None:
    """Assert that nothing has failed that ought not to."""
    assert "Traceback" not in daemon.console()
    for log in (daemon.home / "logs").iterdir():
        assert "Traceback" not in log.read_text("utf-8", errors="replace")


@pytest.mark.slow
@pytest.mark.campaign("faults")
def test_no_request_is_a_fault_of_the_daemon(tmp_path: Path, rounds: Rounds) -> None:
    """Their jobs are cancelled at once: it is not about what engines do. After the first part nothing grows any more."""
    with daemon_at(tmp_path / "home", step_ms=5) as daemon, Client(daemon.address, token=daemon.token) as client:
        done = create_tone_job(client, 0.1)
        until_state(client, done, "succeeded")
        asset = client.upload(write_wav(tmp_path / "a.wav", song(0.5))).asset_id
        chance, methods = random.Random(20_000), fuzz.methods()
        numbers, codes, sizes = rounds(4 * len(methods), 20_000), Counter[str](), []
        with open_channel(daemon.address, daemon.token) as channel:
            for number in numbers:
                method = methods[number % len(methods)]
                data = fuzz.make_request(method.request, chance, [done, asset])
                code, first, error = send(channel, method, data)
                assert code not in _FAULTS, (method.path, data, error)
                codes[code.name] += 1
                if method.path.startswith("/acebridge.v1.TaskService/") and first:
                    client.cancel(tasks_pb2.TaskEvent.FromString(first).job_id)
                if number in (len(numbers) // 4, numbers[-1]):
                    sizes.append(size_of(daemon))
        print(dict(codes))
        assert_no_growth(*sizes)
        assert_well(daemon)


@pytest.mark.slow
@pytest.mark.campaign("faults")
def test_no_audio_is_a_fault_of_the_daemon(tmp_path: Path, rounds: Rounds) -> None:
    """The daemon reads the headers, its worker the rest."""
    with daemon_at(tmp_path / "home") as daemon, Client(daemon.address, token=daemon.token) as client:
        chance, files = random.Random(10_000), list(fuzz.make_audio(tmp_path).items())
        numbers, ends, sizes = rounds(2 * len(files), 10_000), Counter[str](), []
        for number in numbers:
            name, data = files[number % len(files)]
            source = audio_pb2.AudioInput(inline=fuzz.damage_audio(data, chance), name=name)
            try:
                job_id = client.create(request_of("cover", {}, source=source, submission={"engine": "fake"})).id
            except JobFailed as refusal:
                assert refusal.kind in _REFUSALS, refusal  # noqa: PT017
                ends[refusal.kind] += 1
            else:
                end = until_state(client, job_id, "succeeded", "failed")
                assert end == "succeeded" or job(client, job_id).error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
                ends[end] += 1
                delete_job(client, job_id)
            if number in (len(numbers) // 4, numbers[-1]):
                sizes.append(size_of(daemon))
        print(dict(ends))
        assert_no_growth(*sizes)
        assert_well(daemon)
