"""What is missing on this machine, and how AceBridge was installed here, for messages that say how to add it.

It is not on a package index, so the way leads over the wheel or the folder that it was installed from.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

#: The file in an environment that a tool keeps for one program alone → how that tool installs the program again.
_TOOLS = {
    "uv-receipt.toml": ("uv", "tool", "install", "--force"),
    "pipx_metadata.json": ("pipx", "install", "--force"),
}


@dataclass(frozen=True)
class MissingRequirement:
    """A requirement that this machine does not meet: ``reason`` is the end of a sentence, ``remedy`` says what to do."""

    reason: str
    remedy: str


def install_remedy(extra: str = "") -> str:
    """Return one sentence: the command that installs AceBridge again, with ``extra``, or the page that says how."""
    command = install_command(extra)
    if command:
        return f"Run `{command}`."
    return (
        f"Install AceBridge{f' with the extra {extra}' if extra else ' again'}, as docs/install.md of its sources says."
    )


def install_command(extra: str = "") -> str:
    """Return the command line for that; empty where nobody knows what AceBridge was installed from."""
    try:
        found = distribution("acebridge")
    except PackageNotFoundError:
        return ""
    source, editable = _source(found)
    if source is None:
        return ""
    requirement = f"{source}[{extra}]" if extra else str(source)
    if _has_own_uv():
        return ""
    words = (*_installer(found), *(("--editable",) if editable else ()), requirement)
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def _source(found: Distribution) -> tuple[Path | None, bool]:
    """Return the wheel or folder that a distribution is from, if it is still there, and whether it is editable.

    See "Recording the Direct URL Origin of installed distributions" (PEP 610).
    """
    try:
        origin = json.loads(found.read_text("direct_url.json") or "{}")
        url = urlsplit(origin["url"])
        editable = bool(origin.get("dir_info", {}).get("editable"))
    except (ValueError, KeyError):
        return None, False
    source = Path(url2pathname(url.path))
    return (source, editable) if url.scheme == "file" and source.exists() else (None, False)


def _has_own_uv() -> bool:
    """Return whether scripts keep this installation in a folder of their own, uv included, where no plain command reaches it.

    That is ``FOLDER/bin/uv`` and ``FOLDER/tools/N/acebridge``.
    """
    prefix = Path(sys.prefix)
    if len(prefix.parents) < 3 or prefix.parents[1].name != "tools":
        return False
    return any((prefix.parents[2] / "bin" / name).is_file() for name in ("uv", "uv.exe"))


def _installer(found: Distribution) -> tuple[str, ...]:
    """Return the words of the command that installs into the environment of this Python."""
    for name, words in _TOOLS.items():
        if Path(sys.prefix, name).exists():
            return words
    if (found.read_text("INSTALLER") or "").strip() == "uv":
        return ("uv", "pip", "install", "--python", sys.executable)
    return (sys.executable, "-m", "pip", "install")
