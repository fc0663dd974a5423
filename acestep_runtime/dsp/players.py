"""Players: each turns a bar, a style and an instrument into notes. No sound.

Each of the twelve tracks has a player. Words are sung by singing.py; singers here sing without words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np

from acestep_runtime.dsp.draws import Seed, draw
from acestep_runtime.dsp.drums import PIECES
from acestep_runtime.dsp.musical import Grid
from acestep_runtime.dsp.progressions import SCALES, ChordSymbol, Harmony, chord_tones
from acestep_runtime.text.style import Instrument, Style, table
from acestep_runtime.values import Key

#: Maximum random shift of a note off the grid.
HUMANISE_S = 0.008
#: Part of a beat by which a note may be early and yet belongs to it.
_EARLY_BEATS = 0.1
_LOUD = {"X": 1.0, "x": 0.74, "o": 0.36, "s": 0.8}


@dataclass(frozen=True)
class Note:
    """One note, chord or stroke. ``piece`` is set for drums, ``pitches`` (MIDI) for the rest; velocity 0 to 1.

    ``pan`` (−2 to 2) shifts it from its track's place; 1 is the distance from centre to right.
    """

    start_s: float
    length_s: float
    track: str
    voice: str
    velocity: float
    pitches: tuple[int, ...] = ()
    piece: str = ""
    pan: float = 0.0


@dataclass(frozen=True)
class Bar:
    """One bar to play. ``index`` counts from the grid's first downbeat and may be negative; ``energy`` is 0 to 1.

    ``section`` seeds the melody, so that a repeated section repeats its melody; ``place`` and ``places`` are the number
    of this bar in its section, and of the section's bars. ``ends`` marks the last chord of a song.
    """

    index: int
    grid: Grid
    harmony: Harmony
    key: Key
    energy: float
    seed: Seed
    section: str = ""
    place: int = 0
    places: int = 4
    ends: bool = False

    @property
    def first_beat(self) -> int:
        """The first beat of the bar."""
        return self.index * self.grid.beats_per_bar

    def chord_over(self, beat: float) -> tuple[ChordSymbol, int]:
        """Return the chord at a beat of the bar (0 = its downbeat), and the pitch class under it."""
        return self.harmony.at(self.first_beat + beat), self.harmony.bass_at(self.first_beat + beat)

    def rng(self, name: str) -> np.random.Generator:
        """Return the random generator of one player in this bar, independent of the other players."""
        return draw(self.seed, crc32(name.encode()), self.index + 2**20)

    def time_s(self, beat: float, swing: float) -> float:
        """Return the time of a beat of this bar (0 = its downbeat), its second half swung."""
        whole, part = divmod(beat, 1.0)
        if self.grid.beats_per_bar != 6:
            part = 2 * part * swing if part <= 0.5 else swing + (2 * part - 1) * (1 - swing)
        return self.grid.beat_to_s(self.first_beat + whole + part)


#: Beats per bar → the beats of its parts, each the beginning of a bar of 4.
_PIECES_OF_FOUR = {5: (3, 2), 7: (4, 3)}
Player = Callable[[Bar, Style, Instrument], list[Note]]


def rhythm_lines(kind: str, name: str, beats_per_bar: int) -> dict[str, str]:
    """Return the lines of a rhythm for a meter, without blanks; those of "plain" where the rhythm has none.

    Meters in 5 and 7 are made of beginnings of the rhythm's bar of 4.
    """
    rows = table()["rhythm"][kind]
    pieces = _PIECES_OF_FOUR.get(beats_per_bar, ())
    written = "4" if pieces else str(beats_per_bar)
    lines = rows.get(name, {}).get(written) or rows["plain"][written]
    plain = {part: line.replace(" ", "") for part, line in lines.items()}
    if not pieces:
        return plain
    return {part: "".join(line[: len(line) * beats // 4] for beats in pieces) for part, line in plain.items()}


def _drums(bar: Bar, style: Style, instrument: Instrument) -> list[Note]:
    """The rhythm of the style, denser with energy, a crash to open a section and a fill to close a phrase."""
    meter = bar.grid.beats_per_bar
    kind = "percussion" if instrument.track == "percussion" else "drums"
    rng = bar.rng(instrument.track)
    hits: list[tuple[float, str, float]] = []
    for piece, line in rhythm_lines(kind, instrument.pattern, meter).items():
        for step, sign in enumerate(line):
            if sign == "X" or (sign == "x" and bar.energy >= 0.35) or (sign == "o" and bar.energy >= 0.5):
                hits.append((step * meter / len(line), piece, _LOUD[sign]))
    if kind == "drums":
        if bar.ends:
            hits = [(0.0, "kick", 1.0), (0.0, "crash", 0.9)]
        elif bar.energy >= 0.45 and (bar.place + 1 == bar.places or ((bar.place + 1) % 4 == 0 and rng.random() < 0.6)):
            fill = _draw_fill(table()["rhythm"]["fills"]["rolls"], rng)
            start = max(0.0, meter - fill[0])
            hits = [h for h in hits if h[0] < start or h[1] == "kick"]
            hits += [(start + at, piece, loud) for at, piece, loud in fill[1] if start + at < meter]
        if bar.place == 0 and bar.energy >= 0.6 and instrument.voice != "brushes" and not bar.ends:
            hits.append((0.0, "crash", 0.8))
    elif bar.ends:
        hits = []
    level = 0.62 + 0.38 * bar.energy
    return [
        Note(bar.time_s(beat, style.swing) + _timing_jitter_s(rng, 0.4), 1.0, instrument.track, instrument.voice,
             float(np.clip(loud * level * (1 + 0.07 * rng.standard_normal()), 0.05, 1.0)), piece=piece)
        for beat, piece, loud in hits if piece in PIECES
    ]  # fmt: skip


def _draw_fill(rolls: list[str], rng: np.random.Generator) -> tuple[float, list[tuple[float, str, float]]]:
    """Draw a fill; return its length in beats and its strokes (beat, piece, velocity). Four signs are a beat."""
    words = rolls[rng.integers(len(rolls))].split()
    at, strokes = 0.0, []
    for piece, line in zip(words[::2], words[1::2], strict=True):
        strokes += [(at + i / 4, piece, _LOUD[sign]) for i, sign in enumerate(line) if sign != "."]
        at += len(line) / 4
    return at, strokes


def _timing_jitter_s(rng: np.random.Generator, share: float = 1.0) -> float:
    return float(share * HUMANISE_S * np.clip(rng.standard_normal() / 2, -1.0, 1.0))


def _read_rhythm(line: str, meter: int, bar: Bar) -> list[tuple[float, float, str]]:
    """Read a rhythm as (beat, beats, sign). A held chord is restruck where the harmony changes."""
    step = meter / len(line)
    spans: list[tuple[float, float, str]] = []
    sounding = False
    for i, sign in enumerate(line):
        chord_changes = i > 0 and bar.chord_over(i * step) != bar.chord_over((i - 1) * step)
        if sign == "-" and sounding and chord_changes:
            sign = spans[-1][2]
        if sign == "-" and spans and sounding:
            beat, beats, old = spans[-1]
            spans[-1] = (beat, beats + step, old)
        elif sign not in ".-":
            spans.append((i * step, step, sign))
        sounding = sign != "."
    return spans


def pitch_at_or_above(pitch_class: int, low: int) -> int:
    """Return the lowest MIDI pitch of a pitch class at or above ``low``."""
    return low + (pitch_class - low) % 12


def _bass(bar: Bar, style: Style, instrument: Instrument) -> list[Note]:
    """A line on the roots, or on the note under a slash. The first beat of every chord has it, whatever the rhythm says."""
    meter = bar.grid.beats_per_bar
    rng = bar.rng(instrument.track)
    line = "R" + "-" * (2 * meter - 1) if bar.ends else rhythm_lines("bass", instrument.pattern, meter)["line"]
    low = 36 if instrument.voice == "strings" else 28
    notes: list[Note] = []
    last: tuple[ChordSymbol, int] | None = None
    for beat, beats, sign in _read_rhythm(line, meter, bar):
        chord = bar.chord_over(beat)
        root = pitch_at_or_above(chord[1], low)
        pcs = chord_tones(chord[0])
        following = pitch_at_or_above(bar.harmony.bass_at(bar.first_beat + meter), low)
        pitch = {"3": root + (pcs[1] - root) % 12, "5": root + (pcs[2] - root) % 12, "8": root + 12,
                 "a": following + (1 if rng.random() < 0.5 else -1)}.get(sign, root)  # fmt: skip
        if chord != last:
            pitch = root
        last = chord
        length_s = bar.grid.beat_s * beats * (0.96 if beats > 0.5 else 0.85)
        loud = (0.9 if beat == 0 else 0.76) * (0.7 + 0.3 * bar.energy) * (1 + 0.05 * rng.standard_normal())
        notes.append(Note(bar.time_s(beat, style.swing) + _timing_jitter_s(rng), length_s, instrument.track, instrument.voice,
                          float(np.clip(loud, 0.1, 1.0)), (pitch,)))  # fmt: skip
    return notes


def voicing(chord: ChordSymbol, voice: str) -> tuple[int, ...]:
    """Return the pitches of a chord for a voice, lowest first.

    Keyboards and winds keep their notes within a fixed octave, so that neighbouring chords share tones and move by
    steps, and ninths and higher above it; guitars stack root, fifth, octave, third; string sections spread.
    """
    pcs = chord_tones(chord)
    if voice == "guitar_driven":
        return (pitch_at_or_above(chord[0], 40),)
    if voice.startswith("guitar"):
        root = pitch_at_or_above(pcs[0], 40)
        third, fifth = (pcs[1] - pcs[0]) % 12, (pcs[2] - pcs[0]) % 12
        color = (pcs[3] - pcs[0]) % 12 if len(pcs) > 3 else fifth
        return tuple(sorted({root, root + fifth, root + 12, root + 12 + third, root + 12 + color}))
    if voice in ("strings", "pad"):
        spread = (
            pitch_at_or_above(pcs[0], 43),
            pitch_at_or_above(pcs[2], 52),
            pitch_at_or_above(pcs[1], 60),
            *(pitch_at_or_above(pc, 64) for pc in pcs[3:]),
        )
        return tuple(dict.fromkeys(spread))  # a fifth alone has its root twice
    low = {"brass": 58, "strings_short": 58, "supersaw": 57, "synth_pluck": 64, "bell": 67}.get(voice, 55)
    near = {pitch_at_or_above(pc, low) for pc in pcs[:4]}
    return tuple(sorted(near | {pitch_at_or_above(pc, low + 12) for pc in pcs[4:]}))


def _chords(bar: Bar, style: Style, instrument: Instrument) -> list[Note]:
    """Chords or broken chords in the instrument's rhythm; the melody where its rhythm is "melody"."""
    if instrument.leads:
        return _melody(bar, style, instrument)
    meter = bar.grid.beats_per_bar
    rng = bar.rng(f"{instrument.track} {instrument.voice}")
    line = "X" + "-" * (2 * meter - 1) if bar.ends else rhythm_lines("chords", instrument.pattern, meter)["line"]
    notes = []
    for beat, beats, sign in _read_rhythm(line, meter, bar):
        pitches = voicing(bar.harmony.at(bar.first_beat + beat), instrument.voice)
        length_s = bar.grid.beat_s * beats * (0.55 if sign == "s" else 0.97)
        if sign.isdigit():
            ladder = (*pitches, *(p + 12 for p in pitches), *(p + 24 for p in pitches))
            pitches = (ladder[(int(sign) - 1) % len(ladder)],)  # a power chord has few
            length_s = max(length_s, min(1.2, 2.5 * length_s))
        elif instrument.voice in ("piano", "epiano") and beat == 0 and bar.energy > 0.4:
            pitches = (pitch_at_or_above(bar.harmony.bass_at(bar.first_beat), 41), *pitches)
        loud = _LOUD.get(sign, 0.72) * (0.62 + 0.38 * bar.energy) * (1 + 0.06 * rng.standard_normal())
        notes.append(Note(bar.time_s(beat, style.swing) + _timing_jitter_s(rng), length_s, instrument.track, instrument.voice,
                          float(np.clip(loud, 0.08, 1.0)), pitches))  # fmt: skip
    return notes


