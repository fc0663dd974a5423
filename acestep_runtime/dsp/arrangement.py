"""Arrangement: the plan of a song, and the bars of a part that joins existing music.

Plans only: players.py turns a bar into notes, render.py turns notes into sound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np

from acestep_runtime.chords.chart import ChordChart
from acestep_runtime.chords.read import chart_of
from acestep_runtime.dsp.charts import chart_bars, ends_on_tonic, key_of_chart, place_bars
from acestep_runtime.dsp.draws import Seed, base_seed, mix_into, seed_of_choice, seeds_in
from acestep_runtime.dsp.musical import Grid
from acestep_runtime.dsp.players import Bar, Note, play_bar
from acestep_runtime.dsp.progressions import ChordSymbol, Harmony, progression, tonic_triad
from acestep_runtime.dsp.singing import sing_harmony, sing_lines, singing_range
from acestep_runtime.lyrics.timed import TimedLine
from acestep_runtime.text.form import Section, is_instrumental_section, plan_sections, sections_in_order
from acestep_runtime.text.style import Instrument, Style, remove_tracks
from acestep_runtime.values import Key, Music, clip_bpm

#: Tonics to draw from where no key is given.
_KEYS = {"major": (0, 2, 4, 5, 7, 9, 10), "minor": (9, 11, 0, 2, 4, 5, 7)}


#: The tracks that sing.
VOICES = ("vocals", "backing_vocals")
#: Sections in which backing vocals sing the words in harmony.
_HARMONY_SECTIONS = ("chorus", "postchorus", "bridge")
#: Bars of a phrase, whose chords vary one by one, in every phrase alike.
_PHRASE_BARS = 8
#: A note that reaches this far into a span is restruck at its start.
_MIN_SUSTAIN_S = 0.15


@dataclass(frozen=True)
class Song:
    """A planned song: tempo, key, chords and sections, before any note. ``bars`` includes the last, possibly cut one."""

    grid: Grid
    key: Key
    harmony: Harmony
    sections: tuple[Section, ...]
    bars: int
    ending: int
    seed: Seed


def plan_song(music: Music, style: Style, seconds: float, seed: Seed) -> Song:
    """Plan a song of ``seconds`` seconds: ``music`` where it gives values, the style and the seed elsewhere.

    Without a key, given chords say it.
    Variations keep tempo and key.
    """
    outset = _choose_outset(style, base_seed(seed))
    meter = music.timesignature or 4
    random_bpm = outset.bpm * (1.5 if meter == 6 else 1.0)
    grid = Grid(music.bpm or clip_bpm(random_bpm), 0.0, meter)
    chart = chart_of(music)
    usual_key = outset.key if chart is None else key_of_chart(chart)
    key = Key.parse(music.keyscale) if music.keyscale else usual_key
    bars = max(1, int(np.ceil(seconds / grid.bar_s - 1e-9)))
    ending = _ending_bar(seconds, grid, bars)
    sections = tuple(_plan_form(music, chart, ending if ending < bars else bars, meter))
    if chart is not None:
        tonic = ending < bars and ends_on_tonic(chart, sections, ending, key)
        given = enumerate(chart_bars(chart, sections, bars)[: ending if tonic else bars])
        return Song(grid, key, place_bars(given, meter, Harmony({}, tonic_triad(key))), sections, bars, ending, seed)
    chord_at = _choose_chords(style, key, seed)
    by_beat: dict[int, ChordSymbol] = {}
    for section in sections:
        is_chorus = section.kind in ("chorus", "solo", "postchorus", "bridge")
        for bar in range(section.first_bar, section.first_bar + section.bars):
            for beat in range(meter):
                by_beat[bar * meter + beat] = chord_at(bar - section.first_bar, is_chorus)
    return Song(grid, key, Harmony(by_beat, tonic_triad(key)), sections, bars, ending, seed)


def _plan_form(music: Music, chart: ChordChart | None, bars: int, meter: int) -> list[Section]:
    """Return the sections of the lyrics; where they have neither words nor tags, those of a chart that names some."""
    if chart is None or not chart.has_names or music.lyrics.strip():
        return plan_sections(music.lyrics, bars, meter)
    return sections_in_order([(section.name, len(section.bars)) for section in chart.sections], bars)


@dataclass(frozen=True)
class _Outset:
    """What a seed chooses for a whole song: tempo, key, and the progressions of verses and choruses."""

    bpm: float
    key: Key
    progressions: tuple[int, int]


def _choose_outset(style: Style, seed: int) -> _Outset:
    rng = np.random.default_rng([seed, crc32(style.genre.encode())])
    bpm = float(round(rng.uniform(*style.bpm)))
    mode = style.mode or ("major" if rng.random() < 0.7 else "minor")
    tonic = _KEYS[mode][rng.integers(len(_KEYS[mode]))]
    first, second = rng.permutation(8)[:2]
    return _Outset(bpm, Key(tonic, mode), (int(first), int(second)))


def _choose_chords(style: Style, key: Key, seed: Seed) -> Callable[[int, bool], ChordSymbol]:
    """Return what gives the chord of a bar of a section, by its number there, in verses or choruses."""
    phrases = {
        each: [progression(style, key, which) for which in _choose_outset(style, each).progressions]
        for each in seeds_in(seed)
    }

    def chord_at(place: int, is_chorus: bool) -> ChordSymbol:
        chosen = seed_of_choice(seed, crc32(b"chords"), int(is_chorus), place % _PHRASE_BARS)
        chords = phrases[chosen][is_chorus]
        return chords[place % len(chords)]

    return chord_at


def _ending_bar(seconds: float, grid: Grid, bars: int) -> int:
    """Return the bar of the last chord, or ``bars`` when the song is too short for one.

    This is the last bar, unless too little of it is left for the chord to ring.
    """
    if bars < 5:
        return bars
    left_s = seconds - (bars - 1) * grid.bar_s
    return bars - 1 if left_s >= grid.beat_s else bars - 2


def instruments_at(style: Style, section: Section) -> tuple[Instrument, ...]:
    """Return the instruments of a section: more with more energy, those named in the caption always.

    Melodies rest in quiet sections and under words, unless the caption names them. Singers rest in solos.
    """
    energy = section.energy + 0.5 * style.energy
    count = max(1, round(energy * len(style.instruments) + 0.2))
    loud = section.kind in ("solo", "instrumental", "chorus", "postchorus")
    playing = []
    for order, instrument in enumerate(style.instruments):
        is_named = order < style.named_count
        if (instrument.leads and not is_named and not loud and energy < 0.6) or (
            order >= count and not (instrument.leads and loud)
        ):
            continue
        sings_along = instrument.track == "backing_vocals" and section.lines and section.kind in _HARMONY_SECTIONS
        if (
            sings_along
            or (instrument.leads and not is_named and section.lines)
            or (instrument.track in VOICES and is_instrumental_section(section))
        ):
            continue
        playing.append(instrument)
    return tuple(playing) or style.instruments[:1]


@dataclass(frozen=True)
class Vocals:
    """The vocals of a song: notes by bar number, and the times of the lines."""

    by_bar: Mapping[int, list[Note]]
    lines: tuple[TimedLine, ...]


def sing_song(song: Song, style: Style, seconds: float) -> Vocals:
    """Sing the lines of every section; in harmony in choruses if the style has backing vocals.

    Repeated sections repeat their tune.
    """
    by_bar: dict[int, list[Note]] = {}
    line_times: list[TimedLine] = []
    meter = _meter(song)
    for section in song.sections:
        start_s, end_s = (
            song.grid.beat_to_s(bar * meter) for bar in (section.first_bar, section.first_bar + section.bars)
        )
        grid, harmony, bars = singing_range(song.grid, song.harmony, start_s, min(end_s, seconds))
        mood = float(np.clip(section.energy - 0.6 + 0.5 * style.energy, -0.6, 0.6))
        notes, lines = sing_lines(section.lines, bars=bars, grid=grid, harmony=harmony, key=song.key,
                                  seed=mix_into(song.seed, crc32(section.kind.encode())),
                                  style=replace(style, energy=mood))  # fmt: skip
        singers = [instrument.voice for instrument in style.instruments if instrument.track == "backing_vocals"]
        if singers and section.kind in _HARMONY_SECTIONS:
            notes += sing_harmony(notes, song.harmony, song.grid, singers[0])
        for note in notes:
            by_bar.setdefault(int(song.grid.s_to_beat(note.start_s) / meter + 1e-6), []).append(note)
        line_times += lines
    return Vocals(by_bar, tuple(line_times))


NO_VOCALS = Vocals({}, ())


def song_bars(song: Song, style: Style, singing: Vocals = NO_VOCALS) -> Iterator[tuple[Section, list[Note], float]]:
    """Yield for each bar of a song its section, its notes and the time it ends. Nothing sounds after the last chord."""
    style = _accompaniment_style(style, singing)
    for section in song.sections:
        energy = float(np.clip(section.energy + style.energy, 0.08, 1.0))
        instruments = instruments_at(style, section)
        for bar in range(section.first_bar, section.first_bar + section.bars):
            notes = play_bar(_bar(song, bar, section, energy), style, instruments) + singing.by_bar.get(bar, [])
            yield section, notes, song.grid.beat_to_s((bar + 1) * _meter(song))
    if song.ending < song.bars and not song.sections[-1].fades:
        section = song.sections[-1]
        last = replace(_bar(song, song.ending, section, 0.7), ends=True, place=3)
        instruments = instruments_at(style, replace(section, energy=max(section.energy, 0.7)))
        yield section, play_bar(last, style, instruments), song.grid.beat_to_s(song.bars * _meter(song))


def _accompaniment_style(style: Style, singing: Vocals) -> Style:
    """Return the style that accompanies the vocals: no other instrument plays a vocal melody under words."""
    return remove_tracks(style, ("vocals",)) if singing.lines else style


def fullest_bar(song: Song, style: Style, singing: Vocals = NO_VOCALS) -> list[Note]:
    """Return the notes of a bar in the fullest section, moved to time 0. Loudness is set by it."""
    style = _accompaniment_style(style, singing)
    section = max(song.sections, key=lambda s: s.energy)
    energy = float(np.clip(section.energy + style.energy, 0.08, 1.0))
    bar = _bar(song, section.first_bar + min(1, section.bars - 1), section, energy)
    start_s = bar.grid.beat_to_s(bar.first_beat)
    notes = play_bar(bar, style, instruments_at(style, section)) + singing.by_bar.get(bar.index, [])
    return [replace(n, start_s=n.start_s - start_s) for n in notes]


def _meter(song: Song) -> int:
    return song.grid.beats_per_bar


def _bar(song: Song, index: int, section: Section, energy: float) -> Bar:
    place = index - section.first_bar
    bar_energy = min(1.0, energy + (0.06 if place + 1 == section.bars else 0.0))
    return Bar(index, song.grid, song.harmony, song.key, bar_energy, song.seed, section.kind, place, section.bars)


def span_bars(
    *, grid: Grid, harmony: Harmony, key: Key, style: Style, instruments: tuple[Instrument, ...], start_s: float,
    end_s: float, energies: dict[int, float], seed: Seed,
) -> Iterator[tuple[list[Note], float]]:  # fmt: skip
    """Yield the bars of a new part between two times of existing music: notes that start inside, and each bar's end.

    ``energies`` (0–1) by bar number follow the music; phrases are four bars of its grid. Times are those of the grid.
    """
    first = int(np.floor(grid.s_to_beat(start_s) / grid.beats_per_bar + 1e-6))
    last = int(np.ceil(grid.s_to_beat(end_s) / grid.beats_per_bar - 1e-6))
    for index in range(first, max(last, first + 1)):
        bar = Bar(index, grid, harmony, key, energies.get(index, 0.7), seed, "part", index % 4, 4)
        yield (
            list(notes_within(play_bar(bar, style, instruments), start_s, end_s)),
            grid.beat_to_s((index + 1) * grid.beats_per_bar),
        )


def notes_within(notes: Iterable[Note], start_s: float, end_s: float) -> Iterator[Note]:
    """Yield the notes between two times, cut at the end; a note a few milliseconds early starts on time.

    A pitched note held over from before the span is restruck at its start, so that the span does not begin in silence.
    """
    for note in notes:
        end = note.start_s + note.length_s
        is_sustained = bool(note.pitches) and end > start_s + _MIN_SUSTAIN_S
        joins = note.start_s < start_s and (is_sustained or note.start_s >= start_s - 0.012)
        begin_s = start_s if joins else note.start_s
        if start_s <= begin_s < end_s - 0.02:
            yield replace(note, start_s=begin_s, length_s=min(max(0.03, end - begin_s), end_s - begin_s))
