"""Any text generated along a grammar parses, and holds its preset fields."""

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
from acestep_runtime.values import LANGUAGES, Key
from tests.support.tiny_lm import tokenizer

ALL = tuple(grammar.FIELDS)


@functools.cache
def vocabulary() -> Vocabulary:
    return Vocabulary(tokenizer())


def _generate(matcher: Matcher, seed: int, peaks: float) -> tuple[list[int], bool]:
    """Sample along a grammar from random logits, flat or with ``peaks``; return the tokens and whether the text is complete."""
    draw, tokens, size = np.random.default_rng(seed), [], vocabulary().text_ids.stop
    while not matcher.is_complete and len(tokens) < 30_000:
        drawn = np.maximum(draw.standard_exponential((64, size), np.float32), 1e-30)
        flat = -np.log(drawn)  # Gumbel's distribution, for many tokens at once
        for logits in flat + peaks * draw.standard_normal((64, size), np.float32):
            tokens.append(int(np.where(matcher.token_mask().numpy(), logits, -np.inf).argmax()))
            matcher.consume(tokens[-1])
            if matcher.is_complete:
                break
    return tokens, matcher.is_complete


GIVEN = st.fixed_dictionaries(
    {},
    optional={
        "bpm": st.integers(30, 300),
        "caption": st.text(st.characters(codec="utf-8"), max_size=40).filter(lambda text: text == text.strip() and text),
        "duration": st.integers(1, 600),
        "genres": st.sampled_from(["pop", "k-pop: ballad", "#1"]),
        "keyscale": st.builds(Key, st.integers(0, 11), st.sampled_from(["major", "minor"])).map(str),
        "language": st.sampled_from(LANGUAGES),
        "timesignature": st.sampled_from([2, 3, 4, 6]),
    },
)  # fmt: skip


@pytest.mark.slow
@settings(deadline=None, max_examples=50)
@given(GIVEN, st.sets(st.sampled_from(ALL)), st.integers(0, 2**32 - 1))
def test_any_generated_metadata_parses(preset: dict[str, Any], skip: set[str], seed: int) -> None:
    matcher = vocabulary().matcher(grammar.build_grammar(preset, skip, think_end=vocabulary().think_end))
    for number, peaks in enumerate((0.0, 0.5, 2.0, 4.0, 8.0) * 2):
        _check(_generate(matcher.copy(), seed + number, peaks), preset, skip)


def _check(answer: tuple[list[int], bool], preset: dict[str, Any], skip: set[str]) -> None:
    tokens, ended = answer
    assert ended
    assert tokens[-1] == vocabulary().think_end
    metadata_read = grammar.parse_metadata(vocabulary().decode(tokens))
    assert list(metadata_read) == [name for name in ALL if name in preset or name not in skip]
    assert {name: metadata_read[name] for name in preset} == preset
    for name, (low, high) in {"bpm": (30, 300), "duration": (10, 600)}.items():
        assert name in preset or name not in metadata_read or low <= metadata_read[name] <= high
    assert metadata_read.get("timesignature", 2) in (2, 3, 4, 6)
    assert metadata_read.get("language", "en") in LANGUAGES
    if "keyscale" in metadata_read:
        Key.parse(metadata_read["keyscale"])
    for name in {"caption", "genres"} & metadata_read.keys():
        assert metadata_read[name]


#: What means something to YAML, and what it may stand between.
HOSTILE = "abz09  ::##--??..,[]{}&*!|>'\"%@`~=<\\_/e+é밤\u00a0\u2028"