def _melody(bar: Bar, style: Style, instrument: Instrument) -> list[Note]:
    """A line from two or three motifs a section, each a rhythm and a contour, on chord tones on strong beats."""
    data = table()["melody"]
    meter = bar.grid.beats_per_bar
    plan = draw(bar.seed, crc32(f"{bar.section} {instrument.track}".encode()))
    liveliness = bar.energy + (0.25 if style.solo == instrument.track else 0.0)
    pool = data["busy"] if liveliness > 1.0 else data["lively"] if liveliness > 0.55 else data["calm"]
    motifs = [
        (pool[plan.integers(len(pool))], data["contours"][plan.integers(len(data["contours"]))]) for _ in range(3)
    ]
    letter = ((0, 0, 1, 2), (0, 1, 0, 2), (0, 1, 1, 2))[plan.integers(3)][bar.place % 4]
    line, contour = motifs[letter]
    size = meter * (4 if len(line) > 8 else 2)
    line = (line * 3)[:size]
    closes = bar.place % 4 == 3 or bar.ends
    if closes:
        half = size // 2
        line = "x" + "-" * half + "." * (size - half - 1) if bar.ends else line[:half] + "-" * (size - half)
    low = {
        "saxophone": 61,
        "clarinet": 62,
        "trumpet": 63,
        "strings": 67,
        "flute": 72,
        "bell": 72,
        "female": 62,
        "male": 50,
        "hum": 60,
        "choir": 60,
    }.get(instrument.voice, 64)
    scale = {(bar.key.tonic + s) % 12 for s in SCALES[bar.key.mode]}
    ladder = [p for p in range(low - 5, low + 22) if p % 12 in scale]
    base = int(plan.integers(4, 7)) + (2 if liveliness > 0.8 else 0)
    rng = bar.rng(f"{instrument.track} melody")
    notes = []
    for order, (beat, beats, _) in enumerate(_read_rhythm(line, meter, bar)):
        pitch = ladder[min(len(ladder) - 1, max(0, base + contour[order % len(contour)]))]
        pcs = chord_tones(bar.harmony.at(bar.first_beat + beat))
        if beat % 1 == 0 or beats >= 1:
            pitch = min((p for p in range(pitch - 6, pitch + 7) if p % 12 in pcs), key=lambda p: (abs(p - pitch), p))
        else:
            pitch = _bend_to_chord(pitch, pcs, scale)
        loud = (0.85 if beat % 1 == 0 else 0.72) * (0.7 + 0.3 * bar.energy) * (1 + 0.06 * rng.standard_normal())
        notes.append(Note(bar.time_s(beat, style.swing) + _timing_jitter_s(rng), bar.grid.beat_s * beats * 0.94,
                          instrument.track, instrument.voice, float(np.clip(loud, 0.1, 1.0)), (pitch,)))  # fmt: skip
    return notes


