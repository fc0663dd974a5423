"""What can be wrong between the scripts of any host and the command, checked from the command's side."""

from __future__ import annotations

from pathlib import Path

from acebridge.client.command_path import own_command
from acebridge.health_check import Finding
from acestep_runtime.installation import install_remedy


def examine(_job: Path | None) -> list[Finding]:
    """Check that scripts can find the command."""
    command = own_command()
    says = str(command) if command else "this Python has no acebridge command"
    return [Finding("command", command is not None, says, install_remedy())]
