"""Errors on their way through a google.rpc.Status."""

from __future__ import annotations

from typing import NamedTuple

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from acebridge import errors
from acebridge.contract.status import CODES, DETAILS_KEY, DOMAIN, PackedStatus, pack_error, unpack_error
from acebridge.errors import ConnectionLost, DiskFull, ErrorReason, JobFailed, NotFound, reason_of
from acestep_runtime import errors as runtime
from acestep_runtime.errors import EngineFailure, InvalidValue, UnreadableAudio

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40).map(str.strip)


class Entry(NamedTuple):
    key: str
    value: bytes


class FailingCall(grpc.RpcError):
    """A failed call as the client sees it."""

    def __init__(self, code: grpc.StatusCode, text: str = "", status: bytes | None = None) -> None:
        self._code, self._text = code, text
        self._metadata = () if status is None else (Entry(DETAILS_KEY, status),)

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._text

    def trailing_metadata(self) -> tuple[Entry, ...]:
        return self._metadata


def unpack(packed: PackedStatus) -> JobFailed:
    return unpack_error(FailingCall(packed.code, packed.text, packed.status))


@settings(deadline=None, max_examples=100)
@given(field=st.from_regex(r"[a-z_.]{1,30}", fullmatch=True), allowed=TEXT, message=TEXT, remedy=TEXT)
def test_an_invalid_value_keeps_its_parts(field: str, allowed: str, message: str, remedy: str) -> None:
    sent = InvalidValue(field, 7, allowed, message=message or "It is wrong.", remedy=remedy)
    failed = unpack(pack_error(sent))
    assert (failed.kind, failed.message, failed.remedy) == (ErrorReason.INVALID_VALUE, sent.message, remedy)
    assert failed.details == {"field": field, "value": "7", **({"allowed": allowed} if allowed else {})}


def test_details_follow_google_rpc() -> None:
    packed = pack_error(UnreadableAudio("source", "x.txt", "audio", remedy="Choose another."))
    status = status_pb2.Status.FromString(packed.status)
    assert packed.code is grpc.StatusCode.INVALID_ARGUMENT
    assert (status.code, status.message) == (3, packed.text)
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(bad)
    assert (info.reason, info.domain, info.metadata["remedy"]) == ("UNREADABLE_AUDIO", DOMAIN, "Choose another.")
    assert [violation.field for violation in bad.field_violations] == ["source"]


def test_long_texts_are_cut() -> None:
    packed = pack_error(InvalidValue("music.caption", "x" * 9000, "less", message="곡" * 9000, remedy="y" * 9000))
    assert len(packed.text.encode()) <= 900
    assert len(packed.status) < 3000
    assert unpack(packed).message.endswith("…")


def test_a_failure_of_a_job_goes_on_as_it_came() -> None:
    sent = JobFailed(
        "UnreadableAudio", "No audio.", remedy="Check it.", details={"field": "source", "allowed": "audio"}
    )
    failed = unpack(pack_error(sent))
    assert (failed.kind, failed.details) == (sent.kind, sent.details)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (grpc.StatusCode.UNAVAILABLE, ErrorReason.UNAVAILABLE),
        (grpc.StatusCode.CANCELLED, ErrorReason.CANCELLED),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, ErrorReason.TOO_LARGE),
        (grpc.StatusCode.INVALID_ARGUMENT, ErrorReason.INVALID_VALUE),
        (grpc.StatusCode.DEADLINE_EXCEEDED, ErrorReason.INTERNAL),
        (grpc.StatusCode.INTERNAL, ErrorReason.INTERNAL),
    ],
)
def test_statuses_of_grpc_itself_have_a_reason_too(code: grpc.StatusCode, reason: ErrorReason) -> None:
    failed = unpack_error(FailingCall(code, "some words of its own"))
    assert failed.kind is reason
    assert failed.message
    assert isinstance(failed, ConnectionLost) == (code is grpc.StatusCode.UNAVAILABLE)


def test_a_daemon_that_is_stopping_is_not_a_lost_connection() -> None:
    failed = unpack(pack_error(errors.Unavailable("The daemon is stopping.")))
    assert failed.kind is ErrorReason.UNAVAILABLE
    assert not isinstance(failed, ConnectionLost)


def test_every_error_has_a_reason_and_every_reason_of_the_daemon_a_code() -> None:
    classes = [
        kind
        for module in (errors, runtime)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, (errors.AceBridgeError, runtime.AceStepError))
    ]
    bases = {errors.AceBridgeError, runtime.AceStepError, JobFailed, ConnectionLost}
    named = {ErrorReason(kind.__name__) for kind in classes if kind not in bases}
    assert named == set(ErrorReason) - {ErrorReason.INTERNAL}
    assert set(CODES) == named - {ErrorReason.INVALID_SETTING}  # which ends a daemon before it serves


def test_reasons_of_errors() -> None:
    assert [reason_of(error) for error in (NotFound("x"), DiskFull(), EngineFailure("x"), ValueError("x"))] == [
        ErrorReason.NOT_FOUND, ErrorReason.DISK_FULL, ErrorReason.ENGINE_FAILURE, ErrorReason.INTERNAL,
    ]  # fmt: skip
    assert ErrorReason("OfANewerDaemon") is ErrorReason.INTERNAL
    assert f"{ErrorReason.NOT_FOUND}" == str(ErrorReason.NOT_FOUND) == "NOT_FOUND"
