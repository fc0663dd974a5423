"""The tokens of the language model: those of words, then those of codes. Each phase writes only one kind.

0 ─── words, marks ─── first code ─── 64,000 codes that can be ─── codes that never come ─── V
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
from acestep_runtime.values import CODES

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer
    from transformers import PreTrainedTokenizerFast

_FIRST_CODE = prompts.code(0)
#: How llguidance begins marks where it writes text as bytes.
_MARK = b"\xff"


class Vocabulary:
    """What a tokenizer of transformers knows, by phase."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        """Raises `EngineFailure` for a tokenizer that is not one of ACE-Step's language models."""
        self._tokenizer = tokenizer
        known = tokenizer.get_vocab()
        marks = (_FIRST_CODE, prompts.code(CODES - 1), prompts.BEGIN, prompts.END, prompts.THINK, prompts.THOUGHT)
        missing = [mark for mark in marks if mark not in known]
        first, last, _, self.end, self.think, self.thought = (known.get(mark, -1) for mark in marks)
        in_order = not missing and all(known.get(prompts.code(code)) == first + code for code in range(CODES))
        if not in_order or max(self.end, self.think, self.thought) > first:
            raise EngineFailure(
                "The tokenizer is not one of ACE-Step's language models: "
                f"{'it lacks ' + ', '.join(missing) if missing else 'its codes are in disorder'}.",
                remedy="Fetch the model again: `acebridge models pull acestep-5Hz-lm-1.7B`.",
            )
        self.words, self.codes = slice(0, first), slice(first, last + 1)

    def encoded(self, text: str) -> list[int]:
        """Return the tokens of a prompt, marks included."""
        ids: list[int] = self._tokenizer(text, add_special_tokens=False).input_ids
        return ids

    def decoded(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens, marks left out."""
        words = [token for token in tokens if token not in self._marks]
        text = self._tokenizer.decode(words, clean_up_tokenization_spaces=False)
        assert isinstance(text, str)  # it returns several for a batch only
        return text

    @cached_property
    def _marks(self) -> frozenset[int]:
        """Those of thoughts are among them, which released tokenizers take for words."""
        return frozenset(self._tokenizer.added_tokens_decoder)

    @cached_property
    def _guide(self) -> LLTokenizer:
        """The words as llguidance wants them. The codes are left out: no grammar has them, and reading them takes minutes."""
        from llguidance import LLTokenizer

        content = json.loads(self._tokenizer.backend_tokenizer.to_str())
        content["added_tokens"] = [
            {**mark, "special": True} for mark in content["added_tokens"] if mark["id"] < self.words.stop
        ]  # or they would also stand for the letters that they are written with
        return LLTokenizer(json.dumps(content), n_vocab=self.words.stop, eos_token=self.end)

    def matcher(self, grammar: str) -> Matcher:
        """Return what follows a text through ``grammar``."""
        from llguidance import LLMatcher

        return Matcher(LLMatcher(self._guide, grammar), self._guide)


class Matcher:
    """Follows a text through a grammar, token by token."""

    def __init__(self, matcher: LLMatcher, guide: LLTokenizer) -> None:
        self._matcher, self._guide, self._size = matcher, guide, guide.vocab_size
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
    def ended(self) -> bool:
        """Whether the text is complete."""
        return self._matcher.is_stopped()

    def allowed(self) -> Tensor:
        """Return which words may follow, ``[words]``; where the text is fixed, one token only, as it is usually written."""
        fixed = self._matcher.compute_ff_tokens()[:1]
        if fixed and not self._matcher.validate_tokens(fixed):
            # It took letters for a mark that looks like them, or a mark, which begins with a byte that no text has.
            letters = self._matcher.compute_ff_bytes()
            letter = "" if letters[:1] == _MARK else letters.decode(errors="ignore")[:1]
            fixed = self._guide.tokenize_str(letter)[:1]
        if fixed:
            only = torch.zeros(self._size, dtype=torch.bool)
            only[fixed[0]] = True
            return only
        self._matcher.unsafe_compute_mask_ptr(self._bits.ctypes.data, self._bits.nbytes)
        self._check()
        each = np.unpackbits(self._bytes, count=self._size, bitorder="little")
        return torch.from_numpy(each.view(np.bool_))

    def take(self, token: int) -> None:
        """Go on after ``token``."""
        self._matcher.consume_token(token)
        self._check()

    def copy(self) -> Matcher:
        """Return one that is as far."""
        return Matcher(self._matcher.deep_copy(), self._guide)
