"""Which system has which service."""

from __future__ import annotations

import sys

from acebridge.errors import Unavailable
from acebridge.system_service.base import SystemService
from acebridge.system_service.launchd import Launchd
from acebridge.system_service.systemd import Systemd
from acebridge.system_service.task_scheduler import TaskScheduler

#: By the name of the system, as `sys.platform` has it.
SERVICES: dict[str, SystemService] = {"linux": Systemd(), "darwin": Launchd(), "win32": TaskScheduler()}


def service_of(system: str = "") -> SystemService:
    """Return the service of a system, by default of this one. Raises `Unavailable` where none is known."""
    wanted = system or sys.platform
    if wanted not in SERVICES:
        raise Unavailable(
            f"AceBridge knows no services of the system {wanted}, only those of {', '.join(SERVICES)}.",
            remedy="Start `acebridge serve` at log-in.",
        )
    return SERVICES[wanted]
