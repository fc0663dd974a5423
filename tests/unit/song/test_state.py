"""The state of a song as a file: what is read again, and what is refused in a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from acestep_runtime.errors import InvalidValue
from acestep_runtime.song.state import MadeSection, MadeTake, State, load_state, lock_song, save_state

TAKE = MadeTake("01 Verse/take-1.wav", 0, 100, 7, metadata={"warnings": ["quiet"]})
STATE = State("a", 3, sections=(MadeSection("Verse", "f", "draft", (TAKE,), best=1, chosen=1),))


def test_a_state_is_read_as_it_was_saved(tmp_path: Path) -> None:
    save_state(tmp_path, STATE)
    assert load_state(tmp_path) == STATE


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("seed",), float("inf")),
        (("sections", 0, "chosen"), 2),
        (("sections", 0, "chosen"), -1),
        (("sections", 0, "best"), 0),
        (("sections", 0, "takes"), []),
        (("sections", 0, "takes", 0, "file"), "/etc/sound.wav"),
        (("sections", 0, "takes", 0, "file"), "../other/sound.wav"),
        (("sections", 0, "takes", 0, "metadata"), {"warnings": "text"}),
    ],
)
def test_a_damaged_state_is_refused(tmp_path: Path, place: tuple[Any, ...], value: object) -> None:
    file = tmp_path / "song.json"
    save_state(tmp_path, STATE)
    content = json.loads(file.read_text("utf-8"))
    found = content
    for key in place[:-1]:
        found = found[key]
    found[place[-1]] = value
    file.write_text(json.dumps(content), "utf-8")
    with pytest.raises(InvalidValue, match=r"is no state of a song\. Move that folder away"):
        load_state(tmp_path)


def test_a_file_is_no_folder_of_a_song(tmp_path: Path) -> None:
    file = tmp_path / "a file"
    file.touch()
    with (
        pytest.raises(InvalidValue, match=r"a file is a file, not the folder of a song. Choose another folder.$"),
        lock_song(file),
    ):
        pass
