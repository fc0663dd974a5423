"""The daemon on another machine that does neural work for the user's own one: whether it works, and an end of its work.

Imported by commands: what is slow to import comes when it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acebridge.paths import data_folder

if TYPE_CHECKING:
    from acebridge.v1 import daemon_pb2


def describe_remote(remote: daemon_pb2.RemoteDaemon) -> str:
    """Return in a line what a daemon says of the one that it is connected to."""
    state = f"version {remote.version}, up" if remote.up else remote.problem or "it has not answered yet"
    return f"{remote.address}: {state}"


def problem_with(address: str) -> str:
    """Return what keeps the daemon at ``address`` from doing work now; empty for nothing."""
    from acebridge.addresses import split_address
    from acebridge.client.channels import check_certificate, route_to, unknown_daemon
    from acebridge.client.credentials import check_known
    from acebridge.client.known_daemons import find_known
    from acebridge.errors import AceBridgeError

    home = data_folder()
    try:
        known = find_known(home, address)
        if known is None or not known.token:
            raise unknown_daemon(address)
        check_certificate(route_to(address, home))
        check_known(address, known)
    except OSError:
        return f"{split_address(address)[0]} does not answer."
    except AceBridgeError as error:
        return f"{error.message} {error.remedy}".rstrip()
    return ""


def cancel_work(address: str) -> tuple[int, str]:
    """Cancel the jobs at ``address`` that do work for jobs here; return how many are not cancelled, and why.

    Their notes stay, so that they are cancelled when the own daemon is connected again and nobody waits for them.
    """
    import grpc

    from acebridge.client.client import Client
    from acebridge.client.forwarded import cancel_noted, read_notes
    from acebridge.errors import AceBridgeError

    home = data_folder()
    notes = list(read_notes(home, address))
    if not notes:
        return 0, ""
    try:
        with Client(address) as there:
            while notes:
                cancel_noted(there, notes[0])
                del notes[0]
    except (AceBridgeError, grpc.RpcError, OSError) as error:
        said = f"{error.message} {error.remedy}".rstrip() if isinstance(error, AceBridgeError) else str(error)
        return len(notes), problem_with(address) or said
    return 0, ""
