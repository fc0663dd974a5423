"""Errors to gRPC status and back: one table, one message form, used by every service and by the client.

Details of a status: google.rpc.ErrorInfo (reason = error kind, domain ``acebridge``, metadata field, value, allowed,
remedy) and, when a field is to blame, google.rpc.BadRequest.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from acebridge.errors import DaemonFault, DiskFull, JobFailed, is_full
from acestep_runtime.errors import RuntimeFault

log = logging.getLogger(__name__)
Code = grpc.StatusCode

CODES = {
    "InvalidValue": Code.INVALID_ARGUMENT,
    "UnreadableAudio": Code.INVALID_ARGUMENT,
    "UnsupportedTask": Code.FAILED_PRECONDITION,
    "Conflict": Code.FAILED_PRECONDITION,
    "NotFound": Code.NOT_FOUND,
    "Busy": Code.RESOURCE_EXHAUSTED,
    "TooLarge": Code.RESOURCE_EXHAUSTED,
    "DiskFull": Code.RESOURCE_EXHAUSTED,
    "Unavailable": Code.UNAVAILABLE,
    "Cancelled": Code.CANCELLED,
    "EngineFailure": Code.INTERNAL,
}
DOMAIN = "acebridge"
_DETAILS_KEY = "grpc-status-details-bin"
# Headers are limited to 8 KiB by default, where a message stands three times, once with every byte tripled: one that
# names a long value must not break the call.
_LONGEST_TEXT_BYTES = 900
_LONGEST_VALUE_BYTES = 250
#: What gRPC says in its own words, in ours.
_IN_PLAIN_WORDS = {
    "UNAVAILABLE": ("The daemon does not answer any more.", "Start it again: the jobs that it has go on."),
    "DEADLINE_EXCEEDED": ("The daemon did not answer in time.", "Try again; if that does not help, look at its log."),
    "RESOURCE_EXHAUSTED": (
        "The request is larger than the daemon takes.",
        "Upload the audio, and send its id instead.",
    ),
}


def _shortened(text: str, longest_bytes: int) -> str:
    """Return ``text``, or as much of its beginning as fits."""
    data = text.encode("utf-8", "replace")
    return text if len(data) <= longest_bytes else data[: longest_bytes - 3].decode("utf-8", "ignore") + "…"


def _parts(error: RuntimeFault | DaemonFault) -> tuple[str, dict[str, str]]:
    if isinstance(error, JobFailed):
        return error.kind, dict(error.details)
    parts = {name: str(getattr(error, name)) for name in ("field", "value", "allowed") if hasattr(error, name)}
    return type(error).__name__, parts


async def abort(context: Any, error: RuntimeFault | DaemonFault) -> NoReturn:
    """End a call with the status that belongs to ``error``."""
    kind, metadata = _parts(error)
    remedy = _shortened(error.remedy, _LONGEST_VALUE_BYTES)
    message = _shortened(error.message, _LONGEST_TEXT_BYTES - len(remedy.encode()) - 1)
    metadata = {name: _shortened(value, _LONGEST_VALUE_BYTES) for name, value in metadata.items() if value}
    if remedy:
        metadata["remedy"] = remedy
    details = [error_details_pb2.ErrorInfo(reason=kind, domain=DOMAIN, metadata=metadata)]
    if "field" in metadata:
        violation = error_details_pb2.BadRequest.FieldViolation(field=metadata["field"], description=message)
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    code = CODES.get(kind, Code.INTERNAL)
    text = f"{message} {remedy}".rstrip()
    status = status_pb2.Status(code=code.value[0], message=text)
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    await context.abort(code, text, ((_DETAILS_KEY, status.SerializeToString()),))
    raise AssertionError("abort returned")


async def _end(context: Any, error: Exception) -> NoReturn:
    """End a call with what it raised: ours as it is, a full disk as such, everything else as our fault."""
    if is_full(error):
        error = DiskFull()
    if isinstance(error, (RuntimeFault, DaemonFault)):
        await abort(context, error)
    log.error("a call failed", exc_info=error)
    await context.abort(Code.INTERNAL, "AceBridge failed at this call. See the daemon's log, and please report it.")
    raise AssertionError("abort returned")


def unary(handler: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Let a unary method raise our errors."""

    @functools.wraps(handler)
    async def translated(self: Any, request: Any, context: Any) -> Any:
        try:
            return await handler(self, request, context)
        except grpc.aio.AbortError:
            raise
        except Exception as error:
            await _end(context, error)

    return translated


def streaming(handler: Callable[..., AsyncGenerator[Any, None]]) -> Callable[..., AsyncGenerator[Any, None]]:
    """Let a server-streaming method raise our errors."""

    @functools.wraps(handler)
    async def translated(self: Any, request: Any, context: Any) -> AsyncGenerator[Any, None]:
        try:
            async with aclosing(handler(self, request, context)) as messages:
                async for message in messages:
                    yield message
        except grpc.aio.AbortError:
            raise
        except Exception as error:
            await _end(context, error)

    return translated


def fault_of(error: Any) -> JobFailed:
    """Return what a failed call (a ``grpc.RpcError``) says: ``kind`` is the error kind, else the status code's name."""
    code, text = error.code(), error.details() or error.code().name
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS_KEY:
            for detail in status_pb2.Status.FromString(value).details:
                info = error_details_pb2.ErrorInfo()
                if detail.Unpack(info):
                    details = dict(info.metadata)
                    remedy = details.pop("remedy", "")
                    return JobFailed(info.reason, text.removesuffix(remedy).strip(), remedy=remedy, details=details)
    message, remedy = _IN_PLAIN_WORDS.get(code.name, (text, ""))
    return JobFailed(code.name, message, remedy=remedy)