def _bend_to_chord(pitch: int, chord: tuple[int, ...], scale: set[int]) -> int:
    """Return a passing note of the key, or the chord's own note beside it that the key lacks: G# over E7 in A minor, no G."""
    if pitch % 12 in chord:
        return pitch
    return next((p for p in (pitch + 1, pitch - 1) if p % 12 in chord and p % 12 not in scale), pitch)


def _vocals(bar: Bar, style: Style, instrument: Instrument) -> list[Note]:
    """A melody without words: one vowel a section, a long note and a breath at the end of each phrase."""
    vowel = "uoa"[draw(bar.seed, crc32(bar.section.encode())).integers(3)]
    calm = replace(bar, energy=min(bar.energy, 0.9))  # sixteenths are not sung without words
    return [
        replace(note, voice=f"{instrument.voice}:{vowel}")
        for note in _melody(calm, replace(style, solo=""), instrument)
    ]


def harmony_parts(chord: ChordSymbol, lead: int) -> tuple[int, int]:
    """Return two harmony voices for a sung pitch: the nearest chord tones below and above it, a third away or more."""
    pcs = chord_tones(chord)
    below = next(p for p in range(lead - 3, lead - 13, -1) if p % 12 in pcs)
    return below, next(p for p in range(lead + 3, lead + 13) if p % 12 in pcs)


