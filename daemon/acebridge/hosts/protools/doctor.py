"""What can be wrong between Pro Tools and the command, checked from the command's side."""

from __future__ import annotations

import os
from pathlib import Path

from acebridge.errors import JobFailed
from acebridge.health_check import Finding
from acebridge.hosts.protools.connection import PORT, ProTools
from acebridge.hosts.protools.session import Session, read_session


def examine(_job: Path | None) -> list[Finding]:
    """Make the checks about Pro Tools."""
    return examine_at(PORT)


def examine_at(port: int) -> list[Finding]:
    """Make the checks about the Pro Tools that listens at a port."""
    try:
        with ProTools(port) as pro:
            version = ".".join(map(str, pro.version))
            found = Finding("Pro Tools", True, f"its scripting interface {version} answers at port {port}")
            return [found, *_session(pro)]
    except JobFailed as error:
        return [Finding("Pro Tools", False, error.message, error.remedy)]


def _session(pro: ProTools) -> list[Finding]:
    try:
        session = read_session(pro)
    except JobFailed as error:
        return [Finding("session", False, error.message, error.remedy)]
    return [Finding("session", True, f"{session.name}, {session.rate_hz} Hz"), _folder(session)]


def _folder(session: Session) -> Finding:
    folder = session.file.parent
    says = f"results go into {session.media}"
    if folder.is_dir() and os.access(folder, os.W_OK):
        return Finding("media folder", True, says)
    remedy = "Save the session on a disk of this machine, in a folder that you can write."
    return Finding("media folder", False, f"{folder} cannot be written", remedy)
