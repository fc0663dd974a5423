"""The context of a span: grids against known beats, beds against their source bars."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.dsp.context import (
    Context,
    MeasuredGrid,
    analyse_around_span,
    bar_energies,
    bars_over,
    bed_from_source,
    choose_grid,
)
from acestep_runtime.dsp.musical import Analysis, Grid
from acestep_runtime.dsp.progressions import Harmony
from acestep_runtime.engines.base import Block, EngineRequest, Metadata
from acestep_runtime.engines.draft.engine import DraftEngine
from acestep_runtime.tasks import TASKS
from acestep_runtime.text.style import style_from_caption
from acestep_runtime.values import CancelToken, Key, Music

RATE = 48_000
C = Key(0, "major")


def analysis(beats_s, grid, downbeat=0):
    beats = tuple(float(b) for b in beats_s)
    return Analysis(grid, C, beats, beats[downbeat :: grid.beats_per_bar], (), beats[-1], -20.0, {})


def test_steady_beats_keep_the_steady_grid():
    grid = Grid(120, 0.5)
    assert choose_grid(analysis(0.5 + 0.5 * np.arange(32), grid)) is grid


def test_drifting_beats_give_a_measured_grid():
    beats = np.cumsum(np.linspace(0.48, 0.56, 40))
    measured_grid = choose_grid(analysis(beats, Grid(60 / np.mean(np.diff(beats)), float(beats[2])), downbeat=2))
    assert [measured_grid.beat_to_s(k - 2) for k in range(40)] == pytest.approx(beats.tolist())
    assert measured_grid.beat_to_s(0) == pytest.approx(beats[2])


@settings(deadline=None, max_examples=50)
@given(beat=st.floats(-20, 60), seed=st.integers(0, 99))
def test_a_measured_grid_converts_beats_to_times_and_back(beat, seed):
    beats = tuple(np.cumsum(np.random.default_rng(seed).uniform(0.4, 0.6, 30)).tolist())
    grid = MeasuredGrid(120, beats[3], 4, beats, -3)
    assert grid.s_to_beat(grid.beat_to_s(beat)) == pytest.approx(beat, abs=1e-6)


def numbered_bars(bars, bar_s=2.0):
    """A song whose bar k holds the constant (k + 1) / 100, so that a bed shows where it comes from."""
    levels = np.repeat((np.arange(bars) + 1) / 100, round(bar_s * RATE)).astype(np.float32)
    return np.stack((levels, levels), axis=1)


def loop(bars):
    chords = [(0, ""), (7, ""), (9, "m"), (5, "")]
    return Harmony({bar * 4 + beat: chords[bar % 4] for bar in range(-8, bars) for beat in range(4)}, (0, ""))


def make_bed(span, bars=16, known=None, seed=1):
    song = numbered_bars(bars)
    context = Context(Grid(120), C, loop(bars + 8))
    bed_audio = bed_from_source(song, known or (0, len(song)), span, context, seed, lambda: None)
    return song, bed_audio


def test_a_bed_is_made_of_bars_with_the_same_chord_from_outside_the_span():
    span = (6 * 2 * RATE, 10 * 2 * RATE)
    song, bed_audio = make_bed(span)
    for place in range(4):
        middle = bed_audio[place * 2 * RATE + RATE, 0]
        taken = round(float(middle) * 100) - 1
        assert taken % 4 == (6 + place) % 4
        assert not 6 <= taken < 10
    assert len(bed_audio) == span[1] - span[0]
    assert np.isfinite(bed_audio).all()
    assert np.abs(bed_audio).max() <= 1.5 * np.abs(song).max()


def test_a_bed_may_begin_anywhere_and_lie_past_the_end():
    song = numbered_bars(12)
    span = (len(song) - 12_345, len(song) + 5 * RATE)
    longer = np.concatenate((song, np.zeros((5 * RATE, 2), np.float32)))
    bed_audio = bed_from_source(longer, (0, len(song)), span, Context(Grid(120), C, loop(20)), 1, lambda: None)
    assert len(bed_audio) == span[1] - span[0]
    assert (bed_audio[100:-100] > 0).all()


def test_seeds_choose_different_bars():
    span = (6 * 2 * RATE, 10 * 2 * RATE)
    beds = [make_bed(span, seed=seed)[1] for seed in range(6)]
    assert any(not np.array_equal(beds[0], other) for other in beds[1:])
    assert np.array_equal(beds[0], make_bed(span, seed=0)[1])


def test_without_a_whole_bar_outside_there_is_no_bed():
    song, bed_audio = make_bed((RATE, 31 * RATE))
    assert bed_audio is None
    assert (
        bed_from_source(0 * song, (0, len(song)), (0, RATE), Context(Grid(120), C, loop(20)), 1, lambda: None) is None
    )


def test_bars_over_a_span():
    grid = Grid(120, 0.5)
    assert list(bars_over(grid, (0, RATE // 4))) == [-1]
    assert list(bars_over(grid, (RATE // 2, 9 * RATE // 2))) == [0, 1]
    assert list(bars_over(grid, (RATE, RATE))) == [0]


def test_energy_follows_level():
    song = numbered_bars(8)
    song[4 * RATE : 6 * RATE] = 0
    found = bar_energies(song, Grid(120), (0, len(song)))
    assert found[0] < found[3] < found[7]
    assert found[2] == 0.25
    assert all(0.25 <= e <= 1 for e in found.values())


def clicks(seconds, period_s, first_s):
    out = np.zeros((round(seconds * RATE), 2), np.float32)
    burst = np.random.default_rng(0).standard_normal((1200, 1)) * np.exp(-np.arange(1200) / 200)[:, None] * 0.5
    for k, at in enumerate(np.arange(first_s, seconds - 0.1, period_s)):
        start = round(at * RATE)
        out[start : start + 1200] += (1.0 if k % 4 == 0 else 0.6) * burst
    return out


def test_the_grid_meets_the_beats_on_both_sides_of_the_span():
    song = clicks(40, 60 / 117.3, 0.4)
    span = (15 * RATE, 24 * RATE)
    gap = song.copy()
    gap[span[0] : span[1]] = 0
    context = analyse_around_span(gap, (0, len(gap)), span, Music(), style_from_caption("rock"))
    assert context.grid.bpm == pytest.approx(117.3, rel=0.002)
    for time_s in (14.0, 19.5, 25.0, 38.0):
        truth = (time_s - 0.4) / (60 / 117.3)
        off = context.grid.s_to_beat(time_s) - truth
        assert abs(off - round(off)) * 60 / 117.3 < 0.02


def test_given_tempo_and_key_are_kept():
    song = clicks(12, 0.5, 0.2)
    music = Music(bpm=120, keyscale="E minor", timesignature=3)
    context = analyse_around_span(song, (0, len(song)), (4 * RATE, 8 * RATE), music, style_from_caption(""))
    assert (context.grid.bpm, str(context.key), context.grid.beats_per_bar) == (120, "E minor", 3)


# The keys of songs. Their tempi are left to the style; the spans lie in the middle.
SONGS = [
    ("warm pop, electric piano", "A minor"),
    ("rock", "C major"),
    ("jazz", "E minor"),
    ("folk", "F# minor"),
    ("ballad", "Bb major"),
    ("electronic", "D major"),
    ("funk", "G minor"),
    ("lo-fi", "Eb major"),
    ("orchestral", "B minor"),
    ("latin", "F major"),
]


def engine_song(seconds, seed, **music):
    request = EngineRequest(TASKS["text2music"], round(seconds * RATE), seed, Music(**music))
    return np.concatenate([e.samples for e in DraftEngine().run(request, CancelToken()) if isinstance(e, Block)])


def relative(key):
    return Key((key.tonic + 3) % 12, "major") if key.mode == "minor" else key


def key_around(song, span_s):
    span = (round(span_s[0] * RATE), round(span_s[1] * RATE))
    return analyse_around_span(
        song, (0, min(len(song), 16 * RATE)), span, Music(), style_from_caption("brighter piano")
    ).key


def test_the_song_of_the_readme_keeps_its_key_wherever_it_is_repainted():
    song = engine_song(16, 1, caption="warm pop, electric piano", bpm=100, keyscale="A minor")
    longer = np.concatenate((song, np.zeros((4 * RATE, 2), np.float32)))
    for span in ((4, 8), (2, 6), (8, 12), (3.5, 12), (16, 20)):
        assert relative(key_around(longer, span)) == Key(0, "major"), span
    request = EngineRequest(TASKS["repaint"], len(song), 7, Music(caption="brighter piano"), source=song,
                            span=(4 * RATE, 8 * RATE), known=(0, len(song)))  # fmt: skip
    facts = next(e for e in DraftEngine().run(request, CancelToken()) if isinstance(e, Metadata))
    assert facts.values["keyscale"] in ("A minor", "C major")


@pytest.mark.slow
def test_the_key_around_a_span_is_that_of_the_song():
    right = 0
    for seed, (caption, keyscale) in enumerate(SONGS):
        song = engine_song(16, seed + 1, caption=caption, keyscale=keyscale)
        right += relative(key_around(song, (5.6, 10.4))) == relative(Key.parse(keyscale))
    assert right >= 0.9 * len(SONGS)


def test_both_sides_determine_the_key():
    """G and C alone are taken for G major; the F on the shorter side makes it C."""
    roots = [*[7] * 4, *[0] * 4, *[7] * 4, *[0] * 4, *[5] * 4, *[0] * 8]
    song = np.concatenate([triad(root, 0.5) for root in roots])
    span = (7 * RATE, 8 * RATE)
    assert analyse_around_span(song, (0, 8 * RATE), span, Music(bpm=120), style_from_caption("")).key == Key(7, "major")
    assert analyse_around_span(song, (0, len(song)), span, Music(bpm=120), style_from_caption("")).key == C


def triad(root, seconds):
    t = np.arange(round(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * 261.63 * 2 ** ((root + step - 12 * (root > 5)) / 12) * h * t) / h
               for step in (0, 4, 7) for h in (1, 2, 3))  # fmt: skip
    mono = 0.08 * tone * np.exp(-t / 0.4) * np.minimum(1, t / 0.005)
    return np.stack((mono, mono), axis=1).astype(np.float32)
