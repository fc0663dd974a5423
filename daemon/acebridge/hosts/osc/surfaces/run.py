"""What ``acebridge osc follow`` runs: the table of DAWs, where they and the bridge are, and the loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from acebridge.errors import InvalidSetting
from acebridge.hosts.osc.surfaces import ardour, reaper
from acebridge.hosts.osc.surfaces.follow import LOOPBACK, Follower, Place, Surface
from acebridge.paths import OSC_FILE, data_folder
from acebridge.serving_notes import find_serving
from acestep_runtime.errors import InvalidValue

DEFAULT_BRIDGE_PORT = 50711


def _make_reaper(daw: Place, resources: Path | None) -> Surface:
    if resources is None:
        raise InvalidSetting(
            "There is no home folder with REAPER's resource folder.", remedy="Name it with --resources."
        )
    return Surface(
        daw,
        reaper.ReaperTimeline(),
        reaper.hello,
        reaper.read,
        reaper.action,
        partial(reaper.poll, resources=resources),
    )


def _make_ardour(daw: Place, _resources: Path | None) -> Surface:
    return Surface(daw, ardour.ArdourTimeline(), ardour.hello, ardour.read, ardour.action, has_hook=True)


#: DAW → how its surface is made, the port where it listens, and the one that it sends to.
SURFACES: dict[str, tuple[Callable[[Place, Path | None], Surface], int, int]] = {
    "reaper": (_make_reaper, reaper.DAW_PORT, reaper.LISTEN_PORT),
    "ardour": (_make_ardour, ardour.DAW_PORT, ardour.LISTEN_PORT),
}


def parse_place(text: str | None, field: str, default: Place) -> Place:
    """Return a host and a port from "HOST:PORT" or "PORT". Raises `InvalidValue`."""
    if text is None:
        return default
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise InvalidValue(field, text, "HOST:PORT with a port from 1 to 65535, such as 127.0.0.1:8000")
    return host or LOOPBACK, int(port)


def find_bridge() -> Place:
    """Return where the bridge of this data folder listens, or where it would."""
    noted = find_serving(data_folder() / OSC_FILE, or_newest=True)
    return LOOPBACK, DEFAULT_BRIDGE_PORT if noted is None else noted.port


def follow(
    name: str,
    *,
    daw: str | None = None,
    bridge: str | None = None,
    listen: int | None = None,
    resources: Path | None = None,
    say: Callable[[str], None] = print,
    is_stopping: Callable[[], bool] = lambda: False,
) -> None:
    """Follow a DAW until ``is_stopping``. Raises `InvalidValue`, and `InvalidSetting` for a port that is not free."""
    if name not in SURFACES:
        raise InvalidValue("DAW", name, ", ".join(SURFACES))
    make, daw_port, listen_port = SURFACES[name]
    surface = make(parse_place(daw, "--daw", (LOOPBACK, daw_port)), resources)
    place = parse_place(bridge, "--bridge", find_bridge())
    follower = Follower(surface, place, listen_port if listen is None else listen, say)
    try:
        say(
            f"following {name} at {surface.daw[0]}:{surface.daw[1]} from port {follower.port}, bridge at {place[0]}:{place[1]}"
        )
        while not is_stopping():
            follower.step()
    finally:
        follower.close()
