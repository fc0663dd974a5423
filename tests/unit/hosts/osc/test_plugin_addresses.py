"""What plug-ins report goes on to tablets, if it comes with the token: else bridges could send it round for ever."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from acebridge.hosts.osc.access import Access
from acebridge.hosts.osc.address import Address
from acebridge.hosts.osc.bridge import Bridge
from acebridge.hosts.osc.control import CONTROL
from acebridge.hosts.osc.jobs import Connection, Jobs
from acebridge.hosts.osc.plugin_addresses import PLUGIN
from tests.support.osc import message
from tests.unit.hosts.osc.test_surface_addresses import FakePeer

TOKEN = "5f" * 32
VALUES: dict[str, object] = {"f": 0.5, "i": 2, "s": "Grüße"}


@pytest.mark.parametrize("given", [VALUES, {"f": 0.0, "i": 0, "s": ""}], ids=["full", "empty"])
@pytest.mark.parametrize("row", PLUGIN, ids=lambda row: row.path.rpartition("/")[2])
def test_a_report_with_the_token_goes_to_everybody_but_its_sender(
    row: Address, given: dict[str, object], tmp_path: Path
) -> None:
    plug_in, tablet = FakePeer("plug-in"), FakePeer("tablet")
    values = tuple(given[tag] for tag in row.tags)
    report = message(row.path, row.tags, *values)

    async def run() -> None:
        jobs = Jobs(Connection("127.0.0.1:1", autostart=False), tmp_path)
        bridge = Bridge((*CONTROL, *PLUGIN), jobs, Access((tmp_path,), lambda: TOKEN), asyncio.get_running_loop())
        bridge.feedback = {("127.0.0.1", 1): plug_in, ("127.0.0.1", 2): tablet}
        try:
            bridge.receive(report, plug_in)
            assert [answer.address for answer in tablet.answers] == ["/acebridge/error"]
            bridge.receive(message("/acebridge/token", "s", TOKEN), plug_in)
            bridge.receive(report, plug_in)
        finally:
            bridge.close()
            await asyncio.to_thread(jobs.close)

    asyncio.run(run())
    assert tablet.answers[1:] == [(row.path, row.tags, values)]
    assert [answer.address for answer in plug_in.answers] == ["/acebridge/error"]
