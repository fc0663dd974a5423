"""ui/text_lines.lua: lines hold every byte of the text once, fit their room, break at spaces, and place each caret."""

from __future__ import annotations

import functools
import re
from itertools import pairwise
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.lua_modules import Leaves

TEXT = st.text(st.sampled_from("ab  한🎸\n"), max_size=40)
MODEST = settings(deadline=None, max_examples=100)


@functools.cache
def leaves() -> Leaves:
    return Leaves()


def width_of(text: bytes) -> int:
    """Characters are 5 to 11 wide."""
    return sum(5 + ord(character) % 7 for character in text.decode("utf-8"))


def break_lines(text: str, room: int) -> list[tuple[int, int]]:
    lines = leaves()["ui/text_lines"].lines(text.encode("utf-8"), room, width_of)
    return [(line[1], line[2]) for line in lines.values()]


def to_lua(lines: list[tuple[int, int]]) -> Any:
    lua = leaves().lua
    return lua.table_from([lua.table_from(line) for line in lines])


@given(TEXT, st.integers(1, 200))
@MODEST
def test_every_byte_is_in_one_line(text: str, room: int) -> None:
    raw = text.encode("utf-8")
    lines = break_lines(text, room)
    assert lines[0][0] == 0
    assert lines[-1][1] == len(raw)
    for (_, stop), (start, _) in pairwise(lines):
        assert raw[stop:start] in (b"", b"\n")
    for start, stop in lines:
        part = raw[start:stop].decode("utf-8")
        assert "\n" not in part
        assert width_of(part.rstrip(" ").encode("utf-8")) <= room or len(part.strip(" ")) <= 1


@example(" aaa", 31)
@given(TEXT, st.integers(30, 200))
@MODEST
def test_words_that_fit_are_not_broken_and_lines_are_full(text: str, room: int) -> None:
    raw = text.encode("utf-8")
    for (start, stop), (following, _) in pairwise(break_lines(text, room)):
        if stop != following:
            continue  # a line break of the text
        whole_word = raw[start:stop].decode("utf-8").split(" ")[-1] if raw[stop - 1 : stop] != b" " else ""
        if whole_word and " " in raw[start:stop].decode("utf-8"):
            raise AssertionError("a line ends inside a word, though a space is in it")
        first = re.split("[ \n]", raw[following:].decode("utf-8"))[0]  # whole, also where a line is too short for it
        if raw[stop - 1 : stop] == b" " and first:
            assert width_of(raw[start:stop] + first.encode("utf-8")) > room  # the next word had no room


@given(TEXT, st.integers(20, 200), st.data())
@MODEST
def test_a_click_on_a_caret_finds_it(text: str, room: int, data: st.DataObject) -> None:
    raw = text.encode("utf-8")
    lines = break_lines(text, room)
    caret = len(text[: data.draw(st.integers(0, len(text)))].encode("utf-8"))
    number = leaves()["ui/text_lines"].number_at(to_lua(lines), caret)
    start, stop = lines[number - 1]
    assert start <= caret
    if caret > stop:
        raise AssertionError(f"the caret {caret} is in no line: {lines}")
    x = width_of(raw[start:caret])
    assert leaves()["ui/text_lines"].offset_on(raw, to_lua(lines), number, x, width_of) == caret


@given(TEXT.map(lambda text: text.replace("\n", "")), st.integers(-5, 400))
@MODEST
def test_the_nearest_place_is_found(text: str, x: int) -> None:
    raw = text.encode("utf-8")
    offset = leaves()["ui/text_lines"].offset_at(raw, 0, len(raw), x, width_of)
    places = [len(text[:count].encode("utf-8")) for count in range(len(text) + 1)]
    assert offset in places
    assert abs(width_of(raw[:offset]) - x) == min(abs(width_of(raw[:place]) - x) for place in places)


def test_an_empty_text_has_a_line() -> None:
    assert break_lines("", 100) == [(0, 0)]
    assert break_lines("\n", 100) == [(0, 0), (1, 1)]
