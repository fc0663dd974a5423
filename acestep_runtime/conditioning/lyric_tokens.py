"""Which tokens of the condition are the words of a song, and the text that each stands for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from acestep_runtime.conditioning.prompts import MAX_LYRIC_TOKENS, lyrics_header, lyrics_prompt, words_of
from acestep_runtime.values import Music

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True)
class LyricTokens:
    """``span`` are their places in the packed condition, ``pieces`` the UTF-8 bytes of each: a character may need several.

    ``unread`` is the end of the lyrics, which the model does not read.
    """

    span: slice
    pieces: tuple[bytes, ...]
    unread: str


def lyric_tokens(music: Music, tokenizer: PreTrainedTokenizerFast) -> LyricTokens:
    """Return the tokens of ``music.lyrics``. ``tokenizer`` is that of Qwen3-Embedding: byte-level BPE."""
    words, header = words_of(music.lyrics), lyrics_header(music.language)
    prompt = lyrics_prompt(Music(lyrics=words, language=music.language))
    read = tokenizer(prompt, truncation=True, max_length=MAX_LYRIC_TOKENS, return_offsets_mapping=True)
    end = len(header) + len(words)
    places = [
        place
        for place, (first, stop) in enumerate(read.offset_mapping)
        if len(header) <= first < stop <= end  # the mark at the end stands for no text, or for text behind them
    ]
    if not places:
        return LyricTokens(slice(0, 0), (), words)
    pieces = [_bytes(token) for token in tokenizer.convert_ids_to_tokens(read.input_ids[places[0] : places[-1] + 1])]
    return LyricTokens(
        slice(places[0], places[-1] + 1), tuple(pieces), prompt[read.offset_mapping[places[-1]][1] : end]
    )


def _bytes(token: str) -> bytes:
    return bytes(_byte_of()[letter] for letter in token)


@cache
def _byte_of() -> dict[str, int]:
    """Return the byte that each letter of a byte-level token stands for."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    letters: dict[int, str] = bytes_to_unicode()
    return {letter: byte for byte, letter in letters.items()}
