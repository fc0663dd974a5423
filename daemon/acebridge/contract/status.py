"""Errors as google.rpc.Status and back: one table and one form, for every service and for the client.

Details of a status, each at most once: google.rpc.ErrorInfo (reason, domain, metadata field, value, allowed, remedy), when a
field is to blame google.rpc.BadRequest, and when the daemon is busy google.rpc.RetryInfo.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, cast

import grpc
from google.protobuf import duration_pb2
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from acebridge.errors import AceBridgeError, ConnectionLost, ErrorReason, JobFailed, details_of, reason_of
from acestep_runtime.errors import AceStepError

Code = grpc.StatusCode

#: Reason → code of the call that it ends.
CODES = {
    ErrorReason.INVALID_VALUE: Code.INVALID_ARGUMENT,
    ErrorReason.UNKNOWN_FIELD: Code.INVALID_ARGUMENT,
    ErrorReason.UNREADABLE_AUDIO: Code.INVALID_ARGUMENT,
    ErrorReason.UNSUPPORTED_TASK: Code.FAILED_PRECONDITION,
    ErrorReason.CONFLICT: Code.FAILED_PRECONDITION,
    ErrorReason.NOT_FOUND: Code.NOT_FOUND,
    ErrorReason.BUSY: Code.RESOURCE_EXHAUSTED,
    ErrorReason.TOO_LARGE: Code.RESOURCE_EXHAUSTED,
    ErrorReason.TIMED_OUT: Code.DEADLINE_EXCEEDED,
    ErrorReason.DISK_FULL: Code.RESOURCE_EXHAUSTED,
    ErrorReason.DISK_FAILING: Code.FAILED_PRECONDITION,
    ErrorReason.DATA_LOSS: Code.DATA_LOSS,
    ErrorReason.UNAVAILABLE: Code.UNAVAILABLE,
    ErrorReason.CANCELLED: Code.CANCELLED,
    ErrorReason.UNAUTHENTICATED: Code.UNAUTHENTICATED,
    ErrorReason.PERMISSION_DENIED: Code.PERMISSION_DENIED,
    ErrorReason.ENGINE_FAILURE: Code.INTERNAL,
}
DOMAIN = "acebridge.dev"
#: Metadata key of a packed google.rpc.Status.
DETAILS_KEY = "grpc-status-details-bin"
#: A client that was refused because the daemon is busy may try again after that time.
_RETRY_S = 5
# Headers are limited to 8 KiB by default, where a message stands three times, once with every byte tripled: one that
# names a long value must not break the call.
_LONGEST_TEXT_BYTES = 900
_LONGEST_VALUE_BYTES = 250


class _OwnStatus(NamedTuple):
    """What a status means that gRPC itself ends a call with; without ``message`` its own words are shown."""

    reason: ErrorReason
    message: str = ""
    remedy: str = ""


_OWN_STATUS = {
    Code.INVALID_ARGUMENT: _OwnStatus(ErrorReason.INVALID_VALUE),
    Code.CANCELLED: _OwnStatus(ErrorReason.CANCELLED),
    Code.UNAVAILABLE: _OwnStatus(
        ErrorReason.UNAVAILABLE,
        "The daemon does not answer any more.",
        "Start it again: the jobs that it has go on.",
    ),
    Code.DEADLINE_EXCEEDED: _OwnStatus(
        ErrorReason.INTERNAL,
        "The daemon did not answer in time.",
        "Try again; if that does not help, look at its log.",
    ),
    # A message above the size limit; a full queue is the daemon's own `Busy`.
    Code.RESOURCE_EXHAUSTED: _OwnStatus(
        ErrorReason.TOO_LARGE,
        "The request is larger than the daemon takes.",
        "Upload the audio, and send its id instead.",
    ),
}


class PackedStatus(NamedTuple):
    """How a call ends: its code, its text, and a serialised google.rpc.Status."""

    code: grpc.StatusCode
    text: str
    status: bytes


def pack_error(error: AceStepError | AceBridgeError) -> PackedStatus:
    """Return the status of a call that ends with ``error``."""
    status = status_of(error)
    code = CODES.get(reason_of(error), Code.INTERNAL)
    return PackedStatus(code, status.message, status.SerializeToString())


def status_of(error: AceStepError | AceBridgeError) -> Status:
    """Return an error as a status, for a call that fails and for a job that has failed."""
    reason, metadata = reason_of(error), details_of(error)
    remedy = _shorten(error.remedy, _LONGEST_VALUE_BYTES)
    message = _shorten(error.message, _LONGEST_TEXT_BYTES - len(remedy.encode()) - 1)
    metadata = {name: _shorten(value, _LONGEST_VALUE_BYTES) for name, value in metadata.items() if value}
    if remedy:
        metadata["remedy"] = remedy
    details = [ErrorInfo(reason=reason.value, domain=DOMAIN, metadata=metadata)]
    if "field" in metadata:
        violation = BadRequest.FieldViolation(field=metadata["field"], description=message)
        details.append(BadRequest(field_violations=[violation]))
    if reason is ErrorReason.BUSY:
        details.append(RetryInfo(retry_delay=duration_pb2.Duration(seconds=_RETRY_S)))
    code = CODES.get(reason, Code.INTERNAL)
    status = Status(code=code.value[0], message=f"{message} {remedy}".rstrip())
    for detail in details:
        status.details.add().Pack(detail)
    return status


def _shorten(text: str, longest_bytes: int) -> str:
    """Return ``text``, or as much of its beginning as fits."""
    data = text.encode("utf-8", "replace")
    return text if len(data) <= longest_bytes else data[: longest_bytes - 3].decode("utf-8", "ignore") + "…"


def unpack_error(error: grpc.RpcError) -> JobFailed:
    """Return what a failed call says. One that the daemon did not end itself is `ConnectionLost` when it went away."""
    code, text = error.code(), error.details() or error.code().name
    # Calls of an event loop have pairs where others have entries with names.
    for key, value in cast("Iterable[tuple[str, bytes]]", error.trailing_metadata() or ()):
        if key == DETAILS_KEY:
            failed = failure_in(Status.FromString(value))
            if failed is not None:
                return failed
    own = _OWN_STATUS.get(code, _OwnStatus(ErrorReason.INTERNAL))
    kind = ConnectionLost if code is Code.UNAVAILABLE else JobFailed
    return kind(own.reason, own.message or text, remedy=own.remedy)


def failure_in(status: Status) -> JobFailed | None:
    """Return what a status of the daemon says; ``None`` for one without ErrorInfo, which is not the daemon's."""
    info = ErrorInfo()
    if not any(detail.Unpack(info) for detail in status.details):
        return None
    details = dict(info.metadata)
    remedy = details.pop("remedy", "")
    return JobFailed(info.reason, status.message.removesuffix(remedy).strip(), remedy=remedy, details=details)
