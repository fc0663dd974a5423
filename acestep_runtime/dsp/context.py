"""The musical context of a span: grid, key and chords, loudness, and bars of the song to build with.

Frames and seconds count within one window ``[N, 2]`` at 48 kHz, of which ``known`` frames hold the song.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from acestep_runtime.audio.convert import resample
from acestep_runtime.audio.mono import mix_for_analysis
from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.dsp.draws import Seed, seed_of_choice, seeds_in
from acestep_runtime.dsp.harmony import Pitches, find_chords, find_key, pitch_classes
from acestep_runtime.dsp.musical import Analysis, Chord, Grid
from acestep_runtime.dsp.onsets import RATE_HZ, Floats
from acestep_runtime.dsp.progressions import ChordSymbol, Harmony, continue_harmony, progression, quantise_chords
from acestep_runtime.dsp.render import Stereo, rms_db
from acestep_runtime.text.style import Style
from acestep_runtime.units import ENGINE_RATE_HZ, ms_to_frames
from acestep_runtime.values import Key, Music

Span = tuple[int, int]

#: Shorter context on one side of a span shows neither tempo nor key.
MIN_CONTEXT_S = 3.0
#: Relative distance up to which a given tempo is a hint for the measured one.
HINT_TOLERANCE = 0.04
#: Quieter bars are not used as material.
_SILENT_DB = -55.0
_SEAM = ms_to_frames(12, ENGINE_RATE_HZ)
#: Names the bars of a bed among the choices of a seed.
_BED = 5


@dataclass(frozen=True)
class MeasuredGrid(Grid):
    """A grid through measured beats, for music whose tempo drifts. Outside them it continues at a steady tempo.

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
    """The grid, key and chords around a span, with a chord for every beat of it.

    ``confidence`` is that of "tempo" and "key", as in `Analysis`. ``measured`` are the measured chords alone, those inside
    the span too where they were looked at.
    """

    grid: Grid
    key: Key
    harmony: Harmony
    confidence: Mapping[str, float] = field(default_factory=dict)
    measured: Mapping[int, ChordSymbol] = field(default_factory=dict)


def choose_grid(analysis: Analysis) -> Grid:
    """Return the steady grid, or one through the measured beats where they leave it by over 30 ms."""
    beats = np.array(analysis.beats_s)
    if len(beats) < 8 or not analysis.downbeats_s:
        return analysis.grid
    numbers = np.array([analysis.grid.s_to_beat(b) for b in beats])
    if np.max(np.abs(numbers - np.round(numbers))) * analysis.grid.beat_s < 0.03:
        return analysis.grid
    first = -int(np.argmin(np.abs(beats - analysis.downbeats_s[0])))
    return MeasuredGrid(
        analysis.grid.bpm, analysis.downbeats_s[0], analysis.grid.beats_per_bar, analysis.beats_s, first
    )


def is_tempo_hint(hint_bpm: float, measured_bpm: float) -> bool:
    """Return whether a tempo counts the same music differently, rather than asks for a faster or slower one."""
    return any(abs(hint_bpm / (measured_bpm * ratio) - 1) <= HINT_TOLERANCE for ratio in (0.5, 1.0, 2.0))


def analyse_with_tempo_hint(source: Stereo, music: Music) -> Analysis:
    """Analyse all of ``source``. A tempo near the measured one, its half or its double selects the beat level.

    A tempo within 4 % may be inexact: where the beats do not fit it, the measured one is used.
    """
    analysis = analyse(source, ENGINE_RATE_HZ, timesignature=music.timesignature)
    bpm = music.bpm
    if bpm is None or analysis.confidence.get("beats", 0.0) <= 0 or not is_tempo_hint(bpm, analysis.grid.bpm):
        return analysis
    hinted_analysis = analyse(source, ENGINE_RATE_HZ, bpm=bpm, timesignature=music.timesignature)
    if hinted_analysis.confidence["beats"] >= 0.9 * analysis.confidence["beats"]:
        return hinted_analysis
    ratio = min((0.5, 1.0, 2.0), key=lambda r: abs(float(np.log(bpm / (analysis.grid.bpm * r)))))
    if ratio == 1.0:
        return analysis
    return analyse(source, ENGINE_RATE_HZ, bpm=analysis.grid.bpm * ratio, timesignature=music.timesignature)


