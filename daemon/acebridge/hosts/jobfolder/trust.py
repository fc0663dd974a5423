"""What a job folder is trusted with: it is a folder of its user's own, and its request sends audio nowhere else."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from acebridge.client.own_daemon import read_own_daemon
from acebridge.paths import data_folder
from acestep_runtime.errors import InvalidValue, printable


def check_folder(folder: Path) -> None:
    """Raise `InvalidValue` unless there is such a folder, no link, that belongs to the user of this process."""
    shown = printable(str(folder), 200)
    try:
        facts = folder.lstat()
    except (OSError, ValueError):
        raise InvalidValue("FOLDER", shown, "a job folder that is there") from None
    if not stat.S_ISDIR(facts.st_mode):
        raise InvalidValue("FOLDER", shown, "a job folder, and no link to one", remedy="Name the folder itself.")
    if hasattr(os, "getuid") and facts.st_uid != os.getuid():
        raise InvalidValue(
            "FOLDER", shown, "a job folder of your own", message=f"The job folder {shown} belongs to another user.",
            remedy="Have the script make it as the user who runs the command.",
        )  # fmt: skip


def check_address(address: str | None) -> None:
    """Raise `InvalidValue` for an ``address`` in a request that is neither the own daemon's nor the one that the user has set.

    At another port of this machine any user's program may listen, and nothing says what it is.
    """
    if address is None or address == os.environ.get("ACEBRIDGE_ADDRESS"):
        return
    if not read_own_daemon(data_folder()).serves_at(address):
        remedy = (
            "Leave it out; or set ACEBRIDGE_ADDRESS or give --address: a request alone may send audio nowhere else."
        )
        raise InvalidValue("address", printable(address), "that of your own daemon, while it runs", remedy=remedy)
