"""What can be wrong between the scripts of any host and the command, checked from the command's side."""

from __future__ import annotations

from pathlib import Path

from acebridge.client.command_path import is_python_of_store, own_command
from acebridge.health_check import Finding
from acestep_runtime.installation import install_remedy

_STORE = "this Python is of the Microsoft Store: Windows hides what it writes from other programs, DAWs included"
_OTHER_PYTHON = "Install AceBridge with Python from python.org or with uv, or have the scripts of the DAW install it."


def examine(_job: Path | None) -> list[Finding]:
    """Check that scripts can find the command."""
    if is_python_of_store():
        return [Finding("command", False, _STORE, _OTHER_PYTHON)]
    command = own_command()
    says = str(command) if command else "this Python has no acebridge command"
    return [Finding("command", command is not None, says, install_remedy())]
