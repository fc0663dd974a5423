"""Sounds of syllables in many scripts, against hand-written ones."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.dsp.vocal_tract import ONSETS, VOWELS
from acestep_runtime.text.pronounce import syllable_sound


@pytest.mark.parametrize(
    ("syllable", "sound"),
    [
        ("la", "na"), ("Me", "ne"), ("time", "ta"), ("light", "na"), ("you", "u"), ("see", "si"), ("the", "se"),
        ("go", "to"), ("way", "e"), ("blue", "tu"), ("é", "e"), ("für", "su"), ("ño", "no"),
        ("가", "ta"), ("나", "na"), ("시", "si"), ("모", "no"), ("우", "u"), ("야", "a"), ("와", "a"), ("후", "su"),
        ("か", "ta"), ("シ", "si"), ("め", "ne"), ("お", "o"), ("や", "a"), ("ん", "nm"),
        ("да", "ta"), ("нет", "ni"), ("ю", "u"), ("μα", "na"), ("σε", "se"),
    ],
)  # fmt: skip
def test_syllables_sound_as_spelled(syllable: str, sound: str) -> None:
    assert syllable_sound(syllable) == sound


@settings(deadline=None, max_examples=100)
@given(st.text(min_size=0, max_size=6))
def test_any_text_has_a_sound_that_never_changes(text: str) -> None:
    sound = syllable_sound(text)
    assert sound[:-1] in ONSETS
    assert sound[-1] in VOWELS
    assert sound == syllable_sound(text)


def test_chinese_characters_get_different_arbitrary_sounds() -> None:
    assert len({syllable_sound(char) for char in "你好世界我爱音乐天空"}) > 3
