"""How a command ends: its exit code."""

from __future__ import annotations

from acebridge.errors import JobFailed, Unavailable

BAD_INPUT, NO_DAEMON, FAILED, CANCELLED = 2, 3, 4, 5

_BY_KIND = {
    "InvalidValue": BAD_INPUT,
    "InvalidSetting": BAD_INPUT,
    "UnreadableAudio": BAD_INPUT,
    "UnsupportedTask": BAD_INPUT,
    "Conflict": BAD_INPUT,
    "NotFound": BAD_INPUT,
    "INVALID_ARGUMENT": BAD_INPUT,
    "TooLarge": BAD_INPUT,
    # gRPC's own word for a message above the size limit; `Busy` is ours, for a full queue.
    "RESOURCE_EXHAUSTED": BAD_INPUT,
    "Unavailable": NO_DAEMON,
    "UNAVAILABLE": NO_DAEMON,
    "Cancelled": CANCELLED,
    "CANCELLED": CANCELLED,
}


def exit_code(error: Exception) -> int:
    """Return the exit code for an error; what is not known is a failure. Unreadable local files are bad input."""
    if isinstance(error, JobFailed):
        return _BY_KIND.get(error.kind, FAILED)
    if isinstance(error, Unavailable):
        return NO_DAEMON
    return BAD_INPUT if isinstance(error, OSError) else _BY_KIND.get(type(error).__name__, FAILED)
