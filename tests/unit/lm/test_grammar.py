"""Whatever a model says, what comes out along the grammar can be read, and what was given is in it."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="the neural engine needs torch")

import yaml

from acestep_runtime.errors import EngineFailure, InvalidValue
from acestep_runtime.lm import grammar
from acestep_runtime.lm.vocabulary import Matcher, Vocabulary
from acestep_runtime.values import Key
from tests.support.tiny_lm import tokenizer

ALL = tuple(grammar.FIELDS)


@functools.cache
def vocabulary() -> Vocabulary:
    return Vocabulary(tokenizer())


def _said(matcher: Matcher, seed: int, peaks: float) -> tuple[list[int], bool]:
    """Sample along a grammar from logits that know nothing, flat or with ``peaks``; return the tokens, and whether it ended."""
    draw, said, size = np.random.default_rng(seed), [], vocabulary().words.stop
    while not matcher.ended and len(said) < 30_000:
        drawn = np.maximum(draw.standard_exponential((64, size), np.float32), 1e-30)
        flat = -np.log(drawn)  # Gumbel's distribution, for many tokens at once
        for logits in flat + peaks * draw.standard_normal((64, size), np.float32):
            said.append(int(np.where(matcher.allowed().numpy(), logits, -np.inf).argmax()))
            matcher.take(said[-1])
            if matcher.ended:
                break
    return said, matcher.ended


GIVEN = st.fixed_dictionaries(
    {},
    optional={
        "bpm": st.integers(30, 300),
        "caption": st.text(st.characters(codec="utf-8"), max_size=40).filter(lambda text: text == text.strip() and text),
        "duration": st.integers(1, 600),
        "genres": st.sampled_from(["pop", "k-pop: ballad", "#1"]),
        "keyscale": st.builds(Key, st.integers(0, 11), st.sampled_from(["major", "minor"])).map(str),
        "language": st.sampled_from(grammar.LANGUAGES),
        "timesignature": st.sampled_from([2, 3, 4, 6]),
    },
)  # fmt: skip


@pytest.mark.slow
@settings(deadline=None, max_examples=50)
@given(GIVEN, st.sets(st.sampled_from(ALL)), st.integers(0, 2**32 - 1))
def test_metadata_can_always_be_read(told: dict[str, Any], skipped: set[str], seed: int) -> None:
    matcher = vocabulary().matcher(grammar.grammar(told, skipped, thought=vocabulary().thought))
    for number, peaks in enumerate((0.0, 0.5, 2.0, 4.0, 8.0) * 2):
        _check(_said(matcher.copy(), seed + number, peaks), told, skipped)


def _check(answer: tuple[list[int], bool], told: dict[str, Any], skipped: set[str]) -> None:
    said, ended = answer
    assert ended
    assert said[-1] == vocabulary().thought
    found = grammar.read(vocabulary().decoded(said))
    assert list(found) == [name for name in ALL if name in told or name not in skipped]
    assert {name: found[name] for name in told} == told
    for name, (low, high) in {"bpm": (30, 300), "duration": (10, 600)}.items():
        assert name in told or name not in found or low <= found[name] <= high
    assert found.get("timesignature", 2) in (2, 3, 4, 6)
    assert found.get("language", "en") in grammar.LANGUAGES
    if "keyscale" in found:
        Key.parse(found["keyscale"])
    for name in {"caption", "genres"} & found.keys():
        assert found[name]


#: What means something to YAML, and what it may stand between.
HOSTILE = "abz09  ::##--??..,[]{}&*!|>'\"%@`~=<\\_/e+é밤\u00a0\u2028"


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(["a", "0", "null", "no", "0x1", "1_0", "2001-01-01", "a: b", "1:30", "a #b", "a#b", "e: ", "12e3"]),
    st.lists(st.text(HOSTILE, min_size=1, max_size=40), min_size=1, max_size=4),
)
def test_what_yaml_might_take_for_its_own_is_read_as_it_is_written(first: str, lines: list[str]) -> None:
    """Letters that the grammar refuses are left out; all that it lets through comes back, lines joined by spaces.

    A letter ends each line, since some signs may not.
    """
    skipped = set(ALL) - {"caption"}
    matcher = vocabulary().matcher(grammar.grammar({}, skipped, thought=vocabulary().thought))
    _take(matcher, "caption: ")
    kept = [_let_through(matcher, first + lines[0] + "z")]
    for line in lines[1:]:
        following = matcher.copy()
        _take(following, "\n  ")
        if more := _let_through(following, line + "z"):
            matcher, kept = following, [*kept, more]
    _take(matcher, "\n")
    assert matcher.allowed()[vocabulary().thought]
    text = "caption: " + "\n  ".join(kept) + "\n"
    assert grammar.read(text) == {"caption": " ".join(line.strip(" ") for line in kept)}


def _take(matcher: Matcher, text: str) -> None:
    for token in vocabulary().encoded(text):
        matcher.take(token)


def _let_through(matcher: Matcher, text: str) -> str:
    """Give a matcher the letters of a text that may come; return them."""
    kept = ""
    for letter in text:
        trial = matcher.copy()
        for token in vocabulary().encoded(letter):
            if not trial.allowed()[token]:
                break
            trial.take(token)
        else:
            _take(matcher, letter)
            kept += letter
    return kept


@settings(deadline=None, max_examples=24)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 1.0, 8.0]))
def test_lyrics_follow_and_hold_no_codes(seed: int, peaks: float) -> None:
    marks = vocabulary()
    asked = grammar.grammar({}, ["genres"], thought=marks.thought, end=marks.end)
    said, ended = _said(marks.matcher(asked), seed, peaks)
    assert ended
    assert said[-1] == marks.end
    thought, lyrics = said[: said.index(marks.thought)], said[said.index(marks.thought) + 1 : -1]
    assert list(grammar.read(marks.decoded(thought))) == [name for name in ALL if name != "genres"]
    text = marks.decoded(lyrics)
    assert text.startswith("\n\n# Lyric\n")
    assert len(text) > len("\n\n# Lyric\n")
    assert max(lyrics) < marks.words.stop
    assert not {0, 1, 2, marks.think, marks.thought} & set(lyrics)


def test_what_is_given_is_written_as_it_usually_is() -> None:
    """Where the text is fixed there is one way to go on: the tokens that the tokenizer would take."""
    told = {"bpm": 120, "caption": "a calm song", "keyscale": "C major"}
    said, _ = _said(vocabulary().matcher(grammar.grammar(told, set(ALL), thought=vocabulary().thought)), 1, 1.0)
    text = "bpm: 120\ncaption: a calm song\nkeyscale: C major\n"
    assert said == [*vocabulary().encoded(text), vocabulary().thought]


def test_a_field_that_there_is_not_is_refused() -> None:
    for told, skipped in (({"mood": "sad"}, ()), ({}, ("mood",))):
        with pytest.raises(InvalidValue, match="mood"):
            grammar.grammar(told, skipped, thought=1)


@settings(deadline=None)
@given(GIVEN)
def test_writing_and_reading_again(metadata: dict[str, Any]) -> None:
    text = grammar.written(metadata)
    assert grammar.read(text) == metadata
    assert text == (yaml.dump(metadata, allow_unicode=True, sort_keys=True) if metadata else "")


@pytest.mark.parametrize("thought", ["bpm: fast", "- a", "bpm: 1\n bpm", 'caption: "x', "[1]"])
def test_a_thought_that_is_none_is_an_error_of_the_model(thought: str) -> None:
    with pytest.raises(EngineFailure, match="cannot be read"):
        grammar.read(thought)
