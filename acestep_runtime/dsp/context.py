"""What music surrounds a span: its grid, key and chords, its loudness, and bars of it to build with.

Everything is in frames or seconds of one window ``[N, 2]`` at 48 kHz, of which ``known`` frames hold the song.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from acestep_runtime.audio.convert import resample, to_channels
from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.dsp.harmony import Pitches, find_chords, find_key, pitch_classes
from acestep_runtime.dsp.musical import Analysis, Chord, Grid
from acestep_runtime.dsp.onsets import RATE_HZ, Floats
from acestep_runtime.dsp.progressions import Harmony, continued, heard, progression
from acestep_runtime.dsp.render import Stereo, rms_db
from acestep_runtime.text.style import Style
from acestep_runtime.units import ENGINE_RATE_HZ, ms_to_frames
from acestep_runtime.values import Key, Music

Span = tuple[int, int]

#: Less than this on one side of a span tells neither tempo nor key.
ENOUGH_S = 3.0
#: Share by which a given tempo may differ from the one heard, to be a hint.
HINT = 0.04
#: Bars quieter than this are no material.
_SILENT_DB = -55.0
_SEAM = ms_to_frames(12, ENGINE_RATE_HZ)


@dataclass(frozen=True)
class PlayedGrid(Grid):
    """A grid through beats as they were played, for music whose tempo drifts. Outside of them it goes on steadily.

    ``beats_s`` holds beat number ``first_beat`` and those that follow it.
    """

    beats_s: tuple[float, ...] = ()
    first_beat: int = 0

    def beat_to_s(self, beat: float) -> float:
        """See `Grid.beat_to_s`."""
        at, last = beat - self.first_beat, len(self.beats_s) - 1
        inner = float(np.interp(at, np.arange(last + 1), self.beats_s))
        return inner + (min(at, 0.0) + max(at - last, 0.0)) * self.beat_s

    def s_to_beat(self, time_s: float) -> float:
        """See `Grid.s_to_beat`."""
        first, last = self.beats_s[0], self.beats_s[-1]
        inner = float(np.interp(time_s, self.beats_s, np.arange(len(self.beats_s))))
        return self.first_beat + inner + (min(time_s - first, 0.0) + max(time_s - last, 0.0)) / self.beat_s


@dataclass(frozen=True)
class Context:
    """A grid, a key and a chord for every beat of a span, as heard around it."""

    grid: Grid
    key: Key
    harmony: Harmony


def following(found: Analysis) -> Grid:
    """Return the grid to play along with: the steady one, or the beats as played where they leave it by over 30 ms."""
    beats = np.array(found.beats_s)
    if len(beats) < 8 or not found.downbeats_s:
        return found.grid
    numbers = np.array([found.grid.s_to_beat(b) for b in beats])
    if np.max(np.abs(numbers - np.round(numbers))) * found.grid.beat_s < 0.03:
        return found.grid
    first = -int(np.argmin(np.abs(beats - found.downbeats_s[0])))
    return PlayedGrid(found.grid.bpm, found.downbeats_s[0], found.grid.beats_per_bar, found.beats_s, first)


def is_tempo_hint(given_bpm: float, heard_bpm: float) -> bool:
    """Return whether a tempo says how to count what was heard, and not to play it faster or slower."""
    return any(abs(given_bpm / (heard_bpm * ratio) - 1) <= HINT for ratio in (0.5, 1.0, 2.0))


def heard_by_hint(source: Stereo, music: Music) -> Analysis:
    """Listen to all of ``source``. A tempo near the one heard, or near its half or double, says how to count the beats.

    A tempo within 4 % need not be exact: where the beats do not keep to it, the one heard stands.
    """
    found = analyse(source, ENGINE_RATE_HZ, timesignature=music.timesignature)
    bpm = music.bpm
    if bpm is None or found.confidence.get("beats", 0.0) <= 0 or not is_tempo_hint(bpm, found.grid.bpm):
        return found
    counted = analyse(source, ENGINE_RATE_HZ, bpm=bpm, timesignature=music.timesignature)
    if counted.confidence["beats"] >= 0.9 * found.confidence["beats"]:
        return counted
    ratio = min((0.5, 1.0, 2.0), key=lambda r: abs(float(np.log(bpm / (found.grid.bpm * r)))))
    if ratio == 1.0:
        return found
    return analyse(source, ENGINE_RATE_HZ, bpm=found.grid.bpm * ratio, timesignature=music.timesignature)


def heard_along(source: Stereo, span: Span, music: Music, style: Style) -> Context:
    """Listen to all of ``source``, the span too: for a part that plays along with it."""
    found = analyse(source, ENGINE_RATE_HZ, bpm=music.bpm, keyscale=music.keyscale, timesignature=music.timesignature)
    return _joined(list(found.chords), found.key, following(found), span, style)


def heard_around(source: Stereo, known: Span, span: Span, music: Music, style: Style) -> Context:
    """Listen to what surrounds ``span``, for music that takes its place.

    The longer side sets tempo and meter; the other side is laid on the same grid, and the tempo is adjusted by up to
    2 % so that the beat meets both. The key is the one that all speaks for together: both sides, and the old content
    of the span unless there is more of that than of them. With too little on either side, only the old content is heard.
    """
    enough = round(ENOUGH_S * ENGINE_RATE_HZ)
    before, after = (known[0], min(span[0], known[1])), (max(span[1], known[0]), known[1])
    sides = [side for side in (before, after) if side[1] - side[0] >= enough] or [known]
    main_at, main_end = main_span = max(sides, key=lambda side: side[1] - side[0])
    main = analyse(source[main_at:main_end], ENGINE_RATE_HZ, bpm=music.bpm, keyscale=music.keyscale,
                   timesignature=music.timesignature)  # fmt: skip
    grid = _shifted(main.grid, main_at)
    for at, end in sides:
        if at == main_at or music.bpm is not None:
            continue
        other = analyse(source[at:end], ENGINE_RATE_HZ, bpm=grid.bpm, keyscale=str(main.key),
                        timesignature=grid.beats_per_bar)  # fmt: skip
        if other.confidence.get("beats", 0.0) > 0:
            grid = _meeting(grid, _shifted(other.grid, at), (main_at + main_end) / 2, (at + end) / 2)
    outside = [part for part in (before, after) if part[1] - part[0] >= ENGINE_RATE_HZ // 2]
    inside = (max(known[0], span[0]), min(known[1], span[1]))
    parts = outside or [main_span]
    if outside and 0 < inside[1] - inside[0] < sum(end - at for at, end in outside):
        parts = sorted([*outside, inside])
    key, chords = _harmony_of(source, parts, grid, music)
    return _joined([c for c in chords if not _lies_in(c, span)] if outside else chords, key, grid, span, style)


def _harmony_of(source: Stereo, parts: list[Span], grid: Grid, music: Music) -> tuple[Key, list[Chord]]:
    """Return the key that several parts of a song speak for together (or the one given), and their chords in it."""
    with ThreadPoolExecutor(len(parts)) as pool:  # most of it is numpy's, which threads can share
        pitches = pool.map(lambda part: _pitches_on(source[part[0] : part[1]], part[0], grid), parts)
        listened = [(at, *heard) for (at, _), heard in zip(parts, pitches, strict=True)]

    def chords_in(key: Key | None) -> list[Chord]:
        return [chord for at, pitches, bounds_s, places in listened
                for chord in _moved(find_chords(pitches, bounds_s, key, places, grid.beats_per_bar), at)]  # fmt: skip

    key = Key.parse(music.keyscale) if music.keyscale is not None else None
    key = key or find_key(together([pitches for _, pitches, _, _ in listened]), chords_in(None))[0]
    return key, chords_in(key)


def _lies_in(chord: Chord, span: Span) -> bool:
    middle = (chord.start_s + chord.end_s) / 2 * ENGINE_RATE_HZ
    return span[0] <= middle < span[1]


def _pitches_on(part: Stereo, at: int, grid: Grid) -> tuple[Pitches, Floats, list[int]]:
    """Return the pitch classes of a part that begins at frame ``at``, the bounds of its beats and their places in bars."""
    mono = resample(np.ascontiguousarray(to_channels(part, 1)), ENGINE_RATE_HZ, RATE_HZ)[:, 0]
    start_s, length_s = at / ENGINE_RATE_HZ, len(part) / ENGINE_RATE_HZ
    first = int(np.ceil(grid.s_to_beat(start_s + 0.05)))
    last = int(np.floor(grid.s_to_beat(start_s + length_s - 0.05)))
    beats_s = [grid.beat_to_s(beat) - start_s for beat in range(first, last + 1)]
    places = [(first - 1 + unit) % grid.beats_per_bar for unit in range(len(beats_s) + 1)]
    return pitch_classes(mono), np.array([0.0, *beats_s, length_s]), places


def together(parts: list[Pitches]) -> Pitches:
    """Return the pitch classes of several parts as those of one piece."""
    frames = np.array([len(part.level) for part in parts])
    tonal = float(np.average([part.tonal for part in parts], weights=frames))
    full, bass, level = (np.concatenate([getattr(part, name) for part in parts]) for name in ("full", "bass", "level"))
    return Pitches(full, bass, level, tonal)


def _moved(chords: Iterable[Chord], frames: int) -> list[Chord]:
    by_s = frames / ENGINE_RATE_HZ
    return [Chord(c.start_s + by_s, c.end_s + by_s, c.root, c.quality) for c in chords]


def _shifted(grid: Grid, frames: int) -> Grid:
    return Grid(grid.bpm, grid.first_downbeat_s + frames / ENGINE_RATE_HZ, grid.beats_per_bar)


def _meeting(grid: Grid, other: Grid, here: float, there: float) -> Grid:
    """Return the grid with its tempo changed so that it also meets a beat of the other grid, in the middle of its part."""
    anchor = round(grid.s_to_beat(here / ENGINE_RATE_HZ))
    far_s = other.beat_to_s(round(other.s_to_beat(there / ENGINE_RATE_HZ)))
    anchor_s = grid.beat_to_s(anchor)
    beats = round((far_s - anchor_s) / grid.beat_s)
    if beats == 0:
        return grid
    beat_s = (far_s - anchor_s) / beats
    if abs(beat_s / grid.beat_s - 1) > 0.02:
        return grid
    return Grid(60.0 / beat_s, anchor_s - anchor * beat_s, grid.beats_per_bar)


def _joined(chords: list[Chord], key: Key, grid: Grid, span: Span, style: Style) -> Context:
    """Lay the chords that were heard on a grid and continue them through the span."""
    first = int(np.floor(grid.s_to_beat(span[0] / ENGINE_RATE_HZ))) - 1
    last = int(np.ceil(grid.s_to_beat(span[1] / ENGINE_RATE_HZ))) + grid.beats_per_bar
    known = heard(chords, grid, key)
    return Context(grid, key, continued(known, range(first, last + 1), grid.beats_per_bar, progression(style, key, 0)))


def bar_frames(grid: Grid, bar: int) -> Span:
    """Return the first and last-plus-one frame of a bar."""
    meter = grid.beats_per_bar
    return (
        round(grid.beat_to_s(bar * meter) * ENGINE_RATE_HZ),
        round(grid.beat_to_s((bar + 1) * meter) * ENGINE_RATE_HZ),
    )


def bars_over(grid: Grid, span: Span) -> range:
    """Return the numbers of the bars that overlap a span."""
    meter = grid.beats_per_bar
    first = int(np.floor(grid.s_to_beat(span[0] / ENGINE_RATE_HZ) / meter + 1e-6))
    last = int(np.ceil(grid.s_to_beat(span[1] / ENGINE_RATE_HZ) / meter - 1e-6))
    return range(first, max(last, first + 1))


def energies(source: Stereo, grid: Grid, span: Span) -> dict[int, float]:
    """Return how full (0.25 to 1) each bar over the span is, from its level against the usual bar's; 18 dB are 1."""
    levels = {}
    for bar in bars_over(grid, span):
        start, stop = bar_frames(grid, bar)
        levels[bar] = rms_db(source[max(0, start) : max(0, stop)])
    heard_db = [level for level in levels.values() if level > _SILENT_DB] or [0.0]
    usual = float(np.median(heard_db))
    return {bar: float(np.clip(0.72 + (level - usual) / 18, 0.25, 1.0)) for bar, level in levels.items()}


