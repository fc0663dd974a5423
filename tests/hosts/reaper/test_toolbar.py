"""The toolbar: its icons as REAPER takes them, and the files to import."""

from __future__ import annotations

import configparser
import hashlib
import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.fake_reaper import Reaper
from tests.support.paths import REAPER_SCRIPTS as SCRIPTS

_spec = importlib.util.spec_from_file_location("draw_icons", SCRIPTS / "draw_icons.py")
assert _spec is not None
assert _spec.loader is not None
draw_icons = importlib.util.module_from_spec(_spec)
sys.modules["draw_icons"] = draw_icons
_spec.loader.exec_module(draw_icons)

#: What versions of the drawing library may round differently, of 255.
ROUNDING = 3
FILES = draw_icons.files(SCRIPTS / "toolbar_icons")
ACTION = "AceBridge_Install toolbar.lua"


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGBA"), np.int16)


def cells(strip: np.ndarray) -> list[np.ndarray]:
    return np.split(strip, 3, axis=1)


def test_nothing_else_lies_there() -> None:
    assert set((SCRIPTS / "toolbar_icons").rglob("*.png")) == set(FILES)
    assert len(FILES) == 3 * len(draw_icons.ICONS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_an_icon_is_current_and_as_reaper_takes_it(path: Path) -> None:
    name, scale = FILES[path]
    side = {"toolbar_icons": 30, "150": 45, "200": 60}[path.parent.name]
    assert side == round(30 * scale)
    found = pixels(path)
    assert found.shape == (side, 3 * side, 4)
    drawn = np.asarray(draw_icons.draw(name, scale), np.int16)
    assert np.abs(found - drawn).max() <= ROUNDING, "run `make reaper-icons`"
    usual, hovered, pressed = cells(found)
    assert min(np.abs(usual - hovered).mean(), np.abs(usual - pressed).mean(), np.abs(hovered - pressed).mean()) > 2


def luminance(colours: np.ndarray) -> np.ndarray:
    """Relative luminance of sRGB colours ``[..., 3]``, 0 to 1 (WCAG 2.1)."""
    linear = colours / 255
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("name", draw_icons.ICONS)
@pytest.mark.parametrize("state", [0, 1, 2])
def test_an_icon_reads_at_30_pixels(name: str, state: int) -> None:
    """Its glyph stands out from its tile by 4.5:1 and covers a part of it; the tile hides the theme behind it."""
    cell = cells(pixels(SCRIPTS / "toolbar_icons" / f"acebridge_{name}.png"))[state]
    inside = cell[3:-3, 3:-3]
    assert (inside[..., 3] == 255).all()
    light = luminance(inside[..., :3].astype(float))
    tile = luminance(cell[3, 7, :3].astype(float))
    contrast = (light + 0.05) / (tile + 0.05)
    floor = 3 if name == "cancel" else 4.5  # red, and the largest glyph
    assert 0.08 < (contrast > floor).mean() < 0.7


def test_no_two_icons_are_alike() -> None:
    pictures = {
        name: cells(pixels(SCRIPTS / "toolbar_icons" / f"acebridge_{name}.png"))[0] for name in draw_icons.ICONS
    }
    names = list(pictures)
    close = [(a, b) for i, a in enumerate(names) for b in names[:i] if np.abs(pictures[a] - pictures[b]).mean() < 8]
    assert close == []


def read(path: Path) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(path.read_text("utf-8"))
    (section,) = parser.sections()
    return parser[section]


def command_of(action: str) -> str:
    return f"_RS{hashlib.sha1(str(SCRIPTS / f'AceBridge_{action}.lua').encode()).hexdigest()}"


def test_the_files_to_import_name_the_actions_of_this_reaper(r: Reaper) -> None:
    r.run(ACTION)
    (message,) = r.messages
    toolbar = read(r.resource / "MenuSets" / "AceBridge toolbar.ReaperMenu")
    menu = read(r.resource / "MenuSets" / "AceBridge menu.ReaperMenu")
    assert (toolbar.name, menu.name) == ("Floating toolbar 16", "Main extensions")
    assert toolbar["title"] == "AceBridge"
    assert toolbar["item_0"] == f"{command_of('Repaint time selection')} AceBridge: Repaint"
    assert toolbar["icon_0"] == "acebridge_repaint.png"
    items = [key for key in toolbar if key.startswith("item_")]
    assert items == [f"item_{i}" for i in range(len(items))], "REAPER stops at the first number that is missing"
    assert {toolbar[key].split(" ")[0] for key in items if toolbar[key] != "-1"} == {
        "_" + command.removeprefix("_") for command in map(command_of, buttons())
    }
    assert [menu[key] for key in items] == [toolbar[key] for key in items]
    assert not any(key.startswith("icon_") for key in menu)
    for name in ("AceBridge toolbar.ReaperMenu", "AceBridge menu.ReaperMenu", '"Floating toolbar 16"'):
        assert name in message


def buttons() -> list[str]:
    """The actions that the toolbar's table names."""
    text = (SCRIPTS / "lib" / "toolbar.lua").read_text("utf-8")
    return re.findall(r'^    \{ "\w+", "([^"]+)", "[^"]+" \},$', text, re.MULTILINE)


def test_every_button_has_an_icon_and_every_icon_a_button() -> None:
    text = (SCRIPTS / "lib" / "toolbar.lua").read_text("utf-8")
    assert re.findall(r'^    \{ "(\w+)", "', text, re.MULTILINE) != []
    assert set(re.findall(r'^    \{ "(\w+)", "', text, re.MULTILINE)) == set(draw_icons.ICONS)
    assert all((SCRIPTS / f"AceBridge_{action}.lua").is_file() for action in buttons())


def test_icons_come_to_where_reaper_looks(r: Reaper) -> None:
    r.run(ACTION)
    for path in FILES:
        below = path.relative_to(SCRIPTS)
        assert (r.resource / "Data" / below).read_bytes() == path.read_bytes()


def test_toolbars_and_menus_in_use_are_left_alone(r: Reaper) -> None:
    ours = "".join(f"[Floating toolbar {i}]\nitem_0=40023 New\n" for i in (16, 15)) + "[Main extensions]\nitem_0=1 x\n"
    (r.resource / "reaper-menu.ini").write_text(ours, "utf-8")
    r.run(ACTION)
    assert read(r.resource / "MenuSets" / "AceBridge toolbar.ReaperMenu").name == "Floating toolbar 14"
    assert not (r.resource / "MenuSets" / "AceBridge menu.ReaperMenu").exists()
    assert (r.resource / "reaper-menu.ini").read_text("utf-8") == ours


def test_without_any_room_it_says_so(r: Reaper) -> None:
    full = "".join(f"[Floating toolbar {i}]\n" for i in range(1, 17)) + "[Main extensions]\n"
    (r.resource / "reaper-menu.ini").write_text(full, "utf-8")
    r.run(ACTION)
    (message,) = r.messages
    assert message.startswith("All 16 floating toolbars and the Extensions menu are in use.")
    assert not (r.resource / "MenuSets").exists()


def test_a_full_disk_ends_in_one_sentence(r: Reaper) -> None:
    r.disk_full_after(5_000)
    r.run(ACTION)
    (message,) = r.messages
    assert "cannot be" in message
    assert "disk space" in message
