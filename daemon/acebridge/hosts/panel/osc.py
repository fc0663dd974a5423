"""The session of the OSC bridge, read and set by OSC like any controller does."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from acebridge.client.credentials import token_for
from acebridge.client.discovery import find_address
from acebridge.errors import JobFailed, NotFound, TimedOut
from acebridge.hosts.osc.address import convert
from acebridge.hosts.osc.messages import Argument, BadPacket, Message, decode, encode
from acebridge.hosts.osc.session import FIELDS
from acebridge.paths import OSC_FILE, data_folder
from acebridge.serving_notes import find_serving
from acestep_runtime.errors import InvalidValue, printable
from acestep_runtime.limits import describe_limits

if TYPE_CHECKING:
    from pydantic import JsonValue

_LOOPBACK = "127.0.0.1"
_PREFIX, _COUNT, _ERROR = "/acebridge/session/", "/acebridge/session/count", "/acebridge/error"
#: How long a bridge may take to answer; it is on this machine and never waits.
_ANSWER_S = 2.0
_TAGS = {"s": "text", "i": "integer", "f": "number"}
_REMEDY = "Add [osc] to config.toml and restart the daemon, or run `acebridge osc serve`."


def bridge_port() -> int | None:
    """Return the port of the bridge of this data folder; ``None`` where none runs.

    A bridge that was killed leaves its file, and its port to any program of any user, which must not get our token.
    """
    noted = find_serving(data_folder() / OSC_FILE, or_newest=os.name == "nt")  # there nothing says what runs
    return None if noted is None else noted.port


def read_session() -> dict[str, JsonValue] | None:
    """Return the port of the bridge and its fields: name, type, what it is, what is allowed, value; ``None`` without one."""
    port = bridge_port()
    if port is None:
        return None
    values = _ask(port, {})
    if values is None:
        return None
    fields: list[JsonValue] = [
        {
            "name": name,
            "type": _TAGS[field.tag],
            "about": field.doc,
            "allowed": describe_limits(field.limits) if field.limits is not None else "",
            "value": convert(field.tag, values.get(name), name),
        }
        for name, field in FIELDS.items()
    ]
    return {"port": port, "fields": fields}


def set_session(values: Mapping[str, JsonValue]) -> None:
    """Set fields of the session; ``None`` and empty text clear one.

    Raises `NotFound` without a bridge, `TimedOut` where it does not answer, `InvalidValue` for a field or a value that is none,
    and `JobFailed` for what the bridge refuses.
    """
    port = bridge_port()
    if port is None:
        raise NotFound("No OSC bridge runs.", remedy=_REMEDY)
    given: dict[str, str | int | float | None] = {}
    for name, value in values.items():
        if name not in FIELDS:
            raise InvalidValue("field", name, ", ".join(FIELDS))
        if not (value is None or isinstance(value, (str, int, float))) or isinstance(value, bool):
            raise InvalidValue(name, printable(str(value)), "text or a number")
        given[name] = value
    if _ask(port, given) is None:
        raise TimedOut("The OSC bridge does not answer.", remedy="Restart it, or the daemon that started it.")


def _ask(port: int, given: Mapping[str, str | int | float | None]) -> dict[str, Argument] | None:
    """Set fields, then return all that are set; ``None`` where nobody answers. Raises `JobFailed` for a refusal."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.settimeout(_ANSWER_S)
        try:
            own.connect((_LOOPBACK, port))
            if given and (token := token_for(find_address(None))):
                own.send(encode("/acebridge/token", "s", token))  # so that paths count as those of the user
            for name, value in given.items():
                own.send(_message(name, value))
            own.send(encode("/acebridge/session", ""))
            return _read_answers(own)
        except OSError:
            return None


def _message(name: str, value: str | float | None) -> bytes:
    """Return what sets a field. The bridge reads numbers from text, which holds those that no type of OSC does."""
    return encode(_PREFIX + name, "s", "" if value is None else str(value))


def _read_answers(own: socket.socket) -> dict[str, Argument]:
    """Return the fields until their number comes. Raises ``TimeoutError``."""
    found: dict[str, Argument] = {}
    deadline = time.monotonic() + _ANSWER_S
    while time.monotonic() < deadline:
        packet = own.recv(65_536)
        messages: list[Message] = []
        with suppress(BadPacket):
            messages = decode(packet)
        for message in messages:
            if message.address == _COUNT:
                return found
            if message.address == _ERROR:
                _, reason, remedy = (*map(str, message.arguments), "", "", "")[:3]
                raise JobFailed("INVALID_VALUE", printable(reason, 1000), remedy=printable(remedy, 1000))
            if message.address.startswith(_PREFIX) and message.arguments:
                found[message.address.removeprefix(_PREFIX)] = message.arguments[0]
    raise TimeoutError
