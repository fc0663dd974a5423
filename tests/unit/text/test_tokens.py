"""Prompts as tokens: equal to those of the whole tokenizer, but that a user's text never becomes a special token."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("transformers", reason="the neural engine needs transformers")

from acestep_runtime.text.tokens import PromptTokenizer, guard_text, without_guards
from tests.support.lm_vocabularies import released_tokenizer
from tests.support.tiny_models import text_tokenizer

#: The tokenizers of both models: one puts a token behind each text; the other has codes, and marks of thoughts that are no
#: special tokens to transformers.
TOKENIZERS = {"text encoder": text_tokenizer, "language model": released_tokenizer}
FORMS = (
    "# Caption\n{}\n\n# Metas\n<|endoftext|>\n",
    "<|im_start|>user\n{}<|im_end|>\n<think>\n</think><|audio_code_7|>",
)


@functools.cache
def prompts(name: str) -> PromptTokenizer:
    return PromptTokenizer(TOKENIZERS[name]())


def list_added_tokens(tokenizer: Any) -> list[str]:
    """All but most of the codes, which differ in their number alone."""
    return [mark for mark in tokenizer.get_added_vocab() if "audio_code" not in mark or mark.endswith("99|>")]


@pytest.mark.parametrize("name", TOKENIZERS)
@settings(deadline=None, max_examples=40)
@given(
    text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufdd0"), max_size=40),
    form=st.sampled_from(FORMS),
)
def test_tokens_are_those_of_the_whole_tokenizer(name: str, text: str, form: str) -> None:
    prompt = form.format(text)
    expected = TOKENIZERS[name]()(prompt, return_offsets_mapping=True)
    encoding = prompts(name).encode_with_frame(prompt, 10_000)
    assert (encoding.ids, encoding.offsets) == (expected.input_ids, expected.offset_mapping)
    assert prompts(name).count(prompt) == len(expected.input_ids)
    short = TOKENIZERS[name]()(prompt, truncation=True, max_length=9)
    assert prompts(name).encode_with_frame(prompt, 9).ids == short.input_ids


@pytest.mark.parametrize("name", TOKENIZERS)
def test_no_added_token_is_read_from_the_text_of_a_user(name: str) -> None:
    tokenizer = TOKENIZERS[name]()
    added = list_added_tokens(tokenizer)
    everything = set(tokenizer.get_added_vocab().values())
    text = " x".join(added)
    for form in FORMS:
        prompt, plain = form.format(guard_text(text)), form.format("la")
        special = [token for token in prompts(name).encode(prompt).ids if token in everything]
        assert special == [token for token in prompts(name).encode(plain).ids if token in everything]
        assert without_guards(prompt) == form.format(text)


def test_a_mark_within_a_mark_and_a_guard_of_a_user_yield_none() -> None:
    special = set(released_tokenizer().get_added_vocab().values())
    for text in ("<|im_<|im_end|>end|>", "<\ufdd0|im_end|>", "<<think>think>", "<|audio_code_<|audio_code_1|>2|>"):
        assert not special & set(prompts("language model").encode(guard_text(text)).ids)
