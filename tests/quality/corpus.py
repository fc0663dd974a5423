"""Real arrangements with their truth: MIDI songs of games, played by FluidSynth stem by stem.

The songs come with packages of Debian that `make quality` does not install; `missing` says which are absent. Notes, tempo
and beats are those of the files, chords come from the notes by `harmony`. Stems are kept under build/ once they are played.
"""

from __future__ import annotations

import hashlib
import math
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from . import fluid, harmony, midi_file
from .harmony import Chord
from .midi_file import DRUM_CHANNEL, MidiFile
from .sound_cache import keep
from .sounds import RATE_HZ

Samples = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

_CACHE_VERSION = 1  # another one where the same file and font would sound otherwise
_LEAST_S, _LEAD_S, _TAIL_S = 30.0, 0.3, 1.0
#: Bars of a file are taken for true where this share of all chord changes falls on their first beats.
_BAR_EVIDENCE = 0.5


@dataclass(frozen=True)
class Package:
    """Songs that a package of Debian installs. All may be used and played; this project holds no copy of them."""

    name: str
    debian: str
    folder: str
    licence: str
    places_s: tuple[int, ...]


PACKAGES = (
    Package("planetblupi", "planetblupi-music-midi", "/usr/share/planetblupi/music", "GPL-3+", (30, 120)),
    Package("openmsx", "openttd-openmsx", "/usr/share/games/openttd/baseset/openmsx", "GPL-2", (20, 90)),
)
#: Sound fonts with the packages that install them. A song always takes the same one of those that are installed.
FONTS = {
    "FluidR3_GM": ("fluid-soundfont-gm", "/usr/share/sounds/sf2/FluidR3_GM.sf2"),
    "TimGM6mb": ("timgm6mb-soundfont", "/usr/share/sounds/sf2/TimGM6mb.sf2"),
}
#: The track that plays a program of General MIDI, by the last program of each group.
_TRACKS = ((23, "keyboard"), (31, "guitar"), (39, "bass"), (46, "strings"), (47, "percussion"), (51, "strings"),
           (54, "backing_vocals"), (55, "fx"), (63, "brass"), (79, "woodwinds"), (103, "synth"), (108, "guitar"),
           (109, "woodwinds"), (110, "strings"), (111, "woodwinds"), (119, "percussion"), (127, "fx"))  # fmt: skip


@dataclass(frozen=True)
class Note:
    """A note: seconds from the beginning of the excerpt, MIDI pitch, velocity 1 to 127."""

    start_s: float
    end_s: float
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Excerpt:
    """A stretch of a song: its mix ``[N, 2]`` at 48 kHz, stems that add up to it, and the truth. Times are in seconds.

    Stems and notes are by track ("drums", "bass", "keyboard", …). ``beats_s`` ends with the end of the last beat, so it has
    one more than ``chords``. Where the bars of the file are in doubt, ``downbeats_s`` is empty and ``meter`` is 0.
    """

    name: str
    font: str
    mix: Samples
    stems: dict[str, Samples]
    notes: dict[str, tuple[Note, ...]]
    beats_s: Floats
    downbeats_s: Floats
    meter: int
    tempos: tuple[tuple[float, float], ...]
    chords: tuple[Chord, ...]

    @property
    def bpm(self) -> float:
        """The median tempo in beats a minute."""
        return 60.0 / float(np.median(np.diff(self.beats_s)))


def missing() -> tuple[str, ...]:
    """Return the names of packages that would add songs or sounds to the corpus, and are not installed."""
    absent = [] if shutil.which("fluidsynth") else ["fluidsynth"]
    absent += [package.debian for package in PACKAGES if not Path(package.folder).is_dir()]
    return (*absent, *(debian for debian, path in FONTS.values() if not Path(path).exists()))


def names() -> tuple[str, ...]:
    """Return the names of the excerpts that this machine can play, such as "planetblupi music003 0:30"."""
    if not shutil.which("fluidsynth") or not _fonts():
        return ()
    found = []
    for package in PACKAGES:
        for path in sorted(Path(package.folder).glob("*.mid")):
            song = _read(path)
            length_s = float(song.seconds(song.end))
            found += [
                f"{package.name} {path.stem} {place // 60}:{place % 60:02d}"
                for place in package.places_s
                if place + _LEAST_S + 5 <= length_s
            ]
    return tuple(found)


def load(name: str) -> Excerpt:
    """Return an excerpt by its name; raise KeyError for a name that `names` does not have."""
    package_name, stem, place = name.rsplit(" ", 2)
    package = next((p for p in PACKAGES if p.name == package_name), None)
    path = Path(package.folder, f"{stem}.mid") if package else Path()
    if not path.is_file():
        raise KeyError(f"{name!r} is no song of the corpus; names() lists them")
    minutes, seconds = place.split(":")
    return render(name, path.read_bytes(), 60 * int(minutes) + int(seconds))


def render(name: str, data: bytes, place_s: float, least_s: float = _LEAST_S) -> Excerpt:
    """Return the excerpt of a Standard MIDI File that begins with the first bar after ``place_s`` and lasts whole bars."""
    song = align(midi_file.read(data))
    font = choose_font(name)
    first, last = _window(song, place_s, least_s)
    begin_s = float(song.seconds(first)) - _LEAD_S
    frames = math.ceil((float(song.seconds(last)) - begin_s + _TAIL_S) * RATE_HZ)
    notes: dict[str, list[Note]] = {}
    for note in song.notes:
        if first <= note.start < last:
            start_s, end_s = song.seconds([note.start, min(note.end, last)]) - begin_s
            notes.setdefault(track(note), []).append(Note(float(start_s), float(end_s), note.pitch, note.velocity))
    stems = _play(song, tuple(sorted(notes)), (first, last), font, frames, hashlib.sha256(data).hexdigest())
    gain = 0.9 / max(1e-9, float(np.abs(np.sum(list(stems.values()), axis=0)).max()))
    stems = {role: (stem * gain).astype(np.float32) for role, stem in stems.items()}
    return Excerpt(
        name, font, np.sum(list(stems.values()), axis=0, dtype=np.float64).astype(np.float32), stems,
        {role: tuple(part) for role, part in notes.items()}, **_grid(song, first, last, begin_s),
    )  # fmt: skip


