"""macOS: an agent of launchd. See launchd.plist(5) and launchctl(1)."""

from __future__ import annotations

import os
import plistlib
from pathlib import Path

from acebridge.system_service.base import Command, Program, Steps

LABEL = "acebridge.daemon"


def _domain() -> str:
    """Return the log-in session of the user."""
    return f"gui/{os.getuid() if hasattr(os, 'getuid') else 0}"


class Launchd:
    """See `acebridge.system_service.base.SystemService`."""

    name = "launchd agent"
    encoding = "utf-8"

    def file(self, data_dir: Path) -> Path:
        """See `SystemService.file`."""
        del data_dir
        return Path.home() / "Library" / "LaunchAgents" / f"{LABEL}.plist"

    def text(self, program: Program) -> str:
        """See `SystemService.text`."""
        agent = {
            "Label": LABEL,
            "ProgramArguments": list(program.command),
            "WorkingDirectory": str(program.data_dir),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": 10,
        }
        return plistlib.dumps(agent, sort_keys=False).decode(self.encoding)

    def start(self, file: Path) -> Steps:
        """See `SystemService.start`."""
        return Steps(
            attempts=(("launchctl", "bootout", f"{_domain()}/{LABEL}"),),
            required=(("launchctl", "bootstrap", _domain(), str(file)),),
        )

    def stop(self, file: Path) -> Steps:
        """See `SystemService.stop`."""
        del file
        return Steps(attempts=(("launchctl", "bootout", f"{_domain()}/{LABEL}"),))

    def query(self) -> Command:
        """See `SystemService.query`."""
        return ("launchctl", "print", f"{_domain()}/{LABEL}")
