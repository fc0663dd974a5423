"""Text to music that follows notes: melody, bass and drums as they are, and an accompaniment in the caption's style.

notes ─► roles (melody, bass, drums, the rest) ──────────────────────────────► as they are ──┐
      ─► chords of each beat ─► the style's players on a steady grid ─► time of the tempo map ┴─► a mixer

Players know steady grids only. So each bar has a grid of its own in a time where all quarter notes are equally long, and what
they play moves to the tempo map of the notes afterwards: beats are where the notes have them, also while the tempo changes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from acestep_runtime import notes as midi
from acestep_runtime.dsp.general_midi import DRUM_KIT, PlayedBy, piece_of_note, voice_of_program
from acestep_runtime.dsp.musical import Grid
from acestep_runtime.dsp.players import Bar, Note, play_bar
from acestep_runtime.dsp.progressions import ChordSpan, Harmony, tonic_triad
from acestep_runtime.dsp.render import Mixer, apply_fade_out, render, rms_db
from acestep_runtime.dsp.singing import sing_lines
from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.draft.span import lines_metadata
from acestep_runtime.engines.metadata import Change, TakeMetadata
from acestep_runtime.engines.signal.blocks import grid_metadata, tempo_and_key
from acestep_runtime.errors import InvalidValue
from acestep_runtime.lyrics.text import lyric_lines
from acestep_runtime.lyrics.timed import TimedLine
from acestep_runtime.midi.beats import BarSpan, TempoMap, bars_of, tempo_map
from acestep_runtime.midi.harmony import NoteHarmony, find_harmony, find_swing
from acestep_runtime.midi.roles import Roles, assign_roles
from acestep_runtime.text.style import Instrument, Style, remove_tracks, style_from_caption, table
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import PITCH_NAMES, CancelToken, Key

#: RMS level of the fullest bar, as of any song of the draft engine.
_SONG_DB = -15.0
#: The most bars: twice what ten minutes of 2/4 at 300 have.
_MAX_BARS = 3000
#: Parts of a quarter note that players mean to play on; half of one is more than they are early or late, but above this tempo.
_PARTS, _FAST_BPM = 24, 150
#: Bars of a phrase.
_PHRASE_BARS = 4
#: Energy of a bar whose notes are as soft, and as loud, as they may be.
_SOFT, _LOUD = 0.35, 0.9
#: Tempos within this share of each other are one change.
_SAME_TEMPO = 0.005
#: A fade that avoids a click at the end.
_FADE_S = 0.05
#: Rhythms of accompanists for whom the style has none.
_USUAL_PATTERN = {"synth": "whole", "woodwinds": "whole", "backing_vocals": "whole"}
#: Tracks that play no chords.
_NO_CHORDS = ("drums", "percussion", "bass", "fx", "vocals")


@dataclass(frozen=True)
class _Plan:
    """What is to be played: notes by their roles, who leads, bars with their chords and energies, and the accompanists' style.

    ``even_bpm`` is the tempo of the time in which all quarter notes are equally long.
    """

    roles: Roles
    lead: PlayedBy
    bars: tuple[BarSpan, ...]
    harmony: NoteHarmony
    energies: tuple[float, ...]
    tempos: TempoMap
    style: Style
    even_bpm: float

    def even_s(self, quarter: float) -> float:
        """Return where a quarter note is in even time."""
        return quarter * 60.0 / self.even_bpm

    def to_real_s(self, even_s: float) -> float:
        """Return the time of the song at a time of even time; by what a player is early or late, that stays as it is."""
        quarter = even_s * self.even_bpm / 60.0
        parts = _PARTS if self.even_bpm <= _FAST_BPM else _PARTS // 2
        meant = round(quarter * parts) / parts
        return self.tempos.quarter_to_s(meant) + even_s - self.even_s(meant)

    def grid(self, number: int) -> Grid:
        """Return the grid of a bar in even time; its beats count as if all bars before were like it."""
        bar = self.bars[number]
        beat_s = self.even_s(4 / bar.unit)
        return Grid(60.0 / beat_s, self.even_s(bar.start) - number * bar.beats * beat_s, bar.beats)

    def bar_harmony(self, number: int) -> Harmony:
        """Return the chords of a bar on its grid, and the one after it."""
        bar, rows = self.bars[number], self.harmony.bars
        chords = [*rows[number], rows[min(number + 1, len(rows) - 1)][0]]
        first = number * bar.beats
        return Harmony(dict(enumerate(chords, first)), tonic_triad(self.harmony.key))


def follow_notes(request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Play ``guide_song`` in the caption's style for ``frames`` frames, silent after its last bar."""
    song = request.guide_song
    assert song is not None
    yield Progress("reading the notes", 0.0)
    length_s = request.frames / ENGINE_RATE_HZ
    plan = _make_plan(song, request, length_s)
    cancel.check()
    vocals, lines = _sing(plan, request)
    yield Metadata({**_metadata(plan, song, request, length_s), **lines_metadata(lines, request)})
    bars = _distribute([*_notes_as_they_are(plan, sings=bool(vocals)), *vocals], plan)
    for number in range(len(plan.bars)):
        bars[number][0].extend(_accompany(plan, number, request))
    mixer = _make_mixer(plan, bars, request)
    done, fade = 0, max(1, min(request.frames // 4, round(_FADE_S * ENGINE_RATE_HZ)))
    for number, block in enumerate(render(bars, request.frames, mixer)):
        yield Progress(f"playing bar {number + 1} of {len(bars)}", done / max(1, request.frames))
        cancel.check()
        yield Block("mix", apply_fade_out(block, done, request.frames, fade))
        done += len(block)


def _make_plan(song: midi.MidiSong, request: EngineRequest, length_s: float) -> _Plan:
    tempos, roles = tempo_map(song), assign_roles(song)
    bars = bars_of(song, max(0.1, min(length_s, song.end_s or length_s)))
    if len(bars) > _MAX_BARS:
        message = f"The notes of midi have {len(bars)} bars; allowed: at most {_MAX_BARS}."
        raise InvalidValue(
            "midi", len(bars), f"at most {_MAX_BARS} bars", message=message, remedy="Correct its meters."
        )
    key = Key.parse(request.music.keyscale) if request.music.keyscale else None
    melody = roles.melody_part if roles.melody_part not in roles.others else None
    harmony = find_harmony(song, bars, tempos, melody, key)
    swing = find_swing(song, tempos)
    asked = style_from_caption(request.music.caption)
    style = _accompaniment(asked, roles, has_words=bool(lyric_lines(request.music.lyrics)))
    style = style if swing is None else replace(style, swing=swing)
    energies = _energies(
        song, [tempos.quarter_to_s(quarter) for quarter in (*(bar.start for bar in bars), bars[-1].stop)]
    )
    energies = [float(np.clip(energy + 0.5 * style.energy, 0.15, 1.0)) for energy in energies]
    return _Plan(roles, _choose_lead(asked, roles), tuple(bars), harmony, tuple(energies), tempos, style,
                 tempos.usual_bpm(length_s))  # fmt: skip


def _energies(song: midi.MidiSong, edges_s: Sequence[float]) -> list[float]:
    """Return how loud each bar between two edges is by the notes that begin in it."""
    rows = [(note.start_s, note.velocity / 127) for part in song.parts for note in part.notes]
    owner = np.searchsorted(np.asarray(edges_s), [start_s for start_s, _ in rows], side="right") - 1
    count, total = np.zeros(len(edges_s)), np.zeros(len(edges_s))
    inside = owner >= 0
    np.add.at(count, owner[inside], 1)
    np.add.at(total, owner[inside], np.array([loud for _, loud in rows])[inside])
    mean = np.where(count > 0, total / np.maximum(count, 1), 0.5)[:-1]
    return [float(_SOFT + (_LOUD - _SOFT) * loud) for loud in mean]


def _choose_lead(style: Style, roles: Roles) -> PlayedBy:
    """Return who plays the melody: whom the caption names to lead, else the program of its part."""
    named = [each for each in style.instruments[: style.named_count] if each.leads]
    program = 0 if roles.melody_part is None else roles.melody_part.program
    track, voice = (named[0].track, named[0].voice) if named else voice_of_program(program)
    return PlayedBy(track, f"{voice}:a" if track in ("vocals", "backing_vocals") else voice)


def _accompaniment(style: Style, roles: Roles, *, has_words: bool) -> Style:
    """Return the style without those whose notes are there; programs choose who plays the chords where the caption does not."""
    taken = {"drums", "percussion"} if roles.drums else set()
    taken |= {"bass"} if roles.bass else set()
    taken |= {"vocals"} if has_words or roles.melody else set()
    named = {instrument.track for instrument in style.instruments[: style.named_count]}
    style = remove_tracks(style, taken - (named & {"percussion"}))
    if roles.melody:
        kept = [(order < style.named_count, each) for order, each in enumerate(style.instruments) if not each.leads]
        style = replace(
            style, instruments=tuple(each for _, each in kept), named_count=sum(is_named for is_named, _ in kept)
        )
    if style.named_count or not roles.others:
        return style
    players = [_accompanist(part, style) for part in roles.others]
    others = [each for each in style.instruments if each.track in _NO_CHORDS]
    chosen = {(each.track, each.voice): each for each in players}
    return replace(style, instruments=(*chosen.values(), *others))


def _accompanist(part: midi.Part, style: Style) -> Instrument:
    track, voice = voice_of_program(part.program)
    own = next((each.pattern for each in style.instruments if each.track == track and not each.leads), "")
    pattern = own or _USUAL_PATTERN.get(track) or str(table()["track"][track].split()[1])
    return Instrument(track, voice, pattern)


def _notes_as_they_are(plan: _Plan, *, sings: bool) -> Iterator[Note]:
    """Yield the melody, unless words take it, the bass and the drums."""
    roles, style = plan.roles, plan.style
    if not sings:
        for note in roles.melody:
            yield _make_note(note, plan.lead)
    if roles.bass is not None:
        named = [each for each in style.instruments[: style.named_count] if each.track == "bass"]
        track, voice = (named[0].track, named[0].voice) if named else voice_of_program(roles.bass.program)
        player = PlayedBy("bass", voice if track == "bass" else "bass_finger")
        for note in roles.bass.notes:
            yield _make_note(note, player)
    for part in roles.drums:
        for note in part.notes:
            track, piece = piece_of_note(note.pitch)
            yield Note(note.start_s, 1.0, track, DRUM_KIT, max(0.05, note.velocity / 127), piece=piece)


def _make_note(note: midi.Note, player: PlayedBy) -> Note:
    length_s = max(0.03, note.end_s - note.start_s)
    return Note(note.start_s, length_s, player.track, player.voice, max(0.05, note.velocity / 127), (note.pitch,))


def _sing(plan: _Plan, request: EngineRequest) -> tuple[list[Note], list[TimedLine]]:
    """Return what sings the words of the request to the melody, in the time of the song; nothing without either."""
    lines = lyric_lines(request.music.lyrics)
    if not lines or not plan.roles.melody:
        return [], []
    stop_s = request.frames / ENGINE_RATE_HZ
    melody = [(note.start_s, note.end_s - note.start_s, note.pitch) for note in plan.roles.melody]
    whole = Grid(60.0 / max(stop_s, 0.1), 0.0, 1)  # one bar: all of the melody
    return sing_lines(lines, bars=range(1), grid=whole, harmony=Harmony({}, tonic_triad(plan.harmony.key)),
                      key=plan.harmony.key, seed=request.take_seed, style=plan.style, melody=melody)  # fmt: skip


def _accompany(plan: _Plan, number: int, request: EngineRequest) -> Iterator[Note]:
    """Yield what the style's players play in a bar, in the time of the song; nothing where no note sounds."""
    if not plan.harmony.sounds[number]:
        return
    bar = Bar(number, plan.grid(number), plan.bar_harmony(number), plan.harmony.key, plan.energies[number],
              request.take_seed, "part", number % _PHRASE_BARS, _PHRASE_BARS)  # fmt: skip
    for note in play_bar(bar, plan.style, plan.style.instruments):
        start_s, end_s = plan.to_real_s(note.start_s), plan.to_real_s(note.start_s + note.length_s)
        yield replace(note, start_s=max(0.0, start_s), length_s=max(0.03, end_s - start_s))


def _bar_times(plan: _Plan, number: int) -> tuple[float, float]:
    bar = plan.bars[number]
    return plan.tempos.quarter_to_s(bar.start), plan.tempos.quarter_to_s(bar.stop)


def _distribute(notes: Sequence[Note], plan: _Plan) -> list[tuple[list[Note], float]]:
    """Return for each bar the notes that begin in it, and the time it ends."""
    ends = [_bar_times(plan, number)[1] for number in range(len(plan.bars))]
    bars: list[list[Note]] = [[] for _ in ends]
    for note in notes:
        # A note may be early by a hair, and render() takes a bar's notes just before it.
        place = int(np.searchsorted(ends, note.start_s + 0.012, side="right"))
        if place < len(bars):
            bars[place].append(note)
    return list(zip(bars, ends, strict=True))


def _make_mixer(plan: _Plan, bars: Sequence[tuple[list[Note], float]], request: EngineRequest) -> Mixer:
    """Return a mixer at whose gain the fullest bar has the level of a song."""
    style, seed = plan.style, request.take_seed
    trial = Mixer(seed=seed, brightness=style.brightness, room_s=style.room_s)
    fullest = max(range(len(bars)), key=lambda number: (sum(note.velocity for note in bars[number][0]), -number))
    start_s, end_s = _bar_times(plan, fullest)
    for note in bars[fullest][0]:
        trial.play(replace(note, start_s=max(0.0, note.start_s - start_s)))
    level_db = rms_db(trial.read(round(max(0.1, end_s - start_s) * ENGINE_RATE_HZ)))
    gain_db = _SONG_DB - level_db if level_db > -60 else 0.0
    return Mixer(seed=seed, brightness=style.brightness, room_s=style.room_s, gain_db=gain_db, like=trial)


def _metadata(plan: _Plan, song: midi.MidiSong, request: EngineRequest, length_s: float) -> TakeMetadata:
    first, key = plan.bars[0], plan.harmony.key
    grid = Grid(song.tempos[0].bpm * first.unit / 4, 0.0, song.meters[0].beats)
    beats = [
        plan.tempos.quarter_to_s(bar.start + beat * 4 / bar.unit) for bar in plan.bars for beat in range(bar.beats)
    ]
    downbeats = [_bar_times(plan, number)[0] for number in range(len(plan.bars))]
    metadata: TakeMetadata = {
        **grid_metadata(grid, key),
        "caption": request.music.caption,
        "duration_s": round(length_s, 3),
        "beats": [round(time_s, 4) for time_s in beats if time_s < length_s],
        "downbeats": [round(time_s, 4) for time_s in downbeats if time_s < length_s],
        "chords": _chord_rows(plan, length_s),
    }
    if changes := _changes(plan, song, length_s):
        metadata["changes"] = changes
    if song.end_s and length_s > song.end_s + 0.05:
        metadata["notes"] = [f"The notes end after {song.end_s:.1f} of {length_s:.1f} s; the rest is silent."]
    return metadata


def _changes(plan: _Plan, song: midi.MidiSong, length_s: float) -> list[Change]:
    """Return the tempos and meters after the first, where they differ from those before."""
    tempos_s, meters_s = ([each.start_s for each in kind] for kind in (song.tempos, song.meters))
    times = sorted(time_s for time_s in {*tempos_s[1:], *meters_s[1:]} if time_s < length_s)
    changes: list[Change] = []
    bpm, meter = song.tempos[0].bpm, song.meters[0]
    for time_s in times:
        new_bpm = song.tempos[bisect_right(tempos_s, time_s) - 1].bpm
        new_meter = song.meters[bisect_right(meters_s, time_s) - 1]
        if abs(new_bpm / bpm - 1) > _SAME_TEMPO or (new_meter.beats, new_meter.unit) != (meter.beats, meter.unit):
            bpm, meter = new_bpm, new_meter
            grid = Grid(bpm * meter.unit / 4, time_s, meter.beats)
            changes.append({"start_s": round(time_s, 3), **tempo_and_key(grid, plan.harmony.key)})
    return changes


def _chord_rows(plan: _Plan, length_s: float) -> list[ChordSpan]:
    rows: list[tuple[float, float, str]] = []
    for bar, chords in zip(plan.bars, plan.harmony.bars, strict=True):
        for beat, (root, quality) in enumerate(chords):
            start_s, end_s = (plan.tempos.quarter_to_s(bar.start + b * 4 / bar.unit) for b in (beat, beat + 1))
            name, end_s = PITCH_NAMES[root] + quality, min(end_s, length_s)
            if start_s >= length_s:
                continue
            if rows and rows[-1][2] == name:
                rows[-1] = (rows[-1][0], end_s, name)
            else:
                rows.append((start_s, end_s, name))
    return [{"start_s": round(start, 3), "end_s": round(end, 3), "name": name} for start, end, name in rows]
