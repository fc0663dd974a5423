"""Linux: a unit of ``systemd --user``. See systemd.service(5) and systemd.syntax(7)."""

from __future__ import annotations

import os
from pathlib import Path

from acebridge.system_service.base import Command, Program, Steps

UNIT = "acebridge.service"
_CONTROL = ("systemctl", "--user")


def _escape(path: str) -> str:
    """Return a text without specifiers: a unit replaces what begins with a percent sign."""
    return path.replace("%", "%%")


def _quote(word: str) -> str:
    """Return a word of a command line."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{_escape(escaped)}"'


class Systemd:
    """See `acebridge.system_service.base.SystemService`."""

    name = "systemd user service"
    encoding = "utf-8"

    def file(self, data_dir: Path) -> Path:
        """See `SystemService.file`."""
        del data_dir
        home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
        return Path(home) / "systemd" / "user" / UNIT

    def text(self, program: Program) -> str:
        """See `SystemService.text`."""
        # Exit code 2 is a wrong setting or a second daemon: starting again would not help.
        return f"""\
[Unit]
Description=AceBridge, AI music inside the DAW

[Service]
Type=exec
ExecStart={" ".join(map(_quote, program.command))}
WorkingDirectory={_escape(str(program.data_dir))}
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=2
KillMode=mixed

[Install]
WantedBy=default.target
"""

    def start(self, file: Path) -> Steps:
        """See `SystemService.start`."""
        del file
        return Steps(required=((*_CONTROL, "daemon-reload"), (*_CONTROL, "enable", UNIT), (*_CONTROL, "restart", UNIT)))

    def stop(self, file: Path) -> Steps:
        """See `SystemService.stop`."""
        del file
        return Steps(attempts=((*_CONTROL, "disable", "--now", UNIT),), required=((*_CONTROL, "daemon-reload"),))

    def query(self) -> Command:
        """See `SystemService.query`."""
        return (*_CONTROL, "is-active", UNIT)
