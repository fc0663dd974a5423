"""Where the ``acebridge`` command is: noted in the data folder, for programs that have no PATH of a terminal, as REAPER."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from acebridge.atomic_files import write_whole
from acebridge.errors import AceBridgeError
from acebridge.paths import data_folder
from acestep_runtime.errors import InvalidValue

COMMAND_FILE = "command"
NAME = "acebridge.exe" if os.name == "nt" else "acebridge"
WINDOWLESS_NAME = "acebridgew.exe"  # of Windows; elsewhere no program opens a window


#: Where Windows has the Python of the Microsoft Store, whose writing below AppData others do not see.
_STORE = "\\WindowsApps\\PythonSoftwareFoundation."


def is_python_of_store(prefix: str = sys.base_prefix) -> bool:
    """Return whether the Python at ``prefix``, this one by default, is that of the Microsoft Store.

    Windows keeps what its programs write below AppData in a folder of the package ("Understanding how packaged desktop apps
    run on Windows", Microsoft), so no script sees the state of a job there.
    """
    return _STORE.lower() in prefix.replace("/", "\\").lower()


def own_command() -> Path | None:
    """Return the full path of this command; ``None`` when it is not installed as one."""
    started = Path(sys.argv[0])
    named = started.with_name(NAME) if started.stem.lower() == "acebridge" else None  # Windows leaves out the .exe
    # Beside Python is where a virtual environment has it; links are kept, for they say which environment it is.
    beside = Path(sys.executable).parent / NAME
    found = next((path for path in (named, beside) if path is not None and path.is_file()), None)
    return None if found is None else Path(os.path.abspath(found))  # noqa: PTH100 - resolve() would follow links


def background_command() -> tuple[str, ...]:
    """Return the words that start AceBridge without a window: on Windows those of the program that has no console."""
    command = own_command()
    windowless = None if command is None else command.with_name(WINDOWLESS_NAME)
    if windowless is not None and windowless.is_file():
        return (str(windowless),)
    return (sys.executable, "-m", "acebridge.cli")


def record() -> None:
    """Write it to the file ``command`` in the data folder: one line, UTF-8. What hinders that is no fault here."""
    with suppress(AceBridgeError, InvalidValue, OSError, ValueError):
        command = own_command()
        if command is None:
            return
        file, line = data_folder() / COMMAND_FILE, f"{command}\n".encode()
        if not file.is_file() or file.read_bytes() != line:
            write_whole(file, [line], private=True)
