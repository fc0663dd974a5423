"""The draft engine's cover: the source's melody, beat and chords, played in another style.

source bars ─► bars to follow (a share: the strength) ─► notes, on the source's grid or a new one ─► a mixer
               the style plays its own music in the other bars

The output contains no audio of the source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from acestep_runtime.certainty import is_sure
from acestep_runtime.chords.chart import ChordChart
from acestep_runtime.chords.read import chart_of
from acestep_runtime.dsp.charts import bend_pitch, place_from
from acestep_runtime.dsp.context import analyse_with_tempo_hint, bar_energies, bars_over, choose_grid, is_tempo_hint
from acestep_runtime.dsp.draws import Seed, draw, seed_of_choice, seeds_in
from acestep_runtime.dsp.musical import Analysis, Grid
from acestep_runtime.dsp.players import PLAYERS, Bar, Note, play_bar
from acestep_runtime.dsp.progressions import (
    ChordSymbol,
    Harmony,
    chord_rows,
    continue_harmony,
    progression,
    quantise_chords,
    tonic_triad,
    transpose_chord,
    transpose_pitch,
)
from acestep_runtime.dsp.render import Mixer, Stereo, apply_fade_out, limit_peak, render, rms_db
from acestep_runtime.dsp.singing import sing_lines, singer_voice
from acestep_runtime.dsp.transcribe import PARTS, Stroke, find_strokes, tone_salience, transcribe_melody
from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.draft.song import text2music
from acestep_runtime.engines.draft.span import lines_metadata
from acestep_runtime.engines.draft.strokes import follow_strokes, follow_with_drums, map_strokes
from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.engines.signal.blocks import grid_metadata, guess_notes, require_source
from acestep_runtime.lyrics.text import Line, lyric_lines
from acestep_runtime.lyrics.timed import TimedLine
from acestep_runtime.text.style import Instrument, Style, remove_tracks, style_from_caption, table
from acestep_runtime.threads import run_concurrently
from acestep_runtime.units import ENGINE_RATE_HZ, db_to_gain
from acestep_runtime.values import CancelToken, Key

#: RMS level of text2music, and the loudest and softest level of a cover.
_SONG_DB, _LOUDEST_DB, _SOFTEST_DB = -15.0, -11.0, -45.0
#: Where the source is softer, a followed bar is a rest.
_SILENT_DB = -55.0
#: Notes this near to a sixteenth are quantised to it.
_NEAR_S = 0.06
#: Number of bars that set the level of the whole.
_TRIAL_BARS = 6
#: Names the bars to follow among the choices of a seed.
_RETENTION = 61
#: Fade-out of a slower cover that is cut, and fade-out that only avoids a click.
_CUT_S, _CLICK_S = 0.6, 0.05
#: Registers of melodies: the lowest note of each lead voice, and their range.
_LOWEST = {
    "saxophone": 54, "clarinet": 55, "trumpet": 56, "strings": 57, "flute": 62, "bell": 62, "guitar_lead": 52,
    "female": 57, "male": 45, "hum": 52, "choir": 52,
}  # fmt: skip
_USUAL_LOWEST, _RANGE = 55, 26

#: A note of the melody: beat, counted from the grid's first downbeat, beats, MIDI pitch, strength.
_Tone = tuple[float, float, int, float]


@dataclass(frozen=True)
class _Transcription:
    """The transcribed source. Dictionaries are by bar number."""

    grid: Grid
    key: Key
    harmony: Harmony
    bars: range
    tones: dict[int, list[_Tone]]
    strokes: dict[int, list[Stroke]]
    energy: dict[int, float]
    silent: frozenset[int]
    confidence: Mapping[str, float]


@dataclass(frozen=True)
class _Retention:
    """The source bars whose chords, melody and rhythm are followed: a bar with its melody also has its chords."""

    chords: frozenset[int]
    melody: frozenset[int]
    rhythm: frozenset[int]


@dataclass(frozen=True)
class _Plan:
    """The plan of a cover: ``bars`` of ``grid`` in order, each with the source bar it stands for."""

    grid: Grid
    key: Key
    harmony: Harmony
    bars: tuple[tuple[int, int], ...]
    cut: bool


def cover(request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Play the source in the caption's style; at strength 0 play a new song.

    The share ``strength`` of the source bars keeps melody, chords and rhythm, some more keep their chords;
    the bars that a seed keeps at one strength it also keeps at every greater one.
    """
    source, music = require_source(request), request.music
    level_db = _target_db(source)
    if request.strength <= 0:
        yield from _write_new_song(request, cancel, level_db)
        return
    yield Progress("analysing the source", 0.0)
    cancel.check()
    analysis, _ = run_concurrently(
        partial(analyse_with_tempo_hint, source, music), partial(tone_salience, source, ENGINE_RATE_HZ)
    )
    yield Progress("transcribing the melody", 0.12)
    cancel.check()
    style = style_from_caption(music.caption)
    source_music = _transcribe(source, analysis, style)
    plan = _plan_bars(source_music, request)
    retention = _choose_retention(source_music, request.strength, request.take_seed)
    chart = chart_of(music)
    plan = replace(plan, harmony=_plan_harmony(source_music, plan, retention, style, request.take_seed, chart))
    cancel.check()
    bars, line_times = _arrange_bars(source_music, plan, retention, style, request)
    yield Metadata(_metadata(request, source_music, plan, line_times))

    yield Progress("setting the level", 0.18)
    cancel.check()
    trial = Mixer(seed=request.take_seed, brightness=style.brightness, room_s=style.room_s)
    gain_db = _gain_db(trial, source, source_music, plan, bars, level_db)
    mixer = Mixer(seed=request.take_seed, brightness=style.brightness, room_s=style.room_s, gain_db=gain_db, like=trial)
    fade = max(1, min(request.frames // 4, round((_CUT_S if plan.cut else _CLICK_S) * ENGINE_RATE_HZ)))
    done = 0
    for number, block in enumerate(render(bars, request.frames, mixer), 1):
        yield Progress(f"playing bar {min(number, len(bars))} of {len(bars)}", 0.2 + 0.8 * done / request.frames)
        cancel.check()
        yield Block("mix", apply_fade_out(block, done, request.frames, fade))
        done += len(block)


def _target_db(source: Stereo) -> float:
    """Return the level to play at: the source's, unless that is too soft."""
    source_db = rms_db(source)
    return float(min(source_db, _LOUDEST_DB)) if source_db > _SOFTEST_DB else _SONG_DB


def _write_new_song(request: EngineRequest, cancel: CancelToken, level_db: float) -> Iterator[EngineEvent]:
    gain = np.float32(db_to_gain(level_db - _SONG_DB))
    for event in text2music(replace(request, source=None, span=(0, 0), known=(0, 0)), cancel):
        if isinstance(event, Block):
            yield Block(event.role, limit_peak(event.samples * gain) if gain > 1 else event.samples * gain)
        elif isinstance(event, Metadata) and "engine" in event.values:
            yield Metadata({**event.values, "strength": 0.0})
        else:
            yield event


def _transcribe(source: Stereo, analysis: Analysis, style: Style) -> _Transcription:
    """Return the source's melody, chords, strokes and levels by bars of its measured grid."""
    grid = choose_grid(analysis)
    meter, frames = grid.beats_per_bar, len(source)
    span = bars_over(grid, (0, frames))
    beats = range(span[0] * meter, (span[-1] + 1) * meter)
    harmony = continue_harmony(
        quantise_chords(analysis.chords, grid, analysis.key), beats, meter, progression(style, analysis.key, 0)
    )
    tones: dict[int, list[_Tone]] = {}
    for start_s, length_s, pitch, strength in transcribe_melody(source, ENGINE_RATE_HZ, analysis):
        beat, end = _snap_to_grid(grid, start_s), grid.s_to_beat(start_s + length_s)
        tones.setdefault(int(np.floor(beat / meter + 1e-6)), []).append((beat, max(0.2, end - beat), pitch, strength))
    bar_strokes: dict[int, list[Stroke]] = {}
    for stroke in find_strokes(source, ENGINE_RATE_HZ, grid):
        bar_strokes.setdefault(stroke.sixteenth // (PARTS * meter), []).append(stroke)
    level = bar_energies(source, grid, (0, frames))
    silent = frozenset(bar for bar in span if rms_db(_bar_samples(source, grid, bar)) < _SILENT_DB)
    rests = silent if len(silent) < len(span) else frozenset()
    return _Transcription(grid, analysis.key, harmony, span, tones, bar_strokes, level, rests, analysis.confidence)


def _bar_samples(source: Stereo, grid: Grid, bar: int) -> Stereo:
    meter = grid.beats_per_bar
    start, stop = (round(grid.beat_to_s(b * meter) * ENGINE_RATE_HZ) for b in (bar, bar + 1))
    return source[max(0, start) : max(0, stop)]


def _snap_to_grid(grid: Grid, time_s: float) -> float:
    beat = grid.s_to_beat(time_s)
    near = round(PARTS * beat) / PARTS
    return near if abs(near - beat) * grid.beat_s < _NEAR_S else beat


def _plan_bars(source_music: _Transcription, request: EngineRequest) -> _Plan:
    """Return the grid, the key and the bars to play, each with the source bar it stands for.

    On a faster grid the source ends early; then its fullest bars repeat. On a slower one its end is cut.
    """
    music, grid, frames = request.music, source_music.grid, request.frames
    key = Key.parse(music.keyscale) if music.keyscale else source_music.key
    if music.bpm is not None and not is_tempo_hint(music.bpm, grid.bpm):
        grid = Grid(
            music.bpm, source_music.grid.first_downbeat_s * source_music.grid.bpm / music.bpm, grid.beats_per_bar
        )
    whole = range(
        source_music.bars[0],
        max(
            b for b in source_music.bars if b == source_music.bars[0] or _is_mostly_inside(source_music.grid, b, frames)
        )
        + 1,
    )
    again = _fullest_phrase(source_music, whole)
    rows = []
    for bar in bars_over(grid, (0, frames)):
        late = bar - whole[-1] - 1
        rows.append((bar, bar if late < 0 or grid is source_music.grid else again[late % len(again)]))
    return _Plan(grid, key, Harmony({}, tonic_triad(key)), tuple(rows), rows[-1][0] < whole[-1])


def _is_mostly_inside(grid: Grid, bar: int, frames: int) -> bool:
    """Return whether half of a bar lies before frame ``frames``."""
    return grid.beat_to_s((bar + 0.5) * grid.beats_per_bar) <= frames / ENGINE_RATE_HZ


def _fullest_phrase(source_music: _Transcription, whole: range) -> range:
    """Return the eight bars (four of a short piece, or all) with the most energy that begin a phrase."""
    size = next((n for n in (8, 4) if len(whole) >= 2 * n), len(whole))
    after = (whole[-1] + 1) % 4
    starts = [b for b in whole if b % 4 == after and b + size <= whole[-1] + 1] or [whole[0]]
    best = max(starts, key=lambda b: (sum(source_music.energy.get(b + k, 0.0) for k in range(size)), -b))
    return range(best, best + size)


def _choose_retention(source_music: _Transcription, strength: float, seed: Seed) -> _Retention:
    """Shuffle the bars in pairs and keep the beginning: more of it with more strength."""
    pairs = [[bar for bar in (first, first + 1) if bar in source_music.bars]
             for first in range(source_music.bars[0] - source_music.bars[0] % 2, source_music.bars[-1] + 1, 2)]  # fmt: skip
    orders = {
        each: np.random.default_rng([each, _RETENTION]).permutation(len(pairs)).tolist() for each in seeds_in(seed)
    }
    ranks = [orders[seed_of_choice(seed, _RETENTION, n)].index(n) for n in range(len(pairs))]
    order = [bar for n in sorted(range(len(pairs)), key=lambda n: (ranks[n], n)) for bar in pairs[n]]

    def first(share: float) -> frozenset[int]:
        return frozenset(order[: round(min(1.0, share) * len(order))])

    return _Retention(first(strength**0.6), first(strength), first(strength))


def _plan_harmony(
    source_music: _Transcription, plan: _Plan, retention: _Retention, style: Style, seed: Seed, chart: ChordChart | None
) -> Harmony:
    """Return the chords in the new key: those given, else the source's in the bars that keep them, else the style's."""
    meter = plan.grid.beats_per_bar
    own = progression(style, plan.key, int(draw(seed, 62).integers(8)))
    by_beat: dict[int, ChordSymbol] = {}
    for bar, source_bar in plan.bars:
        for beat in range(meter):
            chord = transpose_chord(source_music.harmony.at(source_bar * meter + beat), source_music.key, plan.key)
            by_beat[bar * meter + beat] = chord if source_bar in retention.chords else own[bar % len(own)]
    harmony = Harmony(by_beat, tonic_triad(plan.key))
    if chart is None:
        return harmony
    end_s = plan.grid.beat_to_s((plan.bars[-1][0] + 1) * meter)
    return place_from(chart, harmony, plan.grid, 0.0, end_s)


def _arrange_bars(
    source_music: _Transcription, plan: _Plan, retention: _Retention, style: Style, request: EngineRequest
) -> tuple[list[tuple[list[Note], float]], list[TimedLine]]:
    """Return the notes and the end of every bar, and the times of the sung lines, if any."""
    lines = lyric_lines(request.music.lyrics)
    shift = _octave(source_music, plan, singer_voice(style) if lines else _split_lead(style)[0].voice)
    style = remove_tracks(style, ("vocals",)) if lines else style
    lead, band = _split_lead(style)
    grid, meter = plan.grid, plan.grid.beats_per_bar
    has_melody = bool(source_music.tones)
    straighter = replace(style, swing=0.5 + (style.swing - 0.5) * min(1.0, 2 * (1 - request.strength)))
    rows: list[tuple[list[Note], float]] = []
    tune: list[Note] = []
    has_chords = bool(request.music.chords.strip())
    for bar, source_bar in plan.bars:
        energy = _bar_energy(source_music, source_bar, style, request.strength)
        here = Bar(bar, grid, plan.harmony, plan.key, energy, request.take_seed, "part", bar % 4, 4)
        end_s = grid.beat_to_s((bar + 1) * meter)
        if source_bar in source_music.silent and source_bar in retention.rhythm:
            rows.append(([], end_s))
            continue
        manner = straighter if source_bar in retention.rhythm else style
        if has_melody and source_bar in retention.melody:
            line = [_melody_note(here, tone, source_bar, lead, source_music.key, plan.key, shift, manner.swing)
                    for tone in source_music.tones.get(source_bar, [])]  # fmt: skip
            line = [_bend_to_chords(note, plan) for note in line] if has_chords else line
        else:
            line = play_bar(here, style, (lead,)) if request.strength < 1 or not has_melody else []
        tune += line
        notes = []
        for instrument in _active_players(band, style, energy):
            own = play_bar(here, manner, (instrument,))
            if source_bar in retention.rhythm:
                stroke_map = map_strokes(source_music.strokes.get(source_bar, []), source_bar, meter)
                follow = follow_with_drums if instrument.track == "drums" else follow_strokes
                own = follow(own, here, stroke_map, manner.swing)
            notes += own
        rows.append((notes, end_s))
    if not lines:
        return _distribute_notes(rows, tune, plan), []
    voice, line_times = _sing_to_tune(lines, tune, plan, style, request)
    return _distribute_notes(rows, voice, plan), line_times


def _sing_to_tune(
    lines: Sequence[Line], tune: list[Note], plan: _Plan, style: Style, request: EngineRequest
) -> tuple[list[Note], list[TimedLine]]:
    """Sing lines to a tune in the whole bars inside the song; in all bars where there is none."""
    grid, meter, end_s = plan.grid, plan.grid.beats_per_bar, request.frames / ENGINE_RATE_HZ
    whole = [bar for bar, _ in plan.bars
             if grid.beat_to_s(bar * meter) > -0.05 and grid.beat_to_s((bar + 1) * meter) < end_s + 0.05]  # fmt: skip
    whole = whole or [bar for bar, _ in plan.bars]
    notes = [(note.start_s, note.length_s, note.pitches[0]) for note in sorted(tune, key=lambda note: note.start_s)]
    return sing_lines(lines, bars=range(whole[0], whole[-1] + 1), grid=grid, harmony=plan.harmony, key=plan.key,
                seed=request.take_seed, style=style, melody=notes)  # fmt: skip


def _distribute_notes(
    rows: list[tuple[list[Note], float]], notes: list[Note], plan: _Plan
) -> list[tuple[list[Note], float]]:
    """Add notes to the bars in which they begin."""
    ends = [end_s for _, end_s in rows]
    bar_notes: list[list[Note]] = [list(own) for own, _ in rows]
    for note in notes:
        # A note may be early by a hair, and render() takes a bar's notes just before it.
        place = int(np.searchsorted(ends, note.start_s + 0.012, side="right"))
        bar_notes[min(place, len(bar_notes) - 1)].append(note)
    assert len(bar_notes) == len(plan.bars)
    return [(own, end_s) for own, end_s in zip(bar_notes, ends, strict=True)]


def _split_lead(style: Style) -> tuple[Instrument, tuple[Instrument, ...]]:
    """Return the lead player, and the others: the style's own lead, or a voice of its first pitched instrument."""
    pitched_instruments = [
        instrument for instrument in style.instruments if instrument.track not in ("drums", "percussion", "bass", "fx")
    ]
    leads = [instrument for instrument in pitched_instruments if instrument.leads and instrument.track in PLAYERS]
    if leads:
        return leads[0], tuple(instrument for instrument in style.instruments if instrument not in leads)
    front = pitched_instruments[0] if pitched_instruments else Instrument("keyboard", "piano", "melody")
    voice = table()["solo"]["voices"].get(front.voice, front.voice)
    return Instrument(front.track, voice, "melody"), style.instruments


def _active_players(band: tuple[Instrument, ...], style: Style, energy: float) -> list[Instrument]:
    """Return the players of a bar: later ones of the band rest where the source is soft, named ones never do."""
    count = max(2, round((0.25 + energy) * len(band)))
    return [instrument for order, instrument in enumerate(band) if order < max(count, style.named_count)]


def _bar_energy(source_music: _Transcription, source_bar: int, style: Style, strength: float) -> float:
    own = 0.68 + 0.12 * (source_bar % 8 >= 4)
    return float(
        np.clip(
            strength * source_music.energy.get(source_bar, 0.7) + (1 - strength) * own + 0.5 * style.energy, 0.15, 1.0
        )
    )


def _octave(source_music: _Transcription, plan: _Plan, voice: str) -> int:
    """Return the shift of the melody in semitones, whole octaves, that suits the lead voice."""
    pitches = [
        transpose_pitch(pitch, source_music.key, plan.key)
        for row in source_music.tones.values()
        for _, _, pitch, _ in row
    ]
    if not pitches:
        return 0
    low = _LOWEST.get(voice, _USUAL_LOWEST)
    usual = float(np.median(pitches))
    return min(range(-36, 37, 12), key=lambda s: (not low + 2 <= usual + s <= low + _RANGE - 6, abs(s)))


def _bend_to_chords(note: Note, plan: _Plan) -> Note:
    """Return a note of the source's melody as it fits chords that the source does not have."""
    chord = plan.harmony.at(plan.grid.s_to_beat(note.start_s) + 0.125)
    return replace(note, pitches=(bend_pitch(note.pitches[0], chord, plan.key),))


def _melody_note(
    bar: Bar, tone: _Tone, source_bar: int, lead: Instrument, old: Key, new: Key, shift: int, swing: float
) -> Note:
    beat, beats, pitch, strength = tone
    start_s = bar.time_s(beat - source_bar * bar.grid.beats_per_bar, swing)
    loud = float(np.clip(0.45 + 0.35 * strength + 0.2 * bar.energy, 0.1, 1.0))
    voice = f"{lead.voice}:a" if lead.track in ("vocals", "backing_vocals") else lead.voice
    length_s = max(1, round(PARTS * beats)) / PARTS * bar.grid.beat_s
    return Note(start_s, 0.96 * length_s, lead.track, voice, loud,
                (transpose_pitch(pitch, old, new) + shift,))  # fmt: skip


def _gain_db(
    trial: Mixer,
    source: Stereo,
    source_music: _Transcription,
    plan: _Plan,
    bars: list[tuple[list[Note], float]],
    level_db: float,
) -> float:
    """Return the gain at which the fullest bars, rendered on ``trial``, are as loud as their source bars."""
    meter = plan.grid.beats_per_bar
    order = sorted(range(len(bars)), key=lambda n: (-source_music.energy.get(plan.bars[n][1], 0.0), n))[:_TRIAL_BARS]
    at_s, source_bars = 0.0, []
    trial.prepare(note for n in order for note in bars[n][0])
    for n in order:
        begin_s = plan.grid.beat_to_s(plan.bars[n][0] * meter)
        for note in bars[n][0]:
            trial.play(replace(note, start_s=max(0.0, note.start_s - begin_s) + at_s))
        at_s += max(0.1, bars[n][1] - begin_s)
        source_bars.append(_bar_samples(source, source_music.grid, plan.bars[n][1]))
    played_db = rms_db(trial.read(round(at_s * ENGINE_RATE_HZ)))
    source_db = rms_db(np.concatenate(source_bars)) if source_bars else -120.0
    target_db = min(_LOUDEST_DB, source_db) if source_db > _SOFTEST_DB else level_db
    return target_db - played_db if played_db > -60 else 0.0


def _metadata(
    request: EngineRequest, source_music: _Transcription, plan: _Plan, line_times: list[TimedLine]
) -> TakeMetadata:
    length_s, music, confidence = request.frames / ENGINE_RATE_HZ, request.music, source_music.confidence
    asked = {"tempo": music.bpm is not None, "key": music.keyscale is not None}
    guesses = {name: 1.0 if asked[name] else confidence[name] for name in asked}
    return {
        **grid_metadata(plan.grid, plan.key),
        "notes": guess_notes(plan.grid, plan.key, guesses),
        "caption": request.music.caption,
        "strength": round(float(request.strength), 3),
        "duration_s": round(length_s, 3),
        **({"source_bpm": round(float(source_music.grid.bpm), 2)} if is_sure("tempo", confidence) else {}),
        **({"source_keyscale": str(source_music.key)} if is_sure("key", confidence) else {}),
        "chords": chord_rows(plan.harmony, plan.grid, 0.0, length_s),
        **lines_metadata(line_times, request),
    }
