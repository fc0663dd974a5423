"""The draft engine's cover: the source's melody, beat and chords, played anew by the band of another style.

heard bars ─► which bars are kept (a share: the strength) ─► notes, on the source's grid or a new one ─► a desk
                what is not kept is what the style would play in its place

Nothing of the source's own sound comes back. What repaint and lego do is in draft_parts.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from acestep_runtime.dsp.context import bars_over, energies, following, heard_by_hint, is_tempo_hint
from acestep_runtime.dsp.musical import Analysis, Grid
from acestep_runtime.dsp.players import PLAYERS, Bar, Note, play
from acestep_runtime.dsp.progressions import (
    Harmony,
    Sound,
    chord_moved,
    continued,
    heard,
    home_of,
    pitch_moved,
    progression,
    spelled,
)
from acestep_runtime.dsp.render import Desk, Stereo, ceiling, faded, render, rms_db
from acestep_runtime.dsp.singing import singer, sung
from acestep_runtime.dsp.transcribe import BANDS, PARTS, Stroke, melody, strokes, tones
from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.draft.joining import lines_metadata
from acestep_runtime.engines.draft.song import text2music
from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.engines.signal.blocks import grid_metadata, require_source
from acestep_runtime.lyrics.lrc import TimedLine
from acestep_runtime.lyrics.text import Line, sung_lines
from acestep_runtime.text.style import Instrument, Style, style_of, table, without
from acestep_runtime.threads import both
from acestep_runtime.units import ENGINE_RATE_HZ, db_to_gain
from acestep_runtime.values import CancelToken, Key

#: RMS level of a song that text2music writes, and the loudest and softest a cover is played.
_SONG_DB, _LOUDEST_DB, _SOFTEST_DB = -15.0, -11.0, -45.0
#: Where the source is softer, a kept bar is a rest.
_SILENT_DB = -55.0
#: Notes this near to a sixteenth are put on it.
_NEAR_S = 0.06
#: Bars whose level sets that of the whole.
_TRIAL_BARS = 6
#: Length of the fade where a slower cover is cut, and of that which only avoids a click.
_CUT_S, _CLICK_S = 0.6, 0.05
#: A register for melodies: the lowest note of each voice that leads, and how far up it goes.
_LOWEST = {
    "saxophone": 54, "clarinet": 55, "trumpet": 56, "strings": 57, "flute": 62, "bell": 62, "guitar_lead": 52,
    "female": 57, "male": 45, "hum": 52, "choir": 52,
}  # fmt: skip
_USUAL_LOWEST, _RANGE = 55, 26

_CYMBALS = ("hat", "ride", "open", "brush", "shaker")

#: A note of the melody: beat, counted from the grid's first downbeat, beats, MIDI pitch, strength.
_Tone = tuple[float, float, int, float]


@dataclass(frozen=True)
class _Heard:
    """The source as written down. What is by bar has its number."""

    grid: Grid
    key: Key
    harmony: Harmony
    bars: range
    tones: dict[int, list[_Tone]]
    struck: dict[int, list[Stroke]]
    energy: dict[int, float]
    silent: frozenset[int]


@dataclass(frozen=True)
class _Kept:
    """Which bars of the source are kept, by what of them is: a bar that keeps its melody keeps its chords too."""

    chords: frozenset[int]
    melody: frozenset[int]
    rhythm: frozenset[int]


@dataclass(frozen=True)
class _Plan:
    """What is to be played: ``bars`` of ``grid`` in order, each with the bar of the source that it stands for."""

    grid: Grid
    key: Key
    harmony: Harmony
    bars: tuple[tuple[int, int], ...]
    cut: bool


def cover(request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Play the source anew in the caption's style; at strength 0 that is a song of its own.

    Of the bars of the source the share ``strength`` keeps melody, chords and rhythm, and some more keep their chords;
    what one seed keeps at one strength it also keeps at every greater one.
    """
    source, music = require_source(request), request.music
    level_db = _target_db(source)
    if request.strength <= 0:
        yield from _freely(request, cancel, level_db)
        return
    yield Progress("listening to the source", 0.0)
    cancel.check()
    found, _ = both(partial(heard_by_hint, source, music), partial(tones, source, ENGINE_RATE_HZ))
    yield Progress("writing down the melody", 0.12)
    cancel.check()
    style = style_of(music.caption)
    piece = _written_down(source, found, style)
    plan = _planned(piece, request)
    kept = _kept(piece, request.strength, request.seed)
    plan = replace(plan, harmony=_harmony(piece, plan, kept, style, request.seed))
    cancel.check()
    bars, timed = _arranged(piece, plan, kept, style, request)
    yield Metadata(_metadata(request, piece, plan, timed))

    yield Progress("setting the level", 0.18)
    cancel.check()
    trial = Desk(seed=request.seed, brightness=style.brightness, room_s=style.room_s)
    gain_db = _gain_db(trial, source, piece, plan, bars, level_db)
    desk = Desk(seed=request.seed, brightness=style.brightness, room_s=style.room_s, gain_db=gain_db, like=trial)
    fade = max(1, min(request.frames // 4, round((_CUT_S if plan.cut else _CLICK_S) * ENGINE_RATE_HZ)))
    done = 0
    for number, block in enumerate(render(bars, request.frames, desk), 1):
        yield Progress(f"playing bar {min(number, len(bars))} of {len(bars)}", 0.2 + 0.8 * done / request.frames)
        cancel.check()
        yield Block("mix", faded(block, done, request.frames, fade))
        done += len(block)


def _target_db(source: Stereo) -> float:
    """Return the level to play at: the source's, where that is music."""
    held_db = rms_db(source)
    return float(min(held_db, _LOUDEST_DB)) if held_db > _SOFTEST_DB else _SONG_DB


def _freely(request: EngineRequest, cancel: CancelToken, level_db: float) -> Iterator[EngineEvent]:
    gain = np.float32(db_to_gain(level_db - _SONG_DB))
    for event in text2music(replace(request, source=None, span=(0, 0), known=(0, 0)), cancel):
        if isinstance(event, Block):
            yield Block(event.role, ceiling(event.samples * gain) if gain > 1 else event.samples * gain)
        elif isinstance(event, Metadata) and "engine" in event.values:
            yield Metadata({**event.values, "strength": 0.0})
        else:
            yield event


def _written_down(source: Stereo, found: Analysis, style: Style) -> _Heard:
    """Return the source's melody, chords, strokes and levels by bars of its grid as it is played."""
    grid = following(found)
    meter, frames = grid.beats_per_bar, len(source)
    span = bars_over(grid, (0, frames))
    beats = range(span[0] * meter, (span[-1] + 1) * meter)
    harmony = continued(heard(found.chords, grid, found.key), beats, meter, progression(style, found.key, 0))
    tones: dict[int, list[_Tone]] = {}
    for start_s, length_s, pitch, strength in melody(source, ENGINE_RATE_HZ, found):
        beat, end = _snapped(grid, start_s), grid.s_to_beat(start_s + length_s)
        tones.setdefault(int(np.floor(beat / meter + 1e-6)), []).append((beat, max(0.2, end - beat), pitch, strength))
    struck: dict[int, list[Stroke]] = {}
    for stroke in strokes(source, ENGINE_RATE_HZ, grid):
        struck.setdefault(stroke.sixteenth // (PARTS * meter), []).append(stroke)
    level = energies(source, grid, (0, frames))
    silent = frozenset(bar for bar in span if rms_db(_bar_of(source, grid, bar)) < _SILENT_DB)
    rests = silent if len(silent) < len(span) else frozenset()
    return _Heard(grid, found.key, harmony, span, tones, struck, level, rests)


def _bar_of(source: Stereo, grid: Grid, bar: int) -> Stereo:
    meter = grid.beats_per_bar
    start, stop = (round(grid.beat_to_s(b * meter) * ENGINE_RATE_HZ) for b in (bar, bar + 1))
    return source[max(0, start) : max(0, stop)]


def _snapped(grid: Grid, time_s: float) -> float:
    beat = grid.s_to_beat(time_s)
    near = round(PARTS * beat) / PARTS
    return near if abs(near - beat) * grid.beat_s < _NEAR_S else beat


def _planned(piece: _Heard, request: EngineRequest) -> _Plan:
    """Return on which grid and in which key the bars are played, and which bar of the source each of them stands for.

    On a faster grid the source ends early; its fullest bars are played again then. On a slower one its end is cut.
    """
    music, grid, frames = request.music, piece.grid, request.frames
    key = Key.parse(music.keyscale) if music.keyscale else piece.key
    if music.bpm is not None and not is_tempo_hint(music.bpm, grid.bpm):
        grid = Grid(music.bpm, piece.grid.first_downbeat_s * piece.grid.bpm / music.bpm, grid.beats_per_bar)
    whole = range(piece.bars[0], max(b for b in piece.bars if b == piece.bars[0] or _inside(piece.grid, b, frames)) + 1)
    again = _fullest(piece, whole)
    rows = []
    for bar in bars_over(grid, (0, frames)):
        late = bar - whole[-1] - 1
        rows.append((bar, bar if late < 0 or grid is piece.grid else again[late % len(again)]))
    return _Plan(grid, key, Harmony({}, home_of(key)), tuple(rows), rows[-1][0] < whole[-1])


def _inside(grid: Grid, bar: int, frames: int) -> bool:
    """Return whether half of a bar lies before frame ``frames``."""
    return grid.beat_to_s((bar + 0.5) * grid.beats_per_bar) <= frames / ENGINE_RATE_HZ


def _fullest(piece: _Heard, whole: range) -> range:
    """Return the eight bars (four of a short piece, or all) with the most energy that begin where a phrase does."""
    size = next((n for n in (8, 4) if len(whole) >= 2 * n), len(whole))
    after = (whole[-1] + 1) % 4
    starts = [b for b in whole if b % 4 == after and b + size <= whole[-1] + 1] or [whole[0]]
    best = max(starts, key=lambda b: (sum(piece.energy.get(b + k, 0.0) for k in range(size)), -b))
    return range(best, best + size)


def _kept(piece: _Heard, strength: float, seed: int) -> _Kept:
    """Draw one order of the bars, in pairs, and keep its beginning: more of it with more strength."""
    pairs = [[bar for bar in (first, first + 1) if bar in piece.bars]
             for first in range(piece.bars[0] - piece.bars[0] % 2, piece.bars[-1] + 1, 2)]  # fmt: skip
    order = [bar for n in np.random.default_rng([seed, 61]).permutation(len(pairs)) for bar in pairs[n]]

    def first(share: float) -> frozenset[int]:
        return frozenset(order[: round(min(1.0, share) * len(order))])

    return _Kept(first(strength**0.6), first(strength), first(strength))


def _harmony(piece: _Heard, plan: _Plan, kept: _Kept, style: Style, seed: int) -> Harmony:
    """Return the chords in the new key: those of the source in the bars that keep them, else the style's."""
    meter = plan.grid.beats_per_bar
    own = progression(style, plan.key, int(np.random.default_rng([seed, 62]).integers(8)))
    by_beat: dict[int, Sound] = {}
    for bar, theirs in plan.bars:
        for beat in range(meter):
            chord = chord_moved(piece.harmony.at(theirs * meter + beat), piece.key, plan.key)
            by_beat[bar * meter + beat] = chord if theirs in kept.chords else own[bar % len(own)]
    return Harmony(by_beat, home_of(plan.key))


def _arranged(
    piece: _Heard, plan: _Plan, kept: _Kept, style: Style, request: EngineRequest
) -> tuple[list[tuple[list[Note], float]], list[TimedLine]]:
    """Return the notes of every bar and when it ends, and the lines that are sung, if any are."""
    lines = sung_lines(request.music.lyrics)
    shift = _octave(piece, plan, singer(style) if lines else _lead(style)[0].voice)
    style = without(style, ("vocals",)) if lines else style
    lead, band = _lead(style)
    grid, meter = plan.grid, plan.grid.beats_per_bar
    written = bool(piece.tones)
    straighter = replace(style, swing=0.5 + (style.swing - 0.5) * min(1.0, 2 * (1 - request.strength)))
    rows: list[tuple[list[Note], float]] = []
    tune: list[Note] = []
    for bar, theirs in plan.bars:
        energy = _energy(piece, theirs, style, request.strength)
        here = Bar(bar, grid, plan.harmony, plan.key, energy, request.seed, "part", bar % 4, 4)
        end_s = grid.beat_to_s((bar + 1) * meter)
        if theirs in piece.silent and theirs in kept.rhythm:
            rows.append(([], end_s))
            continue
        manner = straighter if theirs in kept.rhythm else style
        if written and theirs in kept.melody:
            line = [_note(here, tone, theirs, lead, piece.key, plan.key, shift, manner.swing)
                    for tone in piece.tones.get(theirs, [])]  # fmt: skip
        else:
            line = play(here, style, (lead,)) if request.strength < 1 or not written else []
        tune += line
        notes = []
        for who in _playing(band, style, energy):
            own = play(here, manner, (who,))
            if theirs in kept.rhythm:
                struck = _places(piece.struck.get(theirs, []), theirs, meter)
                follow = _drummed if who.track == "drums" else _thinned
                own = follow(own, here, struck, manner.swing)
            notes += own
        rows.append((notes, end_s))
    if not lines:
        return _spread(rows, tune, plan), []
    voice, timed = _sung(lines, tune, plan, style, request)
    return _spread(rows, voice, plan), timed


def _sung(
    lines: Sequence[Line], tune: list[Note], plan: _Plan, style: Style, request: EngineRequest
) -> tuple[list[Note], list[TimedLine]]:
    """Sing lines to a tune, in the whole bars that lie inside; in all bars where there is no whole one."""
    grid, meter, end_s = plan.grid, plan.grid.beats_per_bar, request.frames / ENGINE_RATE_HZ
    whole = [bar for bar, _ in plan.bars
             if grid.beat_to_s(bar * meter) > -0.05 and grid.beat_to_s((bar + 1) * meter) < end_s + 0.05]  # fmt: skip
    whole = whole or [bar for bar, _ in plan.bars]
    notes = [(note.start_s, note.length_s, note.pitches[0]) for note in sorted(tune, key=lambda note: note.start_s)]
    return sung(lines, bars=range(whole[0], whole[-1] + 1), grid=grid, harmony=plan.harmony, key=plan.key,
                seed=request.seed, style=style, melody=notes)  # fmt: skip


def _spread(rows: list[tuple[list[Note], float]], notes: list[Note], plan: _Plan) -> list[tuple[list[Note], float]]:
    """Add notes to the bars in which they begin."""
    ends = [end_s for _, end_s in rows]
    added: list[list[Note]] = [list(own) for own, _ in rows]
    for note in notes:
        # A note may be early by a hair, and render() takes a bar's notes just before it.
        place = int(np.searchsorted(ends, note.start_s + 0.012, side="right"))
        added[min(place, len(added) - 1)].append(note)
    assert len(added) == len(plan.bars)
    return [(own, end_s) for own, end_s in zip(added, ends, strict=True)]


def _lead(style: Style) -> tuple[Instrument, tuple[Instrument, ...]]:
    """Return who plays the melody, and the others: the style's own lead, or a voice of its first pitched instrument."""
    pitched = [who for who in style.instruments if who.track not in ("drums", "percussion", "bass", "fx")]
    leads = [who for who in pitched if who.leads and who.track in PLAYERS]
    if leads:
        return leads[0], tuple(who for who in style.instruments if who not in leads)
    front = pitched[0] if pitched else Instrument("keyboard", "piano", "melody")
    voice = table()["solo"]["voices"].get(front.voice, front.voice)
    return Instrument(front.track, voice, "melody"), style.instruments


def _playing(band: tuple[Instrument, ...], style: Style, energy: float) -> list[Instrument]:
    """Return who plays in a bar: the later ones of the band rest where the source is soft, those named never do."""
    count = max(2, round((0.25 + energy) * len(band)))
    return [who for order, who in enumerate(band) if order < max(count, style.named)]


def _energy(piece: _Heard, theirs: int, style: Style, strength: float) -> float:
    own = 0.68 + 0.12 * (theirs % 8 >= 4)
    return float(
        np.clip(strength * piece.energy.get(theirs, 0.7) + (1 - strength) * own + 0.5 * style.energy, 0.15, 1.0)
    )


def _octave(piece: _Heard, plan: _Plan, voice: str) -> int:
    """Return by how many semitones, whole octaves, the melody is moved to suit the voice that plays it."""
    pitches = [pitch_moved(pitch, piece.key, plan.key) for row in piece.tones.values() for _, _, pitch, _ in row]
    if not pitches:
        return 0
    low = _LOWEST.get(voice, _USUAL_LOWEST)
    usual = float(np.median(pitches))
    return min(range(-36, 37, 12), key=lambda s: (not low + 2 <= usual + s <= low + _RANGE - 6, abs(s)))


def _note(bar: Bar, tone: _Tone, theirs: int, lead: Instrument, old: Key, new: Key, shift: int, swing: float) -> Note:
    beat, beats, pitch, strength = tone
    start_s = bar.time_s(beat - theirs * bar.grid.beats_per_bar, swing)
    loud = float(np.clip(0.45 + 0.35 * strength + 0.2 * bar.energy, 0.1, 1.0))
    voice = f"{lead.voice}:a" if lead.track in ("vocals", "backing_vocals") else lead.voice
    length_s = max(1, round(PARTS * beats)) / PARTS * bar.grid.beat_s
    return Note(start_s, 0.96 * length_s, lead.track, voice, loud,
                (pitch_moved(pitch, old, new) + shift,))  # fmt: skip


def _places(struck: list[Stroke], bar: int, meter: int) -> dict[str, dict[int, float]]:
    """Return how strongly each sixteenth of a bar is struck, by band."""
    base = bar * PARTS * meter
    return {band: {s.sixteenth - base: s.strength for s in struck if s.band == band} for band in BANDS}


def _drummed(own: list[Note], bar: Bar, struck: dict[str, dict[int, float]], swing: float) -> list[Note]:
    """Return a drummer's bar with the source's rhythm: kick where its low end rises, snare and hat where it is struck.

    Where the source has no cymbals, the style's follow its rhythm; where nothing is struck, the style's bar stands.
    """
    if sum(len(row) for row in struck.values()) < 2 or not own:
        return own
    high = struck["high"]
    snare = {p: v for p, v in struck["mid"].items() if v > 0.5 and (high.get(p, 0.0) > 0.6 or not high)}
    kick = {p: v for p, v in struck["low"].items() if v > 0.55 and p not in snare}
    level = 0.62 + 0.38 * bar.energy
    rows = ((kick, "kick"), (snare, "snare" if high else "rim"), (high, "hat"))
    notes = [replace(own[0], start_s=bar.time_s(place / PARTS, swing), piece=piece,
                     velocity=float(np.clip(level * strength, 0.1, 1.0)))
             for row, piece in rows for place, strength in sorted(row.items())]  # fmt: skip
    left = [note for note in own if note.piece == "crash" or (len(high) < 2 and note.piece in _CYMBALS)]
    return notes + _thinned(left, bar, struck, swing)


def _thinned(own: list[Note], bar: Bar, struck: dict[str, dict[int, float]], swing: float) -> list[Note]:
    """Return the notes that begin where the source is struck, or where its bar begins; those before them last longer."""
    places = {place: strength for row in struck.values() for place, strength in row.items()}
    if len(places) < 2:
        return own
    times = {place: bar.time_s(place / PARTS, swing) for place in {0, *places}}
    kept: list[Note] = []
    for note in sorted(own, key=lambda n: n.start_s):
        near = min(times, key=lambda place: (abs(times[place] - note.start_s), place))
        if abs(times[near] - note.start_s) < 0.45 * bar.grid.beat_s / PARTS:
            kept.append(note)
        elif (
            kept
            and note.pitches
            and kept[-1].voice == note.voice
            and kept[-1].start_s + kept[-1].length_s < note.start_s
        ):
            kept[-1] = replace(kept[-1], length_s=note.start_s - kept[-1].start_s)
    return kept


def _gain_db(
    trial: Desk, source: Stereo, piece: _Heard, plan: _Plan, bars: list[tuple[list[Note], float]], level_db: float
) -> float:
    """Return the gain at which the fullest bars, played on ``trial``, are as loud as those of the source they stand for."""
    meter = plan.grid.beats_per_bar
    order = sorted(range(len(bars)), key=lambda n: (-piece.energy.get(plan.bars[n][1], 0.0), n))[:_TRIAL_BARS]
    at_s, wanted = 0.0, []
    trial.prepare(note for n in order for note in bars[n][0])
    for n in order:
        begin_s = plan.grid.beat_to_s(plan.bars[n][0] * meter)
        for note in bars[n][0]:
            trial.play(replace(note, start_s=max(0.0, note.start_s - begin_s) + at_s))
        at_s += max(0.1, bars[n][1] - begin_s)
        wanted.append(_bar_of(source, piece.grid, plan.bars[n][1]))
    made_db = rms_db(trial.take(round(at_s * ENGINE_RATE_HZ)))
    theirs_db = rms_db(np.concatenate(wanted)) if wanted else -120.0
    target_db = min(_LOUDEST_DB, theirs_db) if theirs_db > _SOFTEST_DB else level_db
    return target_db - made_db if made_db > -60 else 0.0


def _metadata(request: EngineRequest, piece: _Heard, plan: _Plan, timed: list[TimedLine]) -> TakeMetadata:
    length_s = request.frames / ENGINE_RATE_HZ
    return {
        **grid_metadata(plan.grid, plan.key),
        "caption": request.music.caption,
        "strength": round(float(request.strength), 3),
        "duration_s": round(length_s, 3),
        "source_bpm": round(float(piece.grid.bpm), 2),
        "source_keyscale": str(piece.key),
        "chords": spelled(plan.harmony, plan.grid, 0.0, length_s),
        **lines_metadata(timed, request),
    }
