"""The log as people read it, and as it is followed over its rotation."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from itertools import islice
from logging.handlers import RotatingFileHandler
from pathlib import Path

import pytest

from acebridge.cli.logs import read_log, readable
from acebridge.server.logs import JsonLines


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "daemon.log"


def writer(path: Path, size: int, backups: int = 3) -> Callable[[str], None]:
    """Return what writes messages as the daemon does, and rotates the file at ``size`` bytes."""
    handler = RotatingFileHandler(path, maxBytes=size, backupCount=backups, encoding="utf-8")
    handler.setFormatter(JsonLines())

    def write(message: str) -> None:
        handler.emit(logging.makeLogRecord({"msg": message, "name": "test", "levelname": "INFO"}))
        handler.close()

    return write


def messages(lines: list[str]) -> list[str]:
    return [json.loads(line)["message"] for line in lines]


@pytest.mark.parametrize("count", [0, 1, 3, 5, 12, 100])
def test_the_last_lines_over_several_files(log: Path, count: int) -> None:
    write = writer(log, 300)
    for number in range(12):
        write(f"message {number}")
    kept = sorted(log.parent.iterdir())
    assert len(kept) == 4
    there = sum(len(file.read_text().splitlines()) for file in kept)
    found = messages(list(read_log(log, count, follow=False)))
    assert found == [f"message {number}" for number in range(12 - min(count, there), 12)]


@pytest.mark.parametrize("size", [150, 400, 10_000])
def test_following_loses_and_repeats_nothing(log: Path, size: int) -> None:
    write = writer(log, size)
    write("before")
    rounds = iter(range(40))

    def pause(_: float) -> None:
        write(f"message {next(rounds)}")

    lines = list(islice(read_log(log, 10, follow=True, sleep=pause), 31))
    assert messages(lines) == ["before", *(f"message {number}" for number in range(30))]


def test_a_line_is_shown_when_it_is_whole(log: Path) -> None:
    pieces = iter(['{"mess', 'age": "ä', '"}\n'])

    def pause(_: float) -> None:
        with log.open("ab") as file:
            file.write(next(pieces).encode())

    assert list(islice(read_log(log, 10, follow=True, sleep=pause), 1)) == ['{"message": "ä"}']


def test_a_log_that_is_not_there_yet_is_waited_for(log: Path) -> None:
    assert list(islice(read_log(log, 10, follow=True, sleep=lambda _: log.write_text("a\n") and None), 1)) == ["a"]


def test_a_line_for_people() -> None:
    line = (
        '{"time": "2026-01-02T03:04:05.678+00:00", "level": "warning", "logger": "x", "message": "it failed",'
        ' "job": "1f", "trace": "Traceback\\n  more"}'
    )
    first, *trace = readable(line).splitlines()
    assert first.endswith(" warning it failed job=1f")
    assert len(first.split()[0]) == len("2026-01-02")
    assert trace == ["Traceback", "  more"]
    for other in ("no json", "[1]", "{}", "3"):
        assert readable(other) == other
