"""Tiny language models as tests of the language model's loop need them."""

from __future__ import annotations

import functools
import json
from collections.abc import Generator
from typing import Any, TypeVar

from tests.support.tiny_lm import model, tokenizer

T = TypeVar("T")


def run_to_end(work: Generator[tuple[int, int], None, T]) -> tuple[T, list[tuple[int, int]]]:
    """Do all of it; return what it returns, and what it told."""
    message: list[tuple[int, int]] = []
    try:
        while True:
            message.append(next(work))
    except StopIteration as end:
        return end.value, message


@functools.cache
def released_tokenizer() -> Any:
    """Return the tiny tokenizer with marks of thoughts that count as words, as those of Qwen3 do."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    content = json.loads(tokenizer().backend_tokenizer.to_str())
    for mark in content["added_tokens"]:
        mark["special"] = mark["content"] not in ("<think>", "</think>")
    backend = Tokenizer.from_str(json.dumps(content))
    return PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="<|endoftext|>", eos_token="<|im_end|>")


@functools.cache
def vocabulary() -> Any:
    from acestep_runtime.lm.vocabulary import Vocabulary

    return Vocabulary(released_tokenizer())


@functools.cache
def whole() -> Any:
    return model().requires_grad_(False)


@functools.cache
def language() -> Any:
    from acestep_runtime.lm.language import LanguageModel

    return LanguageModel(whole().model, whole().lm_head.weight, vocabulary())


@functools.cache
def terse() -> Any:
    """Return a model that says little: it always finds line breaks and ends likely."""
    from acestep_runtime.lm.language import LanguageModel

    core, marks = model(2).requires_grad_(False).model, vocabulary()
    head = core.embed_tokens.weight.clone()
    core.embed_tokens.weight[:, 0] = 20.0  # a channel that is the same in every state
    head[:, 0] = 0.0
    head[[marks.end, marks.think_end, *marks.encode("\n")], 0] = 2.0
    return LanguageModel(core, head, marks)
