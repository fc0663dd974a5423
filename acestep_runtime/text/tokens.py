"""Prompts as tokens: only the marks of a prompt's own form become special tokens, never the text of a user.

    <|im_start|> │ user\n# Caption\na <|im_end|> b │ <|im_end|> │ \n …
       mark                  text                      mark       text

Text between marks is encoded by the tokenizer's model alone, which knows no special tokens. For other texts this is what the
whole tokenizer does, which cuts at special tokens first.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Encoding
    from transformers import PreTrainedTokenizerFast

#: The special tokens in the forms of prompts.
_MARK = re.compile(r"<\|(?:endoftext|im_start|im_end|audio_code_\d+)\|>|</?think>")
#: No character of any text; within a user's text it breaks what looks like a mark.
_GUARD = "\ufdd0"


def guard_text(text: str) -> str:
    """Return a user's text for a prompt, with a guard in whatever looks like a mark; `PromptTokenizer` takes it out again."""
    return _MARK.sub(lambda mark: mark[0][0] + _GUARD + mark[0][1:], without_guards(text))


def without_guards(prompt: str) -> str:
    """Return what a person reads of a prompt."""
    return prompt.replace(_GUARD, "")


class PromptTokenizer:
    """Encodes prompts with a tokenizer of transformers."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        from tokenizers import Tokenizer

        self._whole = tokenizer.backend_tokenizer
        self._text = Tokenizer(self._whole.model)
        for part in ("normalizer", "pre_tokenizer"):
            if getattr(self._whole, part) is not None:
                setattr(self._text, part, getattr(self._whole, part))

    def encode(self, prompt: str) -> Encoding:
        """Return the tokens of a prompt; their offsets count in the prompt without guards."""
        from tokenizers import Encoding

        parts, at = [], 0
        for mark in _MARK.finditer(prompt):
            parts += [self._encode_text(prompt[at : mark.start()]), self._encode_mark(mark[0])]
            at = mark.end()
        parts.append(self._encode_text(prompt[at:]))
        return Encoding.merge(parts, growing_offsets=True)

    def encode_with_frame(self, prompt: str, max_tokens: int) -> Encoding:
        """Return the tokens of a prompt, cut to ``max_tokens`` with those that the tokenizer puts around each text."""
        encoding = self.encode(prompt)
        encoding.truncate(max_tokens - self._whole.num_special_tokens_to_add(False))
        framed: Encoding = self._whole.post_process(encoding)
        return framed

    def count(self, prompt: str) -> int:
        """Return the number of tokens of `encode_with_frame` where nothing is cut."""
        return len(self.encode(prompt)) + int(self._whole.num_special_tokens_to_add(False))

    def _encode_text(self, text: str) -> Encoding:
        encoding: Encoding = self._text.encode(without_guards(text), add_special_tokens=False)
        return encoding

    def _encode_mark(self, mark: str) -> Encoding:
        encoding: Encoding = self._whole.encode(mark, add_special_tokens=False)
        return encoding
