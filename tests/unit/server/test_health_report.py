"""What the health service says while something fails."""

from __future__ import annotations

import asyncio

import pytest

from acebridge.background import Supervisor
from acebridge.server.health_report import report_health, set_serving

JOBS, ASSETS = "acebridge.v1.JobService", "acebridge.v1.AssetService"


class Servicer:
    def __init__(self) -> None:
        self.statuses: dict[str, int] = {}

    async def set(self, service: str, status: int) -> None:
        self.statuses[service] = status

    def serving(self) -> dict[str, bool]:
        return {service: status == 1 for service, status in self.statuses.items()}


@pytest.mark.parametrize("fails", ["jobs", "others"])
def test_the_services_that_need_what_fails_do_not_serve_meanwhile(fails: str) -> None:
    servicer, jobs, others = Servicer(), Supervisor(), Supervisor()
    failing = {"jobs": jobs, "others": others}[fails]

    async def turns() -> None:
        for _ in range(8):
            await asyncio.sleep(0)

    async def scenario() -> None:
        await set_serving(servicer, (JOBS, ASSETS))
        reporting = asyncio.create_task(report_health(servicer, {jobs: (JOBS,), others: ()}))
        await turns()
        assert servicer.serving() == {"": True, JOBS: True, ASSETS: True}
        failing.failing["running jobs on cpu"] = "OSError: ?"
        failing.on_change()
        await turns()
        assert servicer.serving() == {"": False, JOBS: fails != "jobs", ASSETS: True}
        failing.failing.clear()
        failing.on_change()
        await turns()
        assert servicer.serving() == {"": True, JOBS: True, ASSETS: True}
        reporting.cancel()

    asyncio.run(scenario())
