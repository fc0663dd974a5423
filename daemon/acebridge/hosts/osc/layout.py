"""The layout for Open Stage Control: a session file with a field for each value of the session and a button for each task.

The names of widgets and properties are those of Open Stage Control 1.30 (src/client/widgets); it reads files of older versions
too, and adds what is left out.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from acebridge.config import DEFAULT_OSC_PORT
from acebridge.hosts.osc.feedback import LATEST, PREFIX
from acebridge.hosts.osc.session import FIELDS
from acestep_runtime.tasks import TASKS

if TYPE_CHECKING:
    from pydantic import JsonValue

_VERSION = "1.30.0"
_FIELD_COLUMNS, _TASK_COLUMNS = 2, 4
_BUTTONS = {"again": "Again", "cancel": "Cancel", "session/clear": "Clear"}


def layout(port: int = DEFAULT_OSC_PORT) -> dict[str, JsonValue]:
    """Return the session for a bridge on this machine at ``port``."""
    target = f"127.0.0.1:{port}"
    fields: list[JsonValue] = [_field(name, target) for name in FIELDS]
    tasks: list[JsonValue] = [_button(f"go/{task}", task, target) for task in TASKS]
    buttons: list[JsonValue] = [_button(path, label, target) for path, label in _BUTTONS.items()]
    content: dict[str, JsonValue] = {
        "type": "root",
        "id": "root",
        "layout": "vertical",
        "onCreate": f'send("{target}", "{PREFIX}/session")',
        "widgets": [
            _panel("fields", fields, _FIELD_COLUMNS, 4),
            _panel("tasks", tasks, _TASK_COLUMNS, 2),
            _panel("control", buttons, len(_BUTTONS), 1),
            _progress(),
            _text(),
        ],
    }
    return {"createdWith": "Open Stage Control", "version": _VERSION, "type": "session", "content": content}


def layout_text(port: int = DEFAULT_OSC_PORT) -> str:
    """Return the text of the session file."""
    return json.dumps(layout(port), indent=2, ensure_ascii=False) + "\n"


def _panel(name: str, widgets: list[JsonValue], columns: int, share: int) -> dict[str, JsonValue]:
    return {
        "type": "panel",
        "id": name,
        "layout": "grid",
        "gridTemplate": columns,
        "expand": share,
        "widgets": widgets,
    }


def _field(name: str, target: str) -> dict[str, JsonValue]:
    tag = FIELDS[name].tag
    return {
        "type": "input",
        "id": f"session_{name}",
        "html": f"<div>{name}</div>",
        "address": f"{PREFIX}/session/{name}",
        "typeTags": "s",  # an empty one clears the field
        "numeric": tag != "s",
        "decimals": 3 if tag == "f" else 0,
        "target": target,
    }


def _button(path: str, label: str, target: str) -> dict[str, JsonValue]:
    return {
        "type": "button",
        "id": path.replace("/", "_"),
        "label": label,
        "mode": "tap",
        "on": 1,
        "address": f"{PREFIX}/{path}",
        "typeTags": "i",
        "target": target,
    }


def _progress() -> dict[str, JsonValue]:
    return {
        "type": "fader",
        "id": "progress",
        "address": f"{PREFIX}/latest/progress",
        "typeTags": LATEST["progress"][0],
        "range": {"min": 0, "max": 1},
        "horizontal": True,
        "design": "compact",
        "interaction": False,
        "bypass": True,
        "expand": 1,
    }


def _text() -> dict[str, JsonValue]:
    return {
        "type": "text",
        "id": "text",
        "address": f"{PREFIX}/latest/text",
        "wrap": True,
        "bypass": True,
        "expand": 1,
    }
