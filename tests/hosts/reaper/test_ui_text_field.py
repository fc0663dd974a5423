"""ui/text_field.lua beside a model in Python that counts characters: random edits, movements and steps of the history."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.lua_modules import Leaves

TEXT = st.text(st.sampled_from("ab Z_9é한🎸\u0301.,\n\t-'\r") | st.characters(exclude_categories=("Cs",)), max_size=12)
MODEST = settings(deadline=None, max_examples=100)
MOST_STEPS = 200


@functools.cache
def leaves() -> Leaves:
    return Leaves()


def call(name: str, *arguments: Any) -> Any:
    return getattr(leaves()["ui/text_field"], name)(*arguments)


def clean(text: str, has_lines: bool) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    if not has_lines:
        text = re.sub("\n+", " ", text)
    return "".join(c for c in text if c == "\n" or not (ord(c) < 32 or ord(c) == 127))


def is_word(character: str) -> bool:
    return ord(character) >= 128 or character == "_" or character.isalnum()


@dataclass
class Model:
    """The same field; places are counted in characters."""

    has_lines: bool
    text: str = ""
    caret: int = 0
    anchor: int = 0
    is_typing: bool = False
    past: list[tuple[str, int, int]] = field(default_factory=list)
    future: list[tuple[str, int, int]] = field(default_factory=list)

    def range(self) -> tuple[int, int]:
        return min(self.caret, self.anchor), max(self.caret, self.anchor)

    def state(self) -> tuple[str, int, int]:
        return self.text, self.caret, self.anchor

    def replace(self, start: int, stop: int, text: str) -> None:
        self.text = self.text[:start] + text + self.text[stop:]
        self.caret = self.anchor = start + len(text)

    def change(self, start: int, stop: int, text: str) -> None:
        if start == stop and not text:
            return
        self.past = [*self.past, self.state()][-MOST_STEPS:]
        self.future, self.is_typing = [], False
        self.replace(start, stop, text)

    def insert(self, text: str) -> None:
        self.change(*self.range(), clean(text, self.has_lines))

    def type(self, text: str) -> None:
        text, (start, stop) = clean(text, self.has_lines), self.range()
        if self.is_typing and start == stop and text:
            self.replace(start, stop, text)
            self.future = []
        else:
            self.change(start, stop, text)
        self.is_typing = bool(text) and is_word(text[0])

    def word_before(self, at: int) -> int:
        head = self.text[:at]
        while head and not is_word(head[-1]):
            head = head[:-1]
        while head and is_word(head[-1]):
            head = head[:-1]
        return len(head)

    def word_after(self, at: int) -> int:
        while at < len(self.text) and not is_word(self.text[at]):
            at += 1
        while at < len(self.text) and is_word(self.text[at]):
            at += 1
        return at

    def remove(self, other: int) -> None:
        start, stop = self.range()
        if start == stop:
            start, stop = sorted((other, self.caret))
        self.change(start, stop, "")

    def backspace(self, by_word: bool) -> None:
        self.remove(self.word_before(self.caret) if by_word else max(0, self.caret - 1))

    def delete(self, by_word: bool) -> None:
        self.remove(self.word_after(self.caret) if by_word else min(len(self.text), self.caret + 1))

    def move(self, at: int, selects: bool) -> None:
        self.caret = max(0, min(at, len(self.text)))
        if not selects:
            self.anchor = self.caret
        self.is_typing = False

    def sideways(self, step: int, selects: bool, by_word: bool) -> None:
        start, stop = self.range()
        if start < stop and not selects and not by_word:
            self.move(start if step < 0 else stop, False)
        elif by_word:
            self.move((self.word_before if step < 0 else self.word_after)(self.caret), selects)
        else:
            self.move(self.caret + step, selects)

    def select_all(self) -> None:
        self.anchor, self.caret, self.is_typing = 0, len(self.text), False

    def select_word(self, at: int) -> None:
        start = stop = at
        while start > 0 and is_word(self.text[start - 1]):
            start -= 1
        while stop < len(self.text) and is_word(self.text[stop]):
            stop += 1
        self.anchor, self.caret, self.is_typing = start, stop, False

    def set(self, text: str) -> None:
        text = clean(text, self.has_lines)
        if text != self.text:
            self.change(0, len(self.text), text)

    def step(self, back: bool) -> None:
        origin, target = (self.past, self.future) if back else (self.future, self.past)
        if origin:
            target.append(self.state())
            del target[:-MOST_STEPS]
            self.text, self.caret, self.anchor = origin.pop()
            self.is_typing = False


Move = tuple[str, tuple[Any, ...]]
STEPS = st.one_of(
    st.tuples(st.sampled_from(["insert", "type", "set"]), st.tuples(TEXT)),
    st.tuples(st.just("type"), st.tuples(st.sampled_from("abc é한🎸,"))),
    st.tuples(st.sampled_from(["backspace", "delete"]), st.tuples(st.booleans())),
    st.tuples(st.sampled_from(["left", "right"]), st.tuples(st.booleans(), st.booleans())),
    st.tuples(st.just("move"), st.tuples(st.integers(0, 30), st.booleans())),
    st.tuples(st.just("select_word"), st.tuples(st.integers(0, 30))),
    st.tuples(st.sampled_from(["select_all", "undo", "redo"]), st.just(())),
)


def to_bytes(text: str, characters: int) -> int:
    return len(text[:characters].encode("utf-8"))


def do_in_model(model: Model, name: str, arguments: tuple[Any, ...]) -> None:
    acts: dict[str, Callable[..., None]] = {
        "left": lambda *flags: model.sideways(-1, *flags), "right": lambda *flags: model.sideways(1, *flags),
        "undo": lambda: model.step(True), "redo": lambda: model.step(False),
        "select_word": lambda at: model.select_word(min(at, len(model.text))),
    }  # fmt: skip
    (acts.get(name) or getattr(model, name))(*arguments)


def do_in_lua(lua_field: Any, model: Model, name: str, arguments: tuple[Any, ...]) -> None:
    """``model`` is as it was before: places in it become offsets in bytes."""
    if name in ("move", "select_word"):
        arguments = (to_bytes(model.text, min(arguments[0], len(model.text))), *arguments[1:])
    values = [value.encode("utf-8") if isinstance(value, str) else value for value in arguments]
    call(name, lua_field, *values)


@given(st.booleans(), TEXT, st.lists(STEPS, max_size=25))
@MODEST
def test_it_edits_as_the_model_does(has_lines: bool, text: str, steps: list[Move]) -> None:
    lua_field = call("new", text.encode("utf-8"), has_lines)
    model = Model(has_lines, clean(text, has_lines))
    model.caret = model.anchor = len(model.text)
    for name, arguments in steps:
        do_in_lua(lua_field, model, name, arguments)
        do_in_model(model, name, arguments)
        found = lua_field[b"text"].decode("utf-8")
        assert found == model.text, name
        assert lua_field[b"caret"] == to_bytes(found, model.caret), name
        assert lua_field[b"anchor"] == to_bytes(found, model.anchor), name
        start, stop = model.range()
        assert call("selection_text", lua_field).decode("utf-8") == found[start:stop]


@given(st.binary(max_size=40), st.booleans())
@MODEST
def test_any_bytes_become_text(raw: bytes, has_lines: bool) -> None:
    text = call("clean", raw, has_lines).decode("utf-8")  # raises for what is no UTF-8
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f]" if has_lines else "[\x00-\x1f\x7f]", text)
    readable = clean(raw.decode("latin-1"), has_lines).encode("latin-1").decode("utf-8", "replace")
    # Python replaces a broken sequence as one, Lua each of its bytes.
    assert text.replace("�", "") == readable.replace("�", "")


@given(TEXT, st.integers(0, 60))
@MODEST
def test_a_caret_is_never_inside_a_character(text: str, offset: int) -> None:
    lua_field = call("new", text.encode("utf-8"), True)
    call("move", lua_field, offset)
    lua_field[b"text"][: lua_field[b"caret"]].decode("utf-8")
    assert 0 <= lua_field[b"caret"] <= len(lua_field[b"text"])


def test_undo_takes_back_a_word_at_a_time() -> None:
    lua_field = call("new", b"", False)
    for character in "two words":
        call("type", lua_field, character.encode())
    seen = []
    while call("undo", lua_field):
        seen.append(lua_field[b"text"])
    assert seen == [b"two ", b"two", b""] or seen == [b"two ", b""]
    while call("redo", lua_field):
        pass
    assert lua_field[b"text"] == b"two words"


def test_the_history_has_an_end() -> None:
    lua_field = call("new", b"", False)
    for number in range(300):
        call("insert", lua_field, f"{number},".encode())
    count = 0
    while call("undo", lua_field):
        count += 1
    assert count == MOST_STEPS
    assert lua_field[b"text"] == b"".join(f"{number},".encode() for number in range(100))


@pytest.mark.parametrize(("has_lines", "expected"), [(False, b"a b  c"), (True, b"a\nb  c")])
def test_pasted_lines(has_lines: bool, expected: bytes) -> None:
    lua_field = call("new", b"", has_lines)
    call("insert", lua_field, b"a\r\nb \tc\x07")
    assert lua_field[b"text"] == expected
