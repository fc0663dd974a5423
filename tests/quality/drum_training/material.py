"""What the network learns from, as powers of bands: drums with their truth, and music without drums to put beside them.

Sound fonts, songs of the tuning half, and the draft engine's kits play. Nothing here knows of held-out songs.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from acestep_runtime.audio.mono import mix_for_analysis
from acestep_runtime.dsp.drums import KITS as DRAFT_KITS
from acestep_runtime.dsp.drums import strike
from acestep_runtime.midi.drum_bands import BANDS, FRAME_S, band_powers
from acestep_runtime.midi.drums import PIECES
from tests.quality import corpus, fluid, midi_file
from tests.quality.split import is_held_out

from . import patterns
from .patterns import Stroke

RATE_HZ = 48_000
SECONDS = 30.0
_CACHE = Path(__file__).parents[3] / "build" / "quality" / "drum_training"
_VERSION = 1
#: Pieces of the draft engine's kits by the note that they stand for.
_DRAFT_NOTES = {"kick": 36, "snare": 38, "rim": 37, "clap": 39, "hat": 42, "open": 46, "tom1": 50, "tom2": 47, "tom3": 43,
                "crash": 49, "ride": 51, "shaker": 70, "tambourine": 54, "conga": 63}  # fmt: skip
#: Sounds of a bank that have less power than this are those of notes that a kit lacks.
_INAUDIBLE = 1e-9
#: How often drums are those of songs; else they are patterns drawn by chance.
_FROM_SONGS = 0.4
#: The lowest program that is struck: these are no music without drums.
_FIRST_STRUCK = 112

#: Length of what is drawn from banks, in frames.
DRAWN_FRAMES = 1200
#: The piece of each note, and the number of each piece.
NAMES = {pitch: name for name, pairs in patterns.NOTES.items() for pitch, _ in pairs}
COLUMNS = {name: number for number, name in enumerate(PIECES)}

Plane = npt.NDArray[np.float32]
Strokes = Sequence[Stroke]


@dataclass(frozen=True)
class Piece:
    """Powers of bands ``[K, B]``, and targets ``[K, P]``, 1 at strokes; all 0 for music without drums."""

    power: Plane
    target: Plane


def _hear(samples: npt.NDArray[np.floating]) -> Plane:
    mono = mix_for_analysis(samples.astype(np.float32), RATE_HZ)[:, 0]
    return band_powers(mono, lambda: None, lambda _: None)


def _play(events: list[tuple[int, bytes]], font: str, seconds: float = SECONDS) -> Plane:
    events = sorted(events, key=lambda event: (event[0], event[1][0] & 0xF0 == 0x90))
    data = midi_file.write(events, round(seconds * 1000))
    with tempfile.TemporaryDirectory() as folder:
        return _hear(fluid.play_file(data, font, round(seconds * RATE_HZ), Path(folder)))


#: Where the stroke of a sound in a bank is, in frames; and how long sounds are, those of cymbals and of other pieces.
LEAD = 5
_LONG_S, _SHORT_S = 3.0, 1.2
_RINGING = ("open", "crash", "ride", "triangle")
#: Velocities of the sounds in a bank, each a part of a frame later than the one before.
_VELOCITIES = (60, 110)


def stroke_bank(font: str, kit: int) -> dict[str, list[Plane]]:
    """Return the sounds of a kit of a sound font as powers of bands ``[K, B]`` by piece, the stroke in frame `LEAD`."""
    wanted = []
    at_s = 0.1
    for name, pairs in patterns.NOTES.items():
        for pitch, _ in pairs:
            for number, velocity in enumerate(_VELOCITIES):
                wanted.append((name, pitch, velocity, at_s + 0.25 * FRAME_S * (1 + 2 * number) - 0.5 * FRAME_S))
                at_s += _LONG_S if name in _RINGING else _SHORT_S
    on, off, change = 0x90 | 9, 0x80 | 9, 0xC0 | 9
    events = [(0, bytes([change, kit])), (0, bytes([0xB0 | 9, 91, 20]))]
    for _, pitch, velocity, start_s in wanted:
        events += [
            (round(start_s * 1000), bytes([on, pitch, velocity])),
            (round(start_s * 1000) + 80, bytes([off, pitch, 0])),
        ]
    power = _play(events, font, at_s)
    bank: dict[str, list[Plane]] = {}
    for name, _, _, start_s in wanted:
        first = round(start_s / FRAME_S) - LEAD
        sound = power[first : first + LEAD + round((_LONG_S if name in _RINGING else _SHORT_S) / FRAME_S) - 6]
        if sound[LEAD - 1 : LEAD + 8].sum(axis=1).max() > 20 * _INAUDIBLE:
            bank.setdefault(name, []).append(np.maximum(0, sound - sound[: LEAD - 3].mean(axis=0)))
    return bank


def draft_bank(kit: str, rng: np.random.Generator) -> dict[str, list[Plane]]:
    """Return the sounds of a kit of the draft engine as `stroke_bank` does, each as two players would strike it."""
    bank: dict[str, list[Plane]] = {}
    for name, pitch in _DRAFT_NOTES.items():
        piece = next(piece for piece, each in PIECES.items() if pitch in each.pitches)
        for _ in range(2 if name in DRAFT_KITS[kit] else 0):
            sound = np.concatenate([np.zeros(round(LEAD * FRAME_S * RATE_HZ), np.float32), strike(kit, name, rng)])
            bank.setdefault(piece, []).append(band_powers(np.pad(sound, (0, 4800)), lambda: None, lambda _: None))
    return bank


def tuning_songs() -> list[tuple[str, midi_file.MidiFile]]:
    """Return the songs of the tuning half of the corpus by name, each once."""
    songs = {}
    for name in corpus.names():
        if is_held_out(name):
            continue
        package, stem, _ = name.rsplit(" ", 2)
        folder = next(p.folder for p in corpus.PACKAGES if p.name == package)
        songs[f"{package} {stem}"] = midi_file.read(Path(folder, f"{stem}.mid").read_bytes())
    return sorted(songs.items())


def strokes_of(song: midi_file.MidiFile, start_s: float) -> list[Stroke]:
    """Return what the drum channel of a song plays in ``SECONDS`` from a time on."""
    drums = [note for note in song.notes if note.channel == midi_file.DRUM_CHANNEL]
    times_s = song.seconds([note.start for note in drums]) - start_s if drums else ()
    return [
        Stroke(float(at_s), note.pitch, note.velocity)
        for at_s, note in zip(times_s, drums, strict=True)
        if 0.05 <= at_s < SECONDS - 0.1
    ]


def tuning_strokes() -> list[list[Stroke]]:
    """Return what the drums of the tuning half play, in stretches of ``SECONDS``; without those that hardly have any."""
    found = []
    for _, song in tuning_songs():
        for start_s in np.arange(0, max(1.0, float(song.seconds(song.end)) - 20), SECONDS):
            strokes = strokes_of(song, float(start_s))
            if len(strokes) > 20:
                found.append(strokes)
    return found


def music_of(song: midi_file.MidiFile, start_s: float, font: str, track: str = "") -> Piece:
    """Return what a track of a song plays, or all of them, in ``SECONDS`` from a time on, without drums of any kind."""
    begin, end = (int(np.searchsorted(song.seconds(np.arange(song.end + 1)), s)) for s in (start_s, start_s + SECONDS))
    data = midi_file.cut(song, lambda note: _is_music(note) and track in ("", corpus.track(note)), begin, end, 0.0, 0.0)
    with tempfile.TemporaryDirectory() as folder:
        power = _hear(fluid.play_file(data, font, round(SECONDS * RATE_HZ), Path(folder)))
    return Piece(power, np.zeros((len(power), len(PIECES)), np.float32))


def _is_music(note: midi_file.Note) -> bool:
    return note.channel != midi_file.DRUM_CHANNEL and note.program < _FIRST_STRUCK


def draw_drums(
    rng: np.random.Generator, banks: Sequence[Mapping[str, Sequence[Plane]]], songs: Sequence[Strokes]
) -> Piece:
    """Return `DRAWN_FRAMES` of what is played, with sounds of some banks.

    It is one of ``songs``, each `SECONDS` long, at another tempo and without some of its notes, or else a pattern drawn by
    chance: who sees half a second sees rhythms, and shall not know them by heart. Powers of sounds add up, as those of sounds
    without correlation do. A closed hat ends an open one.
    """
    if rng.random() < _FROM_SONGS:
        strokes = _change_song(songs[int(rng.integers(len(songs)))], rng)
    else:
        strokes = patterns.draw_song(rng, SECONDS)
    first_s = float(rng.uniform(0, SECONDS - DRAWN_FRAMES * FRAME_S))
    others = list(PIECES)
    sounds: dict[int, tuple[str, Plane, float]] = {}
    bank = banks[int(rng.integers(len(banks)))]
    moved = rng.random() < 0.3
    power = np.zeros((DRAWN_FRAMES, BANDS), np.float32)
    target = np.zeros((DRAWN_FRAMES, len(PIECES)), np.float32)
    opened: list[int] = []
    for stroke in strokes:
        frame = round((stroke.start_s - first_s) / FRAME_S)
        if not LEAD <= frame < DRAWN_FRAMES - LEAD or stroke.pitch not in NAMES:
            continue
        if stroke.pitch not in sounds:
            name = others[int(rng.integers(len(others)))] if moved and rng.random() < 0.4 else NAMES[stroke.pitch]
            held = bank if name in bank and rng.random() < 0.7 else banks[int(rng.integers(len(banks)))]
            if name not in held:
                continue
            sound = held[name][int(rng.integers(len(held[name])))]
            sounds[stroke.pitch] = (name, _vary_sound(sound, rng), float(rng.normal(0, 4)))
        name, sound, gain_db = sounds[stroke.pitch]
        if name == "hat" and opened:
            power[frame : opened.pop() + 60] *= np.float32(0.05)
        if name == "open":
            opened = [frame]
        gain = (stroke.velocity / 100) ** 4 * 10 ** (gain_db / 10)
        part = sound[: DRAWN_FRAMES - frame + LEAD]
        power[frame - LEAD : frame - LEAD + len(part)] += np.float32(gain) * part
        column = COLUMNS[name]
        target[frame, column] = 1.0
        for beside in (frame - 1, frame + 1):
            target[beside, column] = max(target[beside, column], 0.35)
    return Piece(power, target)


def _change_song(strokes: Strokes, rng: np.random.Generator) -> Strokes:
    """Return strokes at another tempo, without some of the notes."""
    pitches = {stroke.pitch for stroke in strokes}
    kept = {pitch for pitch in sorted(pitches) if rng.random() > 0.15}
    scale = rng.uniform(0.8, 1.1)
    return [Stroke(scale * each.start_s, each.pitch, each.velocity) for each in strokes if each.pitch in kept]


def _vary_sound(sound: Plane, rng: np.random.Generator) -> Plane:
    """Return a sound a little higher or lower, with a longer or shorter end."""
    shift = rng.normal(0, 0.8)
    at = np.clip(np.arange(BANDS) + shift, 0, BANDS - 1)
    low = np.floor(at).astype(int)
    part = (at - low).astype(np.float32)
    out = sound[:, low] * (1 - part) + sound[:, np.minimum(low + 1, BANDS - 1)] * part
    fall = np.exp(-np.maximum(0, np.arange(len(out)) - LEAD - 2) * rng.choice((0.0, 0.0, rng.uniform(0, 0.06))))
    return np.asarray(out * fall[:, None], np.float32)


def keep(name: str, make: Callable[[], Piece]) -> Piece:
    """Return a piece from build/ where it was made before."""
    key = hashlib.sha256(f"{_VERSION} {name} {','.join(PIECES)}".encode()).hexdigest()[:24]
    path = _CACHE / f"{key}.npz"
    if path.exists():
        with np.load(path) as held:
            return Piece(held["power"].astype(np.float32), held["target"].astype(np.float32))
    piece: Piece = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"part-{path.name}")
    np.savez(part, power=piece.power, target=piece.target.astype(np.float16))
    part.replace(path)
    return piece


def music_material(count: int, fonts: Sequence[str]) -> Iterator[Piece]:
    """Yield music without drums, of songs of the tuning half: all tracks of a song, then one of them."""
    songs = tuning_songs()
    for number in range(count):
        rng = np.random.default_rng((12, number))
        name, song = songs[number % len(songs)]
        start_s = float(rng.uniform(0, max(0.0, float(song.seconds(song.end)) - SECONDS)))
        font = fonts[number // len(songs) % len(fonts)]
        yield keep(f"music {name} {number} {font}", partial(music_of, song, start_s, font))
        tracks = sorted({corpus.track(note) for note in song.notes if _is_music(note)})
        track = tracks[int(rng.integers(len(tracks)))]
        yield keep(f"music {name} {number} {font} {track}", partial(music_of, song, start_s, font, track))
