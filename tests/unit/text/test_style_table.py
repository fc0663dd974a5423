"""All rows of style.toml, and captions that negate or combine them."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.dsp.drums import KITS
from acestep_runtime.dsp.effects import EFFECTS
from acestep_runtime.dsp.musical import Grid
from acestep_runtime.dsp.players import PLAYERS, Bar, play_bar
from acestep_runtime.dsp.progressions import Harmony, progression
from acestep_runtime.dsp.render import CHANNEL_STRIPS
from acestep_runtime.dsp.voices import VOICES
from acestep_runtime.text.style import Instrument, find_style_words, style_from_caption, table
from acestep_runtime.values import TIME_SIGNATURES, Key

DATA = table()
WORDS = [(kind, name, word) for kind in ("genre", "mood", "instrument")
         for name, row in DATA[kind].items() for word in row["words"]]  # fmt: skip
#: What a row may hold; anything else is a slip of the pen that nothing would read.
FIELDS = {
    "genre": {"words", "bpm", "mode", "harmony", "swing", "room_s", "energy", "brightness", "play"},
    "mood": {"words", "mode", "brightness", "energy", "pace", "room"},
    "instrument": {"words", "track", "voice", "pattern", "usual", "fallback"},
}


def check_player(who: Instrument) -> None:
    beaten = who.track in ("drums", "percussion")
    kind = who.track if beaten or who.track == "bass" else "chords"
    assert who.track in PLAYERS
    assert who.track in CHANNEL_STRIPS
    assert who.voice in (KITS if beaten else VOICES), who
    patterns = DATA["effects"]["rows"] if who.track == "fx" else DATA["rhythm"][kind]
    assert who.pattern in patterns or (who.leads and kind == "chords"), who


def test_every_word_means_its_row_and_nothing_else() -> None:
    for kind, name, word in WORDS:
        assert word == word.lower()
        for text in (word, word.upper(), f"({word}), "):
            assert find_style_words(text) == [(word, kind, name)]
        if word.isalpha() and word.isascii():
            assert find_style_words(f"x{word}") == find_style_words(f"{word}x") == find_style_words(f"x{word}x") == []


def test_every_key_of_the_table_is_used() -> None:
    for kind, fields in FIELDS.items():
        for name, row in DATA[kind].items():
            assert set(row) <= fields, (kind, name)
    assert all(0.5 <= row.get("swing", 0.5) < 0.75 for row in DATA["genre"].values())
    assert all(30 <= low < high <= 300 for low, high in (row["bpm"] for row in DATA["genre"].values()))
    modes = {row["mode"] for kind in ("genre", "mood") for row in DATA[kind].values() if "mode" in row}
    assert modes == {"major", "minor"}
    assert set(DATA["solo"]["voices"]) | set(DATA["solo"]["voices"].values()) <= set(VOICES)


@pytest.mark.parametrize("genre", DATA["genre"])
def test_every_instrument_can_join_every_genre_in_every_meter(genre: str) -> None:
    """The caption names both; every player of the style exists and has notes to play for any chord."""
    chords = {0: (0, ""), 1: (2, "m7"), 2: (5, "maj7"), 3: (11, "dim")}
    for name, row in DATA["instrument"].items():
        style = style_from_caption(f"{DATA['genre'][genre]['words'][0]}, {row['words'][0]}")
        assert row["track"] in {who.track for who in style.instruments[: style.named_count]}, name
        for who, meter, ends in product(style.instruments[: style.named_count], TIME_SIGNATURES, (False, True)):
            check_player(who)
            bar = Bar(0, Grid(100, 0.0, meter), Harmony(chords, (0, "")), Key(0, "major"), 0.9, 1, "verse", 1, 4, ends)
            notes = play_bar(bar, style, (who,))
            assert all(24 <= pitch <= 108 for note in notes for pitch in note.pitches)
            assert all(note.piece in KITS[note.voice] if note.piece else note.pitches for note in notes)


@pytest.mark.parametrize("family", DATA["harmony"])
def test_every_progression_is_in_its_key(family: str) -> None:
    """Roots lie on the scale or on the lowered seventh that rock and blues borrow."""
    style = replace(style_from_caption(""), harmony=family)
    for mode, steps in (("major", {0, 2, 4, 5, 7, 9, 11, 10}), ("minor", {0, 2, 3, 5, 7, 8, 10})):
        for which in range(len(DATA["harmony"][family][mode])):
            assert {root for root, _ in progression(style, Key(0, mode), which)} <= steps


def test_effect_rows_have_four_bars_of_known_signs() -> None:
    signs = DATA["effects"]["signs"]
    assert set(signs.values()) == set(EFFECTS)
    assert all(len(row) == 4 and set(row) <= set(signs) for row in DATA["effects"]["rows"].values())


def test_song_forms_use_known_section_kinds() -> None:
    section = DATA["section"]
    for form in ("song", "short", "tiny"):
        assert set(section[form]) <= set(section["kinds"])
    words = [word for row in section["kinds"].values() for word in row["words"]]
    assert all(0 < row["energy"] <= 1 and row["bars"] > 0 for row in section["kinds"].values())
    assert [word for word in words if word != word.lower()] == []


@pytest.mark.parametrize(
    ("caption", "expected", "declined"),
    [
        ("no drums lo-fi piano", ["lofi", "piano"], ["drums"]),
        ("rock without drums and bass", ["rock"], ["drums", "bass"]),
        ("without the drums or the bass, jazz piano", ["jazz", "piano"], ["drums", "bass"]),
        ("no soft piano, organ", ["organ"], ["warm", "piano"]),
        ("록 드럼 없이", ["rock"], ["drums"]),
        ("재즈, 드럼과 베이스 없이 피아노", ["jazz", "piano"], ["drums", "bass"]),
        ("피아노 드럼 빼고", ["piano"], ["drums"]),
        ("드럼이 없는 밝은 팝", ["bright", "pop"], ["drums"]),
    ],
)
def test_negation_covers_joined_words(caption: str, expected: list[str], declined: list[str]) -> None:
    found = find_style_words(caption)
    assert [name for _, kind, name in found if kind != "without"] == expected
    assert [name for _, kind, name in found if kind == "without"] == declined


@pytest.mark.parametrize(
    ("caption", "found"),
    [
        ("재즈 피아노", ["jazz", "piano"]),
        ("밝은 재즈를 피아노로", ["bright", "jazz", "piano"]),
        ("밝은 느낌의 통기타 연주", ["bright", "acoustic_guitar"]),
        ("메탈릭한 팝콘", []),  # metallic popcorn is neither metal nor pop
        ("ambient pads", ["ambient", "pad"]),
        ("heavy metal, metallic", ["metal"]),
        ("hip hop beats", ["hiphop", "drums"]),
    ],
)
def test_whole_words_in_both_languages(caption: str, found: list[str]) -> None:
    assert [name for *_, name in find_style_words(caption)] == found


def test_negating_every_instrument_leaves_a_playable_style() -> None:
    for caption in ("metal solo, no guitar, no drums, no bass", "metal, no guitar, no drums, no bass, no organ"):
        tracks = {who.track for who in style_from_caption(caption).instruments}
        assert tracks
        assert not tracks & {"guitar", "drums", "bass"}
    everybody = " ".join(f"no {row['words'][0]}," for row in DATA["instrument"].values())
    assert style_from_caption(f"guitar solo, {everybody}").instruments[0].track == "guitar"
    assert style_from_caption(everybody).instruments == ()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from([word for *_, word in WORDS] + ["no", "without", "없이", "solo", ","]), max_size=12))
def test_any_words_give_a_style(words: list[str]) -> None:
    style = style_from_caption(" ".join(words))
    assert -1 <= style.brightness <= 1
    assert -0.6 <= style.energy <= 0.6
    assert 0 < style.room_s <= 3
    assert style.named_count <= len(style.instruments)
    for who in style.instruments:
        check_player(who)
