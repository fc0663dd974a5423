"""Captions and lyrics beyond the windows of the encoders: what is read, and what is said."""

from __future__ import annotations

import functools

import pytest

from acestep_runtime.conditioning.lyric_tokens import lyrics_warnings
from acestep_runtime.conditioning.prompts import (
    MAX_TEXT_TOKENS,
    Instruction,
    caption_warnings,
    fit_caption,
    layer_caption,
    text_prompt,
)
from acestep_runtime.text.tokens import PromptTokenizer
from acestep_runtime.values import Music
from tests.support.tiny_models import text_tokenizer

METAS = "# Metas\n- bpm: 120\n- timesignature: 4\n- keyscale: C major\n- duration: 30 seconds\n"


@functools.cache
def prompts() -> PromptTokenizer:
    return PromptTokenizer(text_tokenizer())


def build(caption: str) -> str:
    return text_prompt(
        Instruction.TEXT2MUSIC.text(), Music(caption, bpm=120, keyscale="C major", timesignature=4), 30.0
    )


@pytest.mark.parametrize(
    "caption", ["warm piano " * 300, "밤하늘 별빛 " * 100, "夜空" * 300, "x" * 4000, "<|endoftext|> " * 200]
)
def test_a_long_caption_loses_its_end_and_no_metadata(caption: str) -> None:
    read = fit_caption(caption, build, prompts().count)
    assert 0 < len(read) < len(caption)
    assert caption.startswith(read)
    encoding = prompts().encode_with_frame(build(read), MAX_TEXT_TOKENS)
    assert text_tokenizer().decode(encoding.ids, skip_special_tokens=True).endswith(f"{METAS}\n")
    longer = read + caption[len(read) :][:14]
    assert prompts().count(build(longer)) > MAX_TEXT_TOKENS
    (warning,) = caption_warnings(caption, read)
    assert "The caption is longer than the model reads" in warning


def test_a_caption_that_fits_is_unchanged_and_nothing_is_said() -> None:
    for caption in ("", " ", "warm  piano\n"):
        assert fit_caption(caption, build, prompts().count) == caption
        assert list(caption_warnings(caption, caption)) == []


def test_the_warning_counts_words() -> None:
    assert list(caption_warnings("one two three four five", "one two")) == [
        "The caption is longer than the model reads: the last 3 of its 5 words have no effect, from 'three four five' on. "
        "Tempo, key and the rest are read."
    ]


def test_a_long_caption_of_a_layer_keeps_what_is_behind_it() -> None:
    form = functools.partial(layer_caption, song_caption="a song", explicit=True, is_segment=False)
    read = fit_caption("loud " * 400, lambda caption: build(form(caption)), prompts().count)
    encoding = prompts().encode_with_frame(build(form(read)), MAX_TEXT_TOKENS)
    assert "\nGlobal: a song\nLocal: loud" in text_tokenizer().decode(encoding.ids)
    assert f"loud\nMask Control: true\n\n{METAS}" in text_tokenizer().decode(encoding.ids)


def test_lyrics_beyond_the_window_are_counted_in_lines() -> None:
    lyrics = "\n".join(f"밤하늘 별빛 {number}" for number in range(250))
    (warning,) = lyrics_warnings(Music(lyrics=lyrics), prompts())
    lost = int(warning.split("the last ")[1].split()[0])
    assert 0 < lost < 250
    assert f"the last {lost} of their 250 lines have no effect and no times" in warning
    assert list(lyrics_warnings(Music(lyrics="la"), prompts())) == []
