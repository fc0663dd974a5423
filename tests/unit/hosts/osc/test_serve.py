"""Opening and closing the ports of the bridge."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from acebridge.config import Config, OscSettings
from acebridge.hosts.osc.serve import serve
from acebridge.hosts.osc.udp import UdpServer
from acebridge.paths import OSC_FILE


def test_the_note_goes_while_the_port_is_the_bridges_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEBRIDGE_HOME", str(tmp_path))
    there: list[bool] = []
    close = UdpServer.close

    def note(server: UdpServer) -> None:
        there.append((tmp_path / OSC_FILE).exists())
        close(server)

    async def run() -> None:
        stop = asyncio.Event()

        def end(_: str) -> None:
            there.append((tmp_path / OSC_FILE).exists())
            stop.set()

        await serve(Config(data_dir=tmp_path), OscSettings(port=0), stop, autostart=False, ready=end)

    monkeypatch.setattr(UdpServer, "close", note)
    asyncio.run(run())
    assert there == [True, False]
