"""Structured logs: one JSON object a line in a rotating file, and plain lines on the terminal.

No log grows without end, and no flood of equal lines, which anybody may cause, pushes out the others.

Never logged: captions, lyrics and audio. They belong to the musician.
"""

from __future__ import annotations

import asyncio
import json
import logging
import logging.handlers
import os
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
FILE_BYTES, _FILES = 4 * 2**20, 3
#: How many lines of one kind are logged in how many seconds.
FLOOD_LINES, _FLOOD_S = 100, 60.0
#: A file that a daemon in the background prints into is cut beyond this size; seconds between two looks at it.
PRINTED_BYTES, _LOOK_S = 2**20, 10.0
#: What gRPC was doing when a client went away.
_SENDING = ("SendMessageOperation", "SendStatusFromServerOperation")


def _extras(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _OWN and value not in ("", None)}


class JsonLines(logging.Formatter):
    """``{"time", "level", "logger", "message", …extra fields}``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_extras(record),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


class PlainLines(logging.Formatter):
    """The same for people."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line, and its trace if it has one."""
        extras = " ".join(f"{name}={value}" for name, value in _extras(record).items())
        text = f"{self.formatTime(record, '%H:%M:%S')} {record.levelname.lower():7} {record.getMessage()} {extras}".rstrip()
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def _reader_left(record: logging.LogRecord) -> bool:
    """Whether gRPC says, as an error with a trace, no more than that a client went away while it was being sent something."""
    error = record.exc_info[1] if record.exc_info else None
    return type(error).__name__ == "ExecuteBatchError" and any(operation in str(error) for operation in _SENDING)


class FloodFilter(logging.Filter):
    """Lets a limited number of lines of one kind pass in a minute; the first one after that says how many were left out."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        #: Place in the code → when its minute began, and how many lines it has had since.
        self._counts: dict[tuple[str, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is to be logged."""
        place, now = (record.pathname, record.lineno), self._clock()
        began, count = self._counts.get(place, (now, 0))
        if now - began >= _FLOOD_S:
            if count > FLOOD_LINES:
                record.left_out = count - FLOOD_LINES
            began, count = now, 0
        self._counts[place] = began, count + 1
        return count < FLOOD_LINES


def cut(file: Path, *, descriptor: int = 2, limit_bytes: int = PRINTED_BYTES) -> None:
    """Empty ``file`` when it is large and what this process prints goes into it; its end is kept beside it, as ``NAME.1``.

    Libraries print, too, behind the back of these logs. Not on Windows, where a file that is open cannot be cut.
    """
    facts = os.fstat(descriptor)
    if sys.platform == "win32" or facts.st_size <= limit_bytes or not _is_at(facts, file):
        return
    with suppress(OSError), file.open("rb") as printed:
        printed.seek(-limit_bytes, os.SEEK_END)
        file.with_name(f"{file.name}.1").write_bytes(printed.read(limit_bytes))
    os.truncate(file, 0)  # it is open for appending, and goes on at its new end


def _is_at(facts: os.stat_result, file: Path) -> bool:
    with suppress(OSError):
        return os.path.samestat(facts, file.stat())
    return False


async def keep_short(file: Path, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """Cut a file whenever it has become large, for ever. See `cut`."""
    while True:
        await asyncio.to_thread(cut, file)
        await sleep(_LOOK_S)


def set_up(path: Path, level: str) -> None:
    """Send all logs to the file ``path``, and to the terminal if there is one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = logging.handlers.RotatingFileHandler(path, maxBytes=FILE_BYTES, backupCount=_FILES, encoding="utf-8")
    file.setFormatter(JsonLines())
    handlers: list[logging.Handler] = [file]
    if sys.stderr is not None:  # a program without a console on Windows has none
        terminal = logging.StreamHandler()
        terminal.setFormatter(PlainLines())
        handlers.append(terminal)
    for handler in handlers:
        handler.addFilter(lambda record: not _reader_left(record))
        handler.addFilter(FloodFilter())
    # A line that cannot be written is lost: a trace about it, on the same full disk, would tell nobody.
    logging.raiseExceptions = False
    logging.basicConfig(level=level.upper(), handlers=handlers, force=True)
