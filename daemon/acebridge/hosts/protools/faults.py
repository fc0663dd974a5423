"""What Pro Tools refuses, as one sentence and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from acebridge.errors import ErrorReason, JobFailed
from acebridge.hosts.protools.schema import names_of
from acestep_runtime.errors import printable

#: Pro Tools that has all the commands that are needed, by year and month.
OLDEST = (2025, 6)
#: How remedies end.
AGAIN = "then run it again."


class _Meaning(NamedTuple):
    reason: ErrorReason
    message: str
    remedy: str


_NO_SESSION = _Meaning(ErrorReason.CONFLICT, "No session is open in Pro Tools.", f"Open one, {AGAIN}")
_BUSY = _Meaning(
    ErrorReason.BUSY, "Pro Tools is busy.", f"Stop its transport, close its dialogs and wait for what it does, {AGAIN}"
)
_TOO_OLD = _Meaning(
    ErrorReason.UNSUPPORTED_TASK,
    "This Pro Tools does not know the command {command}.",
    f"Update it: {OLDEST[0]}.{OLDEST[1]} or newer has what AceBridge needs.",
)
_NO_SELECTION = _Meaning(
    ErrorReason.INVALID_VALUE, "Pro Tools has no range to work on: {message}", f"Select a range with audio, {AGAIN}"
)
_NO_TRACK = _Meaning(
    ErrorReason.INVALID_VALUE, "Pro Tools has no such track: {message}", f"Select a track that makes sound, {AGAIN}"
)
_NO_PLACE = _Meaning(
    ErrorReason.PERMISSION_DENIED,
    "Pro Tools may not write: {message}",
    f"Save the session in a folder that you can write, {AGAIN}",
)
_FULL = _Meaning(ErrorReason.DISK_FULL, "A disk of Pro Tools is full.", f"Free some space, {AGAIN}")
_MEANINGS = {
    "PT_NoOpenedSession": _NO_SESSION,
    "OS_NoSessionFound": _NO_SESSION,
    "PT_HostIsBusy": _BUSY,
    "PT_HostNotReady": _BUSY,
    "PT_CommandTimeout": _BUSY,
    "OS_ProToolsIsNotAvailable": _BUSY,
    "PT_UnsupportedCommand": _TOO_OLD,
    "SDK_NotImplemented": _TOO_OLD,
    "SDK_VersionMismatch": _TOO_OLD,
    "PT_NoSelection": _NO_SELECTION,
    "PT_InvalidSelection": _NO_SELECTION,
    "PT_NoClipsFound": _NO_SELECTION,
    "PT_NoTimelineFound": _NO_SELECTION,
    "PT_NoTrackFound": _NO_TRACK,
    "PT_NoTracksFound": _NO_TRACK,
    "PT_ForbiddenTrackType": _NO_TRACK,
    "OS_WritePermissions": _NO_PLACE,
    "PT_ReadOnlySession": _NO_PLACE,
    "OS_DiskSpace": _FULL,
}
_OTHER = _Meaning(
    ErrorReason.INTERNAL, "Pro Tools refused {command}: {message}", f"Look at what Pro Tools shows, {AGAIN}"
)


class CommandRefusal(JobFailed):
    """Pro Tools answered a command with an error. ``unsupported`` says that it does not know the command."""

    def __init__(self, command: str, meaning: _Meaning, message: str) -> None:
        text = meaning.message.format(command=command, message=message)
        super().__init__(meaning.reason, text, remedy=meaning.remedy)
        self.unsupported = meaning is _TOO_OLD


@contextmanager
def without_unknown() -> Iterator[None]:
    """Go on where Pro Tools does not know a command that the work can do without."""
    try:
        yield
    except CommandRefusal as error:
        if not error.unsupported:
            raise


class ProToolsLoss(JobFailed):
    """Pro Tools went away in the middle."""

    def __init__(self) -> None:
        super().__init__(
            ErrorReason.UNAVAILABLE,
            "The connection to Pro Tools was lost in the middle.",
            remedy=f"Start Pro Tools and open the session, {AGAIN}",
        )


def busy() -> JobFailed:
    """Return the error for a Pro Tools that is not ready."""
    return CommandRefusal("HostReadyCheck", _BUSY, "")


def not_running(port: int) -> JobFailed:
    """Return the error for a port where nothing answers."""
    return JobFailed(
        ErrorReason.UNAVAILABLE,
        f"No Pro Tools answers at port {port} of this machine.",
        remedy=f"Start Pro Tools {OLDEST[0]}.{OLDEST[1]} or newer, {AGAIN}",
    )


def silent(command: str, after_s: float) -> JobFailed:
    """Return the error for a command that got no answer in time."""
    return JobFailed(
        ErrorReason.TIMED_OUT,
        f"Pro Tools did not answer {command} within {after_s:g} s.",
        remedy=f"It may wait in a dialog: close that, {AGAIN}",
    )


def incomplete(command: str, status: int) -> JobFailed:
    """Return the error for an answer that is neither success nor failure."""
    name = next(iter(names_of("TaskStatus", status)), str(status))
    return JobFailed(
        ErrorReason.INTERNAL,
        f"Pro Tools left {command} with the status {name}.",
        remedy=f"It may wait in a dialog: close that, {AGAIN}",
    )


def unreadable(command: str) -> JobFailed:
    """Return the error for an answer that is not what PTSL says."""
    return JobFailed(
        ErrorReason.INTERNAL,
        f"The answer of Pro Tools to {command} cannot be read.",
        remedy="Please report it, with the version of Pro Tools.",
    )


def too_old(version: str) -> JobFailed:
    """Return the error for a Pro Tools that lacks needed commands."""
    return JobFailed(
        ErrorReason.UNSUPPORTED_TASK,
        f"The scripting interface of this Pro Tools is {version}; AceBridge needs {OLDEST[0]}.{OLDEST[1]}.",
        remedy=f"Update Pro Tools, {AGAIN}",
    )


def refusal(command: str, error_json: str) -> CommandRefusal:
    """Return what an error body says."""
    kind, message = _first_error(error_json)
    number = int(kind) if kind.lstrip("-").isdigit() else None
    names = (kind,) if number is None else names_of("CommandErrorType", number)
    meaning = next((_MEANINGS[name] for each in names if (name := each.removeprefix("CEType_")) in _MEANINGS), _OTHER)
    sentence = printable(" ".join(message.split()) or (names[0] if names else "no reason given"), 300)
    return CommandRefusal(command, meaning, sentence if sentence.endswith((".", "!", "?")) else f"{sentence}.")


def _first_error(error_json: str) -> tuple[str, str]:
    """Return type and message of the first error that is no warning; a type may be a name or a number."""
    try:
        errors = [each for each in json.loads(error_json)["errors"] if isinstance(each, dict)]
    except (ValueError, KeyError, TypeError):
        return "", error_json
    first = next((each for each in errors if not each.get("is_warning")), errors[0] if errors else {})
    return str(first.get("command_error_type", "")), str(first.get("command_error_message", ""))
