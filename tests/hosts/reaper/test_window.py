"""window.lua on a screen of paper: what is drawn where, what a click means, and when nothing is drawn at all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.lua_modules import Leaves

#: Pixels of a character by the size of its font: wide enough for any.
ASPECT = 0.55
ESCAPE, CLOSED = 27, -1

Row = dict[str, Any]


class Screen:
    """REAPER's gfx: a window, a mouse and a keyboard. What a frame drew is in ``texts`` and ``boxes``."""

    def __init__(self, scale: float = 1.0, width: int = 460, height: int = 300, system: str = "Other") -> None:
        self.now = 100.0
        self.keyboards: list[int] = []
        self.commands: list[int] = []
        self.leaves = Leaves(
            system,
            time_precise=lambda: self.now,
            SetCursorContext=lambda mode, _envelope: self.keyboards.append(mode),
            Main_OnCommand=lambda command, _flag: self.commands.append(command),
        )
        lua = self.leaves.lua
        self.gfx = lua.table_from(
            {b"w": 0, b"h": 0, b"mouse_x": -1, b"mouse_y": -1, b"mouse_cap": 0, b"mouse_wheel": 0, b"x": 0, b"y": 0}
        )
        lua.globals()[b"gfx"] = self.gfx
        self.scale, self.size = scale, (width, height)
        self.sizes: dict[int, float] = {}
        self.font = 0
        self.keys: list[int] = []
        self.inits: list[tuple[Any, ...]] = []
        self.docked = 0
        self.frames = self.quits = self.measured = 0
        self.texts: list[tuple[str, float, float, float]] = []
        self.boxes: list[tuple[float, float, float, float, tuple[float, ...]]] = []
        self.ink: tuple[float, ...] = ()
        for name in ("init", "quit", "dock", "getchar", "update", "setfont", "measurestr", "drawstr", "rect", "set"):
            self.gfx[name.encode()] = getattr(self, f"_{name}")

    def _init(self, title: bytes, width: int, height: int, *place: int) -> None:
        self.inits.append((title.decode(), width, height, *place))
        # As on a Retina screen: asked in points, told in pixels, and only who asks for real pixels is told the scale.
        assert self.gfx[b"ext_retina"] == 1 or title == b""
        self.gfx[b"ext_retina"] = self.scale
        self.gfx[b"w"], self.gfx[b"h"] = (int(side * self.scale) for side in self.size)
        self.docked = place[0] if place else self.docked

    def _quit(self) -> None:
        self.quits += 1

    def _dock(self, ask: int, *_wanted: int) -> tuple[int, ...]:
        assert ask == -1
        return self.docked, 10, 20, *self.size

    def _getchar(self) -> int:
        return self.keys.pop(0) if self.keys else 0

    def _update(self) -> None:
        self.frames += 1

    def _setfont(self, index: int, *font: Any) -> None:
        if font:
            self.sizes[index] = font[1]
        self.font = index
        self.gfx[b"texth"] = self.sizes[index] + 2

    def _measurestr(self, text: bytes) -> tuple[float, float]:
        self.measured += 1
        return len(text.decode()) * self.sizes[self.font] * ASPECT, self.sizes[self.font] + 2

    def _drawstr(self, text: bytes, *_place: Any) -> None:
        width, height = self._measurestr(text)
        assert self.gfx[b"x"] + width <= self.gfx[b"w"], text
        self.texts.append((text.decode(), self.gfx[b"x"], self.gfx[b"y"], height))

    def _rect(self, x: float, y: float, width: float, height: float, filled: int) -> None:
        assert filled == 1
        if (x, y, width, height) == (0, 0, self.gfx[b"w"], self.gfx[b"h"]):  # a frame begins
            self.texts, self.boxes = [], []
        self.boxes.append((x, y, width, height, self.ink))

    def _set(self, *ink: float) -> None:
        self.ink = ink

    def open(self) -> Screen:
        self.leaves["window"].open(b"AceBridge")
        return self

    def draw(self, *rows: Row, after_s: float = 0.03) -> tuple[str, ...] | None:
        self.now += after_s
        lua = self.leaves.lua
        tables = [
            lua.table_from(
                {key.encode(): value.encode() if isinstance(value, str) else value for key, value in row.items()}
            )
            for row in rows
        ]
        event = self.leaves["window"].draw(lua.table_from(tables))
        return tuple(part.decode() for part in event.values()) if event is not None else None

    def words(self) -> list[str]:
        return [text for text, *_ in self.texts]

    def at(self, word: str) -> tuple[float, float]:
        """The middle of the first such word."""
        x, y, height = next((x, y, height) for text, x, y, height in self.texts if text == word)
        return x + 5, y + height / 2

    def mouse(self, at: tuple[float, float], down: bool = False) -> None:
        self.gfx[b"mouse_x"], self.gfx[b"mouse_y"] = at
        self.gfx[b"mouse_cap"] = 1 if down else 0


