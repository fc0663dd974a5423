"""Sung lines against their bars, syllables against the grid, tunes against key, chords and each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.dsp.musical import CHORD_TONES, Grid
from acestep_runtime.dsp.players import Note
from acestep_runtime.dsp.progressions import Harmony
from acestep_runtime.dsp.render import Mixer, render
from acestep_runtime.dsp.singing import sing_harmony, sing_lines, singing_range
from acestep_runtime.lyrics.text import Line, lyric_lines, syllables
from acestep_runtime.lyrics.timed import TimedLine
from acestep_runtime.text.style import style_from_caption
from acestep_runtime.values import Key

RATE_HZ = 48_000
C = Key(0, "major")
CHORDS = ((0, ""), (7, ""), (9, "m"), (5, ""))
HARMONY = Harmony({4 * bar + beat: CHORDS[bar % 4] for bar in range(-8, 64) for beat in range(4)}, (0, ""))
WORDS = ("walking down the lonely road tonight\nI can see the morning light\n오늘 밤 너를 생각해\n"
         "きょうはいいてんき\n你好世界\nhey")  # fmt: skip


def sing(lines: Sequence[Line] | str, bars: range = range(8), *, bpm: float = 100, meter: int = 4, seed: int = 1,
         caption: str = "pop", melody: Sequence[tuple[float, float, int]] = (), first_s: float = 0.3,
         ) -> tuple[list[Note], list[TimedLine]]:  # fmt: skip
    found = lyric_lines(lines) if isinstance(lines, str) else lines
    return sing_lines(found, bars=bars, grid=Grid(bpm, first_s, meter), harmony=HARMONY, key=C, seed=seed,
                style=style_from_caption(caption), melody=melody)  # fmt: skip


letters = st.one_of(
    st.sampled_from(
        [
            "hey",
            "walking down the line",
            "오늘 밤 너를",
            "きょうは",
            "你好世界",
            "🎵 la la",
            "ё-моё!",
            "x" * 200,
            "라" * 200,
        ]
    ),
    st.text(alphabet="ab cdeиأ가나あシ你🎵'-é", min_size=1, max_size=60),
)


@settings(deadline=None, max_examples=80)
@given(rows=st.lists(letters, min_size=1, max_size=24), first=st.integers(-3, 20), count=st.integers(1, 40),
       bpm=st.floats(30, 300), meter=st.sampled_from([2, 3, 4, 6]), seed=st.integers(0, 2**32 - 1),
       tune=st.lists(st.tuples(st.floats(-5, 60), st.floats(0.01, 4), st.integers(43, 89)), max_size=40))  # fmt: skip
def test_every_line_is_performed_once_in_order_and_inside(
    rows: list[str], first: int, count: int, bpm: float, meter: int, seed: int, tune: list[tuple[float, float, int]]
) -> None:
    lines = lyric_lines("\n".join(rows))
    bars = range(first, first + count)
    start_s, end_s = 0.3 + first * meter * 60 / bpm, 0.3 + (first + count) * meter * 60 / bpm
    for melody in ((), tune):
        notes, line_times = sing(lines, bars, bpm=bpm, meter=meter, seed=seed, melody=melody)
        assert [line.text for line in line_times] == [line.text for line in lines]
        times = [time_s for line in line_times for time_s in (line.start_s, line.end_s)]
        assert times == sorted(times)
        assert all(line.end_s > line.start_s for line in line_times)
        assert not times or (times[0] >= start_s - 1e-6 and times[-1] <= end_s + 1e-6)
        starts = [note.start_s for note in notes]
        assert starts == sorted(starts)
        assert all(start_s - 1e-6 <= n.start_s and n.start_s + n.length_s <= end_s + 1e-6 for n in notes)
        assert all(n.length_s > 0 and 0 < n.velocity <= 1 and n.track == "vocals" for n in notes)
        assert all(b.start_s >= a.start_s + a.length_s - 1e-9 for a, b in pairwise(notes))
        syllable_count = sum(len(line.syllables) for line in lines)
        assert len(notes) == syllable_count or (melody and len(notes) > syllable_count)


def test_a_line_is_timed_from_its_first_syllable_to_its_last() -> None:
    notes, line_times = sing(WORDS, range(12))
    at = 0
    for line, written in zip(line_times, lyric_lines(WORDS), strict=True):
        mine = notes[at : at + len(written.syllables)]
        at += len(mine)
        assert line.start_s == mine[0].start_s
        assert 0 <= line.end_s - (mine[-1].start_s + mine[-1].length_s) < 1e-9


@pytest.mark.parametrize(("meter", "bars_each"), [(4, 2), (3, 2), (6, 2), (2, 4)])
def test_with_room_a_line_takes_two_bars_followed_by_rests(meter: int, bars_each: int) -> None:
    text = "\n".join(["walk along the road tonight"] * 4)
    bar_s = meter * 0.6
    for extra in (1, 2, 3):
        _, line_times = sing(text, range(4 * bars_each * extra), meter=meter)
        for number, line in enumerate(line_times):
            start_s = 0.3 + number * extra * bars_each * bar_s
            assert start_s <= line.start_s
            assert line.end_s < start_s + bars_each * bar_s
    _, tight = sing(text, range(4), meter=4)
    assert [int((line.start_s - 0.3) / 2.4 + 1e-6) for line in tight] == [0, 1, 2, 3]  # a bar each


@pytest.mark.parametrize("caption", ["pop", "male vocals"])
@pytest.mark.parametrize("bpm", [70, 100, 150])
def test_syllables_lie_on_sixteenths_with_the_last_one_held(bpm: float, caption: str) -> None:
    notes, line_times = sing(WORDS, range(12), bpm=bpm, caption=caption)
    steps = np.array([(n.start_s - 0.3) * bpm / 60 * 4 for n in notes])
    assert np.abs(steps - np.round(steps)).max() < 1e-6
    last = {line.end_s for line in line_times}
    last_lengths_s = [n.length_s for n in notes if any(0 <= end - n.start_s - n.length_s < 0.1 for end in last)]
    assert np.mean(last_lengths_s) > 1.8 * np.median([n.length_s for n in notes])
    assert np.median([n.length_s for n in notes]) > 0.1


def test_swing_moves_the_second_half_of_the_beat() -> None:
    notes, _ = sing("walking down the lonely road tonight my dear", caption="blues", bpm=100)
    parts = {round((n.start_s - 0.3) / 0.6 % 1, 3) for n in notes}
    assert parts <= {0.0, 0.66, 0.33, 0.83, 1.0}
    assert 0.66 in parts


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), caption=st.sampled_from(["", "male singer", "calm", "energetic", "humming"]),
       tonic=st.integers(0, 11), mode=st.sampled_from(["major", "minor"]))  # fmt: skip
def test_tunes_are_singable(seed: int, caption: str, tonic: int, mode: str) -> None:
    """In the key or the chord, no leap beyond an octave, an octave and a half in all; strong ends on chord tones."""
    key = Key(tonic, mode)
    home = (tonic, "m" if mode == "minor" else "")
    lines = lyric_lines("\n".join(["walk along the empty road tonight", "I am on my way"] * 4))
    notes, line_times = sing_lines(lines, bars=range(16), grid=Grid(110), harmony=Harmony({}, home), key=key, seed=seed,
                        style=style_from_caption(caption))  # fmt: skip
    pitches = [n.pitches[0] for n in notes]
    scale = {(tonic + s) % 12 for s in ((0, 2, 4, 5, 7, 9, 11) if mode == "major" else (0, 2, 3, 5, 7, 8, 10))}
    assert {p % 12 for p in pitches} <= scale
    assert max(abs(b - a) for a, b in pairwise(pitches)) <= 12
    assert np.mean([abs(b - a) for a, b in pairwise(pitches)]) < 5
    assert max(pitches) - min(pitches) <= 18
    assert len(set(pitches)) >= 3
    assert all(len(set(pitches[k : k + 6])) > 1 for k in range(len(pitches) - 5))
    finals = [max((n for n in notes if n.start_s < line.end_s), key=lambda n: n.start_s) for line in line_times]
    chord = {(tonic + t) % 12 for t in CHORD_TONES[home[1]]}
    assert all(n.pitches[0] % 12 in chord for n in finals)
    assert finals[-1].pitches[0] % 12 == tonic


def test_a_repeated_chorus_has_the_same_tune() -> None:
    text = "sing it with me\nsing it again\nover the water\nover the rain"
    first, again = (sing(text, range(at, at + 8))[0] for at in (4, 20))
    assert [n.pitches for n in first] == [n.pitches for n in again]
    assert [n.voice for n in first] == [n.voice for n in again]
    assert np.allclose([n.start_s + 16 * 2.4 for n in first], [n.start_s for n in again])
    other = sing(text, range(4, 12), seed=2)[0]
    assert [n.pitches for n in first] != [n.pitches for n in other]
    assert sing(text)[0] == sing(text)[0]


def test_voices_sing_in_their_own_range() -> None:
    ranges = {}
    for caption in ("female vocals", "male vocals", "여성 보컬", "남성 보컬"):
        notes, _ = sing(WORDS, range(12), caption=caption)
        ranges[caption] = np.median([n.pitches[0] for n in notes])
    assert ranges["female vocals"] == ranges["여성 보컬"] > ranges["male vocals"] + 8
    assert ranges["male vocals"] == ranges["남성 보컬"]


MELODY = tuple((0.3 + 0.6 * k, 0.5, 60 + (k * 5) % 9) for k in range(16))


def test_syllables_take_the_notes_of_a_melody_in_order() -> None:
    text = "one two three four\nfive six sev en"  # eight syllables, sixteen notes
    notes, line_times = sing(text, melody=MELODY)
    assert [n.pitches[0] for n in notes] == [pitch for _, _, pitch in MELODY]
    assert [n.start_s for n in notes] == pytest.approx([at for at, _, _ in MELODY])
    assert [len(n.voice.partition(":")[2]) == 1 for n in notes[1::2]] == [True] * 8  # a vowel goes on
    assert [line.text for line in line_times] == text.split("\n")


def test_notes_are_split_where_there_are_more_syllables() -> None:
    notes, line_times = sing("one two three four five six seven", melody=[(0.3, 2.0, 60), (2.5, 1.0, 64)])
    assert [n.pitches[0] for n in notes] == [60] * 5 + [64] * 3 or [n.pitches[0] for n in notes] == [60] * 6 + [64] * 2
    assert line_times[0].start_s == 0.3
    assert line_times[0].end_s == pytest.approx(3.5)


def test_lines_part_at_the_rests_of_a_melody() -> None:
    """Seven notes, a rest, nine notes: the second of two equal lines waits for the rest to be over."""
    tune = [(0.3 + 0.25 * k + (2.0 if k >= 7 else 0.0), 0.2, 62) for k in range(16)]
    _, line_times = sing("one two three four\none two three four", melody=tune)
    assert line_times[1].start_s == pytest.approx(tune[7][0])


def test_melody_notes_outside_the_bars_are_not_performed() -> None:
    notes, _ = sing("one two", range(2), melody=[(-3.0, 2.0, 50), (1.0, 0.5, 60), (2.0, 0.5, 62), (40.0, 1.0, 70)])
    assert [n.pitches[0] for n in notes] == [60, 62]
    nowhere = sing("one two", range(2), melody=[(40.0, 1.0, 70)])
    assert nowhere == sing("one two", range(2))


@settings(deadline=None, max_examples=60)
@given(start=st.floats(-4, 30), length=st.floats(0.01, 40), bpm=st.floats(40, 240), meter=st.sampled_from([2, 3, 4, 6]))
def test_a_singing_range_lies_inside_its_time(start: float, length: float, bpm: float, meter: int) -> None:
    grid, harmony, bars = singing_range(Grid(bpm, 0.3, meter), HARMONY, start, start + length)
    a, b = (grid.beat_to_s(bar * grid.beats_per_bar) for bar in (bars[0], bars[-1] + 1))
    assert start - 1e-3 <= a < b <= max(start + length, start + 0.02) + 1e-3
    assert b - a >= 0.45 * length
    beat = round(Grid(bpm, 0.3, meter).s_to_beat(a))
    if length > 3 * 60 / bpm:  # else the whole may be one beat, which begins between two
        assert harmony.at(bars[0] * grid.beats_per_bar) == HARMONY.at(beat)


def test_backing_voices_sing_the_same_words_in_chord_tones_on_both_sides() -> None:
    notes, _ = sing(WORDS, range(12))
    parts = sing_harmony(notes, HARMONY, Grid(100, 0.3), "choir")
    assert len(parts) == 2 * len(notes)
    for number, note in enumerate(notes):
        below, above = parts[2 * number : 2 * number + 2]
        chord = HARMONY.at((note.start_s + 0.02 - 0.3) / 0.6)
        classes = {(chord[0] + t) % 12 for t in CHORD_TONES[chord[1]]}
        assert {below.pitches[0] % 12, above.pitches[0] % 12} <= classes
        assert 3 <= note.pitches[0] - below.pitches[0] <= 12
        assert 3 <= above.pitches[0] - note.pitches[0] <= 12
        assert below.pan < 0 < above.pan
        assert below.voice == above.voice == "choir:" + note.voice.partition(":")[2]
        assert (below.start_s, below.length_s) == (note.start_s, note.length_s)


def onsets_s(samples: np.ndarray) -> np.ndarray:
    """Times at which the spectrum changes most (5 ms apart): new partials or noise, as log-compressed spectral flux."""
    x = samples.mean(axis=1)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(x, 512), 1024)[::240] * np.hanning(1024)
    power = np.log1p(100 * np.abs(np.fft.rfft(frames)))
    flux = np.maximum(power[2:] - power[:-2], 0).sum(axis=1)
    peaks = [
        k for k in range(len(flux)) if flux[k] == flux[max(0, k - 12) : k + 13].max() and flux[k] > 0.12 * flux.max()
    ]
    return (np.array(peaks) + 1) * 240 / RATE_HZ


@pytest.mark.parametrize("seed", [1, 2])
def test_syllables_sound_at_their_times(seed: int) -> None:
    """Plosives, fricatives and nasals of a voice alone: nine of ten are found within 40 ms, and little else."""
    text = "take me to the city\nnever say no more\nsing to me baby\ncome back home to me"
    notes, _ = sing(text, range(8), seed=seed)
    assert sum(len(syllables(line)) for line in text.split("\n")) == len(notes)
    mixer = Mixer(seed=1, brightness=0.0, room_s=0.3)
    voice = np.concatenate(list(render([(notes, 20.0)], 20 * RATE_HZ, mixer)))
    measured_onsets_s = onsets_s(voice)
    due = np.array([n.start_s for n in notes])
    found = [np.abs(measured_onsets_s - at).min() < 0.040 for at in due]
    assert np.mean(found) >= 0.9
    assert np.mean([np.abs(due - at).min() < 0.060 for at in measured_onsets_s]) >= 0.8