@pytest.mark.slow
@settings(deadline=None, max_examples=100)
@given(
    st.sampled_from(["a", "0", "null", "no", "0x1", "1_0", "2001-01-01", "a: b", "1:30", "a #b", "a#b", "e: ", "12e3"]),
    st.lists(st.text(HOSTILE, min_size=1, max_size=40), min_size=1, max_size=4),
)
def test_captions_with_yaml_syntax_parse_as_text(first: str, lines: list[str]) -> None:
    """Letters that the grammar refuses are left out; all that it lets through comes back, lines joined by spaces.

    A letter ends each line, since some signs may not.
    """
    skip = set(ALL) - {"caption"}
    matcher = vocabulary().matcher(grammar.build_grammar({}, skip, think_end=vocabulary().think_end))
    _consume(matcher, "caption: ")
    lines_kept = [_accept(matcher, first + lines[0] + "z")]
    for line in lines[1:]:
        following = matcher.copy()
        _consume(following, "\n  ")
        if more := _accept(following, line + "z"):
            matcher, lines_kept = following, [*lines_kept, more]
    _consume(matcher, "\n")
    assert matcher.token_mask()[vocabulary().think_end]
    text = "caption: " + "\n  ".join(lines_kept) + "\n"
    assert grammar.parse_metadata(text) == {"caption": " ".join(line.strip(" ") for line in lines_kept)}


def _consume(matcher: Matcher, text: str) -> None:
    for token in vocabulary().encode(text):
        matcher.consume(token)


def _accept(matcher: Matcher, text: str) -> str:
    """Feed a matcher the letters of a text that it allows; return them."""
    lines_kept = ""
    for letter in text:
        trial = matcher.copy()
        for token in vocabulary().encode(letter):
            if not trial.token_mask()[token]:
                break
            trial.consume(token)
        else:
            _consume(matcher, letter)
            lines_kept += letter
    return lines_kept


@settings(deadline=None, max_examples=24)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 1.0, 8.0]))
def test_lyrics_follow_the_metadata_and_hold_no_codes(seed: int, peaks: float) -> None:
    marks = vocabulary()
    text_grammar = grammar.build_grammar({}, ["genres"], think_end=marks.think_end, end=marks.end)
    tokens, ended = _generate(marks.matcher(text_grammar), seed, peaks)
    assert ended
    assert tokens[-1] == marks.end
    thought, lyrics = tokens[: tokens.index(marks.think_end)], tokens[tokens.index(marks.think_end) + 1 : -1]
    assert list(grammar.parse_metadata(marks.decode(thought))) == [name for name in ALL if name != "genres"]
    text = marks.decode(lyrics)
    assert text.startswith("\n\n# Lyric\n")
    assert len(text) > len("\n\n# Lyric\n")
    assert max(lyrics) < marks.text_ids.stop
    assert not {0, 1, 2, marks.think_begin, marks.think_end} & set(lyrics)


def test_preset_fields_are_tokenized_as_usual() -> None:
    """Where the text is fixed, the mask allows only the tokens of the tokenizer."""
    preset = {"bpm": 120, "caption": "a calm song", "keyscale": "C major"}
    tokens, _ = _generate(
        vocabulary().matcher(grammar.build_grammar(preset, set(ALL), think_end=vocabulary().think_end)), 1, 1.0
    )
    text = "bpm: 120\ncaption: a calm song\nkeyscale: C major\n"
    assert tokens == [*vocabulary().encode(text), vocabulary().think_end]


def test_unknown_fields_raise() -> None:
    for preset, skip in (({"mood": "sad"}, ()), ({}, ("mood",))):
        with pytest.raises(InvalidValue, match="mood"):
            grammar.build_grammar(preset, skip, think_end=1)


@settings(deadline=None)
@given(GIVEN)
def test_metadata_round_trips_through_yaml(metadata: dict[str, Any]) -> None:
    text = grammar.metadata_to_yaml(metadata)
    assert grammar.parse_metadata(text) == metadata
    if "\x85" not in f"{metadata.get('caption')}":  # which the plain form folds into a space
        assert text == (yaml.dump(metadata, allow_unicode=True, sort_keys=True) if metadata else "")


def test_a_next_line_character_survives_yaml() -> None:
    text = grammar.metadata_to_yaml({"bpm": 90, "caption": "a\x85b", "language": "en"})
    assert grammar.parse_metadata(text) == {"bpm": 90, "caption": "a\x85b", "language": "en"}


@pytest.mark.parametrize("thought", ["bpm: fast", "- a", "bpm: 1\n bpm", 'caption: "x', "[1]"])
def test_a_malformed_thought_raises(thought: str) -> None:
    with pytest.raises(EngineFailure, match="cannot be read"):
        grammar.parse_metadata(thought)
