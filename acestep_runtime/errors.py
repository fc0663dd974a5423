"""The runtime's error tree. Each error is one sentence for a musician, plus what a program needs to act on it.

Transport layers translate these once, at their edge; nothing here knows about status codes.
"""

from __future__ import annotations


def printable(name: str, longest: int = 80) -> str:
    """Return a name as it can stand in any message: in one line, without control characters, and not too long."""
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)
    return clean if len(clean) <= longest else clean[: longest - 1] + "…"


class RuntimeFault(Exception):
    """Base of all errors the runtime raises on purpose.

    ``message`` says what is wrong with the value in hand, ``remedy`` what to do about it.
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message if not remedy else f"{message} {remedy}")
        self.message = message
        self.remedy = remedy


class InvalidValue(RuntimeFault):
    """A field holds something that is not allowed."""

    def __init__(self, field: str, value: object, allowed: str, *, remedy: str = "", message: str = "") -> None:
        shown = repr(value) if isinstance(value, str) else str(value)
        shown = shown if len(shown) <= 120 else shown[:117] + "..."
        super().__init__(message or f"{field} is {shown}; allowed: {allowed}.", remedy=remedy)
        self.field = field
        self.value = shown
        self.allowed = allowed


class UnreadableAudio(InvalidValue):
    """A source is not audio, is empty, or holds samples that are not numbers."""


class UnsupportedTask(RuntimeFault):
    """The chosen engine cannot do this task; ``remedy`` names the engine or weights that can."""


class EngineFailure(RuntimeFault):
    """An engine broke in the middle of its work."""


class Cancelled(RuntimeFault):
    """The work was cancelled from outside."""

    def __init__(self, message: str = "The job was cancelled.") -> None:
        super().__init__(message)
