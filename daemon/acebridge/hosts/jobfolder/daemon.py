"""The daemon that a job folder's work is done at, also when it goes away meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeVar

from acebridge.errors import ErrorReason, JobFailed, Unavailable
from acebridge.pauses import double_pauses

if TYPE_CHECKING:
    from acebridge.client.client import Client
    from acebridge.client.connection import Warn
    from acebridge.hosts.jobfolder.status import Status

#: How often work is tried whose daemon goes away, and seconds that one has to be there again.
_TRIES, BACK_S = 3, 30.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 1.0

T = TypeVar("T")


class Daemon:
    """The daemon that the parts run at, and its ``client``, which ends with the ``stack``. Raises what `connect` raises."""

    def __init__(self, stack: ExitStack, address: str | None, autostart: bool, warn: Warn) -> None:
        from acebridge.client.connection import check_own_machine

        self._stack, self._address, self._warn = stack, address, warn
        self.client = self._connect(autostart)
        check_own_machine(self.client)

    def _connect(self, autostart: bool) -> Client:
        from acebridge.client.connection import connect

        return self._stack.enter_context(connect(self._address, autostart=autostart, warn=self._warn))

    def run(self, work: Callable[[Client], T], check: Callable[[], None], status: Status) -> T:
        """Return what ``work`` returns, which gets the client. It is done again where the daemon goes away and is back.

        ``check`` is called while that is waited for. Raises what ``work`` raises, and `JobFailed` when no daemon is there
        again after `BACK_S`.
        """
        for tries_left in reversed(range(_TRIES)):
            try:
                return work(self.client)
            except JobFailed as error:
                if not (tries_left and _is_gone(error)):
                    raise
            self._find_again(check, status)
        raise AssertionError("the last try returns or raises")

    def _find_again(self, check: Callable[[], None], status: Status) -> None:
        """Wait until a daemon is there again: a service starts it. It is not started here, for a user may have ended it."""
        status.tell(stage="waiting for the daemon")
        self.client.close()
        end_s = time.monotonic() + BACK_S
        for pause_s in double_pauses(_FIRST_PAUSE_S, _LONGEST_PAUSE_S):
            check()
            try:
                self.client = self._connect(autostart=False)
                return
            except Unavailable as error:
                if time.monotonic() > end_s:
                    raise daemon_ended() from error
            time.sleep(pause_s)


def _is_gone(error: JobFailed) -> bool:
    """Return whether a job failed because its daemon went away, or is about to: it is being stopped."""
    return error.kind is ErrorReason.UNAVAILABLE


def daemon_ended() -> JobFailed:
    """Return the sentence about a daemon that went away."""
    return JobFailed(
        ErrorReason.UNAVAILABLE,
        "The AceBridge daemon ended in the middle of the work.",
        remedy="Run the action again: it starts the daemon again.",
    )
