"""Failures of calls to the daemon elsewhere: which of them pass, and in what words they are told."""

from __future__ import annotations

from pathlib import Path

import grpc

from acebridge.addresses import split_address
from acebridge.client.channels import check_certificate, route_to
from acebridge.client.retries import may_succeed_later
from acebridge.errors import (
    AceBridgeError,
    ConnectionLost,
    InvalidSetting,
    JobFailed,
    Unauthenticated,
    Unavailable,
)


class JobFailure(JobFailed):
    """The job there has ended without a result: nothing is to be waited for."""


def is_passing(error: BaseException) -> bool:
    """Return whether the same call may succeed later."""
    if isinstance(error, JobFailure):
        return False
    if isinstance(error, JobFailed):
        return may_succeed_later(error)
    return isinstance(error, (Unavailable, Unauthenticated, InvalidSetting, grpc.RpcError))


def describe_break(address: str) -> str:
    """Return in a sentence that the line to ``address`` broke."""
    return f"the line to {split_address(address)[0]} broke."


def explain_fault(error: BaseException, address: str, home: Path) -> str:
    """Return in a sentence what keeps the daemon at ``address`` from working for this one. Looks at its certificate."""
    host = split_address(address)[0]
    if isinstance(error, ConnectionLost) or not isinstance(error, AceBridgeError):
        try:
            route = route_to(address, home)
            if route.is_elsewhere:
                check_certificate(route)
                return describe_break(address)
        except AceBridgeError as found:
            return f"{found.message} {found.remedy}".rstrip()
        except OSError:
            pass
        return f"{host} does not answer."
    return f"{error.message} {error.remedy}".rstrip()
