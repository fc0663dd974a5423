"""Structured logs: one JSON object a line in a rotating file, and plain lines on the terminal.

Never logged: captions, lyrics and audio. They belong to the musician.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import sys
from datetime import datetime, timezone
from pathlib import Path

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
_FILE_BYTES, _FILES = 4 * 2**20, 3
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


def set_up(path: Path, level: str) -> None:
    """Send all logs to the file ``path``, and to the terminal if there is one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = logging.handlers.RotatingFileHandler(path, maxBytes=_FILE_BYTES, backupCount=_FILES, encoding="utf-8")
    file.setFormatter(JsonLines())
    handlers: list[logging.Handler] = [file]
    if sys.stderr is not None:  # a program without a console on Windows has none
        terminal = logging.StreamHandler()
        terminal.setFormatter(PlainLines())
        handlers.append(terminal)
    for handler in handlers:
        handler.addFilter(lambda record: not _reader_left(record))
    logging.basicConfig(level=level.upper(), handlers=handlers, force=True)
