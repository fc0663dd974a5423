"""Song sheets from a sentence: they follow the sentence and can be sung and played."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.limits import validate
from acestep_runtime.lyrics.text import lyric_lines, parse, syllables
from acestep_runtime.text.form import section_tags
from acestep_runtime.text.style import style_from_caption
from acestep_runtime.text.writing import INSTRUMENTAL, fill_subject, table, write_song
from acestep_runtime.values import MAX_TEXT, Key, Music

THEMES = [(language, theme) for language in ("en", "ko") for theme in table()[language]]


def couplets(language: str, theme: str) -> list[list[str]]:
    row = table()[language][theme]
    return [couplet for pool in ("verse", "pre", "chorus", "bridge", "hooks") for couplet in row.get(pool, [])]


@pytest.mark.parametrize(("language", "theme"), THEMES)
def test_the_table_has_singable_couplets(language: str, theme: str) -> None:
    rows = couplets(language, theme)
    assert len({tuple(row) for row in rows}) == len(rows)
    for row in rows:
        assert len(row) == 2
        for line in row:
            filled_line = fill_subject(line, table()[language][theme]["subject"])
            assert 5 <= len(syllables(filled_line)) <= 17, line
            assert line == line.strip()
            assert not re.search(r"[\[\]{}]", filled_line)
            assert bool(re.search("[가-힣]", line)) == (language == "ko")


def test_english_couplets_rhyme_by_eye_or_ear() -> None:
    """Most pairs share the sound of their last vowel; spelled alike is the cheap and strict sign of it."""

    def ending(line: str) -> str:
        return re.sub(r"[^a-z]", "", line.split()[-1].lower())[-2:]

    rows = [row for language, theme in THEMES if language == "en" for row in couplets(language, theme)]
    alike = sum(ending(first) == ending(second) for first, second in rows)
    assert alike / len(rows) > 0.4


@pytest.mark.parametrize("language", ["en", "ko"])
def test_verses_never_run_out(language: str) -> None:
    data = table()
    longest = max(
        sum(int(entry[-1]) for entry in form if entry.split()[-1][0] == "V") for form in data["forms"].values()
    )
    assert 2 * len(data[language]["neutral"]["verse"]) >= longest


def test_the_example_of_the_guide() -> None:
    sheet = write_song("emotional piano ballad about lost love", seed=1)
    assert sheet.language == "en"
    assert not sheet.instrumental
    assert "lost love" in sheet.lyrics
    assert 190 <= sheet.duration_s <= 240
    assert style_from_caption(sheet.caption).genre == "ballad"
    assert style_from_caption(sheet.caption).instruments[0].voice == "piano"
    assert Key.parse(sheet.keyscale).mode == "minor"
    assert {"verse", "chorus", "bridge"} <= {kind for _, kind, _, _ in section_tags(sheet.lyrics)}


def test_a_korean_description_gets_a_korean_song() -> None:
    sheet = write_song("잃어버린 사랑에 대한 슬픈 피아노 발라드", seed=1)
    assert sheet.language == "ko"
    assert "잃어버린 사랑" in sheet.lyrics
    assert style_from_caption(sheet.caption).genre == "ballad"
    assert not re.search("[a-z]", re.sub(r"\[.*?\]", "", sheet.lyrics))


@pytest.mark.parametrize(
    ("description", "subject"),
    [
        ("a rock song about my dog Max, with guitars", "my dog Max"),
        ("Write me a folk song about the old harbor in the style of the sixties", "the old harbor"),
        ("pop about how we met", "how we met"),
        ("jazz about rain [loud] {now}", "rain"),
        ("신나는 팝으로 할머니의 김치찌개에 대한 노래", "할머니의 김치찌개"),
        ("비 오는 날에 관한 재즈", "비 오는 날"),
        ("summer dance track", "the summer"),
        ("바다 노래", "바다"),
    ],
)
def test_the_subject_appears_in_the_lyrics(description: str, subject: str) -> None:
    sheet = write_song(description, seed=3)
    assert subject in sheet.lyrics
    assert "{" not in sheet.lyrics


@pytest.mark.parametrize(
    ("subject", "line"),
    [("사랑", "사랑을 봐"), ("바다", "바다를 봐"), ("New York", "New York를 봐")],
)
def test_korean_particles_follow_the_last_syllable(subject: str, line: str) -> None:
    assert fill_subject("{subject:을/를} 봐", subject) == line


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("jazz at 140 bpm in F# minor", {"bpm": 140.0, "keyscale": "F# minor"}),
        ("a slow waltz", {"timesignature": 3}),
        ("a 30 second rock song", {"duration_s": 30.0}),
        ("3분짜리 팝", {"duration_s": 180.0}),
        ("dark techno, instrumental", {"lyrics": INSTRUMENTAL, "instrumental": True}),
        ("잔잔한 피아노 연주곡", {"lyrics": INSTRUMENTAL, "instrumental": True}),
    ],
)
def test_values_in_the_description_are_kept(description: str, expected: dict[str, object]) -> None:
    sheet = write_song(description, seed=2)
    assert {name: getattr(sheet, name) for name in expected} == expected


def test_an_instrumental_song_can_be_requested() -> None:
    assert write_song("pop about love", instrumental=True).lyrics == INSTRUMENTAL


def test_the_seed_determines_the_song() -> None:
    songs = [write_song("a pop song about home", seed=seed) for seed in range(8)]
    assert write_song("a pop song about home", seed=0) == songs[0]
    assert len({sheet.lyrics for sheet in songs}) == 8
    assert len({(sheet.bpm, sheet.keyscale) for sheet in songs}) > 4


@settings(deadline=None, max_examples=60)
@given(
    description=st.one_of(
        st.text(min_size=1, max_size=200),
        st.sampled_from(["ballad", "신나는 댄스", "metal", "ambient", "waltz", "lo-fi 6/8"]),
        st.text(max_size=60).map(lambda text: f"sad rock about {text}"),
        st.text(max_size=60).map(lambda text: f"{text}에 대한 발라드"),
    ),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_description_gives_a_valid_song(description: str, seed: int) -> None:
    sheet = write_song(description, seed=seed)
    music = Music(sheet.caption, sheet.lyrics, sheet.language, sheet.bpm, sheet.keyscale, sheet.timesignature)
    validate(music)
    assert 10 <= sheet.duration_s <= 600
    assert sheet.instrumental == (not lyric_lines(sheet.lyrics))
    if not sheet.instrumental:
        bars = sheet.duration_s * sheet.bpm / 60 / sheet.timesignature
        assert 1.5 < bars / len(lyric_lines(sheet.lyrics)) < 8
        assert all(stanza.tag for stanza in parse(sheet.lyrics))
    assert len(sheet.caption) <= MAX_TEXT
