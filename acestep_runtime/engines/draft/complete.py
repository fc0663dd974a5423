"""The draft engine's complete: an accompaniment of chosen tracks around a source, played by one band.

source ─► beat, key, chords (or chords that suit its melody) ─► notes of all tracks, bar by bar ─► a desk a track
                                                                                   ▼
      mix = source + g · sum of the tracks, g below 1 only for the instants at which the sum would pass full scale

All roles come interleaved, a bar at a time, so that nothing has to be held.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.dsp.context import bars_over, energies, following
from acestep_runtime.dsp.musical import Analysis, Grid
from acestep_runtime.dsp.players import Bar, Note, play
from acestep_runtime.dsp.progressions import SCALES, Harmony, continued, fitting, heard, home_of, progression, spelled
from acestep_runtime.dsp.render import Desk, Stereo, faded, render, rms_db
from acestep_runtime.dsp.singing import sung
from acestep_runtime.dsp.transcribe import ALONE, MelodyNote, loneliness, melody, sounding_share, tones
from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.draft.joining import lines_metadata
from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.engines.signal.blocks import grid_metadata, require_source
from acestep_runtime.lyrics.lrc import TimedLine
from acestep_runtime.lyrics.text import sung_lines
from acestep_runtime.text.style import Instrument, Style, only, style_of
from acestep_runtime.threads import both, side_by_side
from acestep_runtime.units import ENGINE_RATE_HZ, db_to_gain, ms_to_frames
from acestep_runtime.values import CancelToken, Key, Music

#: Level of each track against the source, for a mix; a lone voice gets more.
_LEVEL_DB = {"drums": -5.0, "bass": -6.0, "vocals": -4.0, "percussion": -12.0, "fx": -14.0, "backing_vocals": -11.0}
_USUAL_DB, _MORE_DB = -9.0, 3.0
#: Level that an accompaniment of silence is made for.
_ALONE_DB = -16.0
#: Accompaniments are lowered by up to so much, so that the sum with the source stays below full scale.
_MOST_LOWERED_DB = 6.0
_FULL_SCALE = 1.0
_TRIAL_BARS = 3
#: The accompaniment is lowered for a peak within this time, and comes back within it.
_DUCK = ms_to_frames(4, ENGINE_RATE_HZ)
#: What still rings at the end does not click.
_FADE = ms_to_frames(60, ENGINE_RATE_HZ)
#: Share of a bar that a melody sounds in, from which on nobody plays another one against it.
_SUNG = 0.35
#: Rhythms for players of chords that would double one another, in the order in which they are given out.
_OTHERS = ("whole", "arpeggio", "offbeats", "picking", "stabs", "blocks", "lazy", "strum")
#: What a note says for a key, by its degree, and when it is none of its scale.
_DEGREES, _OUTSIDE = (2.0, 0.6, 1.2, 0.7, 1.4, 0.6, 0.5), -8.0
#: Strokes of the bass this near to one of the bass drum fall together with it.
_TOGETHER_S = 0.045

_Row = tuple[dict[str, list[Note]], float]


@dataclass(frozen=True)
class _Heard:
    """What an accompaniment has to fit. ``alone`` says that the source is one voice and nothing else."""

    grid: Grid
    key: Key
    harmony: Harmony
    tune: tuple[MelodyNote, ...]
    alone: bool
    energy: dict[int, float]


def complete(request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Accompany the source with the tracks asked for: "mix" with the source in it, and each track on its own."""
    source, music = require_source(request), request.music
    style = style_of(music.caption)
    yield Progress("listening to the source", 0.0)
    cancel.check()
    beat_and_key = partial(analyse, source, ENGINE_RATE_HZ, bpm=music.bpm, keyscale=music.keyscale,
                           timesignature=music.timesignature)  # fmt: skip
    found, _ = both(beat_and_key, partial(tones, source, ENGINE_RATE_HZ))
    yield Progress("looking for its harmony", 0.1)
    cancel.check()
    piece = _listened(source, found, music, style, request.seed)
    chairs = _chairs(style, request.tracks)
    rows, timed = _arranged(piece, chairs, style, request)
    cancel.check()
    yield Progress("setting the levels", 0.15)
    trials = {
        track: Desk(seed=request.seed, brightness=style.brightness, room_s=style.room_s) for track in request.tracks
    }
    gains_db, lowered_db = _levels(trials, source, piece, rows, request.frames)
    yield Metadata(_metadata(request, piece, timed, lowered_db))

    desks = {track: Desk(seed=request.seed, brightness=style.brightness, room_s=style.room_s, gain_db=gains_db[track],
                         like=trial) for track, trial in trials.items()}  # fmt: skip
    parts = [render([(notes[track], end_s) for notes, end_s in rows], request.frames, desk)
             for track, desk in desks.items()]  # fmt: skip
    under = _Under(source)
    held: list[Block] = []
    fade = min(_FADE, max(1, request.frames // 4))
    done = 0
    for number, blocks in enumerate(_in_step(parts), 1):
        yield Progress(f"playing bar {min(number, len(rows))} of {len(rows)}", 0.2 + 0.8 * done / request.frames)
        cancel.check()
        blocks = tuple(faded(block, done, request.frames, fade) for block in blocks)
        done += len(blocks[0])
        mixed = under.push(_sum(blocks), last=done == request.frames)
        held += [Block(track, block) for track, block in zip(request.tracks, blocks, strict=True)]
        if len(mixed):  # the mix comes first, and a little late
            yield Block("mix", mixed)
            yield from held
            held = []
    if under.ducked:
        yield Metadata({"ducked_s": round(under.ducked / ENGINE_RATE_HZ, 3)})


def _in_step(parts: list[Iterator[Stereo]]) -> Iterator[tuple[Stereo, ...]]:
    """Yield a block of each part at a time; they are played side by side."""
    while True:
        blocks = [block for block in side_by_side(lambda part: next(part, None), parts) if block is not None]
        if not blocks:
            return
        yield tuple(blocks)


def _sum(blocks: tuple[Stereo, ...]) -> Stereo:
    return np.asarray(sum(block.astype(np.float64) for block in blocks), np.float32)


class _Under:
    """Puts an accompaniment under a source and hands out their sum, which never passes full scale by its doing.

    Where the sum would, the accompaniment ducks: its gain follows the smallest one needed within 4 ms around, smoothed
    over the same time (look-ahead limiting; Zölzer, DAFX, ch. 4). The source is never changed.
    """

    def __init__(self, source: Stereo) -> None:
        self._source = source
        self._at = 0
        self._held = np.zeros((0, 2), np.float32)
        #: Gains that are needed, for the frames held and those just handed out.
        self._needed = np.ones(2 * _DUCK, np.float32)
        self.ducked = 0

    def push(self, block: Stereo, *, last: bool) -> Stereo:
        """Take the next ``[n, 2]`` of the accompaniment; return as much of the sum as is settled, all with ``last``."""
        from scipy.ndimage import minimum_filter1d, uniform_filter1d

        start = self._at + len(self._held)
        self._needed = np.concatenate((self._needed, _room_for(block, self._source[start : start + len(block)])))
        self._held = np.concatenate((self._held, block))
        count = len(self._held) if last else max(0, len(self._held) - 2 * _DUCK)
        ahead = np.concatenate((self._needed, np.ones(2 * _DUCK, np.float32)))
        out = self._held[:count]
        theirs = self._source[self._at : self._at + count]
        if (ahead < 1).any():
            least = minimum_filter1d(ahead, 2 * _DUCK + 1, mode="nearest")
            gain = uniform_filter1d(least.astype(np.float64), 2 * _DUCK + 1, mode="nearest")[2 * _DUCK :][:count]
            gain = np.minimum(gain, self._needed[2 * _DUCK :][:count]).astype(np.float32)
            self.ducked += int(np.count_nonzero(gain < 0.999))
            out = out * gain[:, None]
        self._held = self._held[count:]
        self._needed = self._needed[count:]
        self._at += count
        return np.asarray(theirs + out, np.float32)


def _room_for(block: Stereo, source: Stereo) -> Stereo:
    """Return the greatest gain, up to 1, at which a block added to the source stays within full scale, ``[n]``."""
    total = source + block
    over = np.abs(total) > np.maximum(_FULL_SCALE, np.abs(source))
    if not over.any():
        return np.ones(len(block), np.float32)
    room = np.maximum(0.0, _FULL_SCALE - np.sign(block) * source) / np.maximum(np.abs(block), 1e-9)
    return np.asarray(np.where(over, np.minimum(1.0, room), 1.0).min(axis=1), np.float32)


def _listened(source: Stereo, found: Analysis, music: Music, style: Style, seed: int) -> _Heard:
    """Return beat, key and chords of the source; a lone melody gets chords that suit it."""
    grid = following(found)
    meter = grid.beats_per_bar
    span = (0, len(source))
    bars = bars_over(grid, span)
    tune = melody(source, ENGINE_RATE_HZ, found)
    alone = loneliness(source, ENGINE_RATE_HZ, tune) >= ALONE
    key = found.key
    which = int(np.random.default_rng([seed, 63]).integers(8))
    if alone or not found.chords:
        key = _key_of(tune, found, music)
        chords = fitting(_weights(tune, grid), bars, key, progression(style, key, which))
        harmony = Harmony({bar * meter + b: chords[bar] for bar in bars for b in range(meter)}, home_of(key))
    else:
        beats = range(bars[0] * meter, (bars[-1] + 1) * meter)
        harmony = continued(heard(found.chords, grid, key), beats, meter, progression(style, key, which))
    return _Heard(grid, key, harmony, tune, alone, energies(source, grid, span))


def _key_of(tune: tuple[MelodyNote, ...], found: Analysis, music: Music) -> Key:
    """Return the key given, or the one whose degrees the notes of a lone melody favour.

    The longer a note the more it counts; one outside of a key counts against it, the last one for its tonic.
    """
    if music.keyscale is not None or len({pitch % 12 for _, _, pitch, _ in tune}) < 3:
        return found.key
    total = sum(length for _, length, _, _ in tune)

    def suits(key: Key) -> float:
        degrees = {(key.tonic + step) % 12: _DEGREES[n] for n, step in enumerate(SCALES[key.mode])}
        fit = sum(length * degrees.get(pitch % 12, _OUTSIDE) for _, length, pitch, _ in tune) / total
        return fit + 0.15 * (tune[-1][2] % 12 == key.tonic) + 0.05 * (key == found.key)

    return max((Key(tonic, mode) for mode in ("major", "minor") for tonic in range(12)), key=suits)


def _weights(tune: tuple[MelodyNote, ...], grid: Grid) -> dict[int, dict[int, float]]:
    """Return by bar for how many beats each pitch class sounds in it; its first beat counts twice."""
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


def _chairs(style: Style, tracks: tuple[str, ...]) -> dict[str, Instrument]:
    """Return who plays each track. Two players of chords never share a rhythm, and at most one plays a melody."""
    taken: set[str] = set()
    chairs: dict[str, Instrument] = {}
    led = False
    for track in tracks:
        who = only(style, track).instruments[0]
        pitched = track not in ("drums", "percussion", "bass", "fx", "vocals", "backing_vocals")
        if pitched and ((who.leads and led) or who.pattern in taken):
            free = [name for name in _OTHERS if name not in taken]
            who = replace(who, pattern=free[0] if free else _OTHERS[0])
        led = led or who.leads
        if pitched:
            taken.add(who.pattern)
        chairs[track] = who
    return chairs


def _arranged(
    piece: _Heard, chairs: dict[str, Instrument], style: Style, request: EngineRequest
) -> tuple[list[_Row], list[TimedLine]]:
    """Return for every bar the notes of each track and when it ends, and the lines that are sung."""
    grid, meter = piece.grid, piece.grid.beats_per_bar
    bars = bars_over(grid, (0, request.frames))
    words: list[Note] = []
    timed: list[TimedLine] = []
    lines = sung_lines(request.music.lyrics) if "vocals" in chairs else ()
    if lines:
        whole = [
            b for b in bars if b >= 0 and grid.beat_to_s((b + 1) * meter) <= request.frames / ENGINE_RATE_HZ + 0.05
        ]
        sings = range(whole[0], whole[-1] + 1) if whole else bars
        words, timed = sung(lines, bars=sings, grid=grid, harmony=piece.harmony, key=piece.key, seed=request.seed,
                            style=style)  # fmt: skip
    rows: list[_Row] = []
    for bar in bars:
        begin_s, end_s = grid.beat_to_s(bar * meter), grid.beat_to_s((bar + 1) * meter)
        level = 0.4 + 0.6 * piece.energy.get(bar, 0.6) if piece.alone else piece.energy.get(bar, 0.6)
        energy = float(np.clip(level + 0.6 * style.energy, 0.2, 1.0))
        here = Bar(bar, grid, piece.harmony, piece.key, energy, request.seed, "part", bar % 8, 8)
        busy = sounding_share(piece.tune, begin_s, end_s) > _SUNG
        notes: dict[str, list[Note]] = {}
        for track, who in chairs.items():
            if track == "vocals" and lines:
                notes[track] = [n for n in words if begin_s - 0.012 <= n.start_s < end_s - 0.012]
                continue
            player = replace(who, pattern="whole") if who.leads and busy and track != "vocals" else who
            notes[track] = [] if who.leads and busy and track == "vocals" else play(here, style, (player,))
        if "drums" in notes and "bass" in notes:
            notes["bass"] = _locked(notes["bass"], notes["drums"])
        rows.append((notes, end_s))
    return rows, timed


def _locked(bass: list[Note], drums: list[Note]) -> list[Note]:
    """Return the bass with those of its notes that nearly meet the bass drum exactly on it."""
    kicks = [note.start_s for note in drums if note.piece == "kick"]

    def on_kick(note: Note) -> Note:
        near = min(kicks, key=lambda at: abs(at - note.start_s), default=note.start_s)
        return replace(note, start_s=near) if abs(near - note.start_s) < _TOGETHER_S else note

    return [on_kick(note) for note in bass]


def _levels(
    trials: Mapping[str, Desk], source: Stereo, piece: _Heard, rows: list[_Row], frames: int
) -> tuple[dict[str, float], float]:
    """Return the gain of each track in dB, set on the source's fullest bars, and by how much all had to be lowered."""
    meter = piece.grid.beats_per_bar
    bars = bars_over(piece.grid, (0, frames))
    order = sorted(range(len(rows)), key=lambda n: (-piece.energy.get(bars[n], 0.0), n))[:_TRIAL_BARS]
    source_db = rms_db(source)
    reference_db = source_db if source_db > -50 else _ALONE_DB
    segments = []
    for n in order:
        start, stop = (round(piece.grid.beat_to_s(b * meter) * ENGINE_RATE_HZ) for b in (bars[n], bars[n] + 1))
        segments.append((max(0, start), min(frames, max(stop, start + 1))))

    def tried(track: str) -> list[Stereo]:
        desk, made, at = trials[track], list[Stereo](), 0
        desk.prepare(note for n in order for note in rows[n][0][track])
        for n, (start, stop) in zip(order, segments, strict=True):
            for note in rows[n][0][track]:
                desk.play(replace(note, start_s=max(0.0, note.start_s - start / ENGINE_RATE_HZ) + at / ENGINE_RATE_HZ))
            at += max(0, stop - start)
            made.append(desk.take(at))
        return made

    gains, total = {}, [np.zeros((max(0, b - a), 2), np.float32) for a, b in segments]
    for track, made in zip(trials, side_by_side(tried, trials), strict=True):
        made_db = rms_db(np.concatenate(made)) if made else -120.0
        wanted_db = reference_db + _LEVEL_DB.get(track, _USUAL_DB) + (_MORE_DB if piece.alone else 0.0)
        gains[track] = wanted_db - made_db if made_db > -60 else 0.0
        for part, block in zip(total, made, strict=True):
            part += block * np.float32(db_to_gain(gains[track]))
    crowd_db = 10 * np.log10(max(1.0, len(trials) / 4))
    lowered_db = _lowered_db(source, segments, total, crowd_db)
    return {track: gain - crowd_db - lowered_db for track, gain in gains.items()}, lowered_db


def _lowered_db(source: Stereo, segments: list[tuple[int, int]], total: list[Stereo], crowd_db: float) -> float:
    """Return by how many dB the accompaniment must be lowered so that hardly a frame in a hundred is too loud."""
    lowered_db = 0.0
    while lowered_db < _MOST_LOWERED_DB:
        gain = np.float32(db_to_gain(-crowd_db - lowered_db))
        over = [np.abs(source[a:b] + gain * part).max(axis=1) > _FULL_SCALE
                for (a, b), part in zip(segments, total, strict=True) if b > a]  # fmt: skip
        if not over or float(np.concatenate(over).mean()) <= 0.01:
            break
        lowered_db += 0.5
    return lowered_db


def _metadata(request: EngineRequest, piece: _Heard, timed: list[TimedLine], lowered_db: float) -> TakeMetadata:
    length_s = request.frames / ENGINE_RATE_HZ
    notes = []
    if piece.alone:
        notes.append("The source is one voice; the chords are chosen to suit its melody.")
    if lowered_db > 0:
        notes.append(f"The source leaves little headroom: the accompaniment is {lowered_db:.1f} dB softer than usual.")
    return {
        **grid_metadata(piece.grid, piece.key),
        "caption": request.music.caption,
        "duration_s": round(length_s, 3),
        "chords": spelled(piece.harmony, piece.grid, 0.0, length_s),
        "accompaniment_lowered_db": lowered_db,
        **({"notes": notes} if notes else {}),
        **lines_metadata(timed, request),
    }
