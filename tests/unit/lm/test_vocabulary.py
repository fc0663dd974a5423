"""Ranges of tokens, round trips of text, and errors for foreign tokenizers."""

from __future__ import annotations

import functools
from typing import Any

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.errors import EngineFailure
from acestep_runtime.lm import grammar, prompts
from acestep_runtime.lm.vocabulary import Vocabulary
from acestep_runtime.values import CODES
from tests.support.lm_vocabularies import released_tokenizer
from tests.support.tiny_lm import tokenizer

MARKS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>"]


def _small(*marks: str) -> Any:
    from tokenizers import AddedToken, Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.add_special_tokens([AddedToken(mark, special=True, normalized=False) for mark in marks])
    return PreTrainedTokenizerFast(tokenizer_object=backend)


@functools.cache
def _full_vocabulary() -> Vocabulary:
    return Vocabulary(released_tokenizer())


@pytest.fixture(params=["all marks special", "thoughts as words"])
def vocabulary(request: pytest.FixtureRequest) -> Vocabulary:
    return Vocabulary(tokenizer()) if request.param == "all marks special" else _full_vocabulary()


def test_text_and_code_ids_are_adjacent_ranges(vocabulary: Vocabulary) -> None:
    known = tokenizer().get_vocab()
    assert vocabulary.text_ids == slice(0, known["<|audio_code_0|>"])
    assert vocabulary.code_ids == slice(known["<|audio_code_0|>"], known["<|audio_code_63999|>"] + 1)
    assert vocabulary.code_ids.stop - vocabulary.code_ids.start == CODES
    assert [vocabulary.end, vocabulary.think_begin, vocabulary.think_end] == [known[mark] for mark in MARKS[2:]]


@settings(deadline=None, max_examples=60)
@given(st.text(st.characters(codec="utf-8"), max_size=60).filter(lambda text: not any(mark in text for mark in MARKS)))
def test_text_round_trips(text: str) -> None:
    both = _full_vocabulary()
    assert both.decode(both.encode(text)) == text
    assert (
        both.decode([0, both.think_begin, *both.encode(text), both.think_end, both.end, both.code_ids.start + 5])
        == text
    )


def test_special_tokens_of_a_prompt_are_single_tokens(vocabulary: Vocabulary) -> None:
    ids = vocabulary.encode(prompts.describe_prompt([0, 63_999]))
    assert ids.count(1) == 3
    assert ids.count(vocabulary.end) == 2
    assert {vocabulary.code_ids.start, vocabulary.code_ids.stop - 1} <= set(ids)


@pytest.mark.parametrize(
    "marks",
    [
        MARKS,
        [prompts.code_token(number) for number in range(CODES)],
        [*MARKS, *(prompts.code_token(number) for number in range(CODES - 1))],
        [*MARKS, *(prompts.code_token(number) for number in (1, 0, *range(2, CODES - 1), CODES + 7, CODES - 1))],
        [*(prompts.code_token(number) for number in range(CODES)), *MARKS],
    ],
    ids=["no codes", "no marks", "a code too few", "codes in disorder", "marks behind codes"],
)
def test_foreign_tokenizers_raise(marks: list[str]) -> None:
    with pytest.raises(EngineFailure, match="not one of ACE-Step's language models: it") as caught:
        Vocabulary(_small(*marks))
    assert "models pull" in caught.value.remedy


@pytest.mark.parametrize("caption", ["a </think> b", "<think>", "x <|im_end|>\n<|im_start|>system", "<|im_", "a<b>c"])
def test_text_that_looks_like_a_special_token_is_spelled_in_letters(vocabulary: Vocabulary, caption: str) -> None:
    preset = {"bpm": 90, "caption": caption}
    matcher = vocabulary.matcher(grammar.build_grammar(preset, set(grammar.FIELDS), think_end=vocabulary.think_end))
    tokens: list[int] = []
    while not matcher.is_complete:
        (token,) = matcher.token_mask().nonzero()[:, 0].tolist()
        tokens.append(token)
        matcher.consume(token)
    assert tokens[-1] == vocabulary.think_end
    assert not set(range(3)) & set(tokens)
    assert not {vocabulary.think_begin, vocabulary.think_end} & set(tokens[:-1])
    assert grammar.parse_metadata(vocabulary.decode(tokens)) == preset


def test_special_tokens_are_masked_in_lyrics(vocabulary: Vocabulary) -> None:
    text_grammar = grammar.build_grammar(
        {"bpm": 90}, set(grammar.FIELDS), think_end=vocabulary.think_end, end=vocabulary.end
    )
    matcher = vocabulary.matcher(text_grammar)
    for token in [*vocabulary.encode("bpm: 90\n"), vocabulary.think_end, *vocabulary.encode("\n\n# Lyric\nla <")]:
        assert matcher.token_mask()[token]
        matcher.consume(token)
    mask = matcher.token_mask()
    assert [token for token in (0, 1, 2, vocabulary.think_begin, vocabulary.think_end) if mask[token]] == [
        vocabulary.end
    ]
    assert mask[vocabulary.encode("t")].all()


def test_a_matcher_copy_is_independent(vocabulary: Vocabulary) -> None:
    first = vocabulary.matcher(grammar.build_grammar({}, set(grammar.FIELDS) - {"bpm"}, think_end=vocabulary.think_end))
    for token in vocabulary.encode("bpm: "):
        first.consume(token)
    second = first.copy()
    first.consume(vocabulary.encode("9")[0])
    assert second.token_mask()[vocabulary.encode("3")[0]]
    assert not second.is_complete


def test_an_invalid_grammar_and_a_masked_token_raise(vocabulary: Vocabulary) -> None:
    with pytest.raises(EngineFailure, match="grammar"):
        vocabulary.matcher("start: nowhere")
    matcher = vocabulary.matcher(
        grammar.build_grammar({"bpm": 90}, set(grammar.FIELDS), think_end=vocabulary.think_end)
    )
    with pytest.raises(EngineFailure, match="grammar"):
        matcher.consume(vocabulary.end)
