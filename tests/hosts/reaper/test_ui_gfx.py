"""The panel in a gfx window: what frames cost, where the window is, what it looks like, and how its text fields work."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_reaper.gfx import key_code
from tests.support.ui_panel import ENTER, ESCAPE, SPACE, colour, open_panel

ALL = """
  ui.title("AceBridge")
  ui.text("Repaint bars 9 to 17 of Guitar", "dim")
  v.task = ui.choice("task", "Task", { "Repaint", "Cover" }, v.task or "Repaint")
  v.style = ui.line_edit("style", "Style", v.style or "", "style words")
  v.words = ui.text_edit("words", "Lyrics", v.words or "", 3, "line by line")
  v.steps = ui.slider("steps", "Steps", 0, 100, v.steps or 25, "%d")
  v.on = ui.checkbox("on", "With vocals", v.on)
  ui.button("go", "Generate", { primary = true })
  ui.same_line()
  ui.button("stop", "Stop", { disabled = true })
  if ui.section("jobs", "Jobs", true) then
    for job = 1, 3 do
      ui.card_begin("job " .. job)
      ui.text("Job " .. job)
      ui.same_line()
      ui.button("cancel " .. job, "Cancel")
      ui.progress(job / 4, "running")
      ui.card_end()
    end
  end
  out("style", v.style) out("words", v.words) out("steps", v.steps)
