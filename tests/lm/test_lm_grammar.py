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
from tiny_lm import tokenizer

from acestep_runtime.errors import EngineFailure, InvalidValue
from acestep_runtime.lm import grammar
from acestep_runtime.lm.vocabulary import Matcher, Vocabulary
from acestep_runtime.values import Key

ALL = tuple(grammar.FIELDS)


@functools.cache
def vocabulary() -> Vocabulary:
    return Vocabulary(tokenizer())


def _said(matcher: Matcher, seed: int, peaks: float) -> tuple[list[int], bool]:
    """Sample along a grammar from logits that know nothing, flat or with ``peaks``; return the tokens, and whether it ended."""
    draw, said = np.random.default_rng(seed), []
    while not matcher.ended and len(said) < 30_000:
        allowed = np.flatnonzero(matcher.allowed())
        logits = peaks * draw.standard_normal(len(allowed)) + draw.gumbel(size=len(allowed))
        said.append(int(allowed[logits.argmax()]))
        matcher.take(said[-1])
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


@pytest.mark.timeout(300)
@settings(deadline=None, max_examples=400)
@given(GIVEN, st.sets(st.sampled_from(ALL)), st.integers(0, 2**32 - 1))
def test_metadata_can_always_be_read(told: dict[str, Any], skipped: set[str], seed: int) -> None:
    matcher = vocabulary().matcher(grammar.grammar(told, skipped, thought=vocabulary().thought))
    for number, peaks in enumerate((0.0, 0.5, 2.0, 4.0, 8.0)):
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


@pytest.mark.timeout(300)
@settings(deadline=None, max_examples=40)
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