def analyse_whole_source(source: Stereo, span: Span, music: Music, style: Style) -> Context:
    """Analyse all of ``source``, including the span: the context of a part that plays along with it."""
    analysis = analyse(
        source, ENGINE_RATE_HZ, bpm=music.bpm, keyscale=music.keyscale, timesignature=music.timesignature
    )
    context = _build_context(list(analysis.chords), analysis.key, choose_grid(analysis), span, style)
    return replace(context, confidence=analysis.confidence)


def analyse_around_span(source: Stereo, known: Span, span: Span, music: Music, style: Style) -> Context:
    """Analyse the music around ``span``: the context of music that replaces it.

    The longer side sets tempo and meter. The other side is aligned to the same grid, and the tempo is adjusted by up to
    2 % so that the beat meets both. The key is the joint key of both sides, and of the old content of the span unless
    that is longer than they are. With too little context on either side, only the old content is analysed.
    """
    enough = round(MIN_CONTEXT_S * ENGINE_RATE_HZ)
    before, after = (known[0], min(span[0], known[1])), (max(span[1], known[0]), known[1])
    sides = [side for side in (before, after) if side[1] - side[0] >= enough] or [known]
    main_at, main_end = main_span = max(sides, key=lambda side: side[1] - side[0])
    main = analyse(source[main_at:main_end], ENGINE_RATE_HZ, bpm=music.bpm, keyscale=music.keyscale,
                   timesignature=music.timesignature)  # fmt: skip
    grid = _shift_grid(main.grid, main_at)
    for at, end in sides:
        if at == main_at or music.bpm is not None:
            continue
        other = analyse(source[at:end], ENGINE_RATE_HZ, bpm=grid.bpm, keyscale=str(main.key),
                        timesignature=grid.beats_per_bar)  # fmt: skip
        if other.confidence.get("beats", 0.0) > 0:
            grid = _fit_tempo(grid, _shift_grid(other.grid, at), (main_at + main_end) / 2, (at + end) / 2)
    outside = [part for part in (before, after) if part[1] - part[0] >= ENGINE_RATE_HZ // 2]
    inside = (max(known[0], span[0]), min(known[1], span[1]))
    parts = outside or [main_span]
    if outside and 0 < inside[1] - inside[0] < sum(end - at for at, end in outside):
        parts = sorted([*outside, inside])
    key, key_confidence, chords = _find_harmony(source, parts, grid, music)
    context = _build_context(
        [c for c in chords if not _is_within(c, span)] if outside else chords, key, grid, span, style
    )
    if music.chords and inside not in parts and inside[1] > inside[0]:
        chords = [*chords, *_find_harmony(source, [inside], grid, replace(music, keyscale=str(key)))[2]]
    measured = quantise_chords(chords, grid, key).chords
    return replace(context, confidence={"tempo": main.confidence["tempo"], "key": key_confidence}, measured=measured)


def _find_harmony(source: Stereo, parts: list[Span], grid: Grid, music: Music) -> tuple[Key, float, list[Chord]]:
    """Return the joint key of several parts of a song (or the given one), its confidence, and their chords in it."""
    with ThreadPoolExecutor(len(parts)) as pool:  # most of it is numpy's, which threads can share
        pitches = pool.map(lambda part: _beat_pitches(source[part[0] : part[1]], part[0], grid), parts)
        part_features = [(at, *features) for (at, _), features in zip(parts, pitches, strict=True)]

    def chords_in(key: Key | None) -> list[Chord]:
        return [chord for at, pitches, bounds_s, places in part_features
                for chord in _shift_chords(find_chords(pitches, bounds_s, key, places, grid.beats_per_bar), at)]  # fmt: skip

    if music.keyscale is not None:
        key, confidence = Key.parse(music.keyscale), 1.0
    else:
        key, confidence = find_key(
            concatenate_pitches([pitches for _, pitches, _, _ in part_features]), chords_in(None)
        )
    return key, confidence, chords_in(key)


def _is_within(chord: Chord, span: Span) -> bool:
    middle = (chord.start_s + chord.end_s) / 2 * ENGINE_RATE_HZ
    return span[0] <= middle < span[1]


def _beat_pitches(part: Stereo, at: int, grid: Grid) -> tuple[Pitches, Floats, list[int]]:
    """Return the pitch classes of a part that begins at frame ``at``, the bounds of its beats and their places in bars."""
    mono = mix_for_analysis(resample(part, ENGINE_RATE_HZ, RATE_HZ), RATE_HZ)[:, 0]
    start_s, length_s = at / ENGINE_RATE_HZ, len(part) / ENGINE_RATE_HZ
    first = int(np.ceil(grid.s_to_beat(start_s + 0.05)))
    last = int(np.floor(grid.s_to_beat(start_s + length_s - 0.05)))
    beats_s = [grid.beat_to_s(beat) - start_s for beat in range(first, last + 1)]
    places = [(first - 1 + unit) % grid.beats_per_bar for unit in range(len(beats_s) + 1)]
    return pitch_classes(mono), np.array([0.0, *beats_s, length_s]), places


def concatenate_pitches(parts: list[Pitches]) -> Pitches:
    """Return the pitch classes of several parts as those of one recording."""
    frames = np.array([len(part.level) for part in parts])
    tonal, in_tune = (
        float(np.average([getattr(part, name) for part in parts], weights=frames)) for name in ("tonal", "in_tune")
    )
    full, bass, level = (np.concatenate([getattr(part, name) for part in parts]) for name in ("full", "bass", "level"))
    return Pitches(full, bass, level, tonal, in_tune)


def _shift_chords(chords: Iterable[Chord], frames: int) -> list[Chord]:
    by_s = frames / ENGINE_RATE_HZ
    return [Chord(c.start_s + by_s, c.end_s + by_s, c.root, c.quality) for c in chords]


def _shift_grid(grid: Grid, frames: int) -> Grid:
    return Grid(grid.bpm, grid.first_downbeat_s + frames / ENGINE_RATE_HZ, grid.beats_per_bar)


def _fit_tempo(grid: Grid, other: Grid, here: float, there: float) -> Grid:
    """Return the grid with its tempo adjusted so that it also meets a beat of the other grid, mid-part."""
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


def _build_context(chords: list[Chord], key: Key, grid: Grid, span: Span, style: Style) -> Context:
    """Place measured chords on a grid and continue them through the span."""
    first = int(np.floor(grid.s_to_beat(span[0] / ENGINE_RATE_HZ))) - 1
    last = int(np.ceil(grid.s_to_beat(span[1] / ENGINE_RATE_HZ))) + grid.beats_per_bar
    harmony = quantise_chords(chords, grid, key)
    return Context(
        grid, key, continue_harmony(harmony, range(first, last + 1), grid.beats_per_bar, progression(style, key, 0))
    )


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


def bar_energies(source: Stereo, grid: Grid, span: Span) -> dict[int, float]:
    """Return the energy (0.25 to 1) of each bar over the span: its level against the median bar's; 18 dB are 1."""
    levels = {}
    for bar in bars_over(grid, span):
        start, stop = bar_frames(grid, bar)
        levels[bar] = rms_db(source[max(0, start) : max(0, stop)])
    audible_db = [level for level in levels.values() if level > _SILENT_DB] or [0.0]
    usual = float(np.median(audible_db))
    return {bar: float(np.clip(0.72 + (level - usual) / 18, 0.25, 1.0)) for bar, level in levels.items()}


def bed_from_source(
    source: Stereo, known: Span, span: Span, context: Context, seed: Seed, cancel_check: Callable[[], None],
    most_other_chords: float = 1.0,
) -> Stereo | None:  # fmt: skip
    """Return the span filled with bars of the song, ``[span, 2]``; ``None`` when no whole bar lies outside the span.

    ``None`` also where the song has no bar for one of the span's that differs from its chords in at most the share
    ``most_other_chords`` of the beats. Each bar has the same chords, the same position in the phrase and the level of the
    span's neighbours; the seed chooses among the best, preferring bars that follow each other in the song. Seams are 12 ms
    long and lie on bar lines; between consecutive bars of the song they leave no trace.
    """
    grid, harmony, meter = context.grid, context.harmony, context.grid.beats_per_bar
    material = {}
    for bar in bars_over(grid, known):
        start, stop = bar_frames(grid, bar)
        is_outside = stop <= span[0] or start >= span[1]
        if is_outside and start >= known[0] and stop <= known[1] and rms_db(source[start:stop]) > _SILENT_DB:
            material[bar] = rms_db(source[start:stop])
    if not material:
        return None
    streams = {each: np.random.default_rng([each, _BED]) for each in seeds_in(seed)}
    bars = bars_over(grid, span)
    near = sorted(material, key=lambda b: min(abs(b - bars[0]), abs(b - bars[-1])))[:4]
    usual_db = float(np.mean([material[b] for b in near]))
    segments = []
    previous = bars[0] - 1
    for bar in bars:
        cancel_check()

        def other_chords(other: int, bar: int = bar) -> float:
            return sum(harmony.at(other * meter + b) != harmony.at(bar * meter + b) for b in range(meter)) / meter

        def transition_cost(other: int, bar: int = bar, previous: int = previous) -> float:
            chords = other_chords(other, bar)
            place = 0.5 * ((other - bar) % 2 != 0) + 0.5 * ((other - bar) % 4 != 0)
            flow = 0.0 if other == previous + 1 else 0.6
            return 3.0 * chords + place + flow + abs(material[other] - usual_db) / 6

        if min(map(other_chords, material)) > most_other_chords:
            return None
        ranked = sorted(material, key=transition_cost)
        best = [b for b in ranked[:4] if transition_cost(b) <= transition_cost(ranked[0]) + 0.8]
        picks = {each: rng.integers(len(best)) for each, rng in streams.items()}
        previous = best[picks[seed_of_choice(seed, _BED, bar + 2**20)]]
        source_frames = bar_frames(grid, previous)
        start, stop = max(known[0], source_frames[0] - _SEAM // 2), min(known[1], source_frames[1] + _SEAM // 2)
        segments.append((bar_frames(grid, bar)[0] - span[0] + start - source_frames[0], source[start:stop]))
    return _crossfade_segments(segments, span[1] - span[0])


def _crossfade_segments(segments: list[tuple[int, Stereo]], frames: int) -> Stereo:
    """Crossfade segments, each with its start frame, where they overlap; return ``[frames, 2]`` from frame 0.

    The crossfade has constant power for correlated and uncorrelated bars (Fink, Holters and Zölzer, Signal-matched
    power-complementary cross-fading, 2016).
    """
    begin = min(0, segments[0][0])
    end = max(frames, max(at + len(segment) for at, segment in segments))
    out = np.zeros((end - begin, 2), np.float32)
    done = 0
    for at, segment in segments:
        first = at - begin
        seam = max(0, done - first)
        angle = (0.5 * np.pi * (np.arange(seam) + 0.5) / max(1, seam))[:, None]
        old, new = out[first : first + seam].astype(np.float64), segment[:seam].astype(np.float64)
        likeness = np.sum(old * new) / max(1e-12, float(np.sqrt(np.sum(old**2) * np.sum(new**2))))
        power = 1 + max(0.0, float(likeness)) * np.sin(2 * angle)
        out[first : first + seam] = (np.cos(angle) * old + np.sin(angle) * new) / np.sqrt(power)
        out[first + seam : first + len(segment)] = segment[seam:]
        done = first + len(segment)
    return out[-begin : frames - begin]
