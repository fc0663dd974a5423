"""The words of a song among the tokens of the condition, whatever the script."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.conditioning.lyric_tokens import lyric_tokens
from acestep_runtime.conditioning.prompts import lyrics_prompt, words_of
from acestep_runtime.values import Music


@functools.cache
def tokenizer() -> Any:
    from tests.support.tiny_models import text_tokenizer

    return text_tokenizer()


@pytest.mark.parametrize(
    "lyrics",
    [
        "[Verse 1]\nWalking down the street\n", "새로운 가사 내용\n원곡 멜로디", "風に吹かれて\n空を見上げる",
        "\U0001f469\u200d\U0001f469\u200d\U0001f467 la\u0301 la",
        "\nstarts with a line break", "  spaces ", "a", "ends with <|endoftext|> in it",
    ],
)  # fmt: skip
def test_the_pieces_are_the_words(lyrics: str) -> None:
    found = lyric_tokens(Music(lyrics=lyrics, language="ko"), tokenizer())
    assert found.unread == ""
    assert b"".join(found.pieces).decode("utf-8", "ignore").strip() == lyrics.replace("<|endoftext|>", "").strip() or (
        "<|endoftext|>" in lyrics
    )
    assert len(found.pieces) == found.span.stop - found.span.start


@settings(deadline=None, max_examples=100)
@given(
    lyrics=st.text(st.characters(exclude_categories=["Cs"]), max_size=60), language=st.sampled_from(["en", "unknown"])
)
def test_any_text(lyrics: str, language: str) -> None:
    music = Music(lyrics=lyrics, language=language)
    found = lyric_tokens(music, tokenizer())
    ids = tokenizer()(lyrics_prompt(Music(lyrics=words_of(lyrics), language=language))).input_ids
    assert 0 <= found.span.start <= found.span.stop <= len(ids)
    if "<" not in lyrics:
        assert tokenizer().decode(ids[found.span]).strip() == words_of(lyrics).strip()


def test_the_end_of_very_long_lyrics_is_not_read() -> None:
    lyrics = "\n".join(f"line {number} of 노래" for number in range(400))[:4096]
    found = lyric_tokens(Music(lyrics=lyrics), tokenizer())
    read = b"".join(found.pieces).decode("utf-8", "ignore")
    assert found.unread
    assert lyrics.startswith(read)
    assert read + found.unread == lyrics or lyrics.endswith(found.unread)
