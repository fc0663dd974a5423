"""Writing songs: tempo, meter, key, chords and the notes of every player, with nothing taken from the draft engine.

Beats count from the first downbeat. Pitches are MIDI numbers; drum notes use the General MIDI drum map.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

KICK, STICK, SNARE, CLOSED_HAT, OPEN_HAT, RIDE, CRASH, TOM = 36, 37, 38, 42, 46, 51, 49, 45

#: Semitones above the tonic and quality, for a chord by its Roman numeral; minor keys are natural minor with V major.
NUMERALS = {
    "major": {"I": (0, ""), "ii": (2, "m"), "iii": (4, "m"), "IV": (5, ""), "V": (7, ""), "vi": (9, "m")},
    "minor": {"i": (0, "m"), "III": (3, ""), "iv": (5, "m"), "v": (7, "m"), "V": (7, ""), "VI": (8, ""),
              "VII": (10, "")},
}  # fmt: skip
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
TRIADS = {"": (0, 4, 7), "m": (0, 3, 7)}

#: Sections A and B of a song; one chord a bar, two where they are joined by a hyphen (4/4 only).
PROGRESSIONS = {
    "major": (
        ("I V vi IV", "vi IV I V"),
        ("I vi IV V", "ii V I vi"),
        ("I IV I V", "IV I-V vi V"),
        ("I iii IV V", "vi IV ii V"),
        ("I I IV IV", "vi V IV-V I"),
    ),
    "minor": (
        ("i VI III VII", "iv i VI V"),
        ("i VII VI V", "i iv VII III"),
        ("i iv i V", "VI VII-V i i"),
        ("i i iv iv", "VI VII i V"),
        ("i v VI iv", "III VII-V i iv"),
    ),
}


@dataclass(frozen=True)
class Genre:
    """How a band plays one bar: what is struck and when, in beats of the bar.

    ``drums`` are (pitch, beats, velocity), ``bass`` is (beat, length, semitones above the root) with None for a walking
    bass, ``comping`` is (part, way, program) with ways held, pulsed, offbeat, broken and strummed. ``swing`` moves the
    second eighth of a beat to that place.
    """

    drums: tuple[tuple[int, tuple[float, ...], int], ...]
    bass: tuple[tuple[float, float, int], ...] | None
    comping: tuple[tuple[str, str, int], ...]
    bass_program: int = 33
    swing: float = 0.5


def _every(step: float, beats: int, first: float = 0.0) -> tuple[float, ...]:
    return tuple(np.arange(first, beats, step).tolist())


GENRES = {
    "pop": Genre(((KICK, (0, 2, 2.5), 110), (SNARE, (1, 3), 105), (CLOSED_HAT, _every(0.5, 4), 70)),
                 ((0, 1, 0), (1.5, 0.5, 0), (2, 1, 0), (3, 1, 0)), (("keys", "pulsed", 0), ("strings", "held", 48))),
    "rock": Genre(((KICK, (0, 1.5, 2), 115), (SNARE, (1, 3), 115), (CLOSED_HAT, _every(0.5, 4), 80)),
                  tuple((b, 0.5, 0) for b in _every(0.5, 4)), (("guitar", "pulsed", 29), ("keys", "held", 18)), 34),
    "ballad": Genre(((KICK, (0, 2), 85), (STICK, (1, 3), 85), (CLOSED_HAT, _every(0.5, 4), 55)),
                    ((0, 2, 0), (2, 1.5, 0), (3.5, 0.5, 7)), (("keys", "broken", 0), ("strings", "held", 49)), 32),
    "house": Genre(((KICK, (0, 1, 2, 3), 118), (SNARE, (1, 3), 90), (OPEN_HAT, _every(1, 4, 0.5), 80),
                    (CLOSED_HAT, _every(0.25, 4), 50)),
                   tuple((b, 0.4, 0) for b in _every(1, 4, 0.5)), (("synth", "offbeat", 81), ("strings", "held", 50)), 38),
    "funk": Genre(((KICK, (0, 0.75, 2.5), 110), (SNARE, (1, 3), 112), (SNARE, (1.75, 2.25), 45),
                   (CLOSED_HAT, _every(0.25, 4), 65)),
                  ((0, 0.4, 0), (0.75, 0.25, 0), (1.5, 0.4, 12), (2, 0.4, 0), (2.75, 0.25, 7), (3.5, 0.4, 0)),
                  (("guitar", "offbeat", 27), ("keys", "held", 4)), 36),
    "hiphop": Genre(((KICK, (0, 1.75, 2.5), 118), (SNARE, (1, 3), 112), (CLOSED_HAT, _every(0.5, 4), 70),
                     (CLOSED_HAT, (3.25, 3.75), 55)),
                    ((0, 1.5, 0), (1.75, 0.5, 0), (2.5, 1.4, 0)), (("keys", "held", 4), ("synth", "broken", 88)), 38, 0.58),
    "folk": Genre(((KICK, (0, 2), 75), (CLOSED_HAT, _every(1, 4, 1.0), 50)),
                  ((0, 1.8, 0), (2, 1.8, 7)), (("guitar", "strummed", 25), ("strings", "held", 40)), 32),
    "metal": Genre(((KICK, _every(0.5, 4), 112), (SNARE, (1, 3), 118), (RIDE, _every(1, 4), 90)),
                   tuple((b, 0.45, 0) for b in _every(0.5, 4)), (("guitar", "pulsed", 30),), 34),
    "reggae": Genre(((KICK, (2,), 110), (STICK, (2,), 100), (CLOSED_HAT, _every(0.5, 4), 65)),
                    ((0, 0.9, 0), (1.5, 0.5, 7), (2, 0.9, 0), (3, 0.5, 0), (3.5, 0.5, 7)),
                    (("guitar", "offbeat", 27), ("keys", "held", 16)), 33),
    "swing": Genre(((RIDE, (0, 1, 1.5, 2, 3, 3.5), 85), (CLOSED_HAT, (1, 3), 70), (KICK, (0, 2), 55),
                    (SNARE, (3.5,), 45)), None, (("keys", "offbeat", 0), ("guitar", "pulsed", 26)), 32, 0.66),
    "waltz": Genre(((KICK, (0,), 95), (SNARE, (1, 2), 60), (CLOSED_HAT, _every(1, 3), 55)),
                   ((0, 0.9, 0),), (("guitar", "afterbeats", 25), ("strings", "held", 48)), 32),
    "slow waltz": Genre(((KICK, (0,), 90), (STICK, (2,), 75), (CLOSED_HAT, _every(0.5, 3), 60)),
                        ((0, 2, 0), (2, 0.9, 7)), (("keys", "broken", 0), ("strings", "held", 49)), 33),
    "rock waltz": Genre(((KICK, (0, 2.5), 110), (SNARE, (1, 2), 95), (RIDE, _every(0.5, 3), 70)),
                        ((0, 1, 0), (1, 1, 0), (2, 1, 0)), (("guitar", "pulsed", 29), ("keys", "held", 18)), 34),
    "jazz waltz": Genre(((RIDE, (0, 1, 1.5, 2), 85), (CLOSED_HAT, (1,), 70), (KICK, (0,), 65), (SNARE, (2.5,), 45)),
                        None, (("keys", "afterbeats", 0), ("guitar", "held", 26)), 32, 0.64),
}  # fmt: skip


@dataclass(frozen=True)
class ScoreNote:
    """A note: when and how long in beats, MIDI pitch, velocity 1 to 127."""

    beat: float
    length: float
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Score:
    """A complete score. ``chords`` has a (root, quality) for each beat; ``parts`` the notes by player."""

    chords: tuple[tuple[int, str], ...]
    parts: dict[str, tuple[ScoreNote, ...]]
    programs: dict[str, int]
    swing: float


def write(genre: str, tonic: int, mode: str, meter: int, bars: int, rng: np.random.Generator) -> Score:
    """Write ``bars`` bars: four of A, four of B and so on; the voice rests in the first two and between phrases."""
    band = GENRES[genre]
    first, second = PROGRESSIONS[mode][int(rng.integers(len(PROGRESSIONS[mode])))]
    names = (first.split() + second.split()) * (bars // 8 + 1)
    chords = []
    for name in names[:bars]:
        halves = name.split("-") if meter == 4 else name.split("-")[-1:]
        chords += [((NUMERALS[mode][h][0] + tonic) % 12, NUMERALS[mode][h][1])
                   for h in halves for _ in range(meter // len(halves))]  # fmt: skip
    parts = {"drums": _drums(band, meter, bars, rng), "bass": _bass(band, meter, bars, chords, rng)}
    for name, way, _ in band.comping:
        parts[name] = _comping(way, name, meter, bars, chords, rng)
    parts["vocals"] = _tune(tonic, mode, meter, bars, chords, rng)
    programs = {"bass": band.bass_program, **{name: program for name, _, program in band.comping}}
    return Score(tuple(chords), parts, programs, band.swing)


def _drums(band: Genre, meter: int, bars: int, rng: np.random.Generator) -> tuple[ScoreNote, ...]:
    notes = []
    for bar in range(bars):
        fill = bar % 8 == 7
        for pitch, beats, velocity in band.drums:
            for beat in beats:
                if not (fill and beat >= meter - 1 and pitch != KICK):
                    loud = velocity * (1.0 if beat % 1 == 0 else 0.85) + rng.integers(-6, 7)
                    notes.append(ScoreNote(bar * meter + beat, 0.25, pitch, int(np.clip(loud, 20, 127))))
        if fill:
            notes += [
                ScoreNote(bar * meter + meter - 1 + q / 4, 0.25, (SNARE, TOM)[q // 2], 85 + 5 * q) for q in range(4)
            ]
        if bar and bar % 8 == 0:
            notes.append(ScoreNote(bar * meter, 0.25, CRASH, 95))
    return tuple(notes)


def _bass(
    band: Genre, meter: int, bars: int, chords: list[tuple[int, str]], rng: np.random.Generator
) -> tuple[ScoreNote, ...]:
    notes = []
    for bar in range(bars):
        pattern = band.bass or tuple((float(b), 0.9, 0) for b in range(meter))
        for beat, length, above in pattern:
            root, quality = chords[bar * meter + int(beat)]
            low = 28 + (root - 28) % 12
            if band.bass is None and beat not in (0, meter // 2 if meter == 4 else 0):
                above = int(rng.choice(TRIADS[quality]))
            notes.append(ScoreNote(bar * meter + beat, length, low + above, int(rng.integers(85, 105))))
    return tuple(notes)


def _comping(
    way: str, part: str, meter: int, bars: int, chords: list[tuple[int, str]], rng: np.random.Generator
) -> tuple[ScoreNote, ...]:
    notes = []
    base = {"guitar": 52, "keys": 55, "strings": 60, "synth": 60}[part]
    steps = {"pulsed": 1.0, "broken": 0.5, "strummed": 0.5, "offbeat": 1.0, "afterbeats": 1.0, "held": 1.0}[way]
    for at in np.arange(0, bars * meter, steps):
        beat, chord = float(at), chords[int(at)]
        voicing = sorted(base + (chord[0] + tone - base) % 12 for tone in TRIADS[chord[1]])
        in_bar = beat % meter
        velocity = int(rng.integers(62, 84)) + (8 if in_bar == 0 else 0)
        if way == "held":
            if in_bar == 0 or chords[int(at) - 1] != chord:
                length = 1
                while length < meter - in_bar and chords[int(at) + length] == chord:
                    length += 1
                notes += [ScoreNote(beat, length * 0.98, pitch, velocity) for pitch in voicing]
        elif way == "broken":
            notes.append(ScoreNote(beat, 0.9, voicing[(0, 1, 2, 1)[int(in_bar * 2) % 4]], velocity))
        elif way == "strummed":
            if in_bar not in (0.5, 2.0):
                length = 0.45 if in_bar % 1 else 0.9
                notes += [ScoreNote(beat + 0.012 * n, length, pitch, velocity) for n, pitch in enumerate(voicing)]
        elif way != "afterbeats" or in_bar > 0:
            late = 0.5 if way == "offbeat" else 0.0
            length = 0.3 if way == "offbeat" else 0.85
            notes += [ScoreNote(beat + late, length, pitch, velocity) for pitch in voicing]
    return tuple(notes)


def _tune(
    tonic: int, mode: str, meter: int, bars: int, chords: list[tuple[int, str]], rng: np.random.Generator
) -> tuple[ScoreNote, ...]:
    """Return a tune that walks the scale, takes chord tones on the beat, and rests after each phrase of two bars."""
    scale = [p for p in range(55, 80) if (p - tonic) % 12 in SCALES[mode]]
    at = len(scale) // 2
    notes = []
    for phrase in range(1, bars // 2):
        beat, end = float(phrase * 2 * meter), float((phrase + 1) * 2 * meter) - rng.choice((1.0, 1.5, 2.0))
        beat += float(rng.choice((0.0, 0.5, 1.0)))
        while beat < end:
            length = min(float(rng.choice((0.5, 0.5, 1.0, 1.0, 1.5, 2.0))), end - beat)
            at = int(np.clip(at + rng.choice((-2, -1, -1, 0, 1, 1, 2)), 0, len(scale) - 1))
            if beat % 1 == 0:
                root, quality = chords[int(beat)]
                tones = {(root + t) % 12 for t in TRIADS[quality]}
                near = [n for n in range(len(scale)) if scale[n] % 12 in tones]
                at = min(near, key=lambda n: abs(n - at)) if near else at
            notes.append(ScoreNote(beat, length * 0.93, scale[at], int(rng.integers(80, 110))))
            beat += length
    return tuple(notes)
