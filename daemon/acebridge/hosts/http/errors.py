"""Errors as answers: a status of HTTP, and one form of body for all of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import grpc
from starlette.responses import JSONResponse, Response

from acebridge.contract.json_form import finite_values
from acebridge.contract.status import CODES, unpack_error
from acebridge.errors import AceBridgeError, ErrorReason, JobFailed, details_of, is_full, reason_of
from acestep_runtime.errors import AceStepError

if TYPE_CHECKING:
    from pydantic import JsonValue

Code = grpc.StatusCode
#: Code of a call → status of HTTP; 500 for all others.
STATUS = {
    Code.INVALID_ARGUMENT: 400,
    Code.OUT_OF_RANGE: 400,
    Code.UNAUTHENTICATED: 401,
    Code.PERMISSION_DENIED: 403,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.ABORTED: 409,
    Code.FAILED_PRECONDITION: 409,
    Code.CANCELLED: 409,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.UNAVAILABLE: 503,
    Code.DEADLINE_EXCEEDED: 504,
}
#: Of what an error shows of a value, in characters.
_LONGEST = 250
#: Seconds after which a client may try again what was refused for now.
_RETRY = {429: "5", 503: "2"}


def plain_error(error: Exception) -> Exception:
    """Return what an error of a call says, and a full disk as an error of ours; all others as they are."""
    if is_full(error):
        return JobFailed(
            ErrorReason.DISK_FULL, "A disk of this machine is full.", remedy="Free some space, then try again."
        )
    if isinstance(error, grpc.RpcError):
        failed = unpack_error(error)
        failed.__cause__ = error
        return failed
    return error


def status_of(error: Exception) -> int:
    """Return the status of HTTP for any error of ours."""
    cause = error.__cause__
    if isinstance(cause, grpc.RpcError):
        return STATUS.get(cause.code(), 500)
    return STATUS.get(CODES.get(reason_of(error), Code.INTERNAL), 500)


def error_body(error: Exception) -> dict[str, JsonValue]:
    """Return ``{"error": {"reason", "message", "remedy", "details"}}``. Of an error that is not ours, only that it happened."""
    details = {name: text[:_LONGEST] for name, text in details_of(error).items()}
    if not isinstance(error, (AceBridgeError, AceStepError)):
        return _body(
            ErrorReason.INTERNAL, "AceBridge has a fault here.", "Its log has the details; please report it.", {}
        )
    return _body(reason_of(error), error.message, error.remedy, details)


def _body(reason: ErrorReason, message: str, remedy: str, details: dict[str, Any]) -> dict[str, JsonValue]:
    return {"error": {"reason": reason.value, "message": message, "remedy": remedy, "details": details}}


def error_answer(error: Exception) -> Response:
    """Return the answer for an error."""
    error = plain_error(error)
    status = status_of(error)
    headers = {"Retry-After": _RETRY[status]} if status in _RETRY else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return answer_json(error_body(error), status, headers)


def refusal(status: int, reason: ErrorReason, message: str, remedy: str) -> Response:
    """Return the answer for a request that is refused before any call is made."""
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return answer_json(_body(reason, message, remedy, {}), status, headers)


def answer_json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a value as an answer. Text that is none, such as half a character, is answered with question marks."""
    return _Json(value, status, headers)


class _Json(JSONResponse):
    def render(self, content: Any) -> bytes:
        """Return the body."""
        return json_bytes(content)


def json_bytes(value: Any) -> bytes:
    """Return a value as JSON in UTF-8, without numbers that JSON does not have."""
    text = json.dumps(finite_values(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")
