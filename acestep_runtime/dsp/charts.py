"""Chord charts over beats: over the sections of a song, or from the first bar of a region on. No sound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from acestep_runtime.chords.chart import Bar, ChordChart, spread_over_beats
from acestep_runtime.chords.roman import SCALES
from acestep_runtime.chords.symbols import ChordName
from acestep_runtime.dsp.musical import Grid
from acestep_runtime.dsp.progressions import ChordSymbol, Harmony, chord_tones, tonic_triad
from acestep_runtime.text.form import Section, section_kind
from acestep_runtime.values import Key

#: A region that begins this much of a bar before a downbeat begins with that bar.
_EARLY = 0.25
#: Where it begins less than this part of a beat before its first bar, it begins with the chart.
_UPBEAT = 0.5
#: What a key gains, in bars of chords inside it, from its tonic as first and as last chord, and from each other tonic.
_FIRST, _LAST, _EACH = 1.5, 1.0, 0.25


def key_of_chart(chart: ChordChart) -> Key:
    """Return the key that holds most of a chart's chords: each counts by the share of its notes inside, tonics more.

    The first and the last chord count as tonics before others.
    """
    chords = [chord for bar in chart.bars for chord in bar if not chord.is_silent]
    weights = [1 / len(bar) for bar in chart.bars for chord in bar if not chord.is_silent]
    if not chords:
        return Key(0, "major")

    def suits(key: Key) -> float:
        scale = {(key.tonic + step) % 12 for step in SCALES[key.mode]}
        inside = [np.mean([pc in scale for pc in chord.pitch_classes]) for chord in chords]
        is_tonic = [_triad(chord) == tonic_triad(key) for chord in chords]
        fit, tonics = (float(np.dot(weights, shares)) for shares in (inside, is_tonic))
        return fit + _EACH * tonics + _FIRST * is_tonic[0] + _LAST * is_tonic[-1]

    return max((Key(tonic, mode) for mode in ("major", "minor") for tonic in range(12)), key=suits)


def _triad(chord: ChordName) -> ChordSymbol:
    """Return a chord's root with its third: "m" for a minor one."""
    third = (chord.pitch_classes[1] - chord.root) % 12
    return chord.root, "m" if third == 3 else ""


def chart_bars(chart: ChordChart, sections: Sequence[Section], bars: int) -> list[Bar]:
    """Return the chords of each of a song's bars.

    A chart without names goes on from bar to bar through all sections. One with names gives each section the chords of its
    name, or of its kind, the second verse those of the second; a section that it does not name has those without a name, or
    the first ones. Within a section, chords begin again when they are over.
    """
    if not chart.has_names:
        return [chart.bars[bar % len(chart.bars)] for bar in range(bars)]
    out: list[Bar] = []
    count: Counter[str] = Counter()
    for number, section in enumerate(sections):
        stop = sections[number + 1].first_bar if number + 1 < len(sections) else bars
        chords = _bars_of_section(chart, section, count[section.kind])
        count[section.kind] += 1
        out += [chords[place % len(chords)] for place in range(stop - section.first_bar)]
    return out


def ends_on_tonic(chart: ChordChart, sections: Sequence[Section], ending: int, key: Key) -> bool:
    """Return whether a song's last chord, in bar ``ending``, is the tonic instead of the chord that would begin the next pass.

    So it is where a pass through the last section's chords, or through a chart without names, is over, and the chart has the
    tonic's triad or a seventh on it.
    """
    section = sections[-1]
    first = section.first_bar if chart.has_names else 0
    number = sum(each.kind == section.kind for each in sections) - 1
    chords = _bars_of_section(chart, section, number) if chart.has_names else chart.bars
    has_tonic = any(not chord.is_silent and _triad(chord) == tonic_triad(key) for bar in chart.bars for chord in bar)
    return has_tonic and (ending - first) % len(chords) == 0


def _bars_of_section(chart: ChordChart, section: Section, number: int) -> tuple[Bar, ...]:
    exact = [each.bars for each in chart.sections if each.name.casefold() == section.name.casefold()]
    if exact:
        return exact[0]
    alike = [each.bars for each in chart.sections if each.name and section_kind(each.name) == section.kind]
    if alike:
        return alike[number % len(alike)]
    return next((each.bars for each in chart.sections if not each.name), chart.sections[0].bars)


