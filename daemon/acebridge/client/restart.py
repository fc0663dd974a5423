"""Stopping a daemon, and replacing one of another version."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from acebridge.errors import ConnectionLost, ErrorReason, JobFailed, Unavailable
from acebridge.paths import LOCK_FILE, RESTART_LOCK_FILE, data_folder
from acebridge.private_files import FILE_MODE
from acebridge.version import VERSION

if TYPE_CHECKING:
    from filelock import BaseFileLock

    from acebridge.client.client import Client
    from acebridge.v1 import daemon_pb2

_STOP_TIMEOUT_S, _POLL_S = 20.0, 0.1


def get_status(client: Client) -> daemon_pb2.DaemonStatus:
    """Return what a daemon says of itself."""
    from acebridge.v1 import daemon_pb2

    return client.call(client.daemon.GetStatus, daemon_pb2.GetStatusRequest())


def get_own_status() -> daemon_pb2.DaemonStatus | None:
    """Return what the user's own daemon says of itself, ``None`` where none runs."""
    from acebridge.client.client import Client
    from acebridge.client.discovery import serves
    from acebridge.client.own_daemon import address_in

    home = data_folder()
    address = address_in(home)
    if not address or not serves(address, home):
        return None
    with Client(address) as client:
        return get_status(client)


def is_older(version: str) -> bool:
    """Return whether ``version`` is older than this code; what follows the numbers, as in ``1.2rc1``, does not count."""
    return _numbers(version) < _numbers(VERSION)


def _numbers(version: str) -> list[int]:
    match = re.match(r"\d+(?:\.\d+)*", version)
    return [int(number) for number in match[0].split(".")] if match else []


def stop_daemon(client: Client, data_dir: Path, *, only_if_idle: bool = False) -> None:
    """Stop a daemon of this machine and wait until another one can start in its folder.

    Raises `Unavailable` when it goes on, and with ``only_if_idle`` `JobFailed` with the reason CONFLICT when it is at work.
    """
    import filelock

    from acebridge.v1 import daemon_pb2

    with suppress(ConnectionLost):  # it has just ended
        client.call(client.daemon.Shutdown, daemon_pb2.ShutdownRequest(only_if_idle=only_if_idle))
    try:
        # It releases the lock of its folder last of all.
        with filelock.FileLock(data_dir / LOCK_FILE, timeout=_STOP_TIMEOUT_S, mode=FILE_MODE):
            return
    except filelock.Timeout:
        raise _goes_on() from None


def restart_own(*, only_if_idle: bool = True, meanwhile: Callable[[], None] = lambda: None) -> bool:
    """Have the user's own daemon, where one runs, take up its settings: it is started again, with ``only_if_idle`` an idle one.

    ``meanwhile`` is called while none runs. Returns whether the settings count: false for a daemon that is at work, and goes on
    with what it knows; then ``meanwhile`` is not called. Raises `Unavailable`.
    """
    from acebridge.client.client import Client
    from acebridge.client.discovery import serves, start
    from acebridge.client.own_daemon import address_in

    home = data_folder()
    with lock_restart(home):
        address = address_in(home)
        if not address or not serves(address, home):
            meanwhile()
            return True
        with Client(address) as client:
            try:
                stop_daemon(client, home, only_if_idle=only_if_idle)
            except JobFailed as refused:
                if refused.kind is not ErrorReason.CONFLICT:
                    raise
                return False
        meanwhile()
        start()
    return True


def stop_elsewhere(client: Client) -> None:
    """Stop a daemon on another machine and wait until it does not answer. Raises `Unavailable` when it goes on."""
    from acebridge.client.discovery import answers
    from acebridge.v1 import daemon_pb2

    client.call(client.daemon.Shutdown, daemon_pb2.ShutdownRequest())
    deadline = time.monotonic() + _STOP_TIMEOUT_S
    while answers(client.address):
        if time.monotonic() > deadline:
            raise _goes_on()
        time.sleep(_POLL_S)


def _goes_on() -> Unavailable:
    return Unavailable(f"The daemon is still stopping after {_STOP_TIMEOUT_S:g} s.", remedy="Look at `acebridge logs`.")


def lock_restart(home: Path) -> BaseFileLock:
    """Keep other clients from restarting the daemon with the data folder ``home`` meanwhile."""
    import filelock

    return filelock.FileLock(home / RESTART_LOCK_FILE, mode=FILE_MODE)


def replace_other_version(address: str, *, restart: Callable[[], str] | None, warn: Callable[[str], None]) -> str:
    """Return the address of a daemon to work with: ``address``, or what ``restart`` returns, which starts another one.

    It does for an idle daemon of an older version; ``None`` is for one that is not the user's own. A newer one is never
    replaced: two installations with one data folder would take turns at it. ``warn`` gets a sentence about another version that
    stays.
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
        if not is_older(status.version):
            warn(f"{difference}. Update this program too, or run `acebridge stop` to go back to its own daemon.")
            return address
        try:
            stop_daemon(client, Path(status.data_dir), only_if_idle=True)
        except JobFailed as refused:
            if refused.kind is not ErrorReason.CONFLICT:
                raise
            warn(f"{difference}. It is at work; the first command after that restarts it.")
            return address
    return restart()
