"""Sections of a song, from the times of its lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acestep_runtime.lyrics.sections import section_times
from acestep_runtime.lyrics.text import lyric_lines
from acestep_runtime.lyrics.timed import TimedLine, TimedSection

DURATION_S = 100.0


def lines_with_times(lyrics: str, *spans: tuple[float, float]) -> list[TimedLine]:
    return [TimedLine(*span, line.text) for span, line in zip(spans, lyric_lines(lyrics), strict=True)]


def section_rows(lyrics: str, *spans: tuple[float, float]) -> list[tuple[float, float, str]]:
    sections = section_times(lyrics, lines_with_times(lyrics, *spans), DURATION_S)
    return [(section.start_s, section.end_s, section.name) for section in sections]


def test_a_section_begins_with_its_first_line_and_lasts_until_the_next() -> None:
    song = "[Verse]\nla la\nlo\n\nlu\n[Chorus] hey\n"
    assert section_rows(song, (8, 10), (12, 14), (16, 18), (20, 22)) == [(8, 20, "Verse"), (20, 100, "Chorus")]


def test_sections_without_lines_share_the_time_between() -> None:
    song = "[Intro]\n[Verse]\nla\n[Solo]\n[Break]\n...\n[Chorus]\nhey\n[Bridge]\n[Outro]"
    assert section_rows(song, (8, 10), (20, 40)) == [
        (0, 8, "Intro"), (8, 10, "Verse"), (10, 15, "Solo"), (15, 20, "Break"),
        (20, 40, "Chorus"), (40, 70, "Bridge"), (70, 100, "Outro"),
    ]  # fmt: skip


@pytest.mark.parametrize(("song", "sections"), [
    ("", []), ("la\nlo", []), ("[Instrumental]", [(0, 100, "Instrumental")]), ("la\n\nlo\n[Outro]", [(14, 100, "Outro")]),
])  # fmt: skip
def test_songs_with_few_tags(song: str, sections: list[tuple[float, float, str]]) -> None:
    assert section_rows(song, *[(8, 10), (12, 14)][: len(lyric_lines(song))]) == sections


@given(st.lists(st.sampled_from(["[A]", "[B] la", "la", "", "...", "la [C] lo"])), st.data())
def test_sections_follow_each_other_until_the_end(rows: list[str], data: st.DataObject) -> None:
    song = "\n".join(rows)
    lines = lyric_lines(song)
    at_s = st.floats(0, DURATION_S)
    times = sorted(data.draw(st.lists(at_s, min_size=2 * len(lines), max_size=2 * len(lines))))
    sections = section_times(song, lines_with_times(song, *zip(times[::2], times[1::2], strict=True)), DURATION_S)
    assert [section.name for section in sections] == [char for char in song if char in "ABC"]
    assert all(isinstance(section, TimedSection) for section in sections)
    ends = [section.end_s for section in sections]
    assert [section.start_s for section in sections[1:]] == ends[:-1]
    assert ends[-1:] == [DURATION_S] * bool(sections)
    assert all(0 <= section.start_s <= section.end_s for section in sections)
