"""panel/store.lua: presets, prompts and last values, kept by several REAPERs at once."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.lua_modules import Leaves


class Store:
    """The store of one REAPER."""

    def __init__(self, folder: Path) -> None:
        self.leaves = Leaves(
            GetResourcePath=lambda: os.fsencode(folder), genGuid=lambda _text: b"{%s}" % os.urandom(8).hex().encode()
        )
        self.leaves.lua.globals()[b"import"] = self.leaves.load_function()

    def __call__(self, code: str) -> Any:
        found = self.leaves.lua.execute(f'local store = import("panel/store")\nlocal ok, why = {code}\n'
                                        'return import("shared/json").encode({ ok = ok, why = why })'.encode())  # fmt: skip
        return json.loads(found)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return tmp_path / "AceBridge" / "panel"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_a_preset_is_saved_replaced_and_deleted(store: Store, files: Path) -> None:
    assert store('store.save_preset("cover", " Piano ", { style = "calm", takes = 2 })') == {"ok": True}
    assert store('store.save_preset("cover", "Piano", { style = "loud" })') == {"ok": True}
    assert store('store.save_preset("cover", "bass", { style = "low" })') == {"ok": True}
    assert store('store.presets("cover")') == {"ok": ["bass", "Piano"]}
    assert not store('store.presets("lego")')["ok"]
    assert store('store.preset("cover", "Piano")') == {"ok": {"style": "loud"}}
    assert len(list(files.iterdir())) == 2
    store('store.delete_preset("cover", "Piano")')
    assert store('store.presets("cover")') == {"ok": ["bass"]}
    assert store('store.save_preset("cover", "  ", {})') == {"why": "The preset has no name; enter one."}


def test_another_reaper_sees_it_and_loses_nothing(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path)
    assert store('store.presets("cover")')["ok"] == other('store.presets("cover")')["ok"]  # both have read by now
    store('store.save_preset("cover", "one", { style = "a" })')
    other('store.save_preset("cover", "two", { style = "b" })')
    store('store.save_preset("cover", "three", { style = "c" })')
    for each in (store, other, Store(tmp_path)):
        each("store.reload()")
        assert each('store.presets("cover")') == {"ok": ["one", "three", "two"]}


def test_files_that_are_no_records_are_passed_over(store: Store, files: Path) -> None:
    store('store.save_preset("cover", "one", { style = "a" })')
    (files / "broken.json").write_text('{"kind": "preset", "task": "cov', "utf-8")
    (files / "other.json").write_text('{"kind": "preset", "task": "cover", "key": 5}', "utf-8")
    (files / "note.txt").write_text("mine", "utf-8")
    store("store.reload()")
    assert store('store.presets("cover")') == {"ok": ["one"]}
    assert (files / "note.txt").read_text("utf-8") == "mine"


def test_the_last_twenty_prompts_of_each_task(store: Store) -> None:
    for number in range(23):
        store(f'store.note_sent("repaint", {{ style = "style {number}", takes = 2 }})')
    store('store.note_sent("cover", { style = "other" })')
    store('store.note_sent("repaint", { style = "style 10", takes = 4 })')
    prompts = store('store.prompts("repaint")')["ok"]
    assert [prompt["words"] for prompt in prompts] == [
        "style 10", *(f"style {number}" for number in range(22, 2, -1) if number != 10)
    ]  # fmt: skip
    assert prompts[0]["values"] == {"style": "style 10"}  # the words, not the takes
    assert store('store.last("repaint")') == {"ok": {"style": "style 10", "takes": 4}}


def test_prompts_are_named_by_their_words(store: Store) -> None:
    store('store.note_sent("lego", { tracks = "drums", lyrics = "\\nfirst line\\nsecond" })')
    store('store.note_sent("lego", { tracks = "drums", style = "funk", lyrics = "la la" })')
    store('store.note_sent("lego", { takes = 2 })')  # no words
    assert [prompt["words"] for prompt in store('store.prompts("lego")')["ok"]] == ["funk", "first line"]


def test_a_disk_that_takes_nothing_is_a_message(tmp_path: Path) -> None:
    (tmp_path / "AceBridge").write_text("a file where a folder should be", "utf-8")
    said = Store(tmp_path)('store.save_preset("cover", "one", { style = "a" })')
    assert "cannot be made or written to" in said["why"]
