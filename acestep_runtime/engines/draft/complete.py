"""The draft engine's complete: an accompaniment of chosen tracks around a source.

source ─► beat, key, chords (or chords that suit its melody) ─► notes of all tracks, bar by bar ─► a mixer a track
                                                                                   ▼
      mix = source + g · sum of the tracks, g below 1 only for the instants at which the sum would pass full scale

All roles come interleaved, a bar at a time, so that nothing is buffered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from acestep_runtime.chords.read import chart_of
from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.dsp.charts import place_from
from acestep_runtime.dsp.context import bar_energies, bars_over, choose_grid
from acestep_runtime.dsp.draws import Seed, draw
from acestep_runtime.dsp.musical import Analysis, Grid
from acestep_runtime.dsp.players import Bar, Note, play_bar
from acestep_runtime.dsp.progressions import (
    SCALES,
    Harmony,
    chord_rows,
    continue_harmony,
    harmonise_melody,
    progression,
    quantise_chords,
    tonic_triad,
)
from acestep_runtime.dsp.render import Mixer, Stereo, apply_fade_out, render, rms_db
from acestep_runtime.dsp.singing import sing_lines
from acestep_runtime.dsp.transcribe import (
    SOLO_SHARE,
    MelodyNote,
    melody_power_share,
    sounding_share,
    tone_salience,
    transcribe_melody,
)
from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.draft.span import lines_metadata
from acestep_runtime.engines.draft.swing import find_source_swing
from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.engines.signal.blocks import grid_metadata, guess_notes, require_source
from acestep_runtime.lyrics.text import lyric_lines
from acestep_runtime.lyrics.timed import TimedLine
from acestep_runtime.text.style import Instrument, Style, keep_track, style_from_caption
from acestep_runtime.threads import parallel_map, run_concurrently
from acestep_runtime.units import ENGINE_RATE_HZ, db_to_gain, ms_to_frames
from acestep_runtime.values import CancelToken, Key, Music

#: Level of each track against the source, for a mix; a solo voice gets more.
_LEVEL_DB = {"drums": -5.0, "bass": -6.0, "vocals": -4.0, "percussion": -12.0, "fx": -14.0, "backing_vocals": -11.0}
_USUAL_DB, _MORE_DB = -9.0, 3.0
#: Level of an accompaniment to a silent source.
_SILENT_SOURCE_DB = -16.0
#: Maximum reduction of an accompaniment, so that the sum with the source stays below full scale.
_MAX_REDUCTION_DB = 6.0
_FULL_SCALE = 1.0
_TRIAL_BARS = 3
#: Attack and release of the ducking before and after a peak.
_DUCK = ms_to_frames(4, ENGINE_RATE_HZ)
#: Fade-out at the end, which avoids a click.
_FADE = ms_to_frames(60, ENGINE_RATE_HZ)
#: Share of a bar with melody from which on no player adds another melody.
_MELODY_SHARE = 0.35
#: Rhythms for chord players that would double another, in order of assignment.
_SPARE_PATTERNS = ("whole", "arpeggio", "offbeats", "picking", "stabs", "blocks", "lazy", "strum")
#: Weight of a note for a key, by its degree, and of a note outside the scale.
_DEGREES, _OUTSIDE = (2.0, 0.6, 1.2, 0.7, 1.4, 0.6, 0.5), -8.0
#: Bass notes this near to a kick are moved onto it.
_TOGETHER_S = 0.045

_Row = tuple[dict[str, list[Note]], float]


@dataclass(frozen=True)
class _SourceMusic:
    """The analysed source of an accompaniment. ``is_solo``: the source is a single voice."""

    grid: Grid
    key: Key
    harmony: Harmony
    tune: tuple[MelodyNote, ...]
    is_solo: bool
    energy: dict[int, float]
    confidence: Mapping[str, float]


def complete(request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Accompany the source with the requested tracks: "mix" includes the source; each track is also a role."""
    source, music = require_source(request), request.music
    style = style_from_caption(music.caption)
    yield Progress("analysing the source", 0.0)
    cancel.check()
    beat_and_key = partial(analyse, source, ENGINE_RATE_HZ, bpm=music.bpm, keyscale=music.keyscale,
                           timesignature=music.timesignature)  # fmt: skip
    analysis, _ = run_concurrently(beat_and_key, partial(tone_salience, source, ENGINE_RATE_HZ))
    yield Progress("analysing its harmony", 0.1)
    cancel.check()
    source_music = _analyse_music(source, analysis, music, style, request.take_seed)
    swing = find_source_swing(source, source_music.grid)
    style = style if swing is None else replace(style, swing=swing)
    players = _assign_players(style, request.tracks)
    rows, line_times = _arrange_bars(source_music, players, style, request)
    cancel.check()
    yield Progress("setting the levels", 0.15)
    trials = {
        track: Mixer(seed=request.take_seed, brightness=style.brightness, room_s=style.room_s)
        for track in request.tracks
    }
    gains_db, reduction_db = _set_levels(trials, source, source_music, rows, request.frames)
    yield Metadata(_metadata(request, source_music, line_times, reduction_db))

    mixers = {track: Mixer(seed=request.take_seed, brightness=style.brightness, room_s=style.room_s, gain_db=gains_db[track],
                         like=trial) for track, trial in trials.items()}  # fmt: skip
    parts = [render([(notes[track], end_s) for notes, end_s in rows], request.frames, mixer)
             for track, mixer in mixers.items()]  # fmt: skip
    ducker = _Ducker(source)
    pending: list[Block] = []
    fade = min(_FADE, max(1, request.frames // 4))
    done = 0
    for number, blocks in enumerate(_zip_parts(parts), 1):
        yield Progress(f"playing bar {min(number, len(rows))} of {len(rows)}", 0.2 + 0.8 * done / request.frames)
        cancel.check()
        blocks = tuple(apply_fade_out(block, done, request.frames, fade) for block in blocks)
        done += len(blocks[0])
        mixture = ducker.push(_sum(blocks), last=done == request.frames)
        pending += [Block(track, block) for track, block in zip(request.tracks, blocks, strict=True)]
        if len(mixture):  # the mix comes first, with a short delay
            yield Block("mix", mixture)
            yield from pending
            pending = []
    if ducker.ducked_frames:
        yield Metadata({"ducked_s": round(ducker.ducked_frames / ENGINE_RATE_HZ, 3)})


def _zip_parts(parts: list[Iterator[Stereo]]) -> Iterator[tuple[Stereo, ...]]:
    """Yield a block of each part at a time; the parts are rendered in parallel."""
    while True:
        blocks = [block for block in parallel_map(lambda part: next(part, None), parts) if block is not None]
        if not blocks:
            return
        yield tuple(blocks)


def _sum(blocks: tuple[Stereo, ...]) -> Stereo:
    return np.asarray(sum(block.astype(np.float64) for block in blocks), np.float32)


class _Ducker:
    """Adds an accompaniment to a source; the accompaniment never makes the sum exceed full scale.

    Where it would, the accompaniment ducks: its gain follows the smallest one needed within 4 ms around, smoothed
    over the same time (look-ahead limiting; Zölzer, DAFX, ch. 4). The source is never changed.
    """

    def __init__(self, source: Stereo) -> None:
        self._source = source
        self._at = 0
        self._pending = np.zeros((0, 2), np.float32)
        #: Maximum gains of the pending frames and the frames just returned.
        self._max_gains = np.ones(2 * _DUCK, np.float32)
        self.ducked_frames = 0

    def push(self, block: Stereo, *, last: bool) -> Stereo:
        """Take the next ``[n, 2]`` of the accompaniment; return the finished part of the sum, all of it with ``last``."""
        from scipy.ndimage import minimum_filter1d, uniform_filter1d

        start = self._at + len(self._pending)
        self._max_gains = np.concatenate((self._max_gains, _max_gain(block, self._source[start : start + len(block)])))
        self._pending = np.concatenate((self._pending, block))
        count = len(self._pending) if last else max(0, len(self._pending) - 2 * _DUCK)
        ahead = np.concatenate((self._max_gains, np.ones(2 * _DUCK, np.float32)))
        out = self._pending[:count]
        source = self._source[self._at : self._at + count]
        if (ahead < 1).any():
            least = minimum_filter1d(ahead, 2 * _DUCK + 1, mode="nearest")
            gain = uniform_filter1d(least.astype(np.float64), 2 * _DUCK + 1, mode="nearest")[2 * _DUCK :][:count]
            gain = np.minimum(gain, self._max_gains[2 * _DUCK :][:count]).astype(np.float32)
            self.ducked_frames += int(np.count_nonzero(gain < 0.999))
            out = out * gain[:, None]
        self._pending = self._pending[count:]
        self._max_gains = self._max_gains[count:]
        self._at += count
        return np.asarray(source + out, np.float32)


def _max_gain(block: Stereo, source: Stereo) -> Stereo:
    """Return the greatest gain, up to 1, at which source plus block stays within full scale, ``[n]``."""
    total = source + block
    over = np.abs(total) > np.maximum(_FULL_SCALE, np.abs(source))
    if not over.any():
        return np.ones(len(block), np.float32)
    room = np.maximum(0.0, _FULL_SCALE - np.sign(block) * source) / np.maximum(np.abs(block), 1e-9)
    return np.asarray(np.where(over, np.minimum(1.0, room), 1.0).min(axis=1), np.float32)


def _analyse_music(source: Stereo, analysis: Analysis, music: Music, style: Style, seed: Seed) -> _SourceMusic:
    """Return beat, key and chords of the source; a solo melody gets chords that suit it."""
    grid = choose_grid(analysis)
    meter = grid.beats_per_bar
    span = (0, len(source))
    bars = bars_over(grid, span)
    tune = transcribe_melody(source, ENGINE_RATE_HZ, analysis)
    is_solo = melody_power_share(source, ENGINE_RATE_HZ, tune) >= SOLO_SHARE
    key, confidence = analysis.key, analysis.confidence
    which = int(draw(seed, 63).integers(8))
    if is_solo or not analysis.chords:
        key = _find_key(tune, analysis, music)
        if _tells_key(tune):
            confidence = {**confidence, "key": 1.0}
        chords = harmonise_melody(_pitch_weights(tune, grid), bars, key, progression(style, key, which))
        harmony = Harmony({bar * meter + b: chords[bar] for bar in bars for b in range(meter)}, tonic_triad(key))
    else:
        beats = range(bars[0] * meter, (bars[-1] + 1) * meter)
        harmony = continue_harmony(
            quantise_chords(analysis.chords, grid, key), beats, meter, progression(style, key, which)
        )
    chart = chart_of(music)
    if chart is not None:
        harmony = place_from(chart, harmony, grid, 0.0, len(source) / ENGINE_RATE_HZ)
    return _SourceMusic(grid, key, harmony, tune, is_solo, bar_energies(source, grid, span), confidence)


def _tells_key(tune: tuple[MelodyNote, ...]) -> bool:
    """Return whether a melody has enough different notes to tell its key."""
    return len({pitch % 12 for _, _, pitch, _ in tune}) >= 3


def _find_key(tune: tuple[MelodyNote, ...], analysis: Analysis, music: Music) -> Key:
    """Return the given key, or the one whose degrees the notes of a solo melody favour.

    Notes weigh by their length; notes outside a key count against it, the last one for its tonic.
    """
    if music.keyscale is not None or not _tells_key(tune):
        return analysis.key
    total = sum(length for _, length, _, _ in tune)

    def suits(key: Key) -> float:
        degrees = {(key.tonic + step) % 12: _DEGREES[n] for n, step in enumerate(SCALES[key.mode])}
        fit = sum(length * degrees.get(pitch % 12, _OUTSIDE) for _, length, pitch, _ in tune) / total
        return fit + 0.15 * (tune[-1][2] % 12 == key.tonic) + 0.05 * (key == analysis.key)

    return max((Key(tonic, mode) for mode in ("major", "minor") for tonic in range(12)), key=suits)


def _pitch_weights(tune: tuple[MelodyNote, ...], grid: Grid) -> dict[int, dict[int, float]]:
    """Return the beats that each pitch class sounds in each bar; the first beat counts twice."""
    weights: dict[int, dict[int, float]] = {}
    for start_s, length_s, pitch, strength in tune:
        beat, end = grid.s_to_beat(start_s), grid.s_to_beat(start_s + length_s)
        while beat < end - 1e-3:
            bar = int(np.floor(beat / grid.beats_per_bar + 1e-3))
            stop = min(end, np.floor(beat + 1e-3) + 1)
            first = beat - bar * grid.beats_per_bar < 0.5
            row = weights.setdefault(bar, {})
            row[pitch % 12] = row.get(pitch % 12, 0.0) + (stop - beat) * strength * (2.0 if first else 1.0)
            beat = stop
    return weights


def _assign_players(style: Style, tracks: tuple[str, ...]) -> dict[str, Instrument]:
    """Return the player of each track. Chord players never share a rhythm, and at most one plays a melody."""
    used_patterns: set[str] = set()
    players: dict[str, Instrument] = {}
    has_lead = False
    for track in tracks:
        instrument = keep_track(style, track).instruments[0]
        is_pitched = track not in ("drums", "percussion", "bass", "fx", "vocals", "backing_vocals")
        if is_pitched and ((instrument.leads and has_lead) or instrument.pattern in used_patterns):
            free = [name for name in _SPARE_PATTERNS if name not in used_patterns]
            instrument = replace(instrument, pattern=free[0] if free else _SPARE_PATTERNS[0])
        has_lead = has_lead or instrument.leads
        if is_pitched:
            used_patterns.add(instrument.pattern)
        players[track] = instrument
    return players


def _arrange_bars(
    source_music: _SourceMusic, players: dict[str, Instrument], style: Style, request: EngineRequest
) -> tuple[list[_Row], list[TimedLine]]:
    """Return the notes of each track and the end of every bar, and the times of the sung lines."""
    grid, meter = source_music.grid, source_music.grid.beats_per_bar
    bars = bars_over(grid, (0, request.frames))
    words: list[Note] = []
    line_times: list[TimedLine] = []
    lines = lyric_lines(request.music.lyrics) if "vocals" in players else ()
    if lines:
        whole = [
            b for b in bars if b >= 0 and grid.beat_to_s((b + 1) * meter) <= request.frames / ENGINE_RATE_HZ + 0.05
        ]
        sings = range(whole[0], whole[-1] + 1) if whole else bars
        words, line_times = sing_lines(lines, bars=sings, grid=grid, harmony=source_music.harmony,
                                       key=source_music.key, seed=request.take_seed, style=style)  # fmt: skip
    rows: list[_Row] = []
    for bar in bars:
        begin_s, end_s = grid.beat_to_s(bar * meter), grid.beat_to_s((bar + 1) * meter)
        level = (
            0.4 + 0.6 * source_music.energy.get(bar, 0.6) if source_music.is_solo else source_music.energy.get(bar, 0.6)
        )
        energy = float(np.clip(level + 0.6 * style.energy, 0.2, 1.0))
        here = Bar(bar, grid, source_music.harmony, source_music.key, energy, request.take_seed, "part", bar % 8, 8)
        busy = sounding_share(source_music.tune, begin_s, end_s) > _MELODY_SHARE
        notes: dict[str, list[Note]] = {}
        for track, instrument in players.items():
            if track == "vocals" and lines:
                notes[track] = [n for n in words if begin_s - 0.012 <= n.start_s < end_s - 0.012]
                continue
            player = (
                replace(instrument, pattern="whole") if instrument.leads and busy and track != "vocals" else instrument
            )
            notes[track] = [] if instrument.leads and busy and track == "vocals" else play_bar(here, style, (player,))
        if "drums" in notes and "bass" in notes:
            notes["bass"] = _lock_to_kick(notes["bass"], notes["drums"])
        rows.append((notes, end_s))
    return rows, line_times


def _lock_to_kick(bass: list[Note], drums: list[Note]) -> list[Note]:
    """Move bass notes that nearly meet a kick onto it."""
    kicks = [note.start_s for note in drums if note.piece == "kick"]

    def on_kick(note: Note) -> Note:
        near = min(kicks, key=lambda at: abs(at - note.start_s), default=note.start_s)
        return replace(note, start_s=near) if abs(near - note.start_s) < _TOGETHER_S else note

    return [on_kick(note) for note in bass]


def _set_levels(
    trials: Mapping[str, Mixer], source: Stereo, source_music: _SourceMusic, rows: list[_Row], frames: int
) -> tuple[dict[str, float], float]:
    """Return the gain of each track in dB, set on the source's fullest bars, and the common reduction."""
    meter = source_music.grid.beats_per_bar
    bars = bars_over(source_music.grid, (0, frames))
    order = sorted(range(len(rows)), key=lambda n: (-source_music.energy.get(bars[n], 0.0), n))[:_TRIAL_BARS]
    source_db = rms_db(source)
    reference_db = source_db if source_db > -50 else _SILENT_SOURCE_DB
    segments = []
    for n in order:
        start, stop = (round(source_music.grid.beat_to_s(b * meter) * ENGINE_RATE_HZ) for b in (bars[n], bars[n] + 1))
        segments.append((max(0, start), min(frames, max(stop, start + 1))))

    def play_track(track: str) -> list[Stereo]:
        mixer, blocks, at = trials[track], list[Stereo](), 0
        mixer.prepare(note for n in order for note in rows[n][0][track])
        for n, (start, stop) in zip(order, segments, strict=True):
            for note in rows[n][0][track]:
                mixer.play(replace(note, start_s=max(0.0, note.start_s - start / ENGINE_RATE_HZ) + at / ENGINE_RATE_HZ))
            at += max(0, stop - start)
            blocks.append(mixer.read(at))
        return blocks

    gains, total = {}, [np.zeros((max(0, b - a), 2), np.float32) for a, b in segments]
    for track, blocks in zip(trials, parallel_map(play_track, trials), strict=True):
        played_db = rms_db(np.concatenate(blocks)) if blocks else -120.0
        target_db = reference_db + _LEVEL_DB.get(track, _USUAL_DB) + (_MORE_DB if source_music.is_solo else 0.0)
        gains[track] = target_db - played_db if played_db > -60 else 0.0
        for part, block in zip(total, blocks, strict=True):
            part += block * np.float32(db_to_gain(gains[track]))
    crowd_db = 10 * np.log10(max(1.0, len(trials) / 4))
    reduction_db = _headroom_reduction_db(source, segments, total, crowd_db)
    return {track: gain - crowd_db - reduction_db for track, gain in gains.items()}, reduction_db


def _headroom_reduction_db(
    source: Stereo, segments: list[tuple[int, int]], total: list[Stereo], crowd_db: float
) -> float:
    """Return the reduction in dB at which less than 1 % of the frames exceed full scale."""
    reduction_db = 0.0
    while reduction_db < _MAX_REDUCTION_DB:
        gain = np.float32(db_to_gain(-crowd_db - reduction_db))
        over = [np.abs(source[a:b] + gain * part).max(axis=1) > _FULL_SCALE
                for (a, b), part in zip(segments, total, strict=True) if b > a]  # fmt: skip
        if not over or float(np.concatenate(over).mean()) <= 0.01:
            break
        reduction_db += 0.5
    return reduction_db


def _metadata(
    request: EngineRequest, source_music: _SourceMusic, line_times: list[TimedLine], reduction_db: float
) -> TakeMetadata:
    length_s = request.frames / ENGINE_RATE_HZ
    notes = guess_notes(source_music.grid, source_music.key, source_music.confidence)
    if source_music.is_solo and not request.music.chords.strip():
        notes.append("The source is one voice; the chords are chosen to suit its melody.")
    if reduction_db > 0:
        notes.append(
            f"The source leaves little headroom: the accompaniment is {reduction_db:.1f} dB softer than usual."
        )
    return {
        **grid_metadata(source_music.grid, source_music.key),
        "caption": request.music.caption,
        "duration_s": round(length_s, 3),
        "chords": chord_rows(source_music.harmony, source_music.grid, 0.0, length_s),
        "accompaniment_lowered_db": reduction_db,
        "notes": notes,
        **lines_metadata(line_times, request),
    }
