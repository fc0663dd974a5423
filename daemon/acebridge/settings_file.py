"""Changing one setting in ``config.toml``. What the user has written there stays as it is, comments too."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from acebridge.atomic_files import write_whole
from acebridge.errors import InvalidSetting
from acebridge.paths import CONFIG_FILE
from acebridge.private_files import make_private_folder

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: From the first table on, no line is a setting of the file itself.
_FIRST_TABLE = re.compile(r"^[ \t]*\[", re.MULTILINE)


def write_setting(home: Path, name: str, value: str) -> None:
    """Set a text of the settings file in the data folder ``home``; "" takes it out.

    Raises `InvalidSetting` for a file that is no TOML, or in which the setting stands in another way than in a line of its own.
    """
    file = home / CONFIG_FILE
    try:
        before = file.read_text("utf-8")
    except FileNotFoundError:
        before = ""
    after = _change(before, name, value)
    try:
        wanted = {**tomllib.loads(before), name: value}
        is_right = tomllib.loads(after) == {key: held for key, held in wanted.items() if (key, held) != (name, "")}
    except (ValueError, RecursionError):
        is_right = False
    if not is_right:
        raise InvalidSetting(
            f"Setting {name} cannot be changed in {file}.",
            remedy=f"Mend the file, or write `{_line(name, value)}` into it yourself."
            if value
            else "Take it out yourself.",
        )
    if after != before:
        make_private_folder(home)
        write_whole(file, [after.encode()], private=True)


def _change(text: str, name: str, value: str) -> str:
    table = _FIRST_TABLE.search(text)
    top = text[: table.start()] if table else text
    rest = text[len(top) :]
    line = f"{_line(name, value)}\n" if value else ""
    changed, count = re.subn(rf"^[ \t]*{name}[ \t]*=.*(\n|\Z)", lambda _: line, top, flags=re.MULTILINE)
    return changed + rest if count else line + text


def _line(name: str, value: str) -> str:
    return f"{name} = {json.dumps(value, ensure_ascii=False)}"
