"""form.lua: what REAPER's form is given, and what its answers mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.fake_reaper.calls_dialogs import split_offered
from tests.support.lua_modules import Leaves

LINES = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("'\"(),;’”（/"), max_size=12)
Answer = Callable[[list[str], list[str]], "list[str] | None"]


class Form:
    """REAPER's form, with a person who answers it. Answers are what REAPER gives: joined, and nothing is quoted."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.seen: list[tuple[list[str], list[str]]] = []
        self.leaves = Leaves(GetUserInputs=self.show)

    def show(self, title: bytes, count: int, captions: bytes, values: bytes) -> tuple[bool, bytes]:
        assert title == b"Repaint"
        message = captions.decode().split(",")
        separator = next((piece[-1] for piece in message if piece.startswith("separator=")), ",")
        width = next((piece for piece in message if piece.startswith("extrawidth=")), "")
        assert int(width.partition("=")[2]) > 0
        labels = [piece for piece in message if not piece.startswith(("separator=", "extrawidth="))]
        offered = split_offered(values.decode(), separator)
        assert len(labels) == len(offered) == count <= 16, (labels, offered)
        self.seen.append((labels, offered))
        answer = self.answers.pop(0)(labels, offered)
        return (False, b"") if answer is None else (True, separator.join(answer).encode())

    def ask(self, fields: list[dict[str, Any]], remembered: dict[str, Any] | None = None) -> dict[str, Any] | None:
        values = self.leaves["shared/form"].ask(b"Repaint", self._lua(fields), self._lua(remembered))
        if values is None:
            return None
        return {key.decode(): item.decode() if isinstance(item, bytes) else item for key, item in values.items()}

    def _lua(self, value: Any) -> Any:
        if isinstance(value, dict):
            return self.leaves.lua.table_from({key.encode(): self._lua(item) for key, item in value.items()})
        if isinstance(value, list):
            return self.leaves.lua.table_from([self._lua(item) for item in value])
        return value.encode() if isinstance(value, str) else value


def as_offered(_labels: list[str], offered: list[str]) -> list[str]:
    return offered


def type_values(*values: str) -> Answer:
    return lambda _labels, _offered: list(values)


STYLE = {"key": "style", "caption": "Style", "kind": "text", "default": "warm"}
LYRICS = {"key": "lyrics", "caption": "Lyrics", "kind": "text", "optional": True}
TAKES = {"key": "takes", "caption": "Takes", "kind": "integer", "allowed": [1, 8], "default": 1}
SECONDS = {"key": "seconds", "caption": "Seconds", "kind": "number", "allowed": [0.5, 600], "optional": True}
MODE = {
    "key": "mode",
    "caption": "Mode",
    "kind": "choice",
    "allowed": ["balanced", "aggressive"],
    "default": "balanced",
}
NAME = {"key": "name", "caption": "Name", "kind": "text"}
ALL = [STYLE, LYRICS, TAKES, SECONDS, MODE]


def test_defaults_are_offered_and_taken() -> None:
    form = Form(as_offered)
    assert form.ask(ALL) == {"style": "warm", "takes": 1, "mode": "balanced"}
    assert form.seen == [(["Style", "Lyrics", "Takes", "Seconds", "Mode"], ["warm", "", "1", "", "balanced"])]


def test_what_is_remembered_is_offered_instead() -> None:
    form = Form(as_offered)
    remembered = {"style": "cold, dark", "seconds": 12.5, "takes": 4, "other": "x"}
    assert form.ask(ALL, remembered) == {"style": "cold, dark", "seconds": 12.5, "takes": 4, "mode": "balanced"}
    assert form.seen[0][1] == ["cold, dark", "", "4", "12.5", "balanced"]


def test_answers_have_their_kinds() -> None:
    form = Form(type_values(" a, b ; c ", "la la", "3", "2.5", "AGGRESSIVE"))
    assert form.ask(ALL) == {"style": "a, b ; c", "lyrics": "la la", "takes": 3, "seconds": 2.5, "mode": "aggressive"}


