"""What the logs of the daemon leave out, and how long they get."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from acebridge.server import logs
from acebridge.server.logs import FloodFilter, cut, set_up

FULL = Path("/dev/full")


class ExecuteBatchError(Exception):
    """Named as gRPC's own."""


@contextmanager
def logging_into(path: Path) -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    try:
        set_up(path, "info")
        yield
    finally:
        for handler in logging.root.handlers:
            with suppress(OSError):
                handler.close()
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
        logging.raiseExceptions = True


def log_lines(error: Exception, folder: Path) -> str:
    path = folder / "daemon.log"
    with logging_into(path):
        try:
            raise error
        except Exception as caught:
            logging.getLogger("grpc").error("raised in core", exc_info=caught)
        return path.read_text("utf-8")


@pytest.mark.parametrize("operation", ["SendMessageOperation", "SendStatusFromServerOperation"])
def test_a_client_that_goes_away_is_no_error(tmp_path: Path, operation: str) -> None:
    assert log_lines(ExecuteBatchError(f"Failed execute_batch: (<grpc.{operation} object>,)"), tmp_path) == ""


def test_other_errors_are_reported_with_their_trace(tmp_path: Path) -> None:
    assert "ReceiveMessageOperation" in log_lines(ExecuteBatchError("(<ReceiveMessageOperation>,)"), tmp_path / "a")
    assert "Traceback" in log_lines(ValueError("SendMessageOperation"), tmp_path / "b")


@pytest.mark.skipif(not FULL.exists(), reason="needs a device that is always full")
def test_a_line_that_cannot_be_written_is_lost_without_a_trace(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_into(FULL):
        logging.getLogger("jobs").warning("the disk is full")
    assert capsys.readouterr().err.endswith("the disk is full\n")


def record(line: int) -> logging.LogRecord:
    return logging.LogRecord("server", logging.WARNING, __file__, line, "a request cannot be read", (), None)


def test_a_flood_of_lines_of_one_kind_is_cut_each_minute() -> None:
    now = [0.0]
    flood = FloodFilter(lambda: now[0])
    assert sum(flood.filter(record(1)) for _ in range(5000)) == 100
    assert flood.filter(record(2))  # another kind
    now[0] = 60.0
    first = record(1)
    assert flood.filter(first)
    assert first.left_out == 4900
    assert sum(flood.filter(record(1)) for _ in range(5000)) == 99


def test_a_file_that_the_daemon_prints_into_is_cut(tmp_path: Path) -> None:
    file = tmp_path / "start.log"
    with file.open("ab") as printed:
        printed.write(b"old\n" * 5 + b"end\n" * 5)
        printed.flush()
        cut(file, descriptor=printed.fileno(), limit_bytes=40)
        assert file.stat().st_size == 40
        printed.write(b"new\n")
        printed.flush()
        cut(file, descriptor=printed.fileno(), limit_bytes=20)
        assert (tmp_path / "start.log.1").read_bytes() == b"end\n" * 4 + b"new\n"
        printed.write(b"after\n")
    assert file.read_bytes() == b"after\n"


def test_no_other_file_is_cut(tmp_path: Path) -> None:
    """Where the user has the daemon print is the user's."""
    (tmp_path / "start.log").write_bytes(b"another start")
    with (tmp_path / "mine.log").open("ab") as printed:
        printed.write(b"0123456789")
        printed.flush()
        cut(tmp_path / "start.log", descriptor=printed.fileno(), limit_bytes=5)
        cut(tmp_path / "missing.log", descriptor=printed.fileno(), limit_bytes=5)
    assert (tmp_path / "mine.log").read_bytes() == b"0123456789"
    assert (tmp_path / "start.log").read_bytes() == b"another start"


def test_the_log_keeps_to_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "FILE_BYTES", 1000)
    handlers, level = logging.root.handlers[:], logging.root.level
    try:
        logs.set_up(tmp_path / "daemon.log", "info")
        for number in range(90):
            logging.getLogger("x").info("line %d", number)
    finally:
        for handler in logging.root.handlers:
            handler.close()
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["daemon.log", "daemon.log.1", "daemon.log.2", "daemon.log.3"]
    assert all(path.stat().st_size <= 1000 for path in tmp_path.iterdir())
    assert "line 89" in (tmp_path / "daemon.log").read_text()
