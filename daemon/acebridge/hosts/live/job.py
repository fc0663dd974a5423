"""A job of an action: its folder, the request in it, and the way to its end."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from acebridge.hosts.jobfolder import CANCEL, PLACED, REQUEST, VERSION
from acebridge.hosts.jobfolder.json_files import write_json
from acebridge.hosts.jobfolder.run import run
from acebridge.hosts.jobfolder.status import read_status
from acebridge.paths import data_folder
from acebridge.private_files import make_private_folder

if TYPE_CHECKING:
    from pydantic import JsonValue

    from acebridge.hosts.jobfolder.documents import ResultFile

#: In the data folder: what this host keeps.
LIVE_FOLDER = "live"
_LOOK_S = 0.1


def jobs_folder() -> Path:
    """Return the folder of this host's job folders."""
    return data_folder() / LIVE_FOLDER / "jobs"


def media_folder() -> Path:
    """Return where results lie until Live has copied them into its project."""
    return data_folder() / LIVE_FOLDER / "results"


def make_job_folder() -> Path:
    """Make an empty job folder. Raises ``OSError`` as the file system does."""
    make_private_folder(jobs_folder())
    folder = jobs_folder() / f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    return folder


def write_request(
    folder: Path,
    *,
    action: str,
    title: str,
    parts: list[dict[str, JsonValue]],
    place: JsonValue,
    engine: str,
    live: str,
) -> None:
    """Write the request of a job; ``live`` says which version of Live's API asks. Raises `InvalidValue`."""
    content: Mapping[str, object] = {
        "version": VERSION,
        "id": folder.name,
        "host": {"name": "Ableton Live", "version": live},
        "action": action,
        "title": title,
        "engine": engine,
        "create_time": time.time(),
        "media": {"folder": str(media_folder())},
        "parts": parts,
        "place": place,
    }
    write_json(folder / REQUEST, content)


def run_job(
    folder: Path,
    *,
    tell: Callable[[str, float], None],
    is_cancelled: Callable[[], bool],
    address: str | None = None,
    autostart: bool = True,
) -> ResultFile:
    """Run a job to its end and return its result; ``tell`` gets stages and fractions, ``is_cancelled`` is asked meanwhile.

    Raises what the job failed with; `JobFailed` with the reason ``CANCELLED`` when it was cancelled.
    """
    results: list[ResultFile] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(run(folder, address=address, autostart=autostart))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_LOOK_S)
        if is_cancelled():
            (folder / CANCEL).touch()
        status = read_status(folder)
        fraction = status.get("fraction")
        tell(str(status.get("stage") or "starting"), float(fraction) if isinstance(fraction, (int, float)) else 0.0)
    if errors:
        raise errors[0]
    return results[0]


def close_job(folder: Path) -> None:
    """Note that a job's result is placed, or not wanted."""
    (folder / PLACED).touch()
