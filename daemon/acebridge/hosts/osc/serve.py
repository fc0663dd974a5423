"""The program of ``acebridge osc serve``: opens the ports, serves until it is asked to stop."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

from acebridge.background import stop_on_signals, stop_with_parent
from acebridge.client.credentials import token_for
from acebridge.client.discovery import find_address
from acebridge.client.result_files import RESULTS_FOLDER
from acebridge.config import Config, OscSettings
from acebridge.errors import Conflict
from acebridge.hosts.osc.access import Access
from acebridge.hosts.osc.addresses import ADDRESSES
from acebridge.hosts.osc.bridge import Bridge
from acebridge.hosts.osc.jobs import Connection, Jobs
from acebridge.hosts.osc.surfaces.sources import sources_folder
from acebridge.hosts.osc.tcp import TcpServer
from acebridge.hosts.osc.udp import UdpServer
from acebridge.paths import OSC_FILE
from acebridge.serving_notes import forget_serving, note_serving

#: Ports to try where any will do: the same number has to be free for both.
_TRIES = 20
#: How long a thread may keep the event loop from running; Python's own 5 ms is as long as a whole answer takes.
_SWITCH_S = 0.0005


async def serve(
    config: Config,
    settings: OscSettings,
    stop: asyncio.Event,
    *,
    address: str | None = None,
    autostart: bool = True,
    ready: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve OSC until ``stop`` is set; ``ready`` gets the address when both ports are open. Raises `Conflict`."""
    jobs = Jobs(Connection(address, autostart=autostart), settings.output or config.data_dir / RESULTS_FOLDER)
    roots = (*config.roots, sources_folder().resolve())  # what `acebridge osc follow` joins is there
    access = Access(roots, lambda: token_for(find_address(address)), settings.allow)
    bridge = Bridge(ADDRESSES, jobs, access, asyncio.get_running_loop())
    udp, tcp = UdpServer(bridge.receive), TcpServer(bridge.receive, access.forget, bridge.refuse_packet, access.admits)
    port = await _open_ports(settings, udp, tcp)
    bridge.peer_at = udp.peer_at
    file = config.data_dir / OSC_FILE
    try:
        for where in settings.feedback_addresses():
            bridge.feedback[where] = udp.peer_at(*where)
        note_serving(file, settings.host, port)
    except BaseException:
        udp.close()
        await tcp.close()
        raise
    try:
        connecting = bridge.jobs.call(jobs.connection.client)  # the first message need not wait for it
        ready(f"{settings.host}:{port}")
        await stop.wait()
    finally:
        forget_serving(file, port)  # while the port is ours: whoever has it next must not get a token
        bridge.close()
        udp.close()
        await tcp.close()
        connecting.cancel()
        await asyncio.to_thread(jobs.close)


async def _open_ports(settings: OscSettings, udp: UdpServer, tcp: TcpServer) -> int:
    """Open the same port for UDP and TCP and return it. Raises `Conflict`."""
    reason = ""
    for _ in range(1 if settings.port else _TRIES):
        try:
            port = await udp.listen(settings.host, settings.port)
            await tcp.listen(settings.host, port)
        except OSError as error:  # noqa: PERF203
            reason = error.strerror or str(error)
            udp.close()
        else:
            return port
    raise Conflict(
        f"Port {settings.port} of {settings.host} cannot be opened: {reason}.",
        remedy="Choose others with --host and --port, or with host and port in the table [osc] of config.toml.",
    )


async def run_until_signal(
    config: Config,
    settings: OscSettings,
    *,
    address: str | None,
    autostart: bool,
    with_parent: bool,
    ready: Callable[[str], None],
) -> None:
    """Serve until a signal to end, or, ``with_parent``, until the program that started this one closes its standard input."""
    sys.setswitchinterval(_SWITCH_S)
    stop = asyncio.Event()
    stop_on_signals(stop)
    if with_parent:
        stop_with_parent(stop)
    await serve(config, settings, stop, address=address, autostart=autostart, ready=ready)