def place_bars(bars: Iterable[tuple[int, Bar]], beats_per_bar: int, harmony: Harmony) -> Harmony:
    """Return a harmony with the chords of bars, each with its number, in place of its own. N.C. keeps the chord before it."""
    chords, basses, rests = dict(harmony.chords), dict(harmony.basses), set(harmony.rests)
    last = harmony.home
    for number, bar in bars:
        for place, chord in enumerate(spread_over_beats(bar, beats_per_bar)):
            beat = number * beats_per_bar + place
            basses.pop(beat, None)
            rests.discard(beat)
            if chord.is_silent:
                rests.add(beat)
            else:
                last = (chord.root, chord.quality)
                if chord.bass is not None:
                    basses[beat] = chord.bass
            chords[beat] = last
    return replace(harmony, chords=chords, basses=basses, rests=frozenset(rests))


def place_from(chart: ChordChart, harmony: Harmony, grid: Grid, start_s: float, end_s: float) -> Harmony:
    """Return a harmony with a chart in place of its chords, from the first bar of a region to its end.

    The first bar is the one in which the region begins, or the next one where it begins less than a quarter of a bar before.
    The chart's sections follow each other, and it begins again when it is over. Times are seconds of the grid.
    """
    first = first_bar(grid, start_s)
    first_beat = first * grid.beats_per_bar
    if 0 < first_beat - grid.s_to_beat(start_s) < _UPBEAT:  # that beat has hardly any part in the region
        harmony = place_bars([(first_beat - 1, chart.bars[0][:1])], 1, harmony)
    last = int(np.ceil(grid.s_to_beat(end_s) / grid.beats_per_bar - 1e-6))
    bars = chart.bars
    rows = [(number, bars[(number - first) % len(bars)]) for number in range(first, max(last, first) + 1)]
    return place_bars(rows, grid.beats_per_bar, harmony)


def simplify_chords(harmony: Harmony) -> Harmony:
    """Return a harmony of chords such as analysis tells apart, to compare them: a triad or sus4 in place of each."""
    return replace(harmony, chords={beat: plain_chord(chord) for beat, chord in harmony.chords.items()})


def plain_chord(chord: ChordSymbol) -> ChordSymbol:
    """Return the chord that analysis hears for a chord: "", "m", "dim" or "sus4" of its root."""
    third, fifth = ((pc - chord[0]) % 12 for pc in chord_tones(chord)[1:3])
    return chord[0], {(3, 7): "m", (3, 8): "m", (3, 6): "dim", (5, 7): "sus4"}.get((third, fifth), "")


def agrees(measured: Mapping[int, ChordSymbol], harmony: Harmony, bar: int, beats_per_bar: int) -> bool:
    """Return whether at least three quarters of a bar's beats were measured as a harmony has them."""
    beats = range(bar * beats_per_bar, (bar + 1) * beats_per_bar)
    same = sum(beat in measured and plain_chord(measured[beat]) == plain_chord(harmony.at(beat)) for beat in beats)
    return same >= 0.75 * beats_per_bar


def first_bar(grid: Grid, start_s: float) -> int:
    """Return the number of the first bar of a region; see `place_from`."""
    return int(np.floor(grid.s_to_beat(start_s) / grid.beats_per_bar + _EARLY + 1e-6))


def bend_pitch(pitch: int, chord: ChordSymbol, key: Key) -> int:
    """Return a MIDI pitch, or the nearest note of a chord where it clashes with it: a semitone beside, or outside the key."""
    tones = set(chord_tones(chord))
    scale = {(key.tonic + step) % 12 for step in SCALES[key.mode]}
    beside = any((pitch + step) % 12 in tones for step in (-1, 1))
    if pitch % 12 in tones or not (beside or pitch % 12 not in scale):
        return pitch
    return min((p for p in range(pitch - 6, pitch + 7) if p % 12 in tones), key=lambda p: (abs(p - pitch), p))
