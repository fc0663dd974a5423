"""Places in a project as people write them: seconds, a bar, the cursor or the selection."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from acestep_runtime.errors import InvalidValue
from acestep_runtime.units import text_to_seconds

if TYPE_CHECKING:
    from acebridge.hosts.jobfolder.inbox_documents import PositionEntry

_BAR = re.compile(r"bar\s*(\d{1,5})", re.IGNORECASE)


def parse_place(text: str, field: str = "--at") -> PositionEntry:
    """Return the place that a text says. Raises `InvalidValue`, which names the ``field``."""
    word = text.strip().lower()
    match = _BAR.fullmatch(word)
    if word == "cursor":
        return {"kind": "cursor"}
    if word == "selection":
        return {"kind": "selection"}
    if match is not None and int(match[1]) >= 1:
        return {"kind": "bar", "bar": int(match[1])}
    try:
        seconds = text_to_seconds(word)
    except (InvalidValue, ValueError):
        seconds = -1.0
    if not 0 <= seconds < 1e6:
        raise InvalidValue(field, text, "seconds, 1:30.5, bar 17, cursor or selection")
    return {"kind": "seconds", "position_s": seconds}
