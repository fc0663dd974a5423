"""Hosts by name, as ``acebridge host doctor --host NAME`` takes them, and what each has checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from acebridge.health_check import Finding
from acebridge.hosts.ardour import doctor as ardour
from acebridge.hosts.ardour.paths import inbox_folder as ardour_inbox
from acebridge.hosts.jobfolder import doctor as jobfolder
from acebridge.hosts.live import doctor as live
from acebridge.hosts.protools import doctor as protools
from acebridge.hosts.reaper import doctor as reaper
from acebridge.hosts.reaper.paths import inbox_folder as reaper_inbox

#: ``generic`` is any host that uses job folders. A check gets the job folder of the script that asks, or ``None``.
HOSTS: dict[str, Callable[[Path | None], list[Finding]]] = {
    "generic": jobfolder.examine,
    "reaper": reaper.examine,
    "ardour": ardour.examine,
    "protools": protools.examine,
    "live": live.examine,
}


class Inbox(NamedTuple):
    """A host that places what lies in its inbox.

    Its name for people, where the inbox is, if that can be known, and how to have somebody watch it.
    """

    name: str
    folder: Callable[[], Path | None]
    start: str


#: As ``acebridge place --host NAME`` takes them.
INBOXES: dict[str, Inbox] = {
    "reaper": Inbox("REAPER", reaper_inbox, "Run the action AceBridge_Job list in REAPER, and leave its window open."),
    "ardour": Inbox(
        "Ardour", ardour_inbox, "Open a session in Ardour, with the hook AceBridge: Jobs in its Script Manager."
    ),
}
