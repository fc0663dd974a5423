"""Windows: a task of the Task Scheduler. See "Task Scheduler Schema" and "schtasks" in the Windows documentation."""

from __future__ import annotations

import getpass
import os
import subprocess
from pathlib import Path
from xml.etree import ElementTree

from acebridge.system_service.base import Command, Program, Steps

TASK = "AceBridge"
_NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"


#: Elements by their names: text, or elements.
_Tree = dict[str, "str | _Tree"]


def _user() -> str:
    """Return the user's name, with that of the domain or machine where it is known."""
    domain = os.environ.get("USERDOMAIN")
    return f"{domain}\\{getpass.getuser()}" if domain else getpass.getuser()


class TaskScheduler:
    """See `acebridge.system_service.base.SystemService`."""

    name = "scheduled task"
    encoding = "utf-16"  # of all XML that schtasks reads

    def file(self, data_dir: Path) -> Path:
        """See `SystemService.file`."""
        return data_dir / "service.xml"

    def text(self, program: Program) -> str:
        """See `SystemService.text`. The elements have to be in this order."""
        user = _user()
        executable, *arguments = program.command
        tree: _Tree = {
            "RegistrationInfo": {"Description": "AceBridge, AI music inside the DAW"},
            "Triggers": {"LogonTrigger": {"Enabled": "true", "UserId": user}},
            "Principals": {
                "Principal": {"UserId": user, "LogonType": "InteractiveToken", "RunLevel": "LeastPrivilege"}
            },
            "Settings": {
                "MultipleInstancesPolicy": "IgnoreNew",
                "DisallowStartIfOnBatteries": "false",
                "StopIfGoingOnBatteries": "false",
                "ExecutionTimeLimit": "PT0S",
                "RestartOnFailure": {"Interval": "PT1M", "Count": "3"},
            },
            "Actions": {
                "Exec": {
                    "Command": executable,
                    "Arguments": subprocess.list2cmdline(arguments),
                    "WorkingDirectory": str(program.data_dir),
                }
            },
        }
        root = ElementTree.Element("Task", {"version": "1.2", "xmlns": _NAMESPACE})
        _fill(root, tree)
        ElementTree.indent(root)
        return f'<?xml version="1.0" encoding="UTF-16"?>\n{ElementTree.tostring(root, "unicode")}\n'

    def start(self, file: Path) -> Steps:
        """See `SystemService.start`."""
        return Steps(
            required=(
                ("schtasks", "/Create", "/TN", TASK, "/XML", str(file), "/F"),
                ("schtasks", "/Run", "/TN", TASK),
            )
        )

    def stop(self, file: Path) -> Steps:
        """See `SystemService.stop`."""
        del file
        return Steps(attempts=(("schtasks", "/End", "/TN", TASK), ("schtasks", "/Delete", "/TN", TASK, "/F")))

    def query(self) -> Command:
        """See `SystemService.query`."""
        return ("schtasks", "/Query", "/TN", TASK)


def _fill(parent: ElementTree.Element, tree: _Tree) -> None:
    for name, content in tree.items():
        child = ElementTree.SubElement(parent, name)
        if isinstance(content, str):
            child.text = content
        else:
            _fill(child, content)
