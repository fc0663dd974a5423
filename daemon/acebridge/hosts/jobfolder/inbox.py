"""The inbox of a host: what others made for a project that is open there, one folder each, until its watcher has placed it.

Whoever has finished audio puts it here; a script in the host, the watcher, takes it out. PROTOCOL.md has the rules.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from acebridge.atomic_files import unwritable
from acebridge.hosts.jobfolder import ANSWER, FOLDERS, PLACE, RESULT, VERSION
from acebridge.hosts.jobfolder.json_files import read_object, write_json
from acebridge.hosts.jobfolder.presence import FRESH_S, PRESENCE, OpenProject, check_inbox
from acebridge.private_files import FOLDER_MODE, close_folder
from acebridge.version import VERSION as PROGRAM_VERSION

if TYPE_CHECKING:
    from acebridge.hosts.jobfolder.inbox_documents import PlaceFile, PositionEntry

_PLACEMENT = re.compile(r"\d{8}-\d{6}-[0-9a-z]{4,32}(\.[0-9a-z]{4,32})?")
_UNFINISHED = re.compile(r"\.\d{8}-\d{6}-[0-9a-z]{4,32}\.part")
#: Answers that nobody fetched, and what a sender that was killed left, go after this time; what nobody has taken after that.
_KEEP_S, _WAIT_S = 3600.0, 7 * 86400.0
_POLL_S = 0.1
_REMEDY = "Free some space there."


@dataclass(frozen=True)
class Answer:
    """What the watcher says: ``waiting``, ``placed`` or ``refused``; ``sent`` while nobody has said anything.

    ``message`` is a sentence or two for the user, ``remedy`` what to do about a refusal.
    """

    state: Literal["sent", "waiting", "placed", "refused"]
    message: str = ""
    remedy: str = ""
    position_s: float | None = None

    @property
    def is_final(self) -> bool:
        """Whether nothing more comes."""
        return self.state in ("placed", "refused")


class Placement:
    """Something on its way into a project. Nobody sees its folder until `send`."""

    def __init__(self, inbox: Path, project: OpenProject) -> None:
        """Make a hidden folder in ``inbox``. Raises `InvalidValue` where that is not this user's, or cannot be written."""
        check_inbox(inbox)
        self.inbox, self.project = inbox, project
        self.id = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}"
        self.hidden = inbox / f".{self.id}.part"
        try:
            close_folder(inbox)
            self.hidden.mkdir(mode=FOLDER_MODE)
        except OSError as error:
            raise unwritable(inbox, error, _REMEDY, field="inbox", called="inbox") from error

    @property
    def folder(self) -> Path:
        """The folder as the watcher sees it, before it takes it."""
        return self.inbox / self.id

    def send(
        self, result: Mapping[str, object], at: PositionEntry, *, title: str, as_take: bool = False, folder: str = ""
    ) -> None:
        """Let the watcher see it, as a whole. ``folder`` names a folder for several tracks. Raises `InvalidValue`."""
        content: PlaceFile = {
            "version": VERSION,
            "id": self.id,
            "title": title,
            "create_time": time.time(),
            "sender": {"name": "acebridge", "version": PROGRAM_VERSION},
            "instance": self.project.instance,
            "project": {"key": self.project.key, "file": self.project.file},
            "at": at,
            "as": "take" if as_take else "tracks",
            "folder": folder,
        }
        try:
            write_json(self.hidden / RESULT, result)
            write_json(self.hidden / PLACE, content)
            if self.project.reads_names:
                _note_name(self.inbox, self.id)
            self.hidden.rename(self.folder)
        except OSError as error:
            raise unwritable(self.inbox, error, _REMEDY, field="inbox", called="inbox") from error

    def answer(self) -> Answer:
        """Return what the watcher has said so far."""
        for folder in (self.folder, *self.inbox.glob(f"{self.id}.*")):
            said = read_object(folder / ANSWER)
            state, position_s = said.get("state"), said.get("position_s")
            if state in ("waiting", "placed", "refused"):
                return Answer(
                    state,  # type: ignore[arg-type]  # one of these three
                    str(said.get("message", "")),
                    str(said.get("remedy", "")),
                    float(position_s) if isinstance(position_s, (int, float)) else None,
                )
        return Answer("sent")

    def wait(self, seconds: float) -> Answer:
        """Return the final answer, or the last one before ``seconds`` are over."""
        deadline = time.monotonic() + seconds
        while not (answer := self.answer()).is_final and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        return answer

    def withdraw(self) -> bool:
        """Take back what no watcher has taken. Return whether it was still there: then it is not placed any more."""
        taken_back = self.inbox / f".{self.id}.part"
        try:
            self.folder.rename(taken_back)
        except OSError:
            return False
        self.discard()
        return True

    def discard(self) -> None:
        """Remove what is left of it: what was never sent, and what was answered."""
        for folder in (self.hidden, *self.inbox.glob(f"{self.id}.*")):
            _remove_folder(folder)


def tidy(inbox: Path) -> None:
    """Remove answers that nobody fetched, what a sender left unfinished, and presences of programs that are gone."""
    with suppress(OSError), os.scandir(inbox) as entries:
        for entry in entries:
            with suppress(OSError):
                age_s = time.time() - entry.stat(follow_symlinks=False).st_mtime
                path = Path(entry.path)
                if age_s <= _KEEP_S:
                    continue
                if entry.name == FOLDERS and not _names_something(path):
                    path.unlink()
                is_over = age_s > _WAIT_S and _PLACEMENT.fullmatch(entry.name)
                if entry.is_dir(follow_symlinks=False) and (is_over or _is_answered(path) or _is_unfinished(path)):
                    _remove_folder(path)
                elif entry.name.startswith(PRESENCE) and entry.is_file(follow_symlinks=False) and age_s > FRESH_S:
                    path.unlink()


def _note_name(inbox: Path, name: str) -> None:
    """Add a folder to the list of those that read names."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(inbox / FOLDERS, flags, 0o600), "a", encoding="ascii") as names:
        names.write(f"{name}\n")


def _names_something(file: Path) -> bool:
    """Return whether a folder in that list is still there. What is no name of a folder here counts as none."""
    names = file.read_text("ascii", errors="replace").split()
    return any(_PLACEMENT.fullmatch(name) and file.with_name(name).is_dir() for name in names)


def _is_answered(folder: Path) -> bool:
    is_claimed = _PLACEMENT.fullmatch(folder.name) and "." in folder.name
    return bool(is_claimed) and read_object(folder / ANSWER).get("state") in ("placed", "refused")


def _is_unfinished(folder: Path) -> bool:
    return _UNFINISHED.fullmatch(folder.name) is not None


def _remove_folder(folder: Path) -> None:
    if not folder.is_symlink():
        shutil.rmtree(folder, ignore_errors=True)
