"""Which failed calls are worth making again."""

from __future__ import annotations

from acebridge.errors import ConnectionLost, ErrorReason, JobFailed

#: The line comes back, the queue gets shorter, a disk gets room, the user trusts the daemon again, the daemon is mended.
_PASSING = frozenset(
    {
        ErrorReason.UNAVAILABLE,
        ErrorReason.BUSY,
        ErrorReason.DISK_FULL,
        ErrorReason.TIMED_OUT,
        ErrorReason.UNAUTHENTICATED,
        ErrorReason.PERMISSION_DENIED,
        ErrorReason.INTERNAL,
    }
)


def may_succeed_later(error: JobFailed) -> bool:
    """Return whether the call that failed may succeed when it is made again, as it was."""
    return isinstance(error, ConnectionLost) or error.kind in _PASSING
