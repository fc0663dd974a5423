"""Packages for JavaScript that tests use as they are: fetched by npm, not installed."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

from tests.support.daemon import PATIENCE_S

AXE = "axe-core@4.14.1"


def extract_package(package: str, member: str, folder: Path) -> Path:
    """Fetch a package, named with its version, and return one file of it, which lies in ``folder``."""
    subprocess.run(["npm", "pack", package], cwd=folder, check=True, timeout=PATIENCE_S, capture_output=True)
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as files:
        files.extract(member, folder, filter="data")
    return folder / member


def read_axe(folder: Path) -> str:
    """Return the script of axe-core, which finds what people with a screen reader or without a mouse could not use."""
    return extract_package(AXE, "package/axe.min.js", folder).read_text("utf-8")
