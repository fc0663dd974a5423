"""Finding the daemon, and starting one when none answers. Imported by every client command: keep it light."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, TypedDict

from acebridge.addresses import is_address, split_address
from acebridge.client.command_path import background_command
from acebridge.client.own_daemon import address_in, read_own_daemon, read_token, version_in
from acebridge.errors import Unavailable
from acebridge.paths import SERVED, START_LOG_FILE, TOKEN_VARIABLE, data_folder
from acebridge.private_files import make_private_folder, open_private
from acebridge.version import VERSION
from acestep_runtime.errors import InvalidValue

_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 15.0
_POLL_S = 0.05
#: How long a program on this machine may take to say that it speaks TLS.
_PROBE_S = 1.0
#: How the command line begins an error.
_ERROR = "acebridge: "
_OUTPUT_BYTES = 1 << 20


class _Launch(NamedTuple):
    """A daemon on its way: its process, and where in which file begins what it prints. Other daemons may print there too."""

    process: subprocess.Popen[bytes]
    output: Path
    start: int

    def read_output(self) -> str:
        with self.output.open("rb") as file:
            file.seek(self.start)
            return file.read().decode("utf-8", errors="replace")

    def another_serves(self) -> bool:
        """Whether it ends because another one was faster."""
        return SERVED in self.read_output()


def find_address(explicit: str | None = None) -> str:
    """Return where the daemon should be: ``explicit``, ``ACEBRIDGE_ADDRESS``, or what the running one says of itself.

    Empty when no daemon serves this data folder. Raises `InvalidValue` for an address that is none.
    """
    return _explicit_address(explicit) or address_in(data_folder())


def _explicit_address(explicit: str | None) -> str:
    """Return the address that the user names, checked; empty when there is none."""
    field, address = "--address", explicit
    if explicit is None:
        field, address = "ACEBRIDGE_ADDRESS", os.environ.get("ACEBRIDGE_ADDRESS") or None
    if address is None:
        return ""
    return check_address(address, field)


def check_address(address: str, field: str, *, example: str = "127.0.0.1:50710") -> str:
    """Return an address. Raises `InvalidValue`, which names the ``field``, for one that is none."""
    if not is_address(address):
        raise InvalidValue(
            field, address, "host:port, with a port from 1 to 65535", remedy=f"Write for example {example}."
        )
    return address


def find_daemon(
    explicit: str | None,
    *,
    autostart: bool,
    warn: Callable[[str], None],
    remedy: str = "Start one with `acebridge serve`.",
) -> str:
    """Return the address of the daemon that answers, starting one if ``autostart`` allows it. See `matching_daemon`.

    Raises `Unavailable`, with ``remedy`` when none answers, and `Unauthenticated` for one elsewhere that is not trusted.
    """
    address = find_address(explicit)
    if serves(address, data_folder()):
        _warn_of_unproven(address, warn)
        return matching_daemon(address, explicit, autostart=autostart, warn=warn)
    if _is_elsewhere(explicit):
        raise Unavailable(
            f"No AceBridge daemon answers at {address}.", remedy="Start it on its machine: `acebridge serve`."
        )
    if autostart:
        return start(explicit)
    where = f"answers at {address}" if address else "runs"
    raise _silence(data_folder(), address) or Unavailable(f"No AceBridge daemon {where}.", remedy=remedy)


def _silence(home: Path, address: str) -> Unavailable | None:
    """Return what to say of a daemon of the data folder ``home`` that runs and does not answer; ``None`` where none does."""
    own = read_own_daemon(home)
    if not (own.serves_at(address) and own.is_running):
        return None
    return Unavailable(
        f"The daemon runs, as process {own.pid}, and does not answer at {address}.",
        remedy="Try again in a moment, or end that process: its jobs go on when the next daemon starts.",
    )


def _warn_of_unproven(address: str, warn: Callable[[str], None]) -> None:
    """Tell ``warn`` when neither a token nor a certificate says what answers at ``address``. Raises what `token_for` does."""
    from acebridge.client.channels import route_to
    from acebridge.client.credentials import token_for

    if not token_for(address) and not route_to(address, data_folder()).certificate:
        warn(
            f"The daemon at {address} has proven nothing, for there is no token for it: any user of this machine may listen"
            f" there. Set {TOKEN_VARIABLE} to a token of it."
        )


def _is_elsewhere(explicit: str | None) -> bool:
    """Return whether the user names a daemon, which does not answer, that cannot be started here.

    Raises `Unauthenticated` when it does answer, but with TLS, and is not trusted.
    """
    address = _explicit_address(explicit)
    if not address:
        return False
    from acebridge.client.channels import fetch_certificate, route_to, unknown_daemon

    route = route_to(address, data_folder())
    if route.certificate:
        return route.is_elsewhere
    with suppress(OSError, Unavailable):
        fetch_certificate(route.address, _PROBE_S)
        raise unknown_daemon(address)
    return False


def matching_daemon(found: str, explicit: str | None, *, autostart: bool, warn: Callable[[str], None]) -> str:
    """Return the address of a daemon of this version, if that can be had, else ``found``, where one answers.

    The user's own daemon, which no address was needed for, is restarted when it is idle, of another version, and
    ``autostart`` allows it. Else ``warn`` gets a sentence about the difference.
    """
    home, own = data_folder(), not _explicit_address(explicit)
    if own and version_in(home) == VERSION:
        return found
    from acebridge.client.restart import lock_restart, replace_other_version

    if not (own and autostart):
        return replace_other_version(found, restart=None, warn=warn)
    with lock_restart(home):  # another client may be at it
        return replace_other_version(address_in(home) or found, restart=start, warn=warn)


def serves(address: str, home: Path) -> bool:
    """Return whether a daemon serves at ``address``; the one of the data folder ``home`` has to prove that it is.

    One of before there were proofs need not while its process runs, so that it can still be used, and stopped.
    """
    own = read_own_daemon(home)
    if not own.port or not own.serves_at(address):
        return answers(address)
    return answers(own.address, token=read_token(home) if own.proves or not own.is_running else "", home=home)


def answers(address: str, timeout_s: float = 1.0, *, token: str = "", home: Path | None = None) -> bool:
    """Return whether an AceBridge daemon serves at ``address``; none serves at what is no address.

    Whoever does not prove that it knows ``token``, where there is one, is another program. ``home`` is the data folder that
    says how to reach it, by default the user's own. Raises what `route_to` and `check_certificate` do, but ``OSError``.
    """
    if not is_address(address):
        return False
    import grpc
    from grpc_health.v1.health_pb2_grpc import HealthStub

    from acebridge.client.channels import TIMEOUT_S, check_certificate, open_route, route_to
    from acebridge.client.credentials import check_health, note_proof

    route = route_to(address, home or data_folder())
    if route.is_elsewhere:
        timeout_s = max(timeout_s, TIMEOUT_S)
        try:
            check_certificate(route)
        except OSError:
            return False
    port = split_address(address)[1] if token else None
    with open_route(route) as channel:
        try:
            found = check_health(
                HealthStub(channel), token, port=port, fingerprint=route.fingerprint, timeout_s=timeout_s, wait=False
            )
        except grpc.RpcError:
            return False
    if found and token:
        note_proof(address, token)
    return found


def start(explicit: str | None = None) -> str:
    """Start a daemon in the background and return its address once it serves. Raises `Unavailable` if it does not.

    Two clients may do so at once: one daemon gets the data folder, both clients find it.
    """
    address, own = _explicit_address(explicit), address_in(data_folder())
    options: tuple[str, ...] = ()
    if address:
        if own != address and serves(own, data_folder()):  # it holds the data folder, so no other can be started
            raise Unavailable(
                f"No AceBridge daemon answers at {address}; the one of this data folder is at {own}.",
                remedy="Leave the address out, or give that one.",
            )
        host, port = split_address(address)
        options = ("--host", host, "--port", str(port))
    home = data_folder()
    return _wait_for_answer(_launch(home, options), lambda: find_address(explicit), home)


@contextmanager
def private_daemon(home: Path) -> Iterator[str]:
    """Run a daemon of one's own, with the data folder ``home`` and on any free port; give its address, stop it at the end.

    It shares nothing with the user's own daemon. Raises `Unavailable` when it does not start.
    """
    launch = _launch(home, ("--host", "127.0.0.1", "--port", "0"))  # whatever the environment says
    try:
        yield _wait_for_answer(launch, lambda: address_in(home), home)
    finally:
        _stop(launch.process, home)


def _launch(home: Path, options: Sequence[str]) -> _Launch:
    """Start a daemon. Raises `Unavailable` when its folder cannot be written."""
    command = [*background_command(), "serve", *options]
    environment = {**os.environ, "ACEBRIDGE_HOME": str(home)}
    environment.pop(TOKEN_VARIABLE, None)  # a daemon needs none, and reads its own
    output = home / START_LOG_FILE
    try:
        make_private_folder(home)
        make_private_folder(output.parent)
        with suppress(OSError):
            if output.stat().st_size > _OUTPUT_BYTES:
                output.replace(output.with_name(f"{output.name}.1"))
        # Appended: of two that are started at once, each finds its own message.
        with open(output, "ab", opener=open_private) as log:
            start = log.tell()
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=home,
                env=environment,
                **_detach_options(),
            )
    except OSError as error:
        why = f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
        raise Unavailable(f"The daemon could not be started: {why}.", remedy="Check the data folder.") from error
    return _Launch(process, output, start)


def _wait_for_answer(launch: _Launch, where: Callable[[], str], home: Path) -> str:
    """Return the address that ``where`` gives as soon as the daemon of ``home`` answers there. Raises `Unavailable`."""
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        found = where()
        if serves(found, home):
            return found
        if launch.process.poll() not in (None, 0) and not launch.another_serves():
            break
        time.sleep(_POLL_S)
    raise (_silence(home, where()) if launch.another_serves() else None) or Unavailable(
        f"The daemon did not start: {_reason(launch.read_output())}",
        remedy=f"The whole message is in {launch.output}.",
    )


def _reason(printed: str) -> str:
    """Return the error in what a daemon printed; behind it there may be complaints of libraries that are torn down."""
    lines = printed.strip().splitlines() or ["no message"]
    errors = [line.removeprefix(_ERROR) for line in lines if line.startswith(_ERROR)]
    return (errors or lines)[-1]


def _stop(process: subprocess.Popen[bytes], home: Path) -> None:
    """End a daemon: by asking, which also ends its workers in order, else by force."""
    import grpc

    from acebridge.client.credentials import open_channel
    from acebridge.v1 import daemon_pb2, daemon_pb2_grpc

    try:
        with open_channel(address_in(home) or "localhost:0", read_token(home)) as channel:
            daemon_pb2_grpc.DaemonServiceStub(channel).Shutdown(daemon_pb2.ShutdownRequest(), timeout=5)
    except grpc.RpcError:  # it is not up yet, or not any more
        process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class _DetachOptions(TypedDict, total=False):
    creationflags: int
    start_new_session: bool


def _detach_options() -> _DetachOptions:
    """Return the options of a process that outlives this one."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}
