"""Who watches an inbox, and which projects are open there."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from acebridge.errors import Conflict, NotFound
from acebridge.hosts.jobfolder import VERSION
from acebridge.hosts.jobfolder.json_files import read_object
from acestep_runtime.errors import InvalidValue, printable

if TYPE_CHECKING:
    from pydantic import JsonValue

#: The names of these files begin like that.
PRESENCE = "presence-"
_FILE = re.compile(rf"{PRESENCE}([0-9a-z]{{4,32}})\.json")
#: A watcher writes at least every 3 s. One that has not for so long has gone, or its program waits in a dialog.
FRESH_S = 10.0


@dataclass(frozen=True)
class OpenProject:
    """A project that is open in a ``host``; `acebridge.hosts.jobfolder.inbox_documents` explains the rest.

    ``reads_names`` is its watcher's.
    """

    host: str
    instance: str
    key: str
    name: str
    file: str
    media: Path
    shown: bool
    recording: bool
    reads_names: bool = False


def open_projects(inbox: Path) -> list[OpenProject]:
    """Return the projects that are open where somebody watches ``inbox``; those that are shown come first."""
    found = [project for file in _files(inbox) for project in _projects(read_object(file), file)]
    return sorted(found, key=lambda project: not project.shown)


def choose_project(inbox: Path, name: str | None, host: str, *, start: str) -> OpenProject:
    """Return the open project called ``name`` or with this file; without one, the project that is shown.

    ``host`` is the program in messages, ``start`` says how to have somebody watch there. Raises `NotFound` where nobody
    watches or no such project is open, and `Conflict` where several are meant.
    """
    projects = open_projects(inbox)
    if not projects:
        raise NotFound(
            f"No {host} watches for what is to be placed.",
            remedy=start,
        )
    if name is not None:
        meant = [project for project in projects if name in (project.name, project.file, Path(project.file).name)]
        folded = name.casefold()
        meant = meant or [project for project in projects if project.name.casefold().startswith(folded)]
        if not meant:
            raise NotFound(
                f"No {host} has {printable(name)!r} open.",
                remedy=f"Open it there, or choose one of: {_list(projects)}.",
            )
    else:
        meant = [project for project in projects if project.shown]
    if len(meant) > 1:
        raise Conflict(
            f"{len(meant)} projects are meant: {_list(meant)}.", remedy="Choose one with --project, by its file."
        )
    if not meant:
        raise NotFound(f"{host} shows no project.", remedy=f"Choose one with --project: {_list(projects)}.")
    return meant[0]


def _list(projects: Sequence[OpenProject]) -> str:
    return ", ".join(printable(project.file or project.name, 120) for project in projects)


def _files(inbox: Path) -> Iterator[Path]:
    if inbox.is_dir():
        yield from sorted(file for file in inbox.iterdir() if _FILE.fullmatch(file.name))


def _projects(state: dict[str, JsonValue], file: Path) -> Iterator[OpenProject]:
    """Yield the projects in a presence; none of one that is old, of another version, or not as it should be."""
    updated, projects, host = state.get("update_time"), state.get("projects"), state.get("host")
    match = _FILE.fullmatch(file.name)
    if match is None or state.get("version") != VERSION or state.get("instance") != match[1]:
        return
    if not isinstance(updated, (int, float)) or abs(time.time() - updated) > FRESH_S:
        return
    name = str(host.get("name") or "") if isinstance(host, dict) else ""
    reads = state.get("reads_names") is True
    for entry in projects if isinstance(projects, list) else []:
        if isinstance(entry, dict) and (project := _project(entry, name or "the host", match[1], reads)) is not None:
            yield project


def _project(entry: dict[str, JsonValue], host: str, instance: str, reads: bool) -> OpenProject | None:
    texts = {key: value for key in ("key", "name", "file", "media") if isinstance(value := entry.get(key), str)}
    if len(texts) < 4 or not Path(texts["media"]).is_absolute():
        return None
    return OpenProject(
        host, instance, texts["key"], texts["name"], texts["file"], Path(texts["media"]),
        entry.get("shown") is True, entry.get("recording") is True, reads,
    )  # fmt: skip


def check_inbox(inbox: Path) -> None:
    """Raise `InvalidValue` unless ``inbox``, if it is there, is a folder, no link, of this user."""
    from acebridge.hosts.jobfolder.trust import check_folder

    if inbox.is_symlink() or inbox.exists():
        try:
            check_folder(inbox)
        except InvalidValue as error:
            error.field = "inbox"
            raise
