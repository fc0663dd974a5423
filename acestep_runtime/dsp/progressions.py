"""Chords over beats: progressions from numerals, chords that were heard, and what continues them. No sound, no rhythm."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from acestep_runtime.dsp.musical import CHORD_TONES, Chord, Grid
from acestep_runtime.text.style import Style, table
from acestep_runtime.values import PITCH_NAMES, Key

Sound = tuple[int, str]  # root pitch class, quality

SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
_NUMERALS = {"i": 0, "ii": 1, "iii": 2, "iv": 3, "v": 4, "vi": 5, "vii": 6}
_NUMERAL = re.compile(r"(b?)([iv]+|[IV]+)(maj7|sus4|7|°)?$")


def numeral(text: str, key: Key) -> Sound:
    """Read a Roman numeral in a key: ``vi``, ``V7``, ``Imaj7``, ``bVII``, ``Isus4``, ``ii°``.

    Degrees are those of the key's own scale, except that ``b`` lowers a degree of the major scale. Lower case is minor.
    """
    match = _NUMERAL.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a chord numeral such as vi, V7, Imaj7 or bVII")
    flat, name, suffix = match.groups()
    scale = SCALES["major" if flat else key.mode]
    root = (key.tonic + scale[_NUMERALS[name.lower()]] - len(flat)) % 12
    minor = name.islower()
    quality = {None: "m" if minor else "", "7": "m7" if minor else "7", "°": "dim"}.get(suffix, suffix or "")
    return root, quality


@dataclass(frozen=True)
class Harmony:
    """One chord a beat: ``chords`` by beat number, counted from the grid's first downbeat. Unknown beats have ``home``."""

    chords: Mapping[int, Sound]
    home: Sound

    def at(self, beat: float) -> Sound:
        """Return the chord that sounds at a beat."""
        return self.chords.get(int(np.floor(beat + 1e-6)), self.home)


def home_of(key: Key) -> Sound:
    """Return the tonic triad."""
    return key.tonic, "m" if key.mode == "minor" else ""


def tones(chord: Sound) -> tuple[int, ...]:
    """Return the pitch classes of a chord, root first."""
    return tuple((chord[0] + t) % 12 for t in CHORD_TONES[chord[1]])


def progression(style: Style, key: Key, which: int) -> list[Sound]:
    """Return progression number ``which`` (any number; it wraps) of the style's family in a key, a chord a bar."""
    family = table()["harmony"][style.harmony][key.mode]
    return [numeral(n, key) for n in family[which % len(family)].split()]


def heard(chords: Iterable[Chord], grid: Grid, key: Key) -> Harmony:
    """Put chords that were heard on the beats of a grid; a beat takes the chord that sounds at its middle."""
    by_beat: dict[int, Sound] = {}
    for chord in chords:
        first = int(np.ceil(grid.s_to_beat(chord.start_s) - 0.5 - 1e-6))
        for beat in range(first, int(np.ceil(grid.s_to_beat(chord.end_s) - 0.5 - 1e-6))):
            by_beat[beat] = (chord.root, chord.quality)
    return Harmony(by_beat, home_of(key))


