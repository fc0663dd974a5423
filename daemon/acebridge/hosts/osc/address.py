"""A row of the table of addresses, and how the arguments of a message become the values that its row asks for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from acebridge.hosts.osc.messages import Argument, Value
from acestep_runtime.errors import InvalidValue
from acestep_runtime.units import text_to_seconds

if TYPE_CHECKING:
    from acebridge.hosts.osc.bridge import Bridge
    from acebridge.hosts.osc.peer import Peer

#: Acts on a message; runs in the event loop, so whatever waits goes through `Bridge.work`. Raises what is answered as an error.
Handle: TypeAlias = "Callable[[Bridge, Peer, Sequence[Value]], None]"

#: Arguments that are times in seconds.
_TIMES = ("seconds", "start", "end")
#: Stands in a path for the id of a job, which the handler gets as its first argument.
ID = "{id}"


@dataclass(frozen=True)
class Address:
    """A path, the type tags and names of its arguments, what it does in a sentence, and the function that does it.

    The last ``optional`` arguments may be left out. With ``json`` a last argument that begins with ``{`` is passed on as it
    is, after ``None`` for each argument that is left out. A ``button`` also takes one number: 0, as a controller sends when a
    finger leaves it, does nothing.
    """

    path: str
    tags: str
    arguments: tuple[str, ...]
    doc: str
    handle: Handle
    optional: int = 0
    json: bool = False
    button: bool = False


def is_release(address: Address, arguments: Sequence[Argument]) -> bool:
    """Return whether a message says only that a button is let go."""
    return address.button and len(arguments) == 1 and isinstance(arguments[0], (bool, int, float)) and not arguments[0]


def read_arguments(address: Address, arguments: Sequence[Argument]) -> list[Value]:
    """Return the values that a row asks for. Raises `InvalidValue` for what is missing, too many or of another type."""
    given = list(arguments)
    if address.button and len(given) == 1 and (given[0] is None or isinstance(given[0], (bool, int, float))):
        given = []
    tail: list[Value] = []
    if address.json:
        text = given[-1] if given else None
        tail = [text] if isinstance(text, str) and text.lstrip().startswith("{") else [None]
        given = given[: len(given) - (tail != [None])]
    least, most = len(address.tags) - address.optional, len(address.tags)
    if not least <= len(given) <= most:
        raise InvalidValue(
            address.path, f"{len(given)} arguments", _describe(address), message=_miscount(address, len(given), least)
        )
    values = [convert(tag, value, name) for tag, name, value in zip(address.tags, address.arguments, given)]  # noqa: B905
    return [*values, *[None] * (most - len(given)), *tail]


def _miscount(address: Address, count: int, least: int) -> str:
    most = len(address.tags)
    allowed = f"{most}" if least == most else f"{least} to {most}"
    words = "1 argument" if count == 1 else f"{count} arguments"
    return f"The message has {words}; allowed: {f'{allowed}: {_describe(address)}' if most else 'none'}."


def _describe(address: Address) -> str:
    return f",{address.tags} {' '.join(address.arguments)}".strip() if address.tags else "none"


def convert(tag: str, value: Argument, name: str) -> Value:
    """Return an argument as the type ``tag``; ``None``, for nil and for empty text where a number belongs, is "not set".

    Controllers send whole numbers for others, the other way round, and numbers as text: all of that is taken, for times also
    "1:30.5". Raises `InvalidValue`.
    """
    if value is None or (value == "" and tag != "s"):
        return None
    if name in _TIMES and isinstance(value, str):
        return text_to_seconds(value, name)
    fitting = _CONVERSIONS[tag](value)
    if fitting is None:
        raise InvalidValue(name, "a blob" if isinstance(value, bytes) else value, _ALLOWED[tag])
    return fitting


def _to_text(value: Argument) -> str | None:
    if isinstance(value, (bool, bytes)):
        return None
    return f"{value:g}" if isinstance(value, float) else str(value)


def _to_number(value: Argument) -> float | None:
    try:
        number = float(value) if isinstance(value, (int, float, str)) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _to_whole(value: Argument) -> int | None:
    if isinstance(value, int):
        return int(value)
    number = _to_number(value)
    return int(number) if number is not None and number.is_integer() else None


_CONVERSIONS: dict[str, Callable[[Argument], Value]] = {
    "s": _to_text,
    "f": _to_number,
    "i": _to_whole,
}
_ALLOWED = {"s": "text", "f": "a number", "i": "a whole number"}
