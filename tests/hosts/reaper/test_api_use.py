"""What the scripts call, read from their text: REAPER's public API only, and nothing newer than 6.24 without a guard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.fake_reaper import api
from tests.support.paths import REAPER_SCRIPTS as SCRIPTS

FILES = sorted(SCRIPTS.rglob("*.lua"))
OLDEST = (6, 24)


def used(text: str) -> set[str]:
    """The names of REAPER's functions in a script, without what comments say."""
    code = re.sub(r"--[^\n]*", "", text)
    return set(re.findall(r"\breaper\.([A-Za-z_]\w*)", code))


def newer(name: str) -> bool:
    return not api.exists(name, "6.24")


def everything() -> Iterator[tuple[Path, str]]:
    for file in FILES:
        for name in sorted(used(file.read_text("utf-8"))):
            yield file, name


def test_every_function_is_in_the_public_api() -> None:
    unknown = [
        (file.name, name) for file, name in everything() if name not in api.FUNCTIONS and name not in api.BUILT_IN
    ]
    assert unknown == []


def test_functions_newer_than_6_24_are_guarded() -> None:
    found = [(file, name) for file, name in everything() if newer(name)]
    assert {name for _, name in found} == {
        "InsertTrackInProject",
        "UpdateItemLanes",
        "set_action_options",
    }  # else: add a guard, then the name
    for file, name in found:
        guard = rf'if reaper\.APIExists\("{name}"\) then|if reaper\.{name} then'
        assert re.search(guard, file.read_text("utf-8")), f"{file.name} calls {name} without asking whether it exists"


def test_no_script_needs_an_extension() -> None:
    for file in FILES:
        text = file.read_text("utf-8")
        for name in re.findall(r"\breaper\.((?:BR_|SNM_|CF_|FNG_|NF_|JS_|ULT_)\w+)", text):
            assert f'if reaper.APIExists("{name}") then' in text, f"{file.name} calls {name} without asking for it"


def test_reaimgui_is_used_only_where_its_version_was_asked_for() -> None:
    users = {file.name for file in FILES if re.search(r"\breaper\.ImGui_|reaper\[\"ImGui_", file.read_text("utf-8"))}
    assert users == {"imgui.lua", "imgui_style.lua", "imgui_version.lua"}
    importers = {file.name for file in FILES if re.search(r'"ui/imgui(_style)?"', file.read_text("utf-8"))}
    assert importers == {"widgets.lua", "imgui.lua"}
    assert 'import("ui/imgui_version").is_usable() and "ui/imgui"' in (SCRIPTS / "lib/ui/widgets.lua").read_text(
        "utf-8"
    )
    version = (SCRIPTS / "lib/ui/imgui_version.lua").read_text("utf-8")
    assert version.index('APIExists("ImGui_GetVersion")') < version.index("reaper.ImGui_GetVersion")
