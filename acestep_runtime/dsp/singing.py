"""Lyrics as notes: the place of each line in the bars, the rhythm of its syllables, and its tune.

Singing without words is a player (players.py). The sound of a syllable: pronounce.py.

lines ─► slots in the bars ─► rhythm: a step of the grid a syllable, stressed and last ones longer ─► tune ─► notes
                       or ─► the notes of a given melody, in order ──────────────────────────────────┘
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from itertools import pairwise

import numpy as np

from acestep_runtime.dsp.draws import Seed, draw
from acestep_runtime.dsp.musical import Grid
from acestep_runtime.dsp.players import Note, harmony_parts
from acestep_runtime.dsp.progressions import SCALES, Harmony, chord_tones
from acestep_runtime.lyrics.text import Line, syllables
from acestep_runtime.lyrics.timed import TimedLine
from acestep_runtime.text.form import bars_per_line
from acestep_runtime.text.pronounce import syllable_sound
from acestep_runtime.text.style import Style, table
from acestep_runtime.values import Key

Melody = Sequence[tuple[float, float, int]]

#: Lowest pitch of each singer; a tune spans an octave and a half above it.
_LOWEST = {"female": 57, "male": 45, "hum": 52, "choir": 52}
_RANGE = 18
#: Maximum initial length of a syllable on the grid, and maximum leap in scale steps.
_STEP_S, _STEPS = 0.45, 4
#: Phrases a, b, a, c: the third line of a stanza repeats the tune of the first.
_LETTERS = (0, 1, 0, 2)


@dataclass(frozen=True)
class _Tone:
    """A syllable, or its continuation without the consonant, in seconds and MIDI."""

    start_s: float
    end_s: float
    pitch: int
    sound: str
    loud: float


def singer_voice(style: Style) -> str:
    """Return the voice that sings lyrics in a style: the one the caption names, else the default."""
    voices = [instrument.voice for instrument in style.instruments if instrument.track == "vocals"]
    return str((voices or [table()["track"]["vocals"].split()[0]])[0])


def sing_lines(
    lines: Sequence[Line], *, bars: range, grid: Grid, harmony: Harmony, key: Key, seed: Seed, style: Style,
    melody: Melody = (),
) -> tuple[list[Note], list[TimedLine]]:  # fmt: skip
    """Place ``lines`` over ``bars`` (one after the other) and return their notes (track "vocals") and their times.

    Every line is sung once, in order, within the bars: two bars a line of 4/4 where there is room, with rests where
    there is more, faster where there is less. Syllables lie on eighths or sixteenths if these
    suffice, in steps of the key, and on chord tones on strong beats. The tune depends on ``seed`` and the
    place of a line among ``lines``: a chorus keeps its tune. With ``melody`` (start_s, length_s, MIDI pitch),
    syllables take its notes in order: several notes a syllable where there are more, split notes where there are fewer.
    A line's time runs from its first syllable's start to its last one's end.
    """
    lines = [line for line in lines if line.syllables]
    if not lines or not bars:
        return [], []
    meter = grid.beats_per_bar
    start_s, end_s = grid.beat_to_s(bars[0] * meter), grid.beat_to_s((bars[-1] + 1) * meter)
    melody_notes = _notes_between(melody, start_s, end_s)
    voice = singer_voice(style)
    if melody_notes:
        phrases = _sing_on_melody(lines, melody_notes)
    else:
        phrases = _sing_on_grid(lines, bars, grid, harmony, key, seed, style, _LOWEST.get(voice, 55))
    notes, line_times = [], []
    for line, phrase in zip(lines, phrases, strict=True):
        following = [*phrase[1:], None]
        for tone, after in zip(phrase, following, strict=True):
            length_s = tone.end_s - tone.start_s
            gap_s = (
                0.0 if after is None else 0.085 if after.sound[:1] == "t" else 0.05 if len(after.sound) > 1 else 0.03
            )
            notes.append(Note(tone.start_s, length_s - min(gap_s, 0.3 * length_s), "vocals", f"{voice}:{tone.sound}",
                              tone.loud, (tone.pitch,)))  # fmt: skip
        line_times.append(TimedLine(phrase[0].start_s, phrase[-1].end_s, line.text))
    return notes, line_times


def singing_range(grid: Grid, harmony: Harmony, start_s: float, end_s: float) -> tuple[Grid, Harmony, range]:
    """Return the grid, harmony and bars for singing between two times, all of them inside.

    These are the whole bars inside if they make up most of the time; else one bar of all whole beats; else the whole time
    as one beat.
    """
    meter = grid.beats_per_bar
    first, last = (grid.s_to_beat(time_s) for time_s in (start_s, end_s))
    bars = range(int(np.ceil(first / meter - 1e-6)), int(np.floor(last / meter + 1e-6)))
    if len(bars) * meter >= 0.6 * (last - first):
        return grid, harmony, bars
    beats = range(int(np.ceil(first - 1e-6)), int(np.floor(last + 1e-6)))
    if len(beats) >= 0.5 * (last - first) and len(beats):
        inner = Grid(grid.bpm, grid.beat_to_s(beats[0]), len(beats))
    else:
        beats = range(int(np.floor(first)), int(np.floor(first)) + 1)
        inner = Grid(60.0 / max(0.02, end_s - start_s), start_s, 1)
    return inner, Harmony({k: harmony.at(beat) for k, beat in enumerate(beats)}, harmony.home), range(1)


def sing_harmony(notes: Sequence[Note], harmony: Harmony, grid: Grid, voice: str) -> list[Note]:
    """Return backing vocals to sung notes: the chord tones below and above, panned left and right."""
    parts = []
    for note in notes:
        below, above = harmony_parts(harmony.at(grid.s_to_beat(note.start_s + 0.02)), note.pitches[0])
        syllable_voice = f"{voice}:{note.voice.partition(':')[2]}"
        for pitch, side in ((below, -0.6), (above, 0.6)):
            parts.append(replace(note, track="backing_vocals", voice=syllable_voice, pitches=(pitch,), pan=side))
    return parts


# ------------------------------------------------------------------------------------------------ on the grid
def _sing_on_grid(lines: Sequence[Line], bars: range, grid: Grid, harmony: Harmony, key: Key, seed: Seed, style: Style,
             lowest: int) -> list[list[_Tone]]:  # fmt: skip
    meter = grid.beats_per_bar
    scale = {(key.tonic + step) % 12 for step in SCALES[key.mode]}
    ladder = [p for p in range(lowest, lowest + _RANGE + 1) if p % 12 in scale]
    phrases = []
    tune: list[int] = []
    at = len(ladder) // 2
    for number, (line, (first, beats)) in enumerate(zip(lines, _line_slots(len(lines), bars, meter), strict=True)):
        rng = draw(seed, 41, _LETTERS[number % 4])
        spans = _rhythm(line, beats, grid.beat_s, rng)
        targets = _contour(len(spans), len(ladder), style.energy, rng)
        phrase: list[_Tone] = []
        for order, ((offset, length), target, stress) in enumerate(zip(spans, targets, _stresses(line), strict=True)):
            at = int(np.clip(target, at - _STEPS, at + _STEPS))
            dull = tune[-1] if len(tune) > 1 and tune[-1] == tune[-2] else None  # the same note three times is dull
            if ladder[at] == dull:
                at += 1 if at < len(ladder) // 2 else -1
            pitch = ladder[at]
            chord = harmony.at(first + offset + 1e-3)
            last = order == len(spans) - 1
            if last and number == len(lines) - 1:  # the only note that may be the third
                pitch = _nearest(pitch, chord_tones(chord)[:1], ladder[0], ladder[-1])
            elif last or (first + offset) % 2 < 1e-3 or length >= 1:
                pitch = _nearest(pitch, chord_tones(chord), ladder[0], ladder[-1], dull)
            tune.append(pitch)
            start_s, end_s = (_time_s(grid, first + beat, style.swing) for beat in (offset, offset + length))
            loud = 0.74 + 0.16 * stress + 0.2 * style.energy + 0.04 * rng.standard_normal()
            phrase.append(
                _Tone(start_s, end_s, pitch, syllable_sound(line.syllables[order]), float(np.clip(loud, 0.3, 1)))
            )
        phrases.append(phrase)
    return phrases


def _time_s(grid: Grid, beat: float, swing: float) -> float:
    """Return the time of a beat, the second half of each beat swung as the players do."""
    whole, part = divmod(beat, 1.0)
    if grid.beats_per_bar != 6:
        part = 2 * part * swing if part <= 0.5 else swing + (2 * part - 1) * (1 - swing)
    return grid.beat_to_s(whole + part)


def _line_slots(count: int, bars: range, meter: int) -> list[tuple[float, float]]:
    """Divide bars among lines: (first beat, beats) of each. Whole phrases where they fit, else bars, else beats."""
    usual = bars_per_line(meter)
    unit = next((u for u in (usual, 1) if len(bars) // u >= count), 0)
    if unit:
        places = len(bars) // unit
        starts = [float(meter * (bars[0] + unit * (i * places // count))) for i in range(count)]
    else:
        whole = len(bars) * meter / count
        fine = 4 if whole >= 0.5 else 0  # sixteenths, as long as a line has two
        starts = [bars[0] * meter + (round(i * whole * fine) / fine if fine else i * whole) for i in range(count)]
    ends = [*starts[1:], float(meter * (bars[-1] + 1))]
    return [(start, min(end - start, float(usual * meter))) for start, end in zip(starts, ends, strict=True)]


def _rhythm(line: Line, beats: float, beat_s: float, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Return (offset, length) in beats for each syllable, with a breath left at the end.

    Uses the longest step that fits; spare steps lengthen the last syllable and the stressed ones.
    """
    n = len(line.syllables)
    usable = beats - min(1.0, beats / 8)
    step = next((s for s in (1.0, 0.5, 0.25) if s * beat_s <= _STEP_S and (n + 1) * s <= usable), 0.0)
    if not step:
        step = next((s for s in (0.5, 0.25) if (n + 1) * s <= usable), usable / (n + 1))
    spare = int(usable / step + 1e-6) - n
    lengths = [1] * n
    lengths[-1] += min(spare, 3)
    spare -= lengths[-1] - 1
    late = int(rng.integers(0, min(spare, 2) + 1)) if spare > 2 else 0
    spare -= late
    for _ in range(2):
        for order, is_stressed in enumerate(_stresses(line)[:-1]):
            if is_stressed and spare > 0 and rng.random() < 0.75:
                lengths[order] += 1
                spare -= 1
    offsets = late + np.concatenate(([0], np.cumsum(lengths)))
    return [(float(a * step), float((b - a) * step)) for a, b in pairwise(offsets)]


