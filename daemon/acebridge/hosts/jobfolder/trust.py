"""What a job folder is trusted with: it is a folder of its user's own, and its request sends audio nowhere else."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from acebridge.addresses import is_loopback
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
    """Raise `InvalidValue` for an ``address`` in a request that is neither this machine's nor the one that the user has set."""
    if address is None or address == os.environ.get("ACEBRIDGE_ADDRESS"):
        return
    host = address.rpartition(":")[0]
    if not is_loopback(host.removeprefix("[").removesuffix("]")):
        remedy = "To send audio to another machine, set ACEBRIDGE_ADDRESS or give --address: a request alone may not."
        raise InvalidValue("address", printable(address), "one of this machine, such as 127.0.0.1:50710", remedy=remedy)
