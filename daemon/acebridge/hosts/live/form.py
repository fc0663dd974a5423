"""What the dialog of an action asks: its fields, what they allow, and what was entered last."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from acebridge.hosts.jobfolder.json_files import read_object, write_json
from acebridge.hosts.live.refusals import Refusal
from acebridge.private_files import make_private_folder

if TYPE_CHECKING:
    from pydantic import JsonValue

#: What was entered, by the name of the field.
Values = dict[str, "JsonValue"]
#: The longest text of a field; a page of lyrics is shorter.
MAX_TEXT = 4096


@dataclass(frozen=True)
class Field:
    """A field of a dialog. ``kind`` is ``text``, ``lines``, ``integer``, ``number`` or ``choice``.

    ``allowed`` are the lowest and the highest number, or the choices. An empty field is left to the daemon, or to ``default``.
    """

    key: str
    caption: str
    kind: str = "text"
    allowed: tuple[float, float] | tuple[str, ...] = ()
    default: str = ""

    def read(self, text: str) -> JsonValue:
        """Return the value that a text stands for; ``None`` for an empty one without default. Raises `Refusal`."""
        text = text.strip() or self.default
        if not text:
            return None
        return _READERS[self.kind](self, text)


def _read_text(field: Field, text: str) -> JsonValue:
    if len(text) > MAX_TEXT:
        raise _not_allowed(field, f"{text[:20]}…", f"at most {MAX_TEXT} characters")
    return text


def _read_number(field: Field, text: str) -> float:
    lowest, highest = field.allowed
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        number = math.nan
    if not float(lowest) <= number <= float(highest):
        raise _not_allowed(field, text, f"{lowest} to {highest}")
    return number


def _read_integer(field: Field, text: str) -> int:
    number = _read_number(field, text)
    if not number.is_integer():
        raise _not_allowed(field, text, "a whole number")
    return int(number)


def _read_choice(field: Field, text: str) -> str:
    if text not in field.allowed:
        raise _not_allowed(field, text, ", ".join(map(str, field.allowed)))
    return text


_READERS = {
    "text": _read_text,
    "lines": _read_text,
    "number": _read_number,
    "integer": _read_integer,
    "choice": _read_choice,
}


def _not_allowed(field: Field, text: str, allowed: str) -> Refusal:
    return Refusal(f"{field.caption} is {text!r}; allowed: {allowed}.", remedy="Change the field.")


def read_values(form: Sequence[Field], texts: Mapping[str, object]) -> Values:
    """Return the values of the texts in a dialog. Raises `Refusal` for the first that is not allowed."""
    return {field.key: field.read(str(texts.get(field.key) or "")) for field in form}


class Memory:
    """What was entered last, by action: a file in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "values.json"

    def texts(self, action: str) -> dict[str, str]:
        """Return the texts of an action's fields; none for one that was never used."""
        entered = read_object(self._file).get(action)
        return {key: str(text) for key, text in entered.items()} if isinstance(entered, dict) else {}

    def remember(self, action: str, texts: Mapping[str, object]) -> None:
        """Note the texts of an action's fields. Raises `InvalidValue` when the file cannot be written."""
        make_private_folder(self._file.parent)
        kept = {key: str(text)[:MAX_TEXT] for key, text in texts.items()}
        write_json(self._file, {**read_object(self._file), action: kept})
