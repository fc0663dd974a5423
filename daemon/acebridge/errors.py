"""The daemon's error tree; transport codes are given in one table, in `acebridge.contract.status`."""

from __future__ import annotations

import errno


class DaemonFault(Exception):
    """Base of all errors the daemon raises on purpose: one sentence, and what to do about it."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message if not remedy else f"{message} {remedy}")
        self.message = message
        self.remedy = remedy


class InvalidSetting(DaemonFault):
    """A setting holds something that is not allowed."""


class NotFound(DaemonFault):
    """There is no such job or asset (any more)."""


class Conflict(DaemonFault):
    """The thing is in a state that forbids this now, for example a job that still runs."""


class Busy(DaemonFault):
    """A bound is reached for now: the queue or the disk is full."""


class TooLarge(DaemonFault):
    """What was sent is more than the daemon takes, now and later."""


def is_full(error: BaseException) -> bool:
    """Return whether an error of the system says that a disk, or a user's share of it, is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


class DiskFull(Busy):
    """There is no room on the disk of the data folder."""

    def __init__(self) -> None:
        super().__init__(
            "The disk that holds the data folder is full.",
            remedy="Free some space, or lower quota_bytes in config.toml, then try again.",
        )


class Unavailable(DaemonFault):
    """The daemon is stopping, or cannot be reached."""


class JobFailed(DaemonFault):
    """A job ended without a result. ``kind`` names the error class it ended with, ``details`` its parts."""

    def __init__(self, kind: str, message: str, *, remedy: str = "", details: dict[str, str] | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.kind = kind
        self.details = details or {}