def running(name: str = "a", **changes: Any) -> Row:
    return {"id": name, "title": f"Repaint {name}", "state": "running", "stage": "Painting, 12 s to go", "fraction": 0.25,
            "note": "", **changes}  # fmt: skip


def row_of_done_job(name: str = "b", **changes: Any) -> Row:
    return {"id": name, "title": f"Cover {name}", "state": "done", "stage": "", "fraction": 1.0, "note": "2 takes on Guitar",
            **changes}  # fmt: skip


def row_of_failed_job(name: str = "c", **changes: Any) -> Row:
    message = "The disk is full: 3 MB are free, 120 MB are needed for the result of this job."
    return {"id": name, "title": f"Extract {name}", "state": "failed", "stage": "", "note": message, "fraction": 0.5,
            "remedy": "Free some space, then run the action again.", **changes}  # fmt: skip


def test_a_running_job() -> None:
    screen = Screen().open()
    assert screen.draw(running()) is None
    assert screen.words() == ["Cancel", "Repaint a", "Painting, 12 s to go"]


def test_the_bar_is_as_long_as_the_fraction() -> None:
    screen = Screen().open()
    lengths = []
    for fraction in (0.0, 0.25, 1.0, 7.0, -1.0):
        screen.draw(running(fraction=fraction))
        *_, whole, part = screen.boxes
        assert whole[:2] == part[:2]
        lengths.append(part[2] / whole[2])
    assert lengths == pytest.approx([0, 0.25, 1, 1, 0], abs=0.005)


def test_ended_jobs_have_no_button_and_say_all() -> None:
    screen = Screen().open()
    screen.draw(row_of_done_job(), row_of_failed_job())
    assert screen.words()[:2] == ["Cover b", "2 takes on Guitar"]
    assert " ".join(screen.words()[3:]) == f"{row_of_failed_job()['note']} {row_of_failed_job()['remedy']}"
    assert len(screen.words()) > 5  # in several lines
    colours = {ink for *_, ink in screen.boxes}
    screen.draw(row_of_done_job(), running())
    assert {ink for *_, ink in screen.boxes} != colours  # red for what failed


def test_no_jobs() -> None:
    screen = Screen().open()
    screen.draw()
    assert screen.words() == ["No jobs. This window closes with Escape."]


def test_a_click_cancels_its_own_job_once() -> None:
    screen = Screen().open()
    rows = [running("a"), row_of_done_job(), running("d", title="Second")]
    screen.draw(*rows)
    buttons = [(x, y) for text, x, y, _ in screen.texts if text == "Cancel"]
    assert len(buttons) == 2
    screen.mouse((buttons[1][0] + 1, buttons[1][1] + 1))
    assert screen.draw(*rows) is None  # only above it
    screen.mouse((buttons[1][0] + 1, buttons[1][1] + 1), down=True)
    assert screen.draw(*rows) == ("cancel", "d")
    assert screen.draw(*rows) is None  # held down
    assert screen.words().count("Cancel") == 1
    assert "Stopping" in screen.words()
    screen.mouse((buttons[1][0] + 1, buttons[1][1] + 1))
    screen.draw(*rows)
    screen.mouse((buttons[1][0] + 1, buttons[1][1] + 1), down=True)
    assert screen.draw(*rows) is None  # it was asked for already


