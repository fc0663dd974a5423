"""Chords over beats: progressions from numerals, measured chords, and their continuation. No sound, no rhythm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypedDict

import numpy as np

from acestep_runtime.chords import roman
from acestep_runtime.chords.symbols import ChordName
from acestep_runtime.dsp.musical import CHORD_TONES, Chord, Grid
from acestep_runtime.text.style import Style, table
from acestep_runtime.values import Key

ChordSymbol = tuple[int, str]  # root pitch class, quality

SCALES = roman.SCALES


def parse_numeral(text: str, key: Key) -> ChordSymbol:
    """Read a Roman numeral in a key, as `acestep_runtime.chords.roman` does: ``vi``, ``V7``, ``Imaj7``, ``bVII``, ``ii°``."""
    chord = roman.read_degree(text, key)
    if chord is None:
        raise ValueError(f"{text!r} is not a chord numeral such as vi, V7, Imaj7 or bVII")
    return chord.root, chord.quality


@dataclass(frozen=True)
class Harmony:
    """One chord a beat: ``chords`` by beat number, counted from the grid's first downbeat. Unknown beats have ``home``.

    ``basses`` are the pitch classes that are lowest where that is not the root; in ``rests`` nothing with a pitch is played.
    """

    chords: Mapping[int, ChordSymbol]
    home: ChordSymbol
    basses: Mapping[int, int] = field(default_factory=dict)
    rests: frozenset[int] = frozenset()

    def at(self, beat: float) -> ChordSymbol:
        """Return the chord that sounds at a beat."""
        return self.chords.get(int(np.floor(beat + 1e-6)), self.home)

    def bass_at(self, beat: float) -> int:
        """Return the pitch class in the bass at a beat."""
        return self.basses.get(int(np.floor(beat + 1e-6)), self.at(beat)[0])

    def rests_at(self, beat: float) -> bool:
        """Return whether nothing with a pitch is played at a beat."""
        return int(np.floor(beat + 1e-6)) in self.rests


def tonic_triad(key: Key) -> ChordSymbol:
    """Return the tonic triad."""
    return key.tonic, "m" if key.mode == "minor" else ""


def chord_tones(chord: ChordSymbol) -> tuple[int, ...]:
    """Return the pitch classes of a chord, root first."""
    return tuple((chord[0] + t) % 12 for t in CHORD_TONES[chord[1]])


def progression(style: Style, key: Key, which: int) -> list[ChordSymbol]:
    """Return progression number ``which`` (any number; it wraps) of the style's family in a key, a chord a bar."""
    family = table()["harmony"][style.harmony][key.mode]
    return [parse_numeral(n, key) for n in family[which % len(family)].split()]


def quantise_chords(chords: Iterable[Chord], grid: Grid, key: Key) -> Harmony:
    """Place measured chords on the beats of a grid; a beat takes the chord that sounds at its middle."""
    by_beat: dict[int, ChordSymbol] = {}
    for chord in chords:
        first = int(np.ceil(grid.s_to_beat(chord.start_s) - 0.5 - 1e-6))
        for beat in range(first, int(np.ceil(grid.s_to_beat(chord.end_s) - 0.5 - 1e-6))):
            by_beat[beat] = (chord.root, chord.quality)
    return Harmony(by_beat, tonic_triad(key))


