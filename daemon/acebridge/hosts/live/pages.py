"""The pages of the dialogs, as text that Live shows: a form to fill in, and a message."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from string import Template

from acebridge.hosts.live.form import Field

WIDTH = 420
_ROW_HEIGHT, _EDGE_HEIGHT, _MESSAGE_HEIGHT = 54, 170, 220
_HEIGHTS = {"lines": 110}
_CANCEL = '<button type="button" id="cancel">Cancel</button>'
_GO = '<button class="primary">Go</button>'
_CLOSE = '<button class="primary" autofocus>OK</button>'


def form_page(title: str, form: Sequence[Field], texts: Mapping[str, str], fault: str = "") -> tuple[str, int]:
    """Return a page that asks for the fields of a form, and its height; ``fault`` is what was wrong with the last answer."""
    body = "\n".join(_row(field, texts.get(field.key, field.default), first=field is form[0]) for field in form)
    return _page(title, body, fault, _CANCEL + _GO), _EDGE_HEIGHT + sum(
        _HEIGHTS.get(field.kind, _ROW_HEIGHT) for field in form
    )


def message_page(title: str, lines: Sequence[str]) -> tuple[str, int]:
    """Return a page with a few lines to read, and its height."""
    body = "\n".join(f"<p>{escape(line)}</p>" for line in lines if line)
    return _page(title, body, "", _CLOSE), _MESSAGE_HEIGHT + 22 * len(lines)


def read_answer(raw: object) -> dict[str, object] | None:
    """Return what a form was sent with; ``None`` when it was cancelled, closed, or sent anything else."""
    try:
        answer = json.loads(raw) if isinstance(raw, str) and raw else {}
    except (ValueError, RecursionError):
        return None
    values = answer.get("values") if isinstance(answer, dict) and answer.get("ok") is True else None
    return values if isinstance(values, dict) else None


def _row(field: Field, text: str, *, first: bool) -> str:
    name, focus = escape(field.key), " autofocus" if first else ""
    label = f'<label for="{name}">{escape(field.caption)}</label>'
    if field.kind == "choice":
        options = "".join(
            f"<option{' selected' if choice == text else ''}>{escape(str(choice))}</option>" for choice in field.allowed
        )
        return f'{label}<select id="{name}" name="{name}"{focus}>{options}</select>'
    if field.kind == "lines":
        return f'{label}<textarea id="{name}" name="{name}" rows="4"{focus}>{escape(text)}</textarea>'
    return f'{label}<input id="{name}" name="{name}" value="{escape(text)}"{focus}>'


def _page(title: str, body: str, fault: str, buttons: str) -> str:
    template = Template(resources.files("acebridge.live_extension").joinpath("dialog.html").read_text("utf-8"))
    return template.substitute(title=escape(title), body=body, fault=escape(fault), buttons=buttons)