def test_clicks_beside_buttons_and_drags_onto_them_mean_nothing() -> None:
    screen = Screen().open()
    screen.draw(running())
    button = screen.at("Cancel")
    screen.mouse((20, 20), down=True)
    assert screen.draw(running()) is None
    screen.mouse(button, down=True)
    assert screen.draw(running()) is None


def test_a_button_that_was_down_before_the_window_opened_means_nothing() -> None:
    screen = Screen()
    screen.mouse((460 - 60, 30), down=True)
    screen.open()
    for _ in range(3):
        assert screen.draw(running()) is None
    screen.mouse(screen.at("Cancel"))
    screen.draw(running())
    screen.mouse(screen.at("Cancel"), down=True)
    assert screen.draw(running()) == ("cancel", "a")


def test_the_button_lights_up_under_the_mouse() -> None:
    screen = Screen().open()
    screen.draw(running())
    plain = [ink for *_, ink in screen.boxes]
    screen.mouse(screen.at("Cancel"))
    screen.draw(running())
    assert [ink for *_, ink in screen.boxes] != plain
    screen.mouse((1, 1))
    screen.draw(running())
    assert [ink for *_, ink in screen.boxes] == plain


@pytest.mark.parametrize("key", [ESCAPE, CLOSED])
def test_escape_and_the_frames_button_close(key: int) -> None:
    screen = Screen().open()
    assert screen.draw(running()) is None
    screen.keys = [32, 97, key]
    assert screen.draw(running()) == ("close",)


def test_other_keys_mean_nothing() -> None:
    screen = Screen().open()
    screen.keys = [32, 97, 0x1B00]
    assert screen.draw(running()) is None
    assert screen.keys == []


def test_it_is_drawn_when_something_changed_and_only_then() -> None:
    screen = Screen().open()
    rows = [running("a"), row_of_failed_job()]
    for _ in range(100):
        screen.draw(*rows)
    assert screen.frames == 1
    for changes in ({"fraction": 0.3}, {"stage": "x"}, {"title": "y"}, {"state": "waiting"}, {"note": "z"}):
        rows[0] = {**rows[0], **changes}
        before = screen.frames
        screen.draw(*rows)
        screen.draw(*rows)
        assert screen.frames == before + 1, changes
    screen.draw(rows[0])
    screen.draw(rows[0])
    assert screen.frames == 7
    assert screen.words()[0] == "Cancel"
    screen.gfx[b"w"] = 600
    screen.draw(rows[0])
    screen.draw(rows[0])
    assert screen.frames == 8


def test_what_is_drawn_again_is_not_measured_again() -> None:
    screen = Screen().open()
    screen.draw(running("a"), row_of_failed_job())
    measured = screen.measured
    screen.draw(running("a", fraction=0.5), row_of_failed_job())
    # The recorder measures what is drawn; the window itself measures the word on the button only.
    assert screen.measured - measured == len(screen.texts) + 1


def test_a_bar_without_fraction_moves_ten_times_a_second() -> None:
    screen = Screen().open()
    row = running()
    del row["fraction"]
    places = set()
    for _ in range(330):  # 3.3 s
        screen.draw(row, after_s=0.01)
        *_, whole, part = screen.boxes
        assert whole[0] <= part[0]
        assert part[0] + part[2] <= whole[0] + whole[2]
        places.add(part[0])
    assert 28 <= screen.frames <= 34
    assert len(places) > 8


@given(
    title=st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="…"), max_size=80),
    note=st.text(st.characters(exclude_categories=("Cs",), exclude_characters="…"), max_size=200),
    width=st.integers(1, 900),
    scale=st.sampled_from([1.0, 1.25, 1.5, 2.0]),
    state=st.sampled_from(["starting", "waiting", "running", "done", "failed", "cancelled", "kept"]),
)
@settings(deadline=None, max_examples=80)
def test_any_text_is_cut_to_the_width(title: str, note: str, width: int, scale: float, state: str) -> None:
    screen = Screen(scale=scale, width=max(width, 150)).open()
    screen.draw({"id": "a", "title": title, "note": note, "stage": note.replace("\n", " "), "state": state})
    for text, x, _, _ in screen.texts:  # that it ends in time is seen in drawstr
        assert x >= 0
        assert not text.endswith(" …")


