"""The bodies of requests: read with a limit, and made into the messages of the contract."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message
from starlette.requests import Request

from acebridge.contract.fields import coerce, fill
from acebridge.errors import TooLarge
from acebridge.hosts.http.methods import Method
from acestep_runtime.errors import InvalidValue, printable

if TYPE_CHECKING:
    from pydantic import JsonValue

#: The largest JSON that is taken, and the largest piece of an upload.
MAX_BODY_BYTES, MAX_PIECE_BYTES = 8 << 20, 4 << 20
#: How much of what is wrong an error shows.
_SHOWN = 100
_FORM = "Send the fields that /openapi.json has for this path."
_UPLOAD = "Upload the audio, and send its id instead."


async def read_body(request: Request, longest_bytes: int = MAX_BODY_BYTES, *, remedy: str = _UPLOAD) -> bytes:
    """Return the body of a request. Raises `TooLarge`."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > longest_bytes:
            raise TooLarge(f"The body is longer than {longest_bytes} bytes.", remedy=remedy)
    return bytes(body)


async def read_object(request: Request) -> dict[str, JsonValue]:
    """Return the JSON object in the body of a request; an empty one is ``{}``. Raises `InvalidValue` and `TooLarge`."""
    body = await read_body(request)
    if not body.strip():
        return {}
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        shown = printable(body[:_SHOWN].decode("utf-8", "replace"))
        raise InvalidValue("body", shown, "a JSON object in UTF-8", remedy=_FORM) from error
    if not isinstance(value, dict):
        raise InvalidValue("body", printable(str(value)[:_SHOWN]), "a JSON object", remedy=_FORM)
    if b"\\u" in body:
        _check_text(value)
    return value


def _check_text(value: JsonValue) -> None:
    """Raise `InvalidValue` for text with half a character in it, which JSON can write and nothing else can."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        shown = printable(ascii(error.object[error.start]))
        remedy = "Write both halves of the character, or the character."
        raise InvalidValue("body", shown, "text in Unicode", remedy=remedy) from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def message_of(method: Method, fields: dict[str, Any]) -> Message:
    """Return the request of a method. Raises `InvalidValue`, which names the field, for one that the method does not take."""
    message = method.request()
    try:
        fill(message, coerce(method.request.DESCRIPTOR, fields), method.kind)
    except RecursionError:
        raise InvalidValue("body", "objects in objects", "the fields of the contract", remedy=_FORM) from None
    return message
