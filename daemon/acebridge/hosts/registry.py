"""Hosts by name, as ``acebridge host doctor --host NAME`` takes them, and what each has checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from acebridge.health_check import Finding
from acebridge.hosts.ardour import doctor as ardour
from acebridge.hosts.jobfolder import doctor as jobfolder
from acebridge.hosts.live import doctor as live
from acebridge.hosts.reaper import doctor as reaper

#: ``generic`` is any host that uses job folders. A check gets the job folder of the script that asks, or ``None``.
HOSTS: dict[str, Callable[[Path | None], list[Finding]]] = {
    "generic": jobfolder.examine,
    "reaper": reaper.examine,
    "ardour": ardour.examine,
    "live": live.examine,
}
