"""What calls answer: values for programs, the same in short for models that read text, and errors with their remedy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from mcp_types import CallToolResult, ContentBlock, ResourceLink, TextContent

from acebridge.contract.json_form import finite_values
from acebridge.errors import AceBridgeError, ErrorReason, details_of, is_full, reason_of
from acestep_runtime.errors import AceStepError

if TYPE_CHECKING:
    from acestep_runtime.values import Json

#: An object of JSON.
Values: TypeAlias = "dict[str, Json]"
#: In the text of an answer: entries of a list, and characters of a text. The structured content has all of them.
_MOST_ENTRIES, _MOST_CHARACTERS = 40, 4000


@dataclass(frozen=True)
class Answer:
    """What a tool returns: values, and links to the assets in them."""

    values: Values
    links: Sequence[ResourceLink] = ()


def asset_uri(asset_id: str) -> str:
    """Return the address of an asset as a resource."""
    return f"acebridge://asset/{asset_id}"


def asset_link(asset_id: str, name: str, description: str = "") -> ResourceLink:
    """Return a link to an asset."""
    return ResourceLink(name=name, uri=asset_uri(asset_id), description=description or None, mime_type="audio/wav")


def result_of(answer: Answer) -> CallToolResult:
    """Return an answer as the protocol has it."""
    values = _sendable(answer.values)
    content: list[ContentBlock] = [TextContent(text=json.dumps(_shorten(values), ensure_ascii=False)), *answer.links]
    return CallToolResult(content=content, structured_content=values)


def error_result(error: Exception) -> CallToolResult:
    """Return an error as the result of a tool, which a model can read and act on."""
    facts = error_facts(error)
    text = " ".join(str(facts[name]) for name in ("message", "remedy") if name in facts)
    return CallToolResult(content=[TextContent(text=text)], structured_content={"error": facts}, is_error=True)


def error_facts(error: Exception) -> Values:
    """Return reason, message, remedy and details of an error, as the JSON of commands has them."""
    return _sendable(_facts_of(error))


def _facts_of(error: Exception) -> Values:
    if isinstance(error, OSError):
        what = error.strerror or str(error)
        reason = ErrorReason.DISK_FULL if is_full(error) else ErrorReason.INVALID_VALUE
        name = f"{error.filename}: " if error.filename else ""
        return {
            "reason": str(reason),
            "message": f"{name}{what}.",
            "remedy": "Check the path, and the room on that disk.",
        }
    if not isinstance(error, (AceBridgeError, AceStepError)):
        message = f"The call failed: {error!r}."
        return {"reason": str(ErrorReason.INTERNAL), "message": message, "remedy": "Report this, with what was sent."}
    known = {name: value for name, value in details_of(error).items() if value}
    remedy = {"remedy": error.remedy} if error.remedy else {}
    return {**known, "reason": str(reason_of(error)), "message": error.message, **remedy}


def _sendable(values: Values) -> Values:
    """Return values that clients can read: bytes of a file name that are no text become question marks."""
    text = json.dumps(finite_values(values), ensure_ascii=False).encode("utf-8", "replace")
    sendable: Values = json.loads(text)
    return sendable


def _shorten(value: Any) -> Any:
    """Return a value with only the beginnings of long lists and texts, and how much there is of them."""
    if isinstance(value, Mapping):
        return {name: _shorten(held) for name, held in value.items()}
    if isinstance(value, str) and len(value) > _MOST_CHARACTERS:
        return f"{value[:_MOST_CHARACTERS]}… ({len(value):,} characters in all)"
    if isinstance(value, Sequence) and not isinstance(value, str):
        more = [f"… ({len(value):,} entries in all)"] if len(value) > _MOST_ENTRIES else []
        return [*map(_shorten, value[:_MOST_ENTRIES]), *more]
    return value