def test_every_choice_of_every_dialog_is_found_by_its_beginning_or_named() -> None:
    """As far as one choice is meant; otherwise the message names those that may be."""
    leaves = Leaves(get_action_context=lambda: (False, b"/x.lua"))
    actions, check = leaves["actions"].table, leaves["shared/form"].check
    fields = [field for name in actions for field in actions[name][b"form"].values()]
    fields += list(leaves["settings"].all.values())
    choices = [field for field in fields if field[b"kind"] == b"choice"]
    assert len(choices) > 8
    for field in choices:
        allowed = [choice.decode() for choice in field[b"allowed"].values()]
        for choice in allowed:
            for end in range(1, len(choice) + 1):
                fits = [other for other in allowed if other.startswith(choice[:end])]
                found = check(field, choice[:end].upper().encode())
                if choice[:end] in allowed or len(fits) == 1:
                    assert found.decode() == (choice[:end] if choice[:end] in allowed else fits[0])
                else:
                    assert (
                        found[1]
                        .decode()
                        .endswith(f'"{choice[:end].upper()}", which may be {" or ".join(fits)}; enter more of it.')
                    )


def test_the_beginning_of_a_choice_is_enough_where_only_one_begins_so() -> None:
    assert Form(type_values("Agg")).ask([MODE]) == {"mode": "aggressive"}
    alike = {**MODE, "allowed": ["take", "track"]}
    assert Form(type_values("ta")).ask([alike]) == {"mode": "take"}
    form = Form(type_values("t"), type_values("track"))
    assert form.ask([alike]) == {"mode": "track"}
    assert form.leaves.messages == ['Mode is "t", which may be take or track; enter more of it.']


def test_emptied_fields_are_their_defaults() -> None:
    assert Form(type_values("", "", "", "", "")).ask(ALL, {"style": "x", "takes": 5, "seconds": 3}) == {
        "style": "warm",
        "takes": 1,
        "mode": "balanced",
    }


def test_cancel() -> None:
    assert Form(lambda _labels, _offered: None).ask(ALL) is None


def test_it_asks_again_with_what_was_typed() -> None:
    form = Form(type_values("jazz", "", "9", "long", "softly"), type_values("jazz", "", "8", "0.5", "balanced"))
    assert form.ask(ALL) == {"style": "jazz", "takes": 8, "seconds": 0.5, "mode": "balanced"}
    assert form.leaves.messages == [
        'Takes is "9"; allowed: a whole number from 1 to 8.\n'
        'Seconds is "long"; allowed: a number from 0.5 to 600.\n'
        'Mode is "softly"; allowed: balanced, aggressive.'
    ]
    assert form.seen[1][1] == ["jazz", "", "9", "long", "softly"]


def test_cancel_ends_the_second_asking_too() -> None:
    assert Form(type_values("x", "", "0", "", ""), lambda _labels, _offered: None).ask(ALL) is None


def test_a_field_without_default_must_be_filled() -> None:
    form = Form(type_values(""), type_values("a"))
    assert form.ask([NAME]) == {"name": "a"}
    assert form.leaves.messages == ["Name is empty; enter a value."]


@pytest.mark.parametrize(
    ("text", "seconds"), [("1,5", 1.5), ("0.5", 0.5), ("600", 600), ("6e2", 600.0), (" 2 ", 2), ("5,25", 5.25)]
)
def test_numbers(text: str, seconds: float) -> None:
    assert Form(type_values(text)).ask([SECONDS]) == {"seconds": seconds}


@pytest.mark.parametrize("text", ["1,500", "0.49", "601", "nan", "inf", "1 2", "--1", "1e999"])
def test_what_is_no_number_within_limits(text: str) -> None:
    form = Form(type_values(text), lambda _labels, _offered: None)
    form.ask([SECONDS])
    assert form.leaves.messages == [f'Seconds is "{text}"; allowed: a number from 0.5 to 600.']


def test_whole_numbers() -> None:
    assert Form(type_values("2.0")).ask([TAKES]) == {"takes": 2}
    seed = {"key": "seed", "caption": "Seed", "kind": "integer", "optional": True}
    assert Form(type_values("4294967295")).ask([seed]) == {"seed": 4294967295}