def continued(known: Harmony, beats: Iterable[int], beats_per_bar: int, fallback: list[Sound]) -> Harmony:
    """Return the harmony with the given beats filled in by continuing the progression of the known ones.

    The period is the number of bars at which the known bars repeat themselves best; a beat then takes the chord most
    often heard in its place, or else in its place of four bars. Places never heard take the bar of ``fallback`` at their
    position.
    """
    periods = (period_bars(known, beats_per_bar) * beats_per_bar, 4 * beats_per_bar)
    places: dict[tuple[int, int], Counter[Sound]] = {}
    for beat, chord in known.chords.items():
        for period in periods:
            places.setdefault((period, beat % period), Counter())[chord] += 1
    filled = dict(known.chords)
    for beat in beats:
        if beat in filled:
            continue
        votes = next((places[p, beat % p] for p in periods if (p, beat % p) in places), None)
        filled[beat] = votes.most_common(1)[0][0] if votes else fallback[(beat // beats_per_bar) % len(fallback)]
    return Harmony(filled, known.home)


def period_bars(known: Harmony, beats_per_bar: int) -> int:
    """Return after how many bars the chords repeat: 1, 2, 3, 4, 6, 8, 12 or 16; 4 where nothing can be told.

    A longer period must agree better by 5 percent than a shorter one, since multiples of a period agree as well.
    """
    best, best_score = 4, 0.0
    for bars in (1, 2, 3, 4, 6, 8, 12, 16):
        shift = bars * beats_per_bar
        pairs = [chord == known.chords[beat + shift] for beat, chord in known.chords.items()
                 if beat + shift in known.chords]  # fmt: skip
        if len(pairs) < min(shift, 2 * beats_per_bar):
            continue
        score = sum(pairs) / len(pairs)
        if score > best_score + 0.05 and score > 0.6:
            best, best_score = bars, score
    return best


class TimedChord(TypedDict):
    """A chord as plain values, and when it sounds; ``name`` as in "F#m7"."""

    start_s: float
    end_s: float
    name: str


def spelled(harmony: Harmony, grid: Grid, start_s: float, end_s: float) -> list[TimedChord]:
    """Return the chords between two times as plain values; equal neighbours are joined."""
    rows: list[tuple[float, float, str]] = []
    for beat in range(int(np.floor(grid.s_to_beat(start_s) + 1e-6)), int(np.ceil(grid.s_to_beat(end_s) - 1e-6))):
        root, quality = harmony.at(beat)
        name = PITCH_NAMES[root] + quality
        start, end = max(start_s, grid.beat_to_s(beat)), min(end_s, grid.beat_to_s(beat + 1))
        if rows and rows[-1][2] == name:
            rows[-1] = (rows[-1][0], end, name)
        else:
            rows.append((start, end, name))
    return [{"start_s": round(start, 3), "end_s": round(end, 3), "name": name} for start, end, name in rows]


def interval(old: Key, new: Key) -> int:
    """Return the nearest way from one tonic to another, −5 to 6 semitones."""
    return (new.tonic - old.tonic + 5) % 12 - 5


def same_notes(old: Key, new: Key) -> bool:
    """Return whether two keys have the same notes: they are equal, or relatives."""
    return {(old.tonic + s) % 12 for s in SCALES[old.mode]} == {(new.tonic + s) % 12 for s in SCALES[new.mode]}


def pitch_moved(pitch: int, old: Key, new: Key) -> int:
    """Return a MIDI pitch of one key as that of another: moved by the nearest interval, degree for degree.

    Between major and minor a degree becomes that degree of the other scale; what lies between two degrees moves with the
    lower one. Keys with the same notes leave it as it is.
    """
    if same_notes(old, new):
        return pitch
    scale = SCALES[old.mode]
    above = (pitch - old.tonic) % 12
    degree = max(d for d, step in enumerate(scale) if step <= above)
    return pitch + interval(old, new) + SCALES[new.mode][degree] - scale[degree]


def chord_moved(chord: Sound, old: Key, new: Key) -> Sound:
    """Return a chord of one key as that of another; see `pitch_moved`. A triad of the old scale stays one of the new."""
    if same_notes(old, new):
        return chord
    root, quality = pitch_moved(chord[0] + 60, old, new) % 12, chord[1]
    if old.mode != new.mode and chord in triads(old):
        quality = dict(triads(new)).get(root, quality)
    return root, quality


def triads(key: Key) -> list[Sound]:
    """Return the seven triads of a key's own scale, the tonic first."""
    scale = SCALES[key.mode]
    found = []
    for degree, root in enumerate(scale):
        third, fifth = ((scale[(degree + d) % 7] - root) % 12 for d in (2, 4))
        quality = {(4, 7): "", (3, 7): "m", (3, 6): "dim"}[third, fifth]
        found.append(((key.tonic + root) % 12, quality))
    return found


def fitting(weights: Mapping[int, Mapping[int, float]], bars: range, key: Key, usual: list[Sound]) -> dict[int, Sound]:
    """Return a chord for each bar under a melody: ``weights`` says, by bar, how long each pitch class sounds in it.

    A chord suits the notes that are its own; ``usual``, the progression that the style would play, is preferred where it
    suits nearly as well, and stands where nothing sounds.
    """
    choices = list(dict.fromkeys([*usual, *(c for c in triads(key) if c[1] != "dim")]))
    found: dict[int, Sound] = {}
    for bar in bars:
        sounding = weights.get(bar, {})
        total = sum(sounding.values())

        def suits(
            chord: Sound, bar: int = bar, sounding: Mapping[int, float] = sounding, total: float = total
        ) -> float:
            own = sum(sounding.get(pc, 0.0) * (1.2 if pc == chord[0] else 1.0) for pc in set(tones(chord)))
            close = sum(
                sounding.get((pc + 1) % 12, 0.0) for pc in set(tones(chord)) if (pc + 1) % 12 not in tones(chord)
            )
            planned = 0.22 * (chord == usual[bar % len(usual)])
            ends = 0.15 * (chord == home_of(key) and bar in (bars[0], bars[-1]))
            return (own - 0.4 * close) / max(total, 1e-9) * (total > 0) + planned + ends

        found[bar] = max(choices, key=suits)
    return found