def track(note: midi_file.Note) -> str:
    """Return the track that a note belongs to, by its channel and program."""
    if note.channel == DRUM_CHANNEL:
        return "drums"
    return next(name for last, name in _TRACKS if note.program <= last)


def align(song: MidiFile) -> MidiFile:
    """Return a song whose beats begin with its first note, where that comes less than an eighth of a beat after tick 0.

    Some programs write all events a few ticks late.
    """
    late = song.notes[0].start if song.notes else 0
    if not 0 < late < song.ticks_per_quarter / 8:
        return song
    meters = ((late, *song.meters[0][1:]), *song.meters[1:])
    return MidiFile(song.ticks_per_quarter, song.notes, song.controls, song.tempos, meters, song.end)


def choose_font(name: str) -> str:
    """Return the name of the sound font for a song: one of those installed, by a hash of the song's name."""
    installed = _fonts()
    return installed[hashlib.sha256(name.rsplit(" ", 1)[0].encode()).digest()[1] % len(installed)]


def _fonts() -> list[str]:
    return [name for name, (_, path) in FONTS.items() if Path(path).exists()]


@lru_cache(maxsize=64)
def _read(path: Path) -> MidiFile:
    return midi_file.read(path.read_bytes())


def _window(song: MidiFile, place_s: float, least_s: float) -> tuple[int, int]:
    """Return the ticks of the first bar line after a time, and of the first one ``least_s`` later, or the last of the song."""
    beats, firsts = song.beats()
    bars = beats[firsts]
    times_s = song.seconds(bars)
    first = min(int(np.searchsorted(times_s, place_s - 1e-6)), len(bars) - 2)
    last = min(int(np.searchsorted(times_s, times_s[first] + least_s - 1e-6)), len(bars) - 1)
    return int(bars[first]), int(bars[last])


def _grid(song: MidiFile, first: int, last: int, begin_s: float) -> dict[str, object]:
    """Return beats, downbeats, meter, tempos and chords of a stretch; the whole song says whether its bars are certain."""
    beats, firsts = song.beats()
    places = _bar_places(firsts)
    meter = next(count for tick, count, _ in reversed(song.meters) if tick <= first)
    chords = whole_chords(song)
    changes = [places[k] for k in range(1, len(chords)) if chords[k] is not None and chords[k] != chords[k - 1]]
    certain = len(changes) >= 8 and float(np.mean(np.array(changes) == 0)) >= _BAR_EVIDENCE
    inside = (beats >= first) & (beats <= last)
    beats_s = song.seconds(beats[inside]) - begin_s
    tempos = tuple((max(0.0, float(song.seconds(tick)) - begin_s), 6e7 / us) for tick, us in song.tempos if tick < last)
    within = [number for number, (start_s, _) in enumerate(tempos) if start_s == 0.0]
    return {
        "beats_s": beats_s,
        "downbeats_s": beats_s[:-1][firsts[inside][:-1]] if certain else np.zeros(0),
        "meter": meter if certain else 0,
        "tempos": tempos[within[-1] :] if within else tempos,
        "chords": _stretch_chords(song, beats[inside], places[inside], meter),
    }


def _bar_places(firsts: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    counts = np.arange(len(firsts))
    return np.asarray(counts - np.maximum.accumulate(np.where(firsts, counts, 0)))


def whole_chords(song: MidiFile) -> tuple[Chord, ...]:
    """Return the chords of the first four minutes of a song without regard to its bars, to judge those by."""
    beats, _ = song.beats()
    beats = beats[song.seconds(beats) < 240]
    return _stretch_chords(song, beats, np.ones(len(beats), np.int64), 3)


def _stretch_chords(
    song: MidiFile, beats: npt.NDArray[np.int64], places: npt.NDArray[np.int64], meter: int
) -> tuple[Chord, ...]:
    pitched = [(float(n.start), float(n.end), n.pitch, n.velocity) for n in song.notes
               if track(n) not in ("drums", "percussion", "fx") and n.end > beats[0] and n.start < beats[-1]]  # fmt: skip
    return harmony.name_chords(pitched, beats.astype(np.float64), places, meter)


def _play(
    song: MidiFile, roles: tuple[str, ...], window: tuple[int, int], font: str, frames: int, source: str
) -> dict[str, Samples]:
    """Return the sound of each track, from build/ where it was played before."""
    key = f"{_CACHE_VERSION} {source} {window} {font} {frames}"
    return {
        role: keep("corpus", key, partial(_play_track, song, _wants(role), window, font, frames), role)
        for role in roles
    }


def _wants(role: str) -> Callable[[midi_file.Note], bool]:
    return lambda note: track(note) == role


def _play_track(
    song: MidiFile, wanted: Callable[[midi_file.Note], bool], window: tuple[int, int], font: str, frames: int
) -> Floats:
    data = midi_file.cut(song, wanted, *window, _LEAD_S, _TAIL_S)
    with tempfile.TemporaryDirectory() as folder:
        return fluid.play_file(data, FONTS[font][1], frames, Path(folder))
