"""Dialogs, which tests answer beforehand, and the console. A question nobody expects is a fault."""

from __future__ import annotations

from typing import Any

from tests.support.fake_reaper import clock
from tests.support.fake_reaper.api import ApiMisuse, api

Call = Any
_MOST_FIELDS = 16
_OK = 1


@api("MB")
def message_box(r: Call, text: str, title: str, kind: int) -> int:
    """A message needs no answer; a question that nobody expects is a fault."""
    if kind not in range(6):
        raise ApiMisuse(f"MB knows the types 0 to 5, not {kind}")
    r.messages.append(text)
    with r.dialog(title):
        r.clock.wait(clock.MODAL_S)
    if kind == 0:
        return _OK
    if not r.answers:
        raise ApiMisuse(f"nobody expects the question {text!r}; use r.answer(...)")
    return int(r.answers.pop(0))


@api("ShowMessageBox")
def show_message_box(r: Call, text: str, title: str, kind: int) -> int:
    return message_box(r, text, title, kind)


@api("ShowConsoleMsg")
def show_console_msg(r: Call, text: str) -> None:
    r.console += text


@api("ClearConsole")
def clear_console(r: Call) -> None:
    r.console = ""


def captions_of(text: str) -> tuple[list[str], dict[str, str]]:
    """Return the captions of a GetUserInputs call and its options (``extrawidth``, ``separator``), which come last."""
    captions = text.split(",")
    options: dict[str, str] = {}
    while captions and captions[-1].startswith(("extrawidth=", "separator=")):
        key, _, value = captions.pop().partition("=")
        options[key] = value
    return captions, options


def split_offered(text: str, separator: str) -> list[str]:
    """Split as REAPER does what it offers: not within quotes and brackets, and a lone one reaches to the end."""
    found, closing = [""], ""
    for char in text:
        if char == separator and not closing:
            found.append("")
            continue
        found[-1] += char
        if char == closing:
            closing = ""
        elif not closing and char in "\"'(":
            closing = ")" if char == "(" else char
    return found


@api("GetUserInputs")
def get_user_inputs(r: Call, title: str, count: int, captions_text: str, values_text: str) -> tuple[bool, str]:
    captions, options = captions_of(captions_text)
    separator = options.get("separator", ",")
    values = split_offered(values_text, separator)
    if not 1 <= count <= _MOST_FIELDS or len(captions) != count:
        raise ApiMisuse(f"GetUserInputs: {count} fields (allowed: 1 to 16) with the captions {captions}")
    if len(separator) != 1 or len(values) > count:
        raise ApiMisuse(f"GetUserInputs: separator {separator!r}, values {values} for {count} fields")
    values += [""] * (count - len(values))
    r.dialogs.append((title, captions, list(values)))
    with r.dialog(title):
        r.clock.wait(clock.MODAL_S)
    if not r.forms:
        raise ApiMisuse(f"nobody expects the dialog {title!r} with {captions}; use r.form(...)")
    answer = r.forms.pop(0)
    if callable(answer):
        answer = answer(captions, values)
    if answer is None:
        return False, values_text
    if isinstance(answer, dict):
        for caption, value in answer.items():
            values[_field(captions, caption)] = _type(r, value)
    else:
        values = [_type(r, value) for value in answer]
    if any(separator in value or "\n" in value for value in values):
        raise ApiMisuse(f"nobody can type {values} into fields that {separator!r} separates")
    return True, _limit(separator.join(values), r.ways["form_limit"])


class PastedText(str):
    """A text that is pasted into a field of one line, which holds no line breaks: see `behaviour`."""

    __slots__ = ()


def _type(r: Call, value: Any) -> str:
    if not isinstance(value, PastedText) or not value:
        return str(value)
    lines = value.splitlines()
    return lines[0] if r.ways["paste"] == "the first" else "".join(lines)


def _limit(text: str, most: int | None) -> str:
    """Return what a buffer of ``most`` bytes holds, with its end mark: whole characters."""
    return text if most is None else text.encode()[: most - 1].decode("utf-8", "ignore")


def _field(captions: list[str], wanted: str) -> int:
    names = [caption.lstrip("*").strip() for caption in captions]
    found = [i for i, name in enumerate(names) if name == wanted] or [
        i for i, name in enumerate(names) if name.startswith(wanted)
    ]
    if len(found) != 1:
        raise ApiMisuse(f"no single field {wanted!r} in {names}")
    return found[0]


@api("GetUserFileNameForRead")
def get_user_file_name_for_read(r: Call, offered: str, title: str, _extension: str) -> tuple[bool, str]:
    with r.dialog(title):
        r.clock.wait(clock.MODAL_S)
    if not r.chosen_files:
        raise ApiMisuse(f"nobody expects the file dialog {title!r}; use r.choose_file(...)")
    path = r.chosen_files.pop(0)
    return path is not None, offered if path is None else path
