"""The modules of the scripts: every import names a file, every file is imported, and shared ones stand alone."""

from __future__ import annotations

import re

from tests.support.lua_modules import LIB

ROOT = "acebridge"
MODULES = {path.relative_to(LIB).with_suffix("").as_posix(): path.read_text("utf-8") for path in LIB.rglob("*.lua")}


def imports(text: str) -> set[str]:
    """The names in the lines of a module that import."""
    return {name for line in text.splitlines() if "import(" in line for name in re.findall(r'"([\w/]+)"', line)}


def test_every_import_names_a_file_and_every_file_is_imported() -> None:
    named = {name for text in MODULES.values() for name in imports(text)}
    assert named == MODULES.keys() - {ROOT}


def test_modules_that_ardour_shares_need_only_each_other_and_settings() -> None:
    shared = {name for name in MODULES if name.startswith("shared/")}
    needed = {name for module in shared for name in imports(MODULES[module])}
    assert needed <= shared | {"settings"}  # which Ardour's scripts have too