def test_captions_never_hold_what_would_end_them() -> None:
    fields = [{**NAME, "caption": "Style (instruments, mood), in words"}, {**STYLE, "caption": "It's"}]
    form = Form(type_values("a", "b"))
    form.ask(fields)
    assert form.seen[0][0] == ["Style (instruments; mood); in words", "It’s"]


@given(st.lists(LINES, min_size=1, max_size=16))
@settings(deadline=None, max_examples=100)
def test_any_text_that_is_offered_comes_back(texts: list[str]) -> None:
    fields = [{"key": f"k{i}", "caption": f"C{i}", "kind": "text", "optional": True} for i in range(len(texts))]
    kept = {f"k{i}": text.strip(" \t\n\v\f\r") for i, text in enumerate(texts)}
    assert Form(as_offered).ask(fields, {f"k{i}": text for i, text in enumerate(texts)}) == {
        key: text for key, text in kept.items() if text
    }


def test_look_alikes_stand_for_what_would_break_the_form() -> None:
    form = Form(as_offered, type_values("Don't stop (twice) \"", "x"))
    remembered = {"style": "don't (so", "lyrics": "one\ntwo"}
    assert form.ask([STYLE, LYRICS], remembered) == remembered
    assert form.seen[0][1] == ["don’t （so", "one / two"]
    # What is typed is taken as it is; brackets in pairs stay.
    assert form.ask([STYLE, LYRICS], {"style": "(a)"}) == {"style": "Don't stop (twice) \"", "lyrics": "x"}
    assert form.seen[1][1] == ["(a)", ""]


def test_only_what_was_swapped_is_swapped_back() -> None:
    form = Form(type_values("it’s", "don’t"))
    assert form.ask([STYLE, LYRICS], {"style": "plain", "lyrics": "can't"}) == {"style": "it’s", "lyrics": "don't"}


def test_an_answer_that_was_cut_short_is_asked_for_again() -> None:
    form = Form(lambda _labels, _offered: ["a"], lambda _labels, _offered: None)
    assert form.ask([STYLE, NAME]) is None
    assert form.leaves.messages[0].startswith("REAPER's form returned a part of this only.")
    assert form.leaves.messages[0].endswith("Name is empty; enter a value.")


@pytest.mark.parametrize("cut_in", ["lyrics", "source_lyrics"])
def test_an_answer_that_fills_reapers_buffer_is_asked_for_again(cut_in: str) -> None:
    """A field that was cut off keeps what it had; no words are lost without a sentence."""
    fields = [
        {"key": key, "caption": key, "kind": "text", "optional": True}
        for key in ("lyrics", "source_style", "source_lyrics")
    ]
    words = {"lyrics": "la" * 200, "source_style": "folk", "source_lyrics": "lo" * 200}
    typed = {**words, cut_in: "é" * 1000}

    def cut(_labels: list[str], _offered: list[str]) -> list[str]:
        whole = "\n".join(typed[key] for key in typed)
        return whole.encode()[:1023].decode("utf-8", "ignore").split("\n")

    form = Form(cut, lambda _labels, offered: [words[cut_in] if "é" in text else text for text in offered])
    assert form.ask(fields, words) == words
    assert len(form.seen) == 2
    assert "a part of this only" in form.leaves.messages[0]


def test_no_more_fields_than_reaper_has() -> None:
    with pytest.raises(Exception, match="1 to 16 fields"):
        Form().ask([NAME] * 17)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("1:30.5", 90.5), (" 0:04 ", 4), ("0:02:03", 123), ("7,5", 7.5)]
)
def test_times_as_people_write_them(text: str, seconds: float) -> None:
    assert Form(type_values(text)).ask([{**SECONDS, "kind": "time"}]) == {"seconds": seconds}


@pytest.mark.parametrize("text", ["1:75", "1:60:00", "20:00", "abc", "1:", "s"])
def test_what_is_no_time_within_limits(text: str) -> None:
    form = Form(type_values(text), lambda _labels, _offered: None)
    form.ask([{**SECONDS, "kind": "time"}])
    assert form.leaves.messages == [
        f'Seconds is "{text}"; allowed: seconds, or a time such as 1:30.5, from 0.5 to 600.'
    ]
