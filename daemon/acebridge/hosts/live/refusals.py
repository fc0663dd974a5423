"""What an action says when it cannot do what is asked: one sentence and a remedy, for a dialog in Live."""

from __future__ import annotations

from ableton_extensions import AbletonError, BridgeTimeoutError, DeletedObjectError

from acebridge.errors import AceBridgeError
from acestep_runtime.errors import AceStepError

_AGAIN = "Run the action again."


class Refusal(AceBridgeError):
    """The selection, or what a dialog holds, is nothing that an action can work on."""


def sentences_of(error: BaseException) -> tuple[str, str]:
    """Return what is wrong, and what to do about it, for anything that an action may end with."""
    if isinstance(error, (AceBridgeError, AceStepError)):
        return error.message, error.remedy
    if isinstance(error, DeletedObjectError):
        return "What the action works on is no longer in the Live Set.", f"{_AGAIN} Nothing was changed."
    if isinstance(error, BridgeTimeoutError):
        return f"Live did not answer in time ({error}).", "Close the dialogs that are open in Live. " + _AGAIN
    if isinstance(error, AbletonError):
        return f"Live refused: {error}.", _AGAIN
    if isinstance(error, OSError):
        return (
            f"A file cannot be read or written: {error.strerror or error}.",
            f"Free some disk space, or check that {error.filename or 'the folder of AceBridge'} is yours to write.",
        )
    return (
        f"The action failed in an unexpected way: {type(error).__name__}: {error}.",
        "Please report it, with what `acebridge live run` printed.",
    )