def test_long_titles_end_in_an_ellipsis_before_the_button() -> None:
    screen = Screen().open()
    screen.draw(running(title="기타 " * 40))
    title, x, _, _ = screen.texts[1]
    assert title.endswith("…")
    assert title[:-1].strip() == ("기타 " * 40)[: len(title) - 1].strip()
    assert x + len(title) * 16 * ASPECT < screen.at("Cancel")[0]
    screen.draw(row_of_done_job(title="기타 " * 40))
    assert len(screen.texts[0][0]) > len(title)  # no button, more room


@pytest.mark.parametrize("scale", [1.0, 1.5, 2.0])
def test_everything_grows_with_the_scale(scale: float) -> None:
    plain, large = Screen().open(), Screen(scale=scale).open()
    for screen in (plain, large):
        screen.draw(running(), row_of_done_job())
    assert len(large.boxes) == len(plain.boxes)
    for small, big in zip(plain.boxes, large.boxes, strict=True):
        assert big[:4] == pytest.approx([side * scale for side in small[:4]], abs=4)
    assert large.sizes == {font: size * scale for font, size in plain.sizes.items()}
    large.mouse(large.at("Cancel"))
    large.draw(running(), row_of_done_job())
    large.mouse(large.at("Cancel"), down=True)
    assert large.draw(running(), row_of_done_job()) == ("cancel", "a")


def test_on_windows_the_first_size_follows_the_scale() -> None:
    screen = Screen(scale=1.5, system="Win64").open()
    assert screen.inits == [("AceBridge", 460, 220, 0), ("", 690, 330)]
    assert Screen(scale=2.0, system="macOS-arm64").open().inits == [("AceBridge", 460, 220, 0)]


def test_the_place_is_kept() -> None:
    screen = Screen(scale=2.0, width=500, height=333).open()
    screen.draw(running())
    screen.leaves["window"].close()
    kept = screen.leaves.extension
    assert kept == {(b"AceBridge", b"window_place"): b"0 500 333"}  # in points, not in pixels
    screen.open()
    assert screen.inits[-1] == ("AceBridge", 500, 333, 0)
    screen.docked, screen.size = 257, (1200, 90)
    screen.gfx[b"w"] = 1200
    screen.draw(running())
    screen.leaves["window"].close()
    assert kept == {(b"AceBridge", b"window_place"): b"257 500 333"}  # a docker's size is not the window's
    screen.open()
    assert screen.inits[-1] == ("AceBridge", 500, 333, 257)


def test_a_broken_place_is_forgotten() -> None:
    screen = Screen()
    screen.leaves.extension[b"AceBridge", b"window_place"] = b"nonsense"
    screen.open()
    assert screen.inits == [("AceBridge", 460, 220, 0)]


def test_closing_twice_and_drawing_afterwards_do_no_harm() -> None:
    screen = Screen()
    screen.leaves["window"].close()
    assert screen.draw(running()) is None
    screen.open()
    screen.draw(running())
    screen.leaves["window"].close()
    screen.leaves["window"].close()
    assert screen.quits == 1
    assert screen.draw(running()) is None
    screen.open()
    screen.draw(running())
    assert screen.words()  # it shows again


def test_more_jobs_than_fit_are_reached_by_the_wheel() -> None:
    screen = Screen(height=200).open()
    rows = [row_of_done_job(str(number)) for number in range(12)]
    screen.draw(*rows)
    assert "Cover 0" in screen.words()
    assert "Cover 11" not in screen.words()
    screen.gfx[b"mouse_wheel"] = -120 * 100
    screen.draw(*rows)
    assert "Cover 11" in screen.words()
    assert "Cover 0" not in screen.words()
    assert max(y + height for _, _, y, height in screen.texts) <= 200
    screen.gfx[b"mouse_wheel"] = 120 * 100
    screen.draw(*rows)
    assert "Cover 0" in screen.words()
    # When jobs go, what is left is in sight.
    screen.gfx[b"mouse_wheel"] = -120 * 100
    screen.draw(*rows)
    screen.draw(rows[0])
    screen.draw(rows[0])
    assert "Cover 0" in screen.words()
