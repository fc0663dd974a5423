"""The lyric tokens of the condition: their positions and the text of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from acestep_runtime.conditioning.prompts import MAX_LYRIC_TOKENS, lyrics_header, lyrics_prompt
from acestep_runtime.lyrics.text import lyric_lines
from acestep_runtime.text.tokens import PromptTokenizer, without_guards
from acestep_runtime.values import Music


@dataclass(frozen=True)
class LyricTokens:
    """``span`` is their positions in the packed condition, ``token_bytes`` the UTF-8 bytes of each.

    A character may need several tokens. ``overflow`` is the end of the lyrics beyond the token limit.
    """

    span: slice
    token_bytes: tuple[bytes, ...]
    overflow: str


def lyric_tokens(music: Music, tokenizer: PromptTokenizer) -> LyricTokens:
    """Return the tokens of ``music.lyrics``. ``tokenizer`` belongs to Qwen3-Embedding: byte-level BPE."""
    lyrics = without_guards(music.lyrics)
    header = without_guards(lyrics_header(music.language))
    prompt = lyrics_prompt(Music(lyrics=lyrics, language=music.language))
    tokens = tokenizer.encode_with_frame(prompt, MAX_LYRIC_TOKENS)
    end = len(header) + len(lyrics)
    positions = [
        position
        for position, (first, stop) in enumerate(tokens.offsets)
        if len(header) <= first < stop <= end  # the end marker covers no text, or text after the lyrics
    ]
    if not positions:
        return LyricTokens(slice(0, 0), (), lyrics)
    span = slice(positions[0], positions[-1] + 1)
    token_bytes = tuple(map(_token_bytes, tokens.tokens[span]))
    return LyricTokens(span, token_bytes, lyrics[tokens.offsets[positions[-1]][1] - len(header) :])


def lyrics_warnings(music: Music, tokenizer: PromptTokenizer) -> Iterable[str]:
    """Yield a warning where the end of the lyrics is beyond the token limit."""
    lost = lyric_lines(lyric_tokens(music, tokenizer).overflow)
    if lost:
        total = len(lyric_lines(music.lyrics))
        yield (
            f"The lyrics are longer than the model reads: the last {len(lost)} of their {total} lines have no effect and no"
            f" times, from {lost[0].text!r} on."
        )


def _token_bytes(token: str) -> bytes:
    return bytes(_byte_table()[letter] for letter in token)


@cache
def _byte_table() -> dict[str, int]:
    """Return the byte for each letter of a byte-level token."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    letters: dict[int, str] = bytes_to_unicode()
    return {letter: byte for byte, letter in letters.items()}
