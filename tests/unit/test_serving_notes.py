"""What files say of ports that programs serve."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from acebridge import serving_notes
from acebridge.serving_notes import find_serving, forget_serving, note_serving
from acestep_runtime.errors import InvalidValue


def test_what_this_process_says_of_itself_is_read(tmp_path: Path) -> None:
    file = tmp_path / "note.json"
    note_serving(file, "127.0.0.1", 50_780)
    note = find_serving(file)
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
    assert find_serving(file, or_newest=True) is None
    forget_serving(file, 5)
    assert file.exists() == (text is not None)


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
    last = find_serving(file, or_newest=True)
    assert last is not None
    assert last.port == 1
    forget_serving(file, 1)
    assert not file.exists()


def test_where_none_is_known_to_run_the_newest_is_found_if_that_will_do(tmp_path: Path) -> None:
    file = tmp_path / "note.json"
    ended = [{"port": port, "pid": os.getpid(), "start": "another"} for port in (2, 1)]
    file.write_text(json.dumps({**ended[0], "before": ended[1:]}))
    assert find_serving(file) is None
    newest = find_serving(file, or_newest=True)
    assert newest is not None
    assert newest.port == 2


def test_programs_that_begin_and_end_at_once_miss_none(tmp_path: Path) -> None:
    file = tmp_path / "note.json"
    ports = range(1, 25)

    def ports_noted() -> list[int]:
        noted = json.loads(file.read_text())
        return sorted(each["port"] for each in (noted, *noted.get("before", ())))

    with ThreadPoolExecutor(len(ports)) as threads:
        list(threads.map(partial(note_serving, file, "127.0.0.1"), ports))
        assert ports_noted() == list(ports)
        list(threads.map(partial(forget_serving, file), ports[:-1]))
    assert ports_noted() == [ports[-1]]
    assert {each.name for each in tmp_path.iterdir()} == {"note.json", "serving.lock"}


def test_an_end_that_cannot_be_noted_is_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "note.json"
    for port in (1, 2):
        note_serving(file, "127.0.0.1", port)

    def is_full(*_: object, **__: object) -> None:
        raise InvalidValue("folder", "x", "one with space")

    monkeypatch.setattr(serving_notes, "write_whole", is_full)
    forget_serving(file, 2)
    newest = find_serving(file)
    assert newest is not None
    assert newest.port == 2
