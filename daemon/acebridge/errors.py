"""The daemon's error tree, and the one list of reasons that errors are told apart by.

`acebridge.contract.status` gives each reason its transport code, `acebridge.cli.exit_codes` its exit code.
"""

from __future__ import annotations

import errno
from enum import Enum


class ErrorReason(str, Enum):
    """Why something failed, as ErrorInfo, the journal and ``status.json`` name it: the name of an error class.

    A name that this version does not know is `INTERNAL`.
    """

    INVALID_VALUE = "InvalidValue"
    INVALID_SETTING = "InvalidSetting"
    UNREADABLE_AUDIO = "UnreadableAudio"
    UNSUPPORTED_TASK = "UnsupportedTask"
    CONFLICT = "Conflict"
    NOT_FOUND = "NotFound"
    BUSY = "Busy"
    TOO_LARGE = "TooLarge"
    DISK_FULL = "DiskFull"
    UNAVAILABLE = "Unavailable"
    CANCELLED = "Cancelled"
    UNAUTHENTICATED = "Unauthenticated"
    ENGINE_FAILURE = "EngineFailure"
    #: A fault of the daemon or of gRPC that gives no reason of its own.
    INTERNAL = "Internal"

    __str__ = str.__str__  # so that a format string shows the name on every version of Python

    @classmethod
    def _missing_(cls, _value: object) -> ErrorReason:
        return cls.INTERNAL


class AceBridgeError(Exception):
    """Base of all errors the daemon raises on purpose: one sentence, and what to do about it."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message if not remedy else f"{message} {remedy}")
        self.message = message
        self.remedy = remedy


class InvalidSetting(AceBridgeError):
    """A setting holds something that is not allowed."""


class NotFound(AceBridgeError):
    """There is no such job or asset (any more)."""


class Conflict(AceBridgeError):
    """The thing is in a state that forbids this now, for example a job that still runs."""


class Busy(AceBridgeError):
    """A bound is reached for now: the queue or the disk is full."""


class TooLarge(AceBridgeError):
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


class Unavailable(AceBridgeError):
    """The daemon is stopping, or cannot be reached."""


class Unauthenticated(AceBridgeError):
    """A call carries a token that is not this daemon's."""


class JobFailed(AceBridgeError):
    """A job or a call ended without a result. ``details`` holds the error's field, value and allowed, as far as it has them."""

    def __init__(
        self, kind: ErrorReason | str, message: str, *, remedy: str = "", details: dict[str, str] | None = None
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.kind = ErrorReason(kind)
        self.details = details or {}


class ConnectionLost(JobFailed):
    """The daemon went away in the middle of a call."""


def reason_of(error: Exception) -> ErrorReason:
    """Return the reason of any error of ours, and `ErrorReason.INTERNAL` for all others."""
    return error.kind if isinstance(error, JobFailed) else ErrorReason(type(error).__name__)
