"""The daemon's error tree, and the one list of reasons that errors are distinguished by.

`acebridge.contract.status` gives each reason its transport code, `acebridge.cli.exit_codes` its exit code.
"""

from __future__ import annotations

import errno
import re
import sqlite3
from enum import Enum


class ErrorReason(str, Enum):
    """Why something failed, as ErrorInfo and ``status.json`` name it: an error class in upper snake case.

    The name of the class stands for it too, as in the journal. A name that this version does not know is `INTERNAL`.
    """

    INVALID_VALUE = "INVALID_VALUE"
    INVALID_SETTING = "INVALID_SETTING"
    UNKNOWN_FIELD = "UNKNOWN_FIELD"
    UNREADABLE_AUDIO = "UNREADABLE_AUDIO"
    UNSUPPORTED_TASK = "UNSUPPORTED_TASK"
    CONFLICT = "CONFLICT"
    NOT_FOUND = "NOT_FOUND"
    BUSY = "BUSY"
    TOO_LARGE = "TOO_LARGE"
    TIMED_OUT = "TIMED_OUT"
    DISK_FULL = "DISK_FULL"
    DISK_FAILING = "DISK_FAILING"
    DATA_LOSS = "DATA_LOSS"
    UNAVAILABLE = "UNAVAILABLE"
    CANCELLED = "CANCELLED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    ENGINE_FAILURE = "ENGINE_FAILURE"
    #: A fault of the daemon or of gRPC that gives no reason of its own.
    INTERNAL = "INTERNAL"

    __str__ = str.__str__  # so that a format string shows the name on every version of Python

    @classmethod
    def _missing_(cls, value: object) -> ErrorReason:
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(value)).upper()
        return cls.__members__.get(name, cls.INTERNAL)


class AceBridgeError(Exception):
    """Base of all errors the daemon raises on purpose: one sentence, and what to do about it."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message if not remedy else f"{message} {remedy}")
        self.message = message
        self.remedy = remedy


class InvalidSetting(AceBridgeError):
    """A setting holds something that is not allowed."""


class UnknownField(AceBridgeError):
    """A request holds a field or an enum value that this version of the contract does not have."""

    def __init__(self, field: str, value: str, message: str) -> None:
        super().__init__(
            message, remedy="The client is newer than the daemon: update AceBridge, then restart the daemon."
        )
        self.field = field
        self.value = value


class NotFound(AceBridgeError):
    """There is no such job or asset (any more)."""


class Conflict(AceBridgeError):
    """The thing is in a state that forbids this now, for example a job that still runs."""


class Busy(AceBridgeError):
    """A bound is reached for now: the queue or the disk is full."""


class TooLarge(AceBridgeError):
    """What was sent is more than the daemon takes, now and later."""


class TimedOut(AceBridgeError):
    """A client has let the daemon wait for too long, for something to arrive or to be read."""


def is_full(error: BaseException) -> bool:
    """Return whether an error of the system says that a disk, or a user's share of it, is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def is_failing_disk(error: BaseException) -> bool:
    """Return whether an error of the system says that a disk does not do what it is asked to."""
    return isinstance(error, OSError) and error.errno in (errno.EIO, errno.EROFS)


def is_exhausted(error: BaseException) -> bool:
    """Return whether an error says that this process or the machine has no descriptor, process or thread to give for now."""
    if isinstance(error, sqlite3.OperationalError):
        return "unable to open database file" in str(error)
    if isinstance(error, RuntimeError):
        return "can't start new thread" in str(error)
    return isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM)


def system_limit() -> Busy:
    """Return the error for what `is_exhausted` tells."""
    return Busy(
        "The daemon has reached a limit of this system on open files or processes.",
        remedy="Try again once other programs have closed some, or raise the limit with `ulimit -n` before it starts.",
    )


class DiskFull(Busy):
    """There is no room on the disk of the data folder."""

    def __init__(self) -> None:
        super().__init__(
            "The disk that holds the data folder is full.",
            remedy="Free some space, or lower quota_bytes in config.toml, then try again.",
        )


class DiskFailing(AceBridgeError):
    """The disk of the data folder does not do what it is asked to."""

    def __init__(self) -> None:
        super().__init__(
            "The disk that holds the data folder reports errors.",
            remedy="Copy what is on it to another one, check it, then try again.",
        )


class DataLoss(AceBridgeError):
    """Something in the data folder is damaged or missing. Nothing is done that could make it worse."""


class Unavailable(AceBridgeError):
    """The daemon is stopping, or cannot be reached."""


class Unauthenticated(AceBridgeError):
    """A call carries no token, or one that is not this daemon's."""


class PermissionDenied(AceBridgeError):
    """The token of a call does not allow it."""


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


def explain(error: Exception) -> Exception:
    """Return what an error of the system means: a full or failing disk, or a limit of the system; all others as they are."""
    if is_full(error):
        return DiskFull()
    if is_failing_disk(error):
        return DiskFailing()
    return system_limit() if is_exhausted(error) else error


def reason_of(error: Exception) -> ErrorReason:
    """Return the reason of any error of ours, and `ErrorReason.INTERNAL` for all others."""
    return error.kind if isinstance(error, JobFailed) else ErrorReason(type(error).__name__)


def details_of(error: Exception) -> dict[str, str]:
    """Return what an error says beside its message: of a wrong value the field, the value and what is allowed."""
    if isinstance(error, JobFailed):
        return dict(error.details)
    return {name: str(getattr(error, name)) for name in ("field", "value", "allowed") if hasattr(error, name)}
