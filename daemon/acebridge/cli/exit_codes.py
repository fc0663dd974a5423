"""How a command ends: its exit code, and what it says."""

from __future__ import annotations

import errno

from acebridge.errors import ErrorReason, JobFailed, reason_of
from acestep_runtime.errors import printable

BAD_INPUT, NO_DAEMON, FAILED, CANCELLED = 2, 3, 4, 5

_BY_REASON = {
    ErrorReason.INVALID_VALUE: BAD_INPUT,
    ErrorReason.INVALID_SETTING: BAD_INPUT,
    ErrorReason.UNKNOWN_FIELD: BAD_INPUT,
    ErrorReason.UNREADABLE_AUDIO: BAD_INPUT,
    ErrorReason.UNSUPPORTED_TASK: BAD_INPUT,
    ErrorReason.CONFLICT: BAD_INPUT,
    ErrorReason.NOT_FOUND: BAD_INPUT,
    ErrorReason.TOO_LARGE: BAD_INPUT,
    ErrorReason.UNAVAILABLE: NO_DAEMON,
    ErrorReason.CANCELLED: CANCELLED,
}


#: What to do about an error of the system that names a file.
_REMEDIES = {
    errno.ENOENT: "Check the path.",
    errno.ENOTDIR: "Check the path.",
    errno.EISDIR: "Name a file, not a folder.",
    errno.EACCES: "Check who may use it.",
    errno.EPERM: "Check who may use it.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
    errno.ENOSPC: "Free some space there.",
    errno.EROFS: "Choose a place that can be written.",
}
#: Of the name of a file in such an error.
_LONGEST_NAME = 500


class UserInterrupt(JobFailed):
    """The user has ended a command, by Ctrl-C for example, before its job was complete."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(ErrorReason.CANCELLED, message, remedy=remedy)


def sentence_of(error: Exception) -> str:
    """Return what a failed command says, and what to do."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        name = printable(str(error.filename), _LONGEST_NAME)
        return f"{name}: {error.strerror}. {_REMEDIES.get(error.errno or 0, '')}".rstrip()
    return str(error)


def exit_code(error: Exception) -> int:
    """Return the exit code for an error; what is not known is a failure. Unreadable local files are bad input."""
    return BAD_INPUT if isinstance(error, OSError) else _BY_REASON.get(reason_of(error), FAILED)
