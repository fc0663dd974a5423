"""The tokens of the language model: text, then audio codes. Each decoding loop generates only one kind.

0 ─── text, special tokens ─── first code ─── 64,000 valid codes ─── unused codes ─── V
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from acestep_runtime.errors import EngineFailure
from acestep_runtime.lm import prompts
from acestep_runtime.text.tokens import PromptTokenizer
from acestep_runtime.values import CODES

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer
    from transformers import PreTrainedTokenizerFast

_FIRST_CODE = prompts.code_token(0)
#: First byte of special tokens where llguidance writes text as bytes.
_MARK = b"\xff"


class Vocabulary:
    """The tokens of a tokenizer of transformers: ``text_ids`` and ``code_ids`` are ranges of token ids."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        """Raises `EngineFailure` for a tokenizer that is not one of ACE-Step's language models."""
        self._tokenizer, self._prompts = tokenizer, PromptTokenizer(tokenizer)
        ids = tokenizer.get_vocab()
        marks = (
            _FIRST_CODE,
            prompts.code_token(CODES - 1),
            prompts.TURN_BEGIN,
            prompts.TURN_END,
            prompts.THINK_BEGIN,
            prompts.THINK_END,
        )
        missing = [mark for mark in marks if mark not in ids]
        first, last, _, self.end, self.think_begin, self.think_end = (ids.get(mark, -1) for mark in marks)
        in_order = not missing and all(ids.get(prompts.code_token(code)) == first + code for code in range(CODES))
        if not in_order or max(self.end, self.think_begin, self.think_end) > first:
            raise EngineFailure(
                "The tokenizer is not one of ACE-Step's language models: "
                f"{'it lacks ' + ', '.join(missing) if missing else 'its codes are in disorder'}.",
                remedy="Fetch the model again: `acebridge models pull acestep-5Hz-lm-1.7B`.",
            )
        self.text_ids, self.code_ids = slice(0, first), slice(first, last + 1)

    def encode(self, text: str) -> list[int]:
        """Return the tokens of a prompt: special tokens for its marks, and text for what only looks like them."""
        return self._prompts.encode(text).ids

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens, without special tokens."""
        text_tokens = [token for token in tokens if token not in self._special_tokens]
        text = self._tokenizer.decode(text_tokens, clean_up_tokenization_spaces=False)
        assert isinstance(text, str)  # it returns a list only for a batch
        return text

    @cached_property
    def _special_tokens(self) -> frozenset[int]:
        """Includes the think tokens, which released tokenizers treat as text."""
        return frozenset(self._tokenizer.added_tokens_decoder)

    @cached_property
    def _grammar_tokenizer(self) -> LLTokenizer:
        """The text tokens for llguidance. Codes are left out: no grammar uses them, and loading them takes minutes."""
        from llguidance import LLTokenizer

        content = json.loads(self._tokenizer.backend_tokenizer.to_str())
        content["added_tokens"] = [
            {**mark, "special": True} for mark in content["added_tokens"] if mark["id"] < self.text_ids.stop
        ]  # or they would also match the letters of their names
        return LLTokenizer(json.dumps(content), n_vocab=self.text_ids.stop, eos_token=self.end)

    def matcher(self, grammar: str) -> Matcher:
        """Return a matcher for ``grammar``."""
        from llguidance import LLMatcher

        return Matcher(LLMatcher(self._grammar_tokenizer, grammar), self._grammar_tokenizer)


class Matcher:
    """Matches a text against a grammar, token by token."""

    def __init__(self, matcher: LLMatcher, tokenizer: LLTokenizer) -> None:
        self._matcher, self._grammar_tokenizer, self._size = matcher, tokenizer, tokenizer.vocab_size
        self._bits = np.zeros(-(-self._size // 32), np.int32)
        self._bytes = self._bits.view(np.uint8)
        self._check()

    def _check(self) -> None:
        if self._matcher.is_error():
            raise EngineFailure(
                f"The grammar of the language model's answer failed: {self._matcher.get_error()}.",
                remedy="This is a fault in AceBridge: please report it.",
            )

    @property
    def is_complete(self) -> bool:
        """Whether the text is complete."""
        return self._matcher.is_stopped()

    def token_mask(self) -> Tensor:
        """Return the mask of text tokens that may follow; where the text is fixed, only the token of its usual spelling."""
        fixed = self._matcher.compute_ff_tokens()[:1]
        if fixed and not self._matcher.validate_tokens(fixed):
            # llguidance proposed a special token spelled by these letters, or one that starts with a byte no text has.
            letters = self._matcher.compute_ff_bytes()
            letter = "" if letters[:1] == _MARK else letters.decode(errors="ignore")[:1]
            fixed = self._grammar_tokenizer.tokenize_str(letter)[:1]
        if fixed:
            mask = torch.zeros(self._size, dtype=torch.bool)
            mask[fixed[0]] = True
            return mask
        self._matcher.unsafe_compute_mask_ptr(self._bits.ctypes.data, self._bits.nbytes)
        self._check()
        bits = np.unpackbits(self._bytes, count=self._size, bitorder="little")
        return torch.from_numpy(bits.view(np.bool_))

    def find_forced_tokens(self) -> list[int]:
        """Return the tokens that must follow, in their usual spelling; empty where there is a choice."""
        fixed = self._matcher.compute_ff_tokens()
        return list(fixed[: self._matcher.validate_tokens(fixed)]) if fixed else []

    def consume(self, token: int) -> None:
        """Advance by ``token``."""
        self._matcher.consume_token(token)
        self._check()

    def copy(self) -> Matcher:
        """Return an independent matcher at the same position."""
        return Matcher(self._matcher.deep_copy(), self._grammar_tokenizer)