def bed(
    source: Stereo, known: Span, span: Span, context: Context, seed: int, cancel_check: Callable[[], None]
) -> Stereo | None:
    """Return the span filled with bars of the song itself, ``[span, 2]``; ``None`` when no whole bar lies outside of it.

    Each bar is one with the same chords in the same place of the phrase and with the level of the span's neighbours;
    among the best the seed chooses, and what followed in the song is liked to follow here. Seams are 12 ms long and lie
    on bar lines; where a bar goes on as it did in the song, they leave no trace.
    """
    grid, harmony, meter = context.grid, context.harmony, context.grid.beats_per_bar
    material = {}
    for bar in bars_over(grid, known):
        start, stop = bar_frames(grid, bar)
        clear = stop <= span[0] or start >= span[1]
        if clear and start >= known[0] and stop <= known[1] and rms_db(source[start:stop]) > _SILENT_DB:
            material[bar] = rms_db(source[start:stop])
    if not material:
        return None
    rng = np.random.default_rng([seed, 5])
    wanted = bars_over(grid, span)
    near = sorted(material, key=lambda b: min(abs(b - wanted[0]), abs(b - wanted[-1])))[:4]
    usual_db = float(np.mean([material[b] for b in near]))
    pieces = []
    previous = wanted[0] - 1
    for bar in wanted:
        cancel_check()

        def misfit(other: int, bar: int = bar, previous: int = previous) -> float:
            chords = sum(harmony.at(other * meter + b) != harmony.at(bar * meter + b) for b in range(meter)) / meter
            place = 0.5 * ((other - bar) % 2 != 0) + 0.5 * ((other - bar) % 4 != 0)
            flow = 0.0 if other == previous + 1 else 0.6
            return 3.0 * chords + place + flow + abs(material[other] - usual_db) / 6

        ranked = sorted(material, key=misfit)
        best = [b for b in ranked[:4] if misfit(b) <= misfit(ranked[0]) + 0.8]
        previous = best[rng.integers(len(best))]
        taken = bar_frames(grid, previous)
        start, stop = max(known[0], taken[0] - _SEAM // 2), min(known[1], taken[1] + _SEAM // 2)
        pieces.append((bar_frames(grid, bar)[0] - span[0] + start - taken[0], source[start:stop]))
    return _seamed(pieces, span[1] - span[0])


def _seamed(pieces: list[tuple[int, Stereo]], frames: int) -> Stereo:
    """Join pieces, each given with the frame at which it starts, where they overlap; return ``[frames, 2]`` from frame 0.

    Like and unlike bars meet at constant power (Fink, Holters and Zölzer, Signal-matched power-complementary
    cross-fading, 2016).
    """
    begin = min(0, pieces[0][0])
    end = max(frames, max(at + len(piece) for at, piece in pieces))
    out = np.zeros((end - begin, 2), np.float32)
    done = 0
    for at, piece in pieces:
        first = at - begin
        seam = max(0, done - first)
        angle = (0.5 * np.pi * (np.arange(seam) + 0.5) / max(1, seam))[:, None]
        old, new = out[first : first + seam].astype(np.float64), piece[:seam].astype(np.float64)
        likeness = np.sum(old * new) / max(1e-12, float(np.sqrt(np.sum(old**2) * np.sum(new**2))))
        power = 1 + max(0.0, float(likeness)) * np.sin(2 * angle)
        out[first : first + seam] = (np.cos(angle) * old + np.sin(angle) * new) / np.sqrt(power)
        out[first + seam : first + len(piece)] = piece[seam:]
        done = first + len(piece)
    return out[-begin : frames - begin]
