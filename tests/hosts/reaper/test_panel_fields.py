"""panel/fields.lua: which widget shows a field of the actions' table, what is remembered, what is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.lua_modules import Leaves


def lua(leaves: Leaves, code: str) -> Any:
    """Run code with `fields`, `actions` and `form` on hand; return what it encodes as JSON."""
    leaves.lua.globals()[b"import"] = leaves.load_function()
    prelude = b'local fields, actions, json = import("panel/fields"), import("actions"), import("shared/json")\n'
    return json.loads(leaves.lua.execute(prelude + code.encode()))


@pytest.fixture
def leaves() -> Leaves:
    return Leaves(GetAppVersion=lambda: b"7.40/linux-x86_64", APIExists=lambda _name: False)


def test_every_task_of_the_table_is_offered_once(leaves: Leaves) -> None:
    names = lua(leaves, "return json.encode(fields.tasks())")
    known = lua(leaves, "local n = {} for name in pairs(actions) do n[#n + 1] = name end return json.encode(n)")
    assert sorted(names) == sorted(known)
    assert names[0] == "repaint"


def test_a_new_task_and_a_new_field_need_a_line_of_the_table_only(leaves: Leaves) -> None:
    code = """
    actions.echo = { title = "Echo", plan = function() end, form = {
      { key = "variation", caption = "Variation (0 to 1)", kind = "number", allowed = { 0, 1 }, default = 0.3 } } }
    local field = actions.echo.form[1]
    local names = fields.tasks()
    return json.encode({ names[#names], fields.widget(field), fields.label(field), fields.load("echo", {}) })
    """
    assert lua(leaves, code) == ["echo", "slider", "Variation", {"variation": 0.3}]


def test_widgets_follow_from_kinds(leaves: Leaves) -> None:
    code = """
    local found = {}
    for _, name in ipairs({ "repaint", "compose", "lego", "cover" }) do
      for _, field in ipairs(actions[name].form) do found[field.key] = fields.widget(field) end
    end
    return json.encode(found)
    """
    assert lua(leaves, code) == {
        "style": "line", "lyrics": "lines", "takes": "slider", "best_of": "slider", "seed": "seed", "mode": "choice",
        "strength": "slider", "loudness": "choice", "description": "lines", "instrumental": "switch", "seconds": "line",
        "tracks": "line", "thinking": "switch", "morph": "choice", "source_style": "line", "source_lyrics": "lines",
        "chords": "choice",
    }  # fmt: skip


def test_what_is_no_longer_allowed_is_dropped(leaves: Leaves) -> None:
    code = """
    return json.encode(fields.load("repaint", { style = "calm", mode = "reckless", strength = 7, takes = "many", seed = 5,
      loudness = { 1 }, unknown = "x" }))
    """
    assert lua(leaves, code) == {"style": "calm", "mode": "balanced", "loudness": "region", "chords": "yes"}


def test_the_seed_counts_while_it_is_locked(leaves: Leaves) -> None:
    code = """
    local given = fields.load("repaint", { style = "  calm " })
    return json.encode({ (fields.values("repaint", given, { text = "7", locked = true })),
      (fields.values("repaint", given, { text = "7", locked = false })) })
    """
    locked, open_ = lua(leaves, code)
    assert locked["seed"] == 7
    assert "seed" not in open_
    assert locked["style"] == "calm"


def test_what_is_not_allowed_is_named_as_the_panel_names_it(leaves: Leaves) -> None:
    code = """
    return json.encode(select(2, fields.values("generate", { seconds = "soon" }, { text = "-1", locked = true })))
    """
    assert lua(leaves, code) == [
        'Seconds is "soon"; allowed: seconds, or a time such as 1:30.5, from 0.1 to 600.',
        'Seed is "-1"; allowed: a whole number from 0 to 4294967295.',
    ]


def test_a_prompt_fills_its_words_and_leaves_the_rest(leaves: Leaves) -> None:
    code = """
    local given = fields.load("lego", { style = "old", takes = 3 })
    fields.fill("lego", given, { style = "new", lyrics = "la", description = "not asked for here" })
    return json.encode(given)
    """
    expected = {"style": "new", "lyrics": "la", "takes": 3, "tracks": "drums", "thinking": "no", "chords": "yes"}
    assert lua(leaves, code) == expected
