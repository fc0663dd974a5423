"""``acebridge logs``: the daemon's log or the audit log, for people or as it is."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acebridge.paths import AUDIT_FILE, LOG_FILE, data_folder

if TYPE_CHECKING:
    from acestep_runtime.values import Json

_POLL_S = 0.3
#: As many old files as the daemon keeps, and more.
_BACKUPS = 9


class LogTail:
    """The lines of a log file that were written since the last look, over the file's rotation.

    The file is open only while it is read: on Windows the daemon could not rotate it otherwise.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode = 0
        self._offset = 0

    def read(self) -> list[str]:
        """Return the new lines that are whole; at the first call those of the current file."""
        lines = []
        inode = _inode(self._path)
        if inode != self._inode:
            backup = _backup(self._path, 1)
            if self._inode and _inode(backup) == self._inode:  # what was written before the file was renamed
                lines += _read_lines(backup, self._offset)[0]
            self._inode, self._offset = inode, 0
        new, self._offset = _read_lines(self._path, self._offset)
        return lines + new


def _backup(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def _read_lines(path: Path, offset: int) -> tuple[list[str], int]:
    """Return the whole lines of a file from a place on, and the place behind them."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], offset
    whole = data[: data.rfind(b"\n") + 1]
    return whole.decode("utf-8", errors="replace").splitlines(), offset + len(whole)


def read_log(path: Path, count: int, *, follow: bool, sleep: Callable[[float], None] = time.sleep) -> Iterator[str]:
    """Yield the last ``count`` lines of a log and, to ``follow`` it, those that are written from then on."""
    tail = LogTail(path)
    lines = tail.read()
    for number in range(1, _BACKUPS + 1):
        if len(lines) >= count or not _backup(path, number).exists():
            break
        lines = _read_lines(_backup(path, number), 0)[0] + lines
    yield from lines[max(len(lines) - count, 0) :]
    while follow:
        sleep(_POLL_S)
        yield from tail.read()


def readable(line: str) -> str:
    """Return a line of the log for people, in local time; one that is no JSON as it is."""
    try:
        fields: dict[str, Json] = json.loads(line)
        written = datetime.fromisoformat(str(fields.pop("time"))).astimezone()
    except (ValueError, KeyError, TypeError, AttributeError):
        return line
    level, message, trace = (str(fields.pop(name, "")) for name in ("level", "message", "trace"))
    fields.pop("logger", None)
    extras = " ".join(f"{name}={value}" for name, value in fields.items())
    text = f"{written:%Y-%m-%d %H:%M:%S} {level:7} {message} {extras}".rstrip()
    return f"{text}\n{trace}" if trace else text


def logs(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Follow the log until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Number of lines.")] = 50,
    audit: Annotated[bool, typer.Option("--audit", help="Show who did what: tokens, refused calls, jobs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the lines unchanged, one JSON object each.")] = False,
) -> None:
    """Show the log of the daemon. It never holds captions, lyrics or audio."""
    from acebridge.errors import NotFound

    path = data_folder() / (AUDIT_FILE if audit else LOG_FILE)
    if not follow and not path.exists():
        raise NotFound(f"There is no log {path}.", remedy="The daemon writes it; `acebridge doctor` starts one.")
    show: Callable[[str], str] = str if as_json else readable
    try:
        for line in read_log(path, lines, follow=follow):
            typer.echo(show(line))
    except KeyboardInterrupt:  # the usual end of --follow
        if not follow:
            raise
