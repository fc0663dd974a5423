"""Beds from bars of the song: the right bars, without audible joins."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.dsp.context import Context, bed_from_source
from acestep_runtime.dsp.musical import Grid
from acestep_runtime.dsp.progressions import Harmony
from acestep_runtime.values import Key

RATE_HZ = 48_000
Samples = npt.NDArray[np.float32]
#: 120 bpm: a bar is 96000 frames.
GRID = Grid(120.0)
BAR = 96_000


def context(grid: Grid = GRID, chords: tuple[int, ...] = ()) -> Context:
    """One chord a bar, as given; C otherwise."""
    by_beat = {4 * bar + beat: (root, "") for bar, root in enumerate(chords) for beat in range(4)}
    return Context(grid, Key(0, "major"), Harmony(by_beat, (0, "")))


def make_bed(
    source: Samples, span: tuple[int, int], around: Context, seed: int = 0, known: tuple[int, int] | None = None
) -> Samples:
    bed_audio = bed_from_source(source, known or (0, len(source)), span, around, seed, lambda: None)
    assert bed_audio is not None
    assert bed_audio.shape == (span[1] - span[0], 2)
    assert bed_audio.dtype == np.float32
    return bed_audio


def noise(frames: int, seed: int = 0) -> Samples:
    return (0.1 * np.random.default_rng(seed).standard_normal((frames, 2))).astype(np.float32)


def level_db(samples: Samples, window: int = 960) -> npt.NDArray[np.float64]:
    """RMS of every 20 ms, in dB."""
    whole = samples[: len(samples) // window * window].astype(np.float64)
    return 10 * np.log10(np.mean(whole.reshape(-1, window * samples.shape[1]) ** 2, axis=1) + 1e-12)


@pytest.mark.parametrize("first_downbeat_s", [0.0, 0.7, 1.999])
@pytest.mark.parametrize("span", [(2 * BAR, 4 * BAR), (2 * BAR + 12_345, 4 * BAR - 777), (300_000, 300_400), (0, BAR)])
def test_a_song_that_repeats_every_bar_is_its_own_bed(span: tuple[int, int], first_downbeat_s: float) -> None:
    """Whichever bars are drawn, the joins leave no trace: nothing is faded, doubled or missing."""
    loop = noise(BAR)
    song = np.concatenate([loop] * 8)
    for seed in range(3):
        bed_audio = make_bed(song, span, context(Grid(120.0, first_downbeat_s)), seed)
        assert np.abs(bed_audio - song[slice(*span)]).max() < 1e-6


@settings(deadline=None, max_examples=25)
@given(start=st.integers(0, 7 * BAR), length=st.integers(1, 3 * BAR), phase=st.floats(-2, 2), bpm=st.floats(100, 140))
def test_different_bars_join_without_a_gap_or_a_bump(start: int, length: int, phase: float, bpm: float) -> None:
    """Bars of independent noise: the level of no 20 ms strays from that of the noise."""
    song = noise(10 * BAR)
    bed_audio = make_bed(song, (start, start + length), context(Grid(bpm, phase)), seed=start)
    assert np.all(np.abs(level_db(bed_audio) + 20) < 1.2)
    if length > 40:
        assert np.abs(bed_audio).max(axis=1).min() >= 0
        assert np.count_nonzero(np.abs(bed_audio).max(axis=1) < 1e-4) < 0.001 * length + 2


def test_joins_are_as_smooth_as_the_song() -> None:
    """A low tone that never repeats in phase: the joins jump no further than 12 ms of fading makes it."""
    t = np.arange(10 * BAR) / RATE_HZ
    song = np.repeat((0.3 * np.sin(2 * np.pi * 110.3 * t))[:, None], 2, axis=1).astype(np.float32)
    for seed in range(4):
        bed_audio = make_bed(song, (3 * BAR, 7 * BAR), context(), seed)
        assert np.abs(np.diff(bed_audio, axis=0)).max() < 2.5 * np.abs(np.diff(song, axis=0)).max()


def test_bars_with_the_same_chords_are_chosen() -> None:
    """Each bar holds its own number as a level; the chords repeat every four bars, and two bars are away."""
    song = np.repeat(np.linspace(0.10, 0.21, 12, dtype=np.float32), BAR)[:, None].repeat(2, axis=1)
    around = context(chords=(0, 7, 9, 5) * 3)
    for seed in range(6):
        bed_audio = make_bed(song, (4 * BAR, 6 * BAR), around, seed)
        for place in (0, 1):
            middle = float(bed_audio[place * BAR + BAR // 2, 0])
            donor = round((middle - 0.10) / 0.01)
            assert donor % 4 == place
            assert donor not in (4, 5)


def test_seeds_draw_different_bars_and_equal_seeds_the_same() -> None:
    song = noise(12 * BAR)
    beds = [make_bed(song, (4 * BAR, 6 * BAR), context(), seed) for seed in range(8)]
    assert np.array_equal(beds[0], make_bed(song, (4 * BAR, 6 * BAR), context(), 0))
    assert len({bed_audio.tobytes() for bed_audio in beds}) > 1


def test_silent_bars_are_not_used_and_without_bars_there_is_no_bed() -> None:
    song = noise(8 * BAR)
    song[: 3 * BAR] = 0
    for seed in range(4):
        assert level_db(make_bed(song, (3 * BAR, 6 * BAR), context(), seed)).min() > -23
    assert bed_from_source(song, (0, len(song)), (0, len(song)), context(), 0, lambda: None) is None
    assert bed_from_source(np.zeros_like(song), (0, len(song)), (0, BAR), context(), 0, lambda: None) is None
    assert bed_from_source(song[:100], (0, 100), (20, 60), context(), 0, lambda: None) is None


def test_only_the_known_part_is_material() -> None:
    song = noise(8 * BAR)
    song[: 2 * BAR] = 0.9
    song[6 * BAR :] = 0.9
    bed_audio = make_bed(song, (5 * BAR, 8 * BAR), context(), 1, known=(2 * BAR, 6 * BAR))
    assert np.abs(bed_audio).max() < 0.7


def test_cancelling_is_checked_at_every_bar() -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bed_from_source(noise(4 * BAR), (0, 4 * BAR), (BAR, 2 * BAR), context(), 0, stop)
