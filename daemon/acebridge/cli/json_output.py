"""What commands print with ``--json``: one value in one line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from acestep_runtime.values import Json


def print_json(value: Json) -> None:
    """Print a value."""
    typer.echo(json.dumps(value, ensure_ascii=False))


def message_json(message: Message) -> dict[str, Json]:
    """Return a message as a JSON object with the field names of the contract."""
    from google.protobuf.json_format import MessageToDict

    fields: dict[str, Json] = MessageToDict(message, preserving_proto_field_name=True)
    return fields
