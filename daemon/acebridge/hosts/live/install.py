"""The bridge that Live loads: written as a file that the musician drags into Live's settings, once."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

from acebridge.atomic_files import check_writable
from acebridge.hosts.live.package import check_package

#: As the package names it.
BRIDGE_FILE = "ableton-python-bridge.ablx"
STEPS = (
    "In Live (12.4.5 Suite or newer), once:",
    "1. Open Settings > Extensions, and drag this file onto the window; or choose it there.",
    "2. Start Live again if it asks for that.",
    "Then run `acebridge live run` while you work, and right-click a selection in the arrangement.",
    "While the bridge is on, every program on this computer can change the open Live Set: see docs/live.md.",
)


def write_bridge(folder: Path) -> Path:
    """Write the bridge into ``folder`` and return the file. Raises `MissingPackage` and `InvalidValue`."""
    check_package()
    from ableton_extensions.cli import main

    check_writable(folder)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints steps of its own
        main(["install-bridge", "--to", str(folder)])
    return folder / BRIDGE_FILE