def _stresses(line: Line) -> list[bool]:
    """Return which syllables are stressed: the first of longer words, in any language."""
    marks: list[bool] = []
    for word in line.text.split():
        parts = syllables(word)
        marks += [order == 0 and (len(parts) > 1 or len(word) > 3) for order in range(len(parts))]
    if len(marks) != len(line.syllables) or not any(marks):
        marks = [order % 2 == 0 for order in range(len(line.syllables))]
    return marks


def _contour(count: int, steps: int, energy: float, rng: np.random.Generator) -> list[int]:
    """Return a scale step for each syllable: an arch, a fall, a rise or a wave, with small steps aside."""
    x = np.linspace(0, 1, count) if count > 1 else np.zeros(1)
    shapes = (np.sin(np.pi * x), 1 - x, x, np.sin(2 * np.pi * x), 1 - np.sin(np.pi * x))
    shape = shapes[rng.integers(len(shapes))] * rng.uniform(2.0, 4.5)
    base = 0.36 * steps + 3.0 * energy + rng.uniform(-0.5, 1.0)
    aside = rng.choice([-1, 0, 0, 1], size=max(count, 64))[:count]  # drawn alike for lines of different lengths
    return [int(v) for v in np.clip(np.round(base + shape + aside), 0, steps - 1)]


