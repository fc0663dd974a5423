"""Stopping a daemon, and replacing one of another version."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from acebridge.errors import JobFailed, Unavailable
from acebridge.paths import LOCK_FILE, RESTART_LOCK_FILE
from acebridge.version import VERSION

if TYPE_CHECKING:
    from filelock import BaseFileLock

    from acebridge.client.client import Client
    from acebridge.v1 import daemon_pb2

_STOP_TIMEOUT_S = 20.0


def get_status(client: Client) -> daemon_pb2.DaemonStatus:
    """Return what a daemon says of itself."""
    from acebridge.v1 import daemon_pb2

    return client.call(client.daemon.GetStatus, daemon_pb2.GetStatusRequest())


def is_idle(status: daemon_pb2.DaemonStatus) -> bool:
    """Return whether no job of a daemon waits or runs."""
    return not status.running_jobs and not status.waiting_jobs


def stop_daemon(client: Client, data_dir: Path) -> None:
    """Stop a daemon of this machine and wait until another one can start in its folder. Raises `Unavailable`."""
    import filelock

    from acebridge.v1 import daemon_pb2

    client.call(client.daemon.Shutdown, daemon_pb2.ShutdownRequest())
    try:
        # It releases the lock of its folder last of all.
        with filelock.FileLock(data_dir / LOCK_FILE, timeout=_STOP_TIMEOUT_S):
            return
    except filelock.Timeout:
        raise Unavailable(
            f"The daemon is still stopping after {_STOP_TIMEOUT_S:g} s.", remedy="Look at `acebridge logs`."
        ) from None


def lock_restart(home: Path) -> BaseFileLock:
    """Keep other clients from restarting the daemon with the data folder ``home`` meanwhile."""
    import filelock

    return filelock.FileLock(home / RESTART_LOCK_FILE)


def replace_other_version(address: str, *, restart: Callable[[], str] | None, warn: Callable[[str], None]) -> str:
    """Return the address of a daemon to work with: ``address``, or what ``restart`` returns, which starts another one.

    It does for an idle daemon of another version; ``None`` is for one that is not the user's own. ``warn`` gets a sentence
    about another version that stays.
    """
    from acebridge.client.client import Client

    with Client(address) as client:
        try:
            status = get_status(client)
        except JobFailed:  # whatever it is, the command itself says more about it
            return address
        if status.version == VERSION:
            return address
        difference = f"The daemon at {address} is version {status.version}, this is version {VERSION}"
        if restart is None:
            warn(f"{difference}: what only one of them knows is ignored or refused.")
            return address
        if not is_idle(status):
            warn(f"{difference}. It is at work; the first command after that restarts it.")
            return address
        stop_daemon(client, Path(status.data_dir))
    return restart()