"""
Show = Callable[..., Any]


@pytest.fixture
def show(tmp_path: Path, lua: str) -> Iterator[Show]:
    with ExitStack() as stack:
        yield lambda body=ALL, **options: stack.enter_context(open_panel(tmp_path, "gfx", body, lua=lua, **options))


# What frames cost


def test_a_frame_in_which_nothing_changes_asks_for_keys_and_no_more(show: Show) -> None:
    panel = show()
    before = panel.window.calls.copy()
    panel.tick(50)
    assert panel.window.calls - before == {"getchar": 100}  # the keys, and who has the keyboard


def test_a_frame_is_drawn_once_for_a_change(show: Show) -> None:
    panel = show('v.n = (v.n or 0) + 1 ui.text("n " .. v.n // 10)')
    updates = panel.window.calls["update"]
    panel.tick(100)
    assert panel.window.calls["update"] - updates == 10


def test_what_is_drawn_again_is_not_measured_again(show: Show) -> None:
    panel = show(ALL + ' v.n = (v.n or 0) + 1 ui.progress(v.n % 7 / 7, "running")')
    before = panel.window.calls.copy()
    panel.tick(20)
    drawn = panel.window.calls - before
    assert drawn["update"] == 20
    assert drawn["measurestr"] == 0
    assert drawn["setfont"] < drawn["drawstr"] * 2


def test_a_bar_without_a_fraction_moves_ten_times_a_second(show: Show) -> None:
    panel = show('ui.progress(nil, "running")')
    updates, places = panel.window.calls["update"], set()
    for _ in range(100):  # 3.3 s
        panel.tick()
        places.add(str([stroke.numbers for stroke in panel.window.strokes]))
    assert 24 <= panel.window.calls["update"] - updates <= 34
    assert len(places) > 8


def test_the_caret_blinks_and_nothing_else_moves(show: Show) -> None:
    panel = show()
    panel.click("style words")
    panel.mouse((1, 1, 0))
    updates = panel.window.calls["update"]
    panel.tick(90)  # 3 s
    assert 4 <= panel.window.calls["update"] - updates <= 7


# The window's place


def place_of(panel: Any) -> str:
    return str(panel.r.ext["AceBridge", "window_place"])


def close(panel: Any) -> None:
    panel.window.close_by_user()
    panel.tick(2)


def test_the_place_is_kept_and_found_again(show: Show) -> None:
    panel = show(place="0 500 333 40 60")
    assert (panel.window.size, panel.window.x, panel.window.y) == ((500, 333), 40, 60)
    panel.window.x, panel.window.y = 700, 80
    panel.window.resize(520, 400)
    panel.tick(2)
    close(panel)
    assert place_of(panel) == "0 520 400 700 80"


def test_a_window_that_was_only_moved_keeps_its_new_place(show: Show) -> None:
    panel = show('ui.text("hello")', place="0 500 333 40 60")
    panel.window.take_focus()
    panel.window.x, panel.window.y = 300, 200
    panel.tick(2)
    close(panel)
    assert place_of(panel) == "0 500 333 300 200"


def test_a_place_without_x_and_y_is_one_too(show: Show) -> None:
    assert show(place="0 500 333").window.size == (500, 333)


@pytest.mark.parametrize("place", ["0 500 333 -4000 100", "0 500 333 100 5000", "0 500 333 3000 -200"])
def test_a_place_that_no_screen_shows_is_not_restored(show: Show, place: str) -> None:
    window = show(place=place).window
    assert (window.size, window.x, window.y) == ((500, 333), 100, 100)


def test_a_docked_window_keeps_the_place_that_it_had(show: Show) -> None:
    panel = show(place="257 500 333 40 60")
    assert panel.window.docked == 257
    panel.window.resize(1200, 90)
    panel.tick(2)
    changes = panel.r.layout_changes
    panel.tick(30)
    assert panel.r.layout_changes == changes  # the docker stays as it is
    close(panel)
    assert place_of(panel) == "257 500 333 40 60"


def test_nonsense_is_no_place(show: Show) -> None:
    assert show(place="nonsense").window.size == (460, 420)


@pytest.mark.parametrize(("os", "size"), [("Win64", (690, 630)), ("macOS-arm64", (690, 630)), ("Other", (690, 630))])
def test_the_first_size_follows_the_scale(show: Show, os: str, size: tuple[int, int]) -> None:
    panel = show(scale=1.5, os=os)
    assert panel.window.size == size
    close(panel)
    assert place_of(panel).startswith("0 460 420" if os == "macOS-arm64" else "0 690 630")


# What it looks like


def count(image: Any, *names: str) -> int:
    wanted = {colour(name) for name in names}
    return sum(number for number, found in image.getcolors(1 << 24) if found in wanted)


@pytest.mark.parametrize("scale", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("percent", [0, 25, 50, 100])
def test_the_share_of_a_slider_is_seen_in_its_pixels(show: Show, percent: int, scale: float) -> None:
    panel = show(f'ui.slider("s", "Strength", 0, 100, {percent}, "%d")', scale=scale)
    left, right, y = panel.track_of("Strength")
    image = panel.window.picture()
    row = [image.getpixel((x, int(y))) for x in range(int(left), int(right))]
    full, empty = row.count(colour("fill")), row.count(colour("track"))
    knob = 14 * scale  # it covers a part of both
    assert abs(full - percent / 100 * (right - left)) <= knob
    assert abs(empty - (1 - percent / 100) * (right - left)) <= knob


def test_more_of_a_bar_is_full_the_more_is_done(show: Show) -> None:
    panel = show('v.n = math.min(8, (v.n or -5) + 1) ui.progress(math.max(0, v.n) / 8, "running")', place="0 460 60")
    areas = []
    for _ in range(10):
        panel.tick()
        areas.append(count(panel.window.picture(), "running"))
    assert areas == sorted(areas)
    assert areas[0] == 0
    assert areas[-1] >= 400 * 5


@pytest.mark.parametrize("scale", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("width", [200, 300, 460, 900])
def test_everything_is_inside_the_window_and_nothing_on_something_else(show: Show, width: int, scale: float) -> None:
    window = show(scale=scale, place=f"0 {width} 1400", os="macOS-arm64").window
    right = width * scale
    for text in window.texts:
        assert text.x >= 0
        assert text.x + text.w <= right, text
    for box in window.boxes:
        assert box.x + box.w <= right
    texts = window.texts
    for i, one in enumerate(texts):
        for other in texts[i + 1 :]:
            apart = one.x + one.w <= other.x or other.x + other.w <= one.x
            assert apart or one.y + one.h <= other.y + 1 or other.y + other.h <= one.y + 1, (one, other)
    names = [text.text for text in texts]
    for name in ("AceBridge", "Task", "Style", "Lyrics", "Steps", "With vocals", "Generate", "Stop", "Jobs", "Job 3"):
        assert name in names


def test_labels_are_above_where_it_is_narrow_and_beside_where_it_is_wide(show: Show) -> None:
    narrow, wide = show(place="0 220 1000").window, show(place="0 700 1000").window
    assert narrow.find("Task").y < narrow.find("Repaint", 1).y - 10
    assert abs(wide.find("Task").y - wide.find("Repaint", 1).y) <= 1


@pytest.mark.parametrize(("width", "is_beside"), [(460, True), (240, False)])
def test_a_box_to_tick_stands_beside_the_field_of_its_row(show: Show, width: int, is_beside: bool) -> None:
    body = """
        ui.line_edit("a", "Style", "", "words")
        ui.line_edit("b", "Seed", "", "new") ui.same_line() ui.checkbox("c", "Lock", true)"""
    window = show(body, place=f"0 {width} 300").window
    field, tick = window.find("new"), window.find("Lock")
    assert abs(field.y - tick.y) <= 1
    assert (abs(window.find("Seed").y - field.y) <= 1) == is_beside
    assert field.x == window.find("words").x  # one column


def test_long_names_are_cut(show: Show) -> None:
    panel = show(
        """
        local name = ("a long name "):rep(20)
        ui.title(name) ui.button("b", name) ui.choice("c", name, { name }, name) ui.checkbox("k", name, true)
        ui.section("s", name, true)
        ui.text(name) ui.same_line() ui.button("d", "Cancel")""",
        place="0 260 700",
    )
    for text in panel.window.texts:
        assert text.x + text.w <= 260, text
    assert panel.window.find("Cancel").w < 60


def test_colours_are_far_enough_apart() -> None:
    def light(name: str) -> float:
        parts = [part / 255 for part in colour(name)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue  # WCAG 2: relative luminance

    def contrast(one: str, other: str) -> float:
        high, low = sorted((light(one), light(other)), reverse=True)
        return (high + 0.05) / (low + 0.05)

    for name in ("title", "text", "dim", "warning", "error", "good"):
        for ground in ("background", "card", "field"):
            assert contrast(name, ground) >= 4.5, (name, ground)
    for name, ground in (
        ("title", "button"),
        ("title", "button_lit"),
        ("on_primary", "primary"),
        ("title", "selection"),
    ):
        assert contrast(name, ground) >= 4.5, (name, ground)
    for name in ("border", "focus", "fill"):  # what shows where a widget is, and its state
        assert contrast(name, "background") >= 3, name


def test_the_button_lights_up_under_the_mouse(show: Show) -> None:
    panel = show('ui.button("go", "Generate")')
    plain = count(panel.window.picture(), "button_lit")
    at = panel.window.find("Generate")
    panel.mouse((at.x, at.y, 0))
    assert count(panel.window.picture(), "button_lit") > plain + 500
    panel.mouse((1, 1, 0))
    assert count(panel.window.picture(), "button_lit") == plain


def test_a_field_that_is_edited_is_seen(show: Show) -> None:
    panel = show()
    assert count(panel.window.picture(), "focus") == 0
    panel.click("style words")
    assert count(panel.window.picture(), "focus") > 400
    panel.press(ENTER)
    assert count(panel.window.picture(), "focus") == 0


def test_a_button_that_is_held_down_when_the_window_opens_clicks_nothing(show: Show) -> None:
    panel = show("""
        if v.again then ui.close() ui.open("Again") v.again = nil end
        if ui.button("go", "Generate") then v.again, v.clicks = true, (v.clicks or 0) + 1 end
        out("clicks", v.clicks)""")
    panel.click("Generate")
    assert (panel.value("clicks"), panel.window.title) == ("1", "Again")
    at = panel.window.find("Generate")
    panel.mouse((at.x, at.y, 0), (at.x, at.y, 1), (at.x, at.y, 0), (at.x, at.y, 1), (at.x, at.y, 1))
    panel.mouse((at.x, at.y, 1), (at.x, at.y, 0))  # down since before it opened again
    assert panel.value("clicks") == "2"


# Scrolling


LONG = 'for i = 1, 60 do ui.button("b" .. i, "Button " .. i) end'


def test_the_wheel_scrolls_and_comes_to_an_end(show: Show) -> None:
    panel = show(LONG)
    assert "Button 1" in panel.texts
    panel.mouse((200, 100, 0))
    panel.window.wheel(-120 * 200)
    panel.tick(2)
    assert panel.texts[-1] == "Button 60"
    last = panel.window.find("Button 60")
    assert last.y + last.h <= panel.window.size[1]
    panel.window.wheel(120 * 200)
    panel.tick(2)
    assert panel.texts[0] == "Button 1"


def test_the_bar_scrolls(show: Show) -> None:
    panel = show(LONG)
    width, height = panel.window.size
    panel.mouse((width - 5, 10, 0), (width - 5, 10, 1), (width - 5, height, 1), (width - 5, height, 0))
    assert panel.texts[-1] == "Button 60"


def test_a_slider_that_comes_under_the_mouse_is_not_turned(show: Show) -> None:
    panel = show(
        'ui.text("top") for i = 1, 30 do v[i] = ui.slider("s" .. i, "Slider " .. i, 0, 100, v[i] or 50, "%d") end '
        'local sum = 0 for i = 1, 30 do sum = sum + v[i] end out("sum", sum)'
    )
    panel.mouse((5, 5, 0))
    panel.window.wheel(-120)
    panel.tick()
    for _ in range(10):
        panel.window.wheel(-120)
        panel.window.mouse(300, 200)
        panel.tick(2)
    assert panel.value("sum") == "1500"
    panel.tick(20)
    panel.wheel("", panel.texts[2], 1)
    assert panel.value("sum") == "1501"  # after a rest it turns what is under it


@pytest.mark.parametrize("seed", range(2))
def test_no_way_to_use_it_is_an_error(show: Show, seed: int) -> None:
    panel = show(
        ALL + ' v.n = (v.n or 0) + 1 if v.n % 40 < 20 then ui.line_edit("more", "More", "text", "") end',
        place="0 300 260",
    )
    chance = random.Random(seed)
    keys = [
        32,
        9,
        13,
        8,
        1,
        3,
        22,
        24,
        25,
        26,
        97,
        233,
        0x7500D55C,
        *map(key_code, ("up", "down", "left", "rght", "home", "del")),
    ]
    buttons = 0
    for _ in range(250):
        buttons = chance.choice([buttons, buttons, 0, 1, 1, 2])
        panel.window.mouse(chance.randint(-20, 320), chance.randint(-20, 280), buttons)
        panel.window.menu_choices[:] = [chance.randint(0, 4)]
        if chance.random() < 0.4:
            panel.window.press(chance.choice(keys), chance.choice([0, 0, 4, 8, 12]))
        if chance.random() < 0.1:
            panel.window.wheel(chance.choice([-120, 120, -600, 30]))
        if chance.random() < 0.02:
            panel.window.resize(chance.randint(60, 900), chance.randint(40, 500))
        panel.tick()
    panel.window.mouse(5, 5, 0)
    panel.press(ESCAPE) if panel.is_editing else panel.tick()
    panel.tick(10)
    assert not panel.has_focus
    assert panel.r.user.press(SPACE) is True


def test_an_open_window_is_opened_again_by_its_title_only(show: Show) -> None:
    panel = show('v.n = (v.n or 0) + 1 if v.n == 5 then ui.open("Other") end ui.text("x")')
    panel.window.resize(333, 222)
    panel.tick(6)
    assert (panel.window.title, panel.window.size) == ("Other", (333, 222))