def _backing(bar: Bar, style: Style, instrument: Instrument) -> list[Note]:
    """Held chords in three parts, left, middle and right: "ooh", and "aah" in full music."""
    if instrument.leads:
        return _vocals(bar, style, instrument)
    vowel = "a" if bar.energy >= 0.65 else "u"
    chords = _chords(bar, style, instrument)
    low = 50 if instrument.voice == "male" else 57
    parts = []
    for chord in chords:
        pitches = sorted({pitch_at_or_above(p % 12, low) for p in chord.pitches})[:3]
        for order, pitch in enumerate(pitches):
            side = 1.2 * (order / max(1, len(pitches) - 1) - 0.5)
            parts.append(replace(chord, voice=f"{instrument.voice}:{vowel}", pitches=(pitch,), pan=side))
    return parts


def _fx(bar: Bar, style: Style, instrument: Instrument) -> list[Note]:
    """Effects between the phrases, by the row of four bars under [effects]; sections open with an impact."""
    data = table()["effects"]
    rng = bar.rng(instrument.track)
    meter = bar.grid.beats_per_bar
    row = data["rows"].get(instrument.pattern, data["rows"]["all"])
    sign = row[bar.place % 4]
    if bar.ends:
        sign = "i"
    elif bar.place + 1 == bar.places and bar.places > 1 and "r" in row:
        sign = "r"
    voices = [data["signs"][sign]]
    if bar.place == 0 and bar.energy >= 0.6 and "i" not in sign:
        voices.append("impact")
    root = pitch_at_or_above(bar.harmony.at(bar.first_beat)[0], 48)
    loud = 0.55 + 0.35 * bar.energy
    end_s = bar.grid.beat_to_s(bar.first_beat + meter)
    start_s = bar.time_s(0, style.swing)
    return [Note(start_s, end_s - start_s, instrument.track, voice, float(np.clip(loud, 0.1, 1.0)), (root,),
                 pan=float(rng.uniform(-0.3, 0.3)) if voice in ("sweep", "ambience") else 0.0)
            for voice in voices]  # fmt: skip


