"""What files say of ports that programs serve."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from acebridge.serving_notes import find_serving, forget_serving, note_serving, read_serving, serving_text


def test_what_this_process_says_of_itself_is_read(tmp_path: Path) -> None:
    file = tmp_path / "note.json"
    file.write_text(serving_text("127.0.0.1", 50_780))
    note = read_serving(file)
    assert note is not None
    assert (note.port, note.pid) == (50_780, os.getpid())
    assert json.loads(file.read_text())["host"] == "127.0.0.1"
    assert note.is_running()
    assert not note._replace(start="another").is_running()


@pytest.mark.parametrize(
    "text",
    [
        None, "", "{", "[]", "5", '{"port": 5}', '{"port": "x", "pid": 1}', '{"port": 1e400, "pid": 1}', "[" * 9000,
        '{"port": 65536, "pid": 1}', '{"port": -1, "pid": 1}', '{"port": 1, "pid": 0}', f'{{"port": 1, "pid": {10**30}}}',
    ],
)  # fmt: skip
def test_what_makes_no_sense_says_nothing(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "note.json"
    if text is not None:
        file.write_text(text)
    assert read_serving(file) is None


def test_of_several_programs_the_last_one_is_found_until_it_ends(tmp_path: Path) -> None:
    file = tmp_path / "note.json"

    def newest() -> int | None:
        note = find_serving(file)
        return None if note is None else note.port

    for port in (1, 2, 3):
        note_serving(file, "127.0.0.1", port)
        assert newest() == port
    forget_serving(file, 2)
    forget_serving(file, 3)
    assert newest() == 1
    note_serving(file, "127.0.0.1", 4)
    killed = {**json.loads(file.read_text()), "start": "another"}
    file.write_text(json.dumps(killed))
    assert newest() == 1
    forget_serving(file, 1)
    assert not file.exists()


def test_a_disk_that_takes_nothing_keeps_what_was_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "note.json"
    for port in (1, 2):
        note_serving(file, "127.0.0.1", port)

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "open", fail)
    forget_serving(file, 2)
