"""What a new part has to fit into: the grid, key, chords and loudness of music that is there, and what continues them.

Letters: N frames of a window at 48 kHz. Times are seconds from its first frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acestep_runtime.audio import Samples
from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.dsp.musical import Analysis, Grid
from acestep_runtime.dsp.progressions import Harmony, continued, heard, progression
from acestep_runtime.dsp.render import rms_db
from acestep_runtime.dsp.style import Style
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import Key, Music

#: A beat this much quieter than the whole has no chord worth keeping; a bar this quiet in itself is silence.
_FAINT_DB = 30.0
SILENCE_DB = -60.0
#: How many dB below the loudest bar takes a bar's energy from 1 to 0.
_ENERGY_RANGE_DB = 24.0


@dataclass(frozen=True)
class Surroundings:
    """``harmony`` covers every beat of the window; ``bar_db`` is the RMS level of the bars that the music covers whole."""

    grid: Grid
    key: Key
    harmony: Harmony
    bar_db: dict[int, float]
    loudness_db: float

    def bars(self, start_s: float, end_s: float) -> range:
        """Return the numbers of the bars that reach into the time between two times."""
        first = int(np.floor((start_s - self.grid.first_downbeat_s) / self.grid.bar_s + 1e-6))
        stop = int(np.ceil((end_s - self.grid.first_downbeat_s) / self.grid.bar_s - 1e-6))
        return range(first, max(stop, first + 1))

    def start_of(self, bar: int) -> int:
        """Return the frame at which a bar starts."""
        return round(self.grid.beat_to_s(bar * self.grid.beats_per_bar) * ENGINE_RATE_HZ)

    def energies(self, bars: range) -> dict[int, float]:
        """Return how full (0 to 1) a part should be in each bar: as loud as the music is there, or nearest to it."""
        if not self.bar_db:
            return dict.fromkeys(bars, 0.7)
        loudest = max(self.bar_db.values())
        known = sorted(self.bar_db)
        nearest = {bar: min(known, key=lambda k: (abs(k - bar), k)) for bar in bars}
        return {
            bar: float(np.clip(1.0 - (loudest - self.bar_db[near]) / _ENERGY_RANGE_DB, 0.15, 1.0))
            for bar, near in nearest.items()
        }


def hear(source: Samples, known: tuple[int, int], music: Music, style: Style, seed: int) -> Surroundings:
    """Analyse the part ``known`` of a window ``[N, 2]`` and continue its chords over all of the window.

    Facts given in ``music`` are kept.
    """
    start, stop = known
    offset_s = start / ENGINE_RATE_HZ
    found = analyse(
        source[start:stop],
        ENGINE_RATE_HZ,
        bpm=music.bpm,
        keyscale=music.keyscale,
        timesignature=music.timesignature,
    )
    grid = Grid(found.grid.bpm, found.grid.first_downbeat_s + offset_s, found.grid.beats_per_bar)
    harmony = _clear_chords(found, source[start:stop])
    end_s = len(source) / ENGINE_RATE_HZ
    first, last = int(np.floor(grid.s_to_beat(0.0))) - 1, int(np.ceil(grid.s_to_beat(end_s))) + 1
    fallback = progression(style, found.key, int(np.random.default_rng([seed, 5]).integers(8)))
    harmony = continued(harmony, range(first, last), grid.beats_per_bar, fallback)
    around = Surroundings(grid, found.key, harmony, {}, found.loudness_db)
    bar_db = {
        bar: rms_db(source[around.start_of(bar) : around.start_of(bar + 1)])
        for bar in around.bars(offset_s, stop / ENGINE_RATE_HZ)
        if around.start_of(bar) >= start and around.start_of(bar + 1) <= stop
    }
    sounding = {bar: db for bar, db in bar_db.items() if db > SILENCE_DB}
    return Surroundings(grid, found.key, harmony, sounding, found.loudness_db)


def _clear_chords(found: Analysis, music: Samples) -> Harmony:
    """Return the chords that were heard, without those of beats that are as good as silent."""
    harmony = heard(found.chords, found.grid, found.key)
    faint_db = max(SILENCE_DB, found.loudness_db - _FAINT_DB)

    def sounds(beat: int) -> bool:
        start, end = (round(found.grid.beat_to_s(b) * ENGINE_RATE_HZ) for b in (beat, beat + 1))
        return rms_db(music[max(0, start) : max(0, end)]) > faint_db

    return Harmony({beat: chord for beat, chord in harmony.chords.items() if sounds(beat)}, harmony.home)
