"""What the health service says of the daemon: NOT_SERVING where a part has failed and has not worked again for a while.

Jobs need their scheduler: when that fails, so do the services of tasks and jobs. The others go on, and clients find the daemon.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from grpc_health.v1 import health_pb2

from acebridge.background import Supervisor

_SERVING, _NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
#: The name that stands for the whole daemon.
WHOLE = ""


class Servicer(Protocol):
    """What of a ``grpc_health.v1.health.aio.HealthServicer`` is needed."""

    async def set(self, service: str, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        """Set the status of a service."""
        ...


async def set_serving(servicer: Servicer, services: Sequence[str]) -> None:
    """Say of the daemon and of each of its services that it serves."""
    for service in (WHOLE, *services):
        await servicer.set(service, _SERVING)


async def report_health(servicer: Servicer, needed_by: Mapping[Supervisor, Sequence[str]]) -> None:
    """Set the status of services while what they need fails, and of the whole daemon, for ever."""
    changed = asyncio.Event()
    for supervisor in needed_by:
        supervisor.on_change = changed.set
    while True:
        changed.clear()
        failing = {service for supervisor, services in needed_by.items() if supervisor.failing for service in services}
        for service in {service for services in needed_by.values() for service in services}:
            await servicer.set(service, _NOT_SERVING if service in failing else _SERVING)
        await servicer.set(WHOLE, _NOT_SERVING if any(each.failing for each in needed_by) else _SERVING)
        await changed.wait()
