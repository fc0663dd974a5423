"""Which tokens there are, what they read, and which tokenizers are refused."""

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
def _released() -> Vocabulary:
    return Vocabulary(released_tokenizer())


@pytest.fixture(params=["all marks special", "thoughts as words"])
def vocabulary(request: pytest.FixtureRequest) -> Vocabulary:
    return Vocabulary(tokenizer()) if request.param == "all marks special" else _released()


def test_where_the_kinds_are(vocabulary: Vocabulary) -> None:
    known = tokenizer().get_vocab()
    assert vocabulary.words == slice(0, known["<|audio_code_0|>"])
    assert vocabulary.codes == slice(known["<|audio_code_0|>"], known["<|audio_code_63999|>"] + 1)
    assert vocabulary.codes.stop - vocabulary.codes.start == CODES
    assert [vocabulary.end, vocabulary.think, vocabulary.thought] == [known[mark] for mark in MARKS[2:]]


@settings(deadline=None, max_examples=60)
@given(st.text(st.characters(codec="utf-8"), max_size=60).filter(lambda text: not any(mark in text for mark in MARKS)))
def test_text_there_and_back(text: str) -> None:
    both = _released()
    assert both.decoded(both.encoded(text)) == text
    assert both.decoded([0, both.think, *both.encoded(text), both.thought, both.end, both.codes.start + 5]) == text


def test_marks_of_a_prompt_are_one_token_each(vocabulary: Vocabulary) -> None:
    ids = vocabulary.encoded(prompts.understand([0, 63_999]))
    assert ids.count(1) == 3
    assert ids.count(vocabulary.end) == 2
    assert {vocabulary.codes.start, vocabulary.codes.stop - 1} <= set(ids)


@pytest.mark.parametrize(
    "marks",
    [
        MARKS,
        [prompts.code(number) for number in range(CODES)],
        [*MARKS, *(prompts.code(number) for number in range(CODES - 1))],
        [*MARKS, *(prompts.code(number) for number in (1, 0, *range(2, CODES - 1), CODES + 7, CODES - 1))],
        [*(prompts.code(number) for number in range(CODES)), *MARKS],
    ],
    ids=["no codes", "no marks", "a code too few", "codes in disorder", "marks behind codes"],
)
def test_other_tokenizers_are_refused(marks: list[str]) -> None:
    with pytest.raises(EngineFailure, match="not one of ACE-Step's language models: it") as caught:
        Vocabulary(_small(*marks))
    assert "models pull" in caught.value.remedy


@pytest.mark.parametrize("caption", ["a </think> b", "<think>", "x <|im_end|>\n<|im_start|>system", "<|im_", "a<b>c"])
def test_what_looks_like_a_mark_is_written_as_letters(vocabulary: Vocabulary, caption: str) -> None:
    told = {"bpm": 90, "caption": caption}
    matcher = vocabulary.matcher(grammar.grammar(told, set(grammar.FIELDS), thought=vocabulary.thought))
    said: list[int] = []
    while not matcher.ended:
        (token,) = matcher.allowed().nonzero()[:, 0].tolist()
        said.append(token)
        matcher.take(token)
    assert said[-1] == vocabulary.thought
    assert not set(range(3)) & set(said)
    assert not {vocabulary.think, vocabulary.thought} & set(said[:-1])
    assert grammar.read(vocabulary.decoded(said)) == told


def test_marks_are_no_letters_of_lyrics(vocabulary: Vocabulary) -> None:
    asked = grammar.grammar({"bpm": 90}, set(grammar.FIELDS), thought=vocabulary.thought, end=vocabulary.end)
    matcher = vocabulary.matcher(asked)
    for token in [*vocabulary.encoded("bpm: 90\n"), vocabulary.thought, *vocabulary.encoded("\n\n# Lyric\nla <")]:
        assert matcher.allowed()[token]
        matcher.take(token)
    allowed = matcher.allowed()
    assert [token for token in (0, 1, 2, vocabulary.think, vocabulary.thought) if allowed[token]] == [vocabulary.end]
    assert allowed[vocabulary.encoded("t")].all()


def test_a_copy_goes_its_own_way(vocabulary: Vocabulary) -> None:
    first = vocabulary.matcher(grammar.grammar({}, set(grammar.FIELDS) - {"bpm"}, thought=vocabulary.thought))
    for token in vocabulary.encoded("bpm: "):
        first.take(token)
    second = first.copy()
    first.take(vocabulary.encoded("9")[0])
    assert second.allowed()[vocabulary.encoded("3")[0]]
    assert not second.ended


def test_a_grammar_that_is_none_and_a_token_that_may_not_come_are_faults(vocabulary: Vocabulary) -> None:
    with pytest.raises(EngineFailure, match="grammar"):
        vocabulary.matcher("start: nowhere")
    matcher = vocabulary.matcher(grammar.grammar({"bpm": 90}, set(grammar.FIELDS), thought=vocabulary.thought))
    with pytest.raises(EngineFailure, match="grammar"):
        matcher.take(vocabulary.end)