#: Track → its player.
PLAYERS: dict[str, Player] = {
    "vocals": _vocals,
    "backing_vocals": _backing,
    "drums": _drums,
    "bass": _bass,
    "guitar": _chords,
    "keyboard": _chords,
    "percussion": _drums,
    "strings": _chords,
    "synth": _chords,
    "fx": _fx,
    "brass": _chords,
    "woodwinds": _chords,
}


def play_bar(bar: Bar, style: Style, instruments: tuple[Instrument, ...]) -> list[Note]:
    """Return the notes of one bar by the given instruments; none with a pitch where the harmony rests."""
    notes = [note for instrument in instruments for note in PLAYERS[instrument.track](bar, style, instrument)]
    return notes if not bar.harmony.rests else rest_notes(notes, bar.grid, bar.harmony)


def rest_notes(notes: Iterable[Note], grid: Grid, harmony: Harmony) -> list[Note]:
    """Return notes without those that begin where the harmony rests; longer ones end there. Drums and effects go on."""
    kept = []
    for note in notes:
        if not note.pitches or note.track == "fx":
            kept.append(note)
            continue
        first = grid.s_to_beat(note.start_s) + _EARLY_BEATS
        if harmony.rests_at(first):
            continue
        last = int(np.ceil(grid.s_to_beat(note.start_s + note.length_s)))
        stop = next((beat for beat in range(int(np.floor(first)) + 1, last + 1) if harmony.rests_at(beat)), None)
        end_s = note.start_s + note.length_s if stop is None else grid.beat_to_s(stop)
        kept.append(replace(note, length_s=max(0.03, min(note.length_s, end_s - note.start_s))))
    return kept
