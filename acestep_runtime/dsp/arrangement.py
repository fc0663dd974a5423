"""What is played when: the plan of a song, and the bars of a part that joins music which is already there.

Plans only: players.py turns a bar into notes, render.py turns notes into sound.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np

from acestep_runtime.dsp.musical import Grid
from acestep_runtime.dsp.players import Bar, Note, play
from acestep_runtime.dsp.progressions import Harmony, Sound, home_of, progression
from acestep_runtime.dsp.singing import harmonised, stage, sung
from acestep_runtime.lyrics.lrc import TimedLine
from acestep_runtime.text.form import Section, form, is_played
from acestep_runtime.text.style import Instrument, Style, without
from acestep_runtime.values import Key, Music

#: Keys that hands and ears like, drawn when none is asked for.
_KEYS = {"major": (0, 2, 4, 5, 7, 9, 10), "minor": (9, 11, 0, 2, 4, 5, 7)}


#: The tracks that sing.
VOICES = ("vocals", "backing_vocals")
#: Where words are sung in harmony, if anybody sings along.
_TOGETHER = ("chorus", "postchorus", "bridge")
#: What of a note reaches this far into a span is worth striking anew.
_HELD_S = 0.15


@dataclass(frozen=True)
class Song:
    """A planned song: tempo, key, chords and sections, before any note. ``bars`` includes the last, possibly cut one."""

    grid: Grid
    key: Key
    harmony: Harmony
    sections: tuple[Section, ...]
    bars: int
    ending: int
    seed: int


def plan(music: Music, style: Style, seconds: float, seed: int) -> Song:
    """Plan a song of a length: what ``music`` gives is kept, the rest comes from the style and the seed."""
    rng = np.random.default_rng([seed, crc32(style.genre.encode())])
    meter = music.timesignature or 4
    low, high = style.bpm
    drawn = float(round(rng.uniform(low, high))) * (1.5 if meter == 6 else 1.0)
    grid = Grid(music.bpm or min(300.0, max(30.0, drawn)), 0.0, meter)
    mode = style.mode or ("major" if rng.random() < 0.7 else "minor")
    tonic = _KEYS[mode][rng.integers(len(_KEYS[mode]))]
    key = Key.parse(music.keyscale) if music.keyscale else Key(tonic, mode)
    bars = max(1, int(np.ceil(seconds / grid.bar_s - 1e-9)))
    ending = _ending(seconds, grid, bars)
    sections = tuple(form(music.lyrics, ending if ending < bars else bars, meter))
    first, second = rng.permutation(8)[:2]
    verse, chorus = progression(style, key, int(first)), progression(style, key, int(second))
    by_beat: dict[int, Sound] = {}
    for section in sections:
        chords = chorus if section.kind in ("chorus", "solo", "postchorus", "bridge") else verse
        for bar in range(section.first_bar, section.first_bar + section.bars):
            for beat in range(meter):
                by_beat[bar * meter + beat] = chords[(bar - section.first_bar) % len(chords)]
    return Song(grid, key, Harmony(by_beat, home_of(key)), sections, bars, ending, seed)


def _ending(seconds: float, grid: Grid, bars: int) -> int:
    """Return the bar that holds the last chord, or ``bars`` when a song is too short to have one.

    It is the last bar, unless so little of that is left that the chord could not ring.
    """
    if bars < 5:
        return bars
    left_s = seconds - (bars - 1) * grid.bar_s
    return bars - 1 if left_s >= grid.beat_s else bars - 2


def instruments_at(style: Style, section: Section) -> tuple[Instrument, ...]:
    """Return who plays in a section: more of the style's instruments the more energy it has, those named always.

    Melodies rest in quiet sections and where words are sung, unless they were asked for. Singers rest in solos.
    """
    energy = section.energy + 0.5 * style.energy
    count = max(1, round(energy * len(style.instruments) + 0.2))
    loud = section.kind in ("solo", "instrumental", "chorus", "postchorus")
    chosen = []
    for order, who in enumerate(style.instruments):
        named = order < style.named
        if (who.leads and not named and not loud and energy < 0.6) or (order >= count and not (who.leads and loud)):
            continue
        together = who.track == "backing_vocals" and section.lines and section.kind in _TOGETHER
        if together or (who.leads and not named and section.lines) or (who.track in VOICES and is_played(section)):
            continue
        chosen.append(who)
    return tuple(chosen) or style.instruments[:1]


@dataclass(frozen=True)
class Vocals:
    """What is sung in a song: notes by bar number, and the times of the lines."""

    by_bar: Mapping[int, list[Note]]
    lines: tuple[TimedLine, ...]


def vocals(song: Song, style: Style, seconds: float) -> Vocals:
    """Sing the lines of every section of a song of a length, in harmony in choruses if the style has backing vocals.

    A section that returns returns with its tune.
    """
    by_bar: dict[int, list[Note]] = {}
    timed: list[TimedLine] = []
    meter = _meter(song)
    for section in song.sections:
        start_s, end_s = (
            song.grid.beat_to_s(bar * meter) for bar in (section.first_bar, section.first_bar + section.bars)
        )
        grid, harmony, bars = stage(song.grid, song.harmony, start_s, min(end_s, seconds))
        mood = float(np.clip(section.energy - 0.6 + 0.5 * style.energy, -0.6, 0.6))
        notes, lines = sung(section.lines, bars=bars, grid=grid, harmony=harmony, key=song.key,
                            seed=song.seed ^ crc32(section.kind.encode()), style=replace(style, energy=mood))  # fmt: skip
        singers = [who.voice for who in style.instruments if who.track == "backing_vocals"]
        if singers and section.kind in _TOGETHER:
            notes += harmonised(notes, song.harmony, song.grid, singers[0])
        for note in notes:
            by_bar.setdefault(int(song.grid.s_to_beat(note.start_s) / meter + 1e-6), []).append(note)
        timed += lines
    return Vocals(by_bar, tuple(timed))


NOBODY = Vocals({}, ())


def song_bars(song: Song, style: Style, singing: Vocals = NOBODY) -> Iterator[tuple[Section, list[Note], float]]:
    """Yield for each bar of a song its section, its notes and the time it ends. Nothing sounds after the last chord."""
    style = _around(style, singing)
    for section in song.sections:
        energy = float(np.clip(section.energy + style.energy, 0.08, 1.0))
        who = instruments_at(style, section)
        for bar in range(section.first_bar, section.first_bar + section.bars):
            notes = play(_bar(song, bar, section, energy), style, who) + singing.by_bar.get(bar, [])
            yield section, notes, song.grid.beat_to_s((bar + 1) * _meter(song))
    if song.ending < song.bars and not song.sections[-1].fades:
        section = song.sections[-1]
        last = replace(_bar(song, song.ending, section, 0.7), ends=True, place=3)
        who = instruments_at(style, replace(section, energy=max(section.energy, 0.7)))
        yield section, play(last, style, who), song.grid.beat_to_s(song.bars * _meter(song))


def _around(style: Style, singing: Vocals) -> Style:
    """Return who plays around the singers: where words are sung, nobody else sings the tune."""
    return without(style, ("vocals",)) if singing.lines else style


def fullest_bar(song: Song, style: Style, singing: Vocals = NOBODY) -> list[Note]:
    """Return the notes of a bar in the fullest section, moved to time 0: what loudness is set by."""
    style = _around(style, singing)
    section = max(song.sections, key=lambda s: s.energy)
    energy = float(np.clip(section.energy + style.energy, 0.08, 1.0))
    bar = _bar(song, section.first_bar + min(1, section.bars - 1), section, energy)
    start_s = bar.grid.beat_to_s(bar.first_beat)
    notes = play(bar, style, instruments_at(style, section)) + singing.by_bar.get(bar.index, [])
    return [replace(n, start_s=n.start_s - start_s) for n in notes]


def _meter(song: Song) -> int:
    return song.grid.beats_per_bar


def _bar(song: Song, index: int, section: Section, energy: float) -> Bar:
    place = index - section.first_bar
    lifted = min(1.0, energy + (0.06 if place + 1 == section.bars else 0.0))
    return Bar(index, song.grid, song.harmony, song.key, lifted, song.seed, section.kind, place, section.bars)


def joined_bars(
    *, grid: Grid, harmony: Harmony, key: Key, style: Style, instruments: tuple[Instrument, ...], start_s: float,
    end_s: float, energies: dict[int, float], seed: int,
) -> Iterator[tuple[list[Note], float]]:  # fmt: skip
    """Yield the bars of a new part between two times of existing music: notes that start inside, and each bar's end.

    ``energies`` (0–1) by bar number follow the music; phrases are four bars of its grid. Times are those of the grid.
    """
    first = int(np.floor(grid.s_to_beat(start_s) / grid.beats_per_bar + 1e-6))
    last = int(np.ceil(grid.s_to_beat(end_s) / grid.beats_per_bar - 1e-6))
    for index in range(first, max(last, first + 1)):
        bar = Bar(index, grid, harmony, key, energies.get(index, 0.7), seed, "part", index % 4, 4)
        yield (
            list(inside(play(bar, style, instruments), start_s, end_s)),
            grid.beat_to_s((index + 1) * grid.beats_per_bar),
        )


def inside(notes: Iterable[Note], start_s: float, end_s: float) -> Iterator[Note]:
    """Yield the notes between two times, cut to end in time; one that is early by a hair starts on time.

    A pitched note that is held into the span from before it is struck anew at its start, so that none begins in silence.
    """
    for note in notes:
        end = note.start_s + note.length_s
        held = bool(note.pitches) and end > start_s + _HELD_S
        joins = note.start_s < start_s and (held or note.start_s >= start_s - 0.012)
        begin_s = start_s if joins else note.start_s
        if start_s <= begin_s < end_s - 0.02:
            yield replace(note, start_s=begin_s, length_s=min(max(0.03, end - begin_s), end_s - begin_s))