def continue_harmony(
    harmony: Harmony, beats: Iterable[int], beats_per_bar: int, fallback: list[ChordSymbol]
) -> Harmony:
    """Return the harmony with the given beats filled in by continuing its progression.

    The period is the number of bars after which the chords repeat best; a beat takes the most frequent chord at its place
    in the period, or else at its place of four bars. Places without any chord take the bar of ``fallback`` at their
    position.
    """
    periods = (period_bars(harmony, beats_per_bar) * beats_per_bar, 4 * beats_per_bar)
    places: dict[tuple[int, int], Counter[ChordSymbol]] = {}
    for beat, chord in harmony.chords.items():
        for period in periods:
            places.setdefault((period, beat % period), Counter())[chord] += 1
    beat_chords = dict(harmony.chords)
    for beat in beats:
        if beat in beat_chords:
            continue
        votes = next((places[p, beat % p] for p in periods if (p, beat % p) in places), None)
        beat_chords[beat] = votes.most_common(1)[0][0] if votes else fallback[(beat // beats_per_bar) % len(fallback)]
    return replace(harmony, chords=beat_chords)


def period_bars(harmony: Harmony, beats_per_bar: int) -> int:
    """Return after how many bars the chords repeat: 1, 2, 3, 4, 6, 8, 12 or 16; 4 where this is unclear.

    A longer period must agree better by 5 percent than a shorter one, since multiples of a period agree as well.
    """
    best, best_score = 4, 0.0
    for bars in (1, 2, 3, 4, 6, 8, 12, 16):
        shift = bars * beats_per_bar
        pairs = [chord == harmony.chords[beat + shift] for beat, chord in harmony.chords.items()
                 if beat + shift in harmony.chords]  # fmt: skip
        if len(pairs) < min(shift, 2 * beats_per_bar):
            continue
        score = sum(pairs) / len(pairs)
        if score > best_score + 0.05 and score > 0.6:
            best, best_score = bars, score
    return best


class ChordSpan(TypedDict):
    """A chord as plain values, with its times; ``name`` as in "F#m7"."""

    start_s: float
    end_s: float
    name: str


def chord_rows(harmony: Harmony, grid: Grid, start_s: float, end_s: float) -> list[ChordSpan]:
    """Return the chords between two times as plain values; equal neighbours are joined, rests left out."""
    rows: list[tuple[float, float, str]] = []
    for beat in range(int(np.floor(grid.s_to_beat(start_s) + 1e-6)), int(np.ceil(grid.s_to_beat(end_s) - 1e-6))):
        if harmony.rests_at(beat):
            continue
        root, quality = harmony.at(beat)
        low = harmony.bass_at(beat)
        name = str(ChordName(root, quality, None if low == root else low))
        start, end = max(start_s, grid.beat_to_s(beat)), min(end_s, grid.beat_to_s(beat + 1))
        if rows and rows[-1][2] == name and rows[-1][1] == start:
            rows[-1] = (rows[-1][0], end, name)
        else:
            rows.append((start, end, name))
    return [{"start_s": round(start, 3), "end_s": round(end, 3), "name": name} for start, end, name in rows]


def tonic_interval(old: Key, new: Key) -> int:
    """Return the smallest interval from one tonic to another, −5 to 6 semitones."""
    return (new.tonic - old.tonic + 5) % 12 - 5


def have_same_notes(old: Key, new: Key) -> bool:
    """Return whether two keys have the same notes: they are equal, or relatives."""
    return {(old.tonic + s) % 12 for s in SCALES[old.mode]} == {(new.tonic + s) % 12 for s in SCALES[new.mode]}


def transpose_pitch(pitch: int, old: Key, new: Key) -> int:
    """Transpose a MIDI pitch from one key to another: by the nearest interval, degree for degree.

    Between major and minor a degree becomes that degree of the other scale; a pitch between two degrees moves with the
    lower one. Between keys with the same notes the pitch stays.
    """
    if have_same_notes(old, new):
        return pitch
    scale = SCALES[old.mode]
    above = (pitch - old.tonic) % 12
    degree = max(d for d, step in enumerate(scale) if step <= above)
    return pitch + tonic_interval(old, new) + SCALES[new.mode][degree] - scale[degree]


def transpose_chord(chord: ChordSymbol, old: Key, new: Key) -> ChordSymbol:
    """Transpose a chord from one key to another; see `transpose_pitch`. Triads of the old scale become triads of the new."""
    if have_same_notes(old, new):
        return chord
    root, quality = transpose_pitch(chord[0] + 60, old, new) % 12, chord[1]
    if old.mode != new.mode and chord in triads(old):
        quality = dict(triads(new)).get(root, quality)
    return root, quality


def triads(key: Key) -> list[ChordSymbol]:
    """Return the seven triads of a key's own scale, the tonic first."""
    scale = SCALES[key.mode]
    chords = []
    for degree, root in enumerate(scale):
        third, fifth = ((scale[(degree + d) % 7] - root) % 12 for d in (2, 4))
        quality = {(4, 7): "", (3, 7): "m", (3, 6): "dim"}[third, fifth]
        chords.append(((key.tonic + root) % 12, quality))
    return chords


def harmonise_melody(
    weights: Mapping[int, Mapping[int, float]], bars: range, key: Key, usual: list[ChordSymbol]
) -> dict[int, ChordSymbol]:
    """Return a chord for each bar of a melody: ``weights`` is, by bar, how long each pitch class sounds in it.

    A chord fits its own notes; ``usual``, the style's progression, is preferred where it fits nearly as well, and is used
    where nothing sounds.
    """
    choices = list(dict.fromkeys([*usual, *(c for c in triads(key) if c[1] != "dim")]))
    bar_chords: dict[int, ChordSymbol] = {}
    for bar in bars:
        sounding = weights.get(bar, {})
        total = sum(sounding.values())

        def chord_fit(
            chord: ChordSymbol, bar: int = bar, sounding: Mapping[int, float] = sounding, total: float = total
        ) -> float:
            own = sum(sounding.get(pc, 0.0) * (1.2 if pc == chord[0] else 1.0) for pc in set(chord_tones(chord)))
            close = sum(
                sounding.get((pc + 1) % 12, 0.0)
                for pc in set(chord_tones(chord))
                if (pc + 1) % 12 not in chord_tones(chord)
            )
            style_bonus = 0.22 * (chord == usual[bar % len(usual)])
            tonic_bonus = 0.15 * (chord == tonic_triad(key) and bar in (bars[0], bars[-1]))
            return (own - 0.4 * close) / max(total, 1e-9) * (total > 0) + style_bonus + tonic_bonus

        bar_chords[bar] = max(choices, key=chord_fit)
    return bar_chords
