"""The layout for Open Stage Control has what its source knows, and reaches every field and task."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from acebridge.hosts.osc.addresses import ADDRESSES
from acebridge.hosts.osc.layout import layout
from acebridge.hosts.osc.messages import decode
from acebridge.hosts.osc.session import FIELDS
from acebridge.hosts.osc.table import Table
from acestep_runtime.tasks import TASKS
from tests.support.osc import message

#: Properties by widget type, read in the source of Open Stage Control: `defaults()` in src/client/widgets at commits 1f1b5660
#: (widget, fader), 6b68237f (button, text), 0d7c052f (input), 15002baf (panel), 43a7a37e (root).
_WIDGET = {
    "lock", "type", "id", "visible", "interaction", "comments", "left", "top", "width", "height", "expand", "colorText",
    "colorWidget", "colorStroke", "colorFill", "alphaStroke", "alphaFillOff", "alphaFillOn", "lineWidth", "borderRadius",
    "padding", "html", "css", "value", "default", "linkId", "address", "preArgs", "typeTags", "decimals", "target",
    "ignoreDefaults", "bypass", "onCreate", "onValue",
}  # fmt: skip
_PANEL = {
    *_WIDGET, "variables", "traversing", "colorBg", "layout", "justify", "gridTemplate", "contain", "scroll", "innerPadding",
    "tabsPosition", "widgets", "tabs", "onTouch",
}  # fmt: skip
PROPERTIES = {
    "root": _PANEL - {"left", "top", "expand"} | {"hideMenu", "onPreload"},
    "panel": _PANEL,
    "button": _WIDGET | {"colorTextOn", "label", "vertical", "wrap", "on", "off", "mode", "doubleTap", "decoupled"},
    "input": _WIDGET | {"align", "unit", "noCanvas", "asYouType", "numeric", "validation", "maxLength"},
    "fader": _WIDGET | {"design", "knobSize", "horizontal", "pips", "snap", "spring", "range", "steps", "origin"},
    "text": _WIDGET - {"typeTags", "ignoreDefaults"} | {"vertical", "wrap", "align"},
}
MODES = ("toggle", "push", "momentary", "tap")


def walk(widget: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield widget
    for child in widget.get("widgets", ()):
        yield from walk(child)


WIDGETS = list(walk(layout(9000)["content"]))  # type: ignore[arg-type]


def test_the_file_is_a_session() -> None:
    session = layout(9000)
    assert list(session) == ["createdWith", "version", "type", "content"]
    assert (session["createdWith"], session["type"]) == ("Open Stage Control", "session")


def test_every_widget_has_properties_that_its_type_knows() -> None:
    for widget in WIDGETS:
        assert widget.keys() <= PROPERTIES[widget["type"]], widget
        assert widget.get("mode", "tap") in MODES
    ids = [widget["id"] for widget in WIDGETS]
    assert len(ids) == len(set(ids))


def test_every_field_and_task_is_reached() -> None:
    addresses = {widget["address"] for widget in WIDGETS if "address" in widget}
    assert {f"/acebridge/session/{field}" for field in FIELDS} <= addresses
    assert {f"/acebridge/go/{task}" for task in TASKS} <= addresses
    assert {
        "/acebridge/latest/progress",
        "/acebridge/latest/text",
        "/acebridge/cancel",
        "/acebridge/again",
    } <= addresses


def test_what_a_widget_sends_has_an_address_and_goes_to_the_bridge() -> None:
    table = Table(ADDRESSES)
    for widget in WIDGETS:
        if "target" in widget:
            assert widget["target"] == "127.0.0.1:9000"
            value = 1 if widget["typeTags"] == "i" else "1"
            (sent,) = decode(message(widget["address"], widget["typeTags"], value))
            assert table.find(sent.address)
        elif "address" in widget:
            assert widget["bypass"]
            assert Table.is_answer(widget["address"])
