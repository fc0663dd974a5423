"""The runtime's error tree. Each error is one sentence for a musician, plus what a program needs to act on it.

Transport layers translate these once, at their edge; there are no status codes here.
"""

from __future__ import annotations


def printable(name: str, longest: int = 80) -> str:
    """Return a name that can be used in a message: one line, without control characters, of limited length."""
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)
    return clean if len(clean) <= longest else clean[: longest - 1] + "…"


class AceStepError(Exception):
    """Base of all errors the runtime raises on purpose.

    ``message`` says what is wrong with the value in hand, ``remedy`` what to do about it.
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self._message = message
        self.remedy = remedy

    @property
    def message(self) -> str:
        """What is wrong, in one sentence."""
        return self._message

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()


class InvalidValue(AceStepError):
    """A field has a value that is not allowed.

    The sentence is built when it is read, so callers that know the field by another name set ``field``. ``value_text`` is the
    value in the sentence, where its usual form does not fit. ``message`` replaces the usual sentence; a field name at its
    beginning changes with ``field``.
    """

    def __init__(
        self, field: str, value: object, allowed: str, *, remedy: str = "", message: str = "", value_text: str = ""
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.field = field
        self.value = value_text or short_text(value)
        self.allowed = allowed
        if message == self._usual():
            self._message = ""
        self._begins_with_field = message.startswith(f"{field} ")
        self._rest = message.removeprefix(field)

    def _usual(self) -> str:
        return f"{self.field} is {self.value}; allowed: {self.allowed}."

    @property
    def message(self) -> str:
        """What is wrong, in one sentence."""
        if not self._message:
            return self._usual()
        return f"{self.field}{self._rest}" if self._begins_with_field else self._message


def short_text(value: object) -> str:
    """Return a value as messages show it; one that Python writes no text of, with too many digits or too deep, as such."""
    try:
        text = repr(value) if isinstance(value, str) else str(value)
    except ValueError:
        return "a number with too many digits"
    except RecursionError:
        return "a value that is nested too deeply"
    return text if len(text) <= 120 else f"{text[:117]}..."


class UnreadableAudio(InvalidValue):
    """A source is not audio, is empty, or holds samples that are not numbers."""


class UnsupportedTask(AceStepError):
    """The chosen engine cannot do this task; ``remedy`` names the engine or weights that can."""


class EngineFailure(AceStepError):
    """An engine broke in the middle of its work."""


class Cancelled(AceStepError):
    """The work was cancelled from outside."""

    def __init__(self, message: str = "The job was cancelled.") -> None:
        super().__init__(message)
