"""Plans: borders to the frame, seeds that stay, and what is refused."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acestep_runtime.errors import InvalidValue
from acestep_runtime.song.plan import MAX_SECTIONS, Section, SongPlan, bar_borders, check_plan
from acestep_runtime.values import MAX_SEED


def plan_of(*names: str, seconds: float = 4.0, **more: object) -> SongPlan:
    frames = round(seconds * 48_000)
    sections = tuple(
        Section(name, number * frames, (number + 1) * frames, bpm=120, timesignature=4)
        for number, name in enumerate(names)
    )
    return dataclasses.replace(SongPlan(sections), **more)  # type: ignore[arg-type]


@given(
    bars=st.lists(st.integers(1, 40), min_size=1, max_size=30),
    bpm=st.integers(30, 300),
    beats=st.sampled_from((2, 3, 4, 6)),
    rate_hz=st.sampled_from((44_100, 48_000, 96_000)),
)
def test_every_border_is_the_frame_nearest_to_its_bar(bars: list[int], bpm: int, beats: int, rate_hz: int) -> None:
    borders = bar_borders(bars, bpm, beats, rate_hz)
    assert borders[0] == 0
    for number, border in enumerate(borders):
        exact = Fraction(sum(bars[:number]) * beats * 60 * rate_hz, bpm)
        assert abs(border - exact) <= Fraction(1, 2)


def test_bars_that_are_no_whole_frames_do_not_add_up() -> None:
    # A bar of 4/4 at 130 is 88615.38 frames: a hundred of them are 38 frames longer than a hundred rounded ones.
    borders = bar_borders([1] * 100, 130, 4)
    assert borders[1] == 88_615
    assert borders[100] == 8_861_538


def test_seeds_follow_from_the_name_and_nothing_before_it() -> None:
    plan, longer = plan_of("Verse", "Chorus"), plan_of("Intro", "Verse", "Chorus")
    assert plan.seeds(1, 7, 0) == longer.seeds(2, 7, 0)
    assert len({plan.seeds(0, 7, 0), plan.seeds(1, 7, 0), plan.seeds(0, 8, 0), plan.seeds(0, 7, 1)}) == 4
    many = SongPlan((Section("Verse", 0, 48_000, takes=8),))
    seeds = many.seeds(0, MAX_SEED, 0)
    assert len(set(seeds)) == 8
    assert all(0 <= seed <= MAX_SEED for seed in seeds)


def test_all_but_the_last_section_are_made_longer() -> None:
    plan = plan_of("Verse", "Chorus", "Outro")
    assert [plan.overhang(number) for number in range(3)] == [96_000, 24_000, 0]  # a bar, a beat, nothing
    assert [plan_of("Verse").overhang(0)] == [0]


def test_a_fingerprint_changes_with_what_a_section_is_made_from_alone() -> None:
    plan = plan_of("Verse", "Chorus", "Outro")
    known = plan.fingerprint(1)
    sections = plan.sections
    other = dataclasses.replace(plan, sections=(dataclasses.replace(sections[0], caption="loud"), *sections[1:]))
    assert other.fingerprint(1) == known
    assert dataclasses.replace(plan, title="other", seed=4).fingerprint(1) == known
    assert dataclasses.replace(plan, keyscale="A minor").fingerprint(1) != known
    assert dataclasses.replace(plan, sections=sections[:2]).fingerprint(1) != known  # it is the last one now


def test_sections_are_found_by_name() -> None:
    plan = plan_of("Verse", "Chorus 2")
    assert plan.number_of(" chorus 2 ") == 1
    with pytest.raises(InvalidValue) as refused:
        plan.number_of("Solo")
    assert refused.value.message == "section is 'Solo'; allowed: Verse, Chorus 2."


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        (SongPlan(()), "The song has 0 sections; allowed: 1 to 64 sections."),
        (plan_of(*map(str, range(MAX_SECTIONS + 1))), "The song has 65 sections; allowed: 1 to 64 sections."),
        (plan_of("Verse", "verse"), 'Two sections are called "verse".'),
        (plan_of("Verse", ""), "name of section 2 is ''; allowed: one line of 1 to 60 characters."),
        (plan_of("x" * 61), "name of section 1 is"),
        (plan_of("a\nb"), "name of section 1 is"),
        (plan_of("Verse", seconds=0.05), 'length of section "Verse" is 0.05 seconds; allowed: 0.1 to 600 seconds.'),
        (
            plan_of("Verse", "Outro", seconds=599),
            'length of section "Verse" is 599 seconds; allowed: 0.1 to 598 seconds.',
        ),
        (plan_of("a", "b", "c", seconds=500), "The song would be 1500 s long; allowed: at most 1200 s."),
        (SongPlan((Section("Verse", 0, 48_000, takes=9),)), 'takes of section "Verse" is 9; allowed: 1 to 8.'),
        (
            SongPlan((Section("Verse", 0, 48_000, like="Verse"),)),
            "like of section \"Verse\" is 'Verse'; allowed: nothing",
        ),
    ],
)
def test_what_no_song_can_be_made_of_is_refused(plan: SongPlan, says: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        check_plan(plan)
    assert refused.value.message.startswith(says), refused.value.message