def _nearest(pitch: int, classes: tuple[int, ...], low: int, high: int, but: int | None = None) -> int:
    """Return the pitch of one of the classes that is nearest, other than ``but``; the lower one of two."""
    found = (p for p in range(low, high + 1) if p % 12 in classes and p != but)
    return min(found, key=lambda p: (abs(p - pitch), p), default=pitch)


# ------------------------------------------------------------------------------------------------ on a melody
def _notes_between(melody: Melody, start_s: float, end_s: float) -> list[tuple[float, float, int]]:
    """Return the notes that begin between two times as (start, end, pitch), in order and without overlap."""
    starts = sorted((at, at + length, int(pitch)) for at, length, pitch in melody
                   if start_s <= at < end_s - 0.02 and length > 0)  # fmt: skip
    nexts = [at for at, _, _ in starts[1:]] + [end_s] * bool(starts)
    notes = [(at, min(end, after), pitch) for (at, end, pitch), after in zip(starts, nexts, strict=True)]
    return [note for note in notes if note[1] > note[0]]


def _sing_on_melody(lines: Sequence[Line], notes: list[tuple[float, float, int]]) -> list[list[_Tone]]:
    counts = [len(line.syllables) for line in lines]
    notes = _split_notes(notes, sum(counts))
    phrases, done = [], 0
    for number, line in enumerate(lines):
        stop = _phrase_end(notes, done, counts[number:])
        line_notes, done = notes[done:stop], stop
        count = counts[number]
        stresses = _stresses(line)
        phrase = []
        for order, syllable in enumerate(line.syllables):
            sound = syllable_sound(syllable)
            first, last = order * len(line_notes) // count, (order + 1) * len(line_notes) // count
            for place in range(first, last):
                start_s, end_s, pitch = line_notes[place]
                loud = 0.74 + 0.16 * stresses[order]
                phrase.append(_Tone(start_s, end_s, pitch, sound if place == first else sound[-1], loud))
        phrases.append(phrase)
    return phrases


def _split_notes(notes: list[tuple[float, float, int]], count: int) -> list[tuple[float, float, int]]:
    """Halve the longest note until there are ``count``."""
    heap = [(at - end, at, end, pitch) for at, end, pitch in notes]
    heapify(heap)
    while len(heap) < count:
        _, at, end, pitch = heappop(heap)
        middle = (at + end) / 2
        heappush(heap, (at - middle, at, middle, pitch))
        heappush(heap, (middle - end, middle, end, pitch))
    return sorted((at, end, pitch) for _, at, end, pitch in heap)


def _phrase_end(notes: list[tuple[float, float, int]], done: int, counts: list[int]) -> int:
    """Return the note at which the next line begins: near its share of the notes, at the longest rest there."""
    left, need = len(notes) - done, sum(counts)
    if len(counts) == 1:
        return len(notes)
    share = done + round(left * counts[0] / need)
    low, high = done + counts[0], len(notes) - (need - counts[0])
    near = [n for n in range(share - 2, share + 3) if low <= n <= high] or [min(max(share, low), high)]
    return max(near, key=lambda n: (round(notes[n][0] - notes[n - 1][1], 3), -abs(n - share)))
