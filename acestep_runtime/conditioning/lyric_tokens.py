"""The lyric tokens of the condition: their positions and the text of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from acestep_runtime.conditioning.prompts import MAX_LYRIC_TOKENS, lyrics_header, lyrics_or_instrumental, lyrics_prompt
from acestep_runtime.values import Music

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True)
class LyricTokens:
    """``span`` is their positions in the packed condition, ``token_bytes`` the UTF-8 bytes of each.

    A character may need several tokens. ``overflow`` is the end of the lyrics beyond the token limit.
    """

    span: slice
    token_bytes: tuple[bytes, ...]
    overflow: str


def lyric_tokens(music: Music, tokenizer: PreTrainedTokenizerFast) -> LyricTokens:
    """Return the tokens of ``music.lyrics``. ``tokenizer`` belongs to Qwen3-Embedding: byte-level BPE."""
    lyrics, header = lyrics_or_instrumental(music.lyrics), lyrics_header(music.language)
    prompt = lyrics_prompt(Music(lyrics=lyrics, language=music.language))
    tokens = tokenizer(prompt, truncation=True, max_length=MAX_LYRIC_TOKENS, return_offsets_mapping=True)
    end = len(header) + len(lyrics)
    positions = [
        position
        for position, (first, stop) in enumerate(tokens.offset_mapping)
        if len(header) <= first < stop <= end  # the end marker covers no text, or text after the lyrics
    ]
    if not positions:
        return LyricTokens(slice(0, 0), (), lyrics)
    span = slice(positions[0], positions[-1] + 1)
    token_bytes = tuple(map(_token_bytes, tokenizer.convert_ids_to_tokens(tokens.input_ids[span])))
    return LyricTokens(span, token_bytes, prompt[tokens.offset_mapping[positions[-1]][1] : end])


def _token_bytes(token: str) -> bytes:
    return bytes(_byte_table()[letter] for letter in token)


@cache
def _byte_table() -> dict[str, int]:
    """Return the byte for each letter of a byte-level token."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    letters: dict[int, str] = bytes_to_unicode()
    return {letter: byte for byte, letter in letters.items()}
