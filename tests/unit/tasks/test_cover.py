"""Covers that morph: what they need, and which model they choose."""

from __future__ import annotations

import pytest

from acestep_runtime.engines.draft.engine import DraftEngine
from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks import Cover
from acestep_runtime.tasks.base import Source
from acestep_runtime.tasks.takes import engine_request
from acestep_runtime.values import MORPH_WINDOWS, Morph, Music, Sampling

SONG = Source("song.wav")


@pytest.mark.parametrize(
    ("music", "morph"),
    [
        (Music(), Morph("all")),
        (Music("jazz", "la la"), Morph("words")),
        (Music("jazz", "la la"), Morph("style", caption="jazz", lyrics="la la")),
    ],
)
def test_a_morph_between_equal_words_is_refused(music: Music, morph: Morph) -> None:
    with pytest.raises(InvalidValue, match="The morph would change nothing") as caught:
        Cover(SONG, music, morph=morph)
    assert caught.value.field == "morph.mode"
    assert Cover(SONG, music).morph == Morph()


def test_what_is_not_said_of_the_source_is_as_in_the_new_music() -> None:
    new = Music("jazz", "la la", bpm=90.0)
    assert Morph("style", caption="rock").source_music(new) == Music("rock", "la la", bpm=90.0)
    assert Morph("words", lyrics="lo lo").source_music(new) == Music("jazz", "lo lo", bpm=90.0)


def test_timed_lyrics_of_the_source_lose_their_times() -> None:
    morph = Morph("words", lyrics="[00:01.00]lo lo\n[00:02.00]la")
    assert engine_request(Cover(SONG, Music("jazz", "la la"), morph=morph), DraftEngine()).morph.lyrics == "lo lo\nla"


def test_windows_are_those_of_the_mode_unless_said_otherwise() -> None:
    assert {mode: Morph(mode).window for mode in MORPH_WINDOWS} == {
        "words": (0.6, 1.0), "style": (0.2, 0.4), "all": (0.0, 1.0)
    }  # fmt: skip
    assert Morph("style", start=0.1).window == (0.1, 0.4)
    assert Morph("all", end=0.0).window == (0.0, 0.0)
    with pytest.raises(InvalidValue, match=r"end is 0.4; allowed: at least where the morph starts, 0.5"):
        Morph("style", start=0.5)


def test_a_morph_chooses_a_base_model_where_none_is_named() -> None:
    morph = Morph("style", caption="rock")
    assert Cover(SONG, Music("jazz"), morph=morph).chooses_base_model
    assert not Cover(SONG, Music("jazz"), morph=morph, sampling=Sampling(model="sft")).chooses_base_model
    assert not Cover(SONG, Music("jazz")).chooses_base_model
