"""Lyric tokens of the condition, for any script."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.conditioning.lyric_tokens import lyric_tokens
from acestep_runtime.conditioning.prompts import lyrics_prompt
from acestep_runtime.text.tokens import PromptTokenizer
from acestep_runtime.values import Music


@functools.cache
def tokenizer() -> Any:
    from tests.support.tiny_models import text_tokenizer

    return text_tokenizer()


@functools.cache
def prompts() -> PromptTokenizer:
    return PromptTokenizer(tokenizer())


@pytest.mark.parametrize(
    "lyrics",
    [
        "[Verse 1]\nWalking down the street\n", "새로운 가사 내용\n원곡 멜로디", "風に吹かれて\n空を見上げる",
        "\U0001f469\u200d\U0001f469\u200d\U0001f467 la\u0301 la",
        "\nstarts with a line break", "  spaces ", "a", "ends with <|endoftext|> in it",
    ],
)  # fmt: skip
def test_token_bytes_join_to_the_lyrics(lyrics: str) -> None:
    tokens = lyric_tokens(Music(lyrics=lyrics, language="ko"), prompts())
    assert tokens.overflow == ""
    assert b"".join(tokens.token_bytes).decode("utf-8", "ignore").strip() == lyrics.strip()
    assert len(tokens.token_bytes) == tokens.span.stop - tokens.span.start


@settings(deadline=None, max_examples=100)
@given(
    lyrics=st.text(st.characters(exclude_categories=["Cs"]), max_size=60), language=st.sampled_from(["en", "unknown"])
)
def test_span_matches_the_lyrics_for_any_text(lyrics: str, language: str) -> None:
    music = Music(lyrics=lyrics, language=language)
    tokens = lyric_tokens(music, prompts())
    ids = prompts().encode(lyrics_prompt(music)).ids
    assert 0 <= tokens.span.start <= tokens.span.stop <= len(ids)
    assert tokenizer().decode(ids[tokens.span]).strip() == lyrics.replace("\ufdd0", "").strip()


def test_overflow_is_the_end_of_lyrics_that_are_too_long() -> None:
    lyrics = "\n".join(f"line {number} of 노래" for number in range(400))[:4096]
    tokens = lyric_tokens(Music(lyrics=lyrics), prompts())
    read = b"".join(tokens.token_bytes).decode("utf-8", "ignore")
    assert tokens.overflow
    assert lyrics.startswith(read)
    assert read + tokens.overflow == lyrics or lyrics.endswith(tokens.overflow)
