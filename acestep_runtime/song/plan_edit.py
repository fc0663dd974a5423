"""Changing a plan in its file: what stands there stays as it is written, comments too. Reading plans: plan_file.py."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from acestep_runtime.errors import InvalidValue, printable
from acestep_runtime.song.plan import SongPlan, section_label
from acestep_runtime.song.plan_file import parse_plan, read_plan
from acestep_runtime.temporary_files import replace_file

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_HEADER = re.compile(r"[ \t]*\[\[[ \t]*(section|\"section\"|'section')[ \t]*\]\][ \t]*(#.*)?")
_KEY = r"[ \t]*(?:{0}|\"{0}\"|'{0}')[ \t]*=.*"
_NAME = re.compile(_KEY.format("name"))


def set_like(path: Path, name: str, model: str, strength: float | None = None) -> SongPlan:
    """Have the file of a plan say that the section ``name`` is like the section ``model``; return the new plan.

    ``strength``, 0 to 1, is its ``like_strength``; ``None`` leaves what is there. Raises `InvalidValue` for a section that is
    not there or not earlier, and for a file that is written in another way than with [[section]]; the file is then as it was.
    """
    plan = read_plan(path)
    number, earlier = plan.number_of(name), plan.sections[plan.number_of(model, "like")]
    keys: dict[str, Any] = {"like": earlier.name}
    if strength is not None:
        keys["like_strength"] = float(strength)
    text = path.read_bytes().decode("utf-8-sig")
    for key, value in keys.items():
        text = _set_key(text, number, key, value, printable(path.name))
    parse_plan(text, printable(path.name))  # refuses what no song can be made of
    with replace_file(path) as file:
        file.write(text.encode())
    return read_plan(path)


def _set_key(text: str, number: int, key: str, value: Any, name: str) -> str:
    """Return the text of a plan in which a key of section ``number``, from 0, has a value.

    TOML has texts of several lines, in which anything may stand. So each place where the line may belong is tried, and the
    parser says whether the result is what it should be.
    """
    content = tomllib.loads(text)
    label = section_label(str(content["section"][number]["name"]))
    wanted = _with_key(content, number, key, value)
    for candidate in _candidates(text, key, json.dumps(value, ensure_ascii=False)):
        try:
            found = tomllib.loads(candidate)
        except ValueError:
            continue
        if found == wanted:
            return candidate
    raise InvalidValue(
        "plan", name, "sections that begin with [[section]], one key in a line",
        message=f"{name} is written in a way in which {label} cannot be changed.",
        remedy=f"Write {key} = {json.dumps(value, ensure_ascii=False)} below it yourself.",
    )  # fmt: skip


def _with_key(content: Mapping[str, Any], number: int, key: str, value: Any) -> dict[str, Any]:
    sections = [dict(section) for section in content["section"]]
    sections[number][key] = value
    return {**content, "section": sections}


def _candidates(text: str, key: str, value: str) -> Iterator[str]:
    """Yield the text with a line for the key: in place of each line that may have it, then behind each name and
    each header."""
    lines = text.splitlines(keepends=True)
    pattern = re.compile(_KEY.format(key))
    line = f"{key} = {value}"
    for at, old in enumerate(lines):
        bare = old.rstrip("\r\n")
        if pattern.fullmatch(bare):
            yield "".join([*lines[:at], line + old[len(bare) :], *lines[at + 1 :]])
    for place in (_NAME, _HEADER):
        for at, old in enumerate(lines):
            bare = old.rstrip("\r\n")
            if place.fullmatch(bare):
                end = old[len(bare) :] or "\n"
                yield "".join([*lines[:at], bare + end, line + end, *lines[at + 1 :]])
