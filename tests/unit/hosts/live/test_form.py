"""What a dialog may be answered with, and what is remembered of it."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

from acebridge.hosts.live.actions import ACTIONS
from acebridge.hosts.live.form import MAX_TEXT, Field, Memory, read_values
from acebridge.hosts.live.pages import form_page, message_page, read_answer
from acebridge.hosts.live.refusals import Refusal

FORM = (
    Field("style", "Style"),
    Field("takes", "Takes", "integer", (1, 8)),
    Field("strength", "Strength", "number", (0.0, 1.0)),
    Field("mode", "Change", "choice", ("little", "much"), "little"),
    Field("lyrics", "Lyrics", "lines"),
)


class Page(HTMLParser):
    """The fields of a page, by name, and its plain text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.text, self._area, self._select = "", "", ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "input":
            self.values[str(found["name"])] = str(found["value"])
        self._area = str(found["name"]) if tag in ("textarea", "select") else self._area
        self._select = self._area if tag == "option" and "selected" in found else ""

    def handle_endtag(self, tag: str) -> None:
        self._area = "" if tag in ("textarea", "select") else self._area

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._select:
            self.values[self._select], self._select = data, ""
        elif self._area == "lyrics":
            self.values["lyrics"] = self.values.get("lyrics", "") + data


def test_texts_become_values() -> None:
    texts = {
        "style": "  piano ",
        "takes": "3",
        "strength": "0,5",
        "mode": "much",
        "lyrics": "one\ntwo",
        "other": "left out",
    }
    values = {"style": "piano", "takes": 3, "strength": 0.5, "mode": "much", "lyrics": "one\ntwo"}
    assert read_values(FORM, texts) == values


def test_an_empty_field_is_left_to_its_default() -> None:
    assert read_values(FORM, {"takes": " "}) == {
        "style": None, "takes": None, "strength": None, "mode": "little", "lyrics": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        ({"takes": "0"}, "Takes is '0'; allowed: 1 to 8."),
        ({"takes": "2.5"}, "Takes is '2.5'; allowed: a whole number."),
        ({"takes": "many"}, "Takes is 'many'; allowed: 1 to 8."),
        ({"strength": "nan"}, "Strength is 'nan'; allowed: 0.0 to 1.0."),
        ({"mode": "some"}, "Change is 'some'; allowed: little, much."),
        ({"style": "x" * (MAX_TEXT + 1)}, f"Style is '{'x' * 20}…'; allowed: at most {MAX_TEXT} characters."),
    ],
)
def test_what_is_not_allowed_is_named(texts: dict[str, str], sentence: str) -> None:
    with pytest.raises(Refusal) as refusal:
        read_values(FORM, texts)
    assert refusal.value.message == sentence


def test_each_action_remembers_its_own_texts(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "live")
    assert memory.texts("cover") == {}
    memory.remember("cover", {"style": "piano"})
    memory.remember("lego", {"tracks": "drums"})
    assert (memory.texts("cover"), memory.texts("lego")) == ({"style": "piano"}, {"tracks": "drums"})
    (tmp_path / "live" / "values.json").write_text("[damaged")
    assert memory.texts("cover") == {}


@pytest.mark.parametrize("fault", ["", "Takes is '9' & <wrong>."])
def test_a_page_shows_texts_as_they_are(fault: str) -> None:
    texts = {"style": '"<b>&', "takes": "2", "mode": "much", "lyrics": "</textarea> one"}
    html, height = form_page("A & B", FORM, texts, fault)
    page = Page(html)
    assert {**texts, "strength": ""} == page.values
    assert "A & B" in page.text
    assert fault in page.text
    assert height > form_page("A", FORM[:1], {})[1]


def test_every_action_has_a_page_that_fits() -> None:
    for action in ACTIONS:
        if action.form:
            html, height = form_page(action.title, action.form, {})
            assert set(Page(html).values) | {"lyrics"} >= {field.key for field in action.form}
            assert height <= 700


def test_a_message_is_plain_text() -> None:
    html, _ = message_page("Cover", ["a < b", "", "c & d"])
    assert "<p>a &lt; b</p>\n<p>c &amp; d</p>" in html


@pytest.mark.parametrize(
    "raw", [None, "", "no JSON", "[]", "[" * 100_000, '{"ok": false, "values": {}}', '{"ok": true}', 7]
)
def test_anything_else_than_an_answer_is_a_cancelled_dialog(raw: object) -> None:
    assert read_answer(raw) is None


def test_an_answer_has_its_texts() -> None:
    assert read_answer('{"ok": true, "values": {"style": "piano"}}') == {"style": "piano"}
