"""Excerpts of a song with their truth, played by sines here: FluidSynth is not everywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.quality import corpus, fluid, metrics, midi_file, sound_cache
from tests.quality.sounds import RATE_HZ, hz

LATE = 5
BAR_MS, BEAT_MS = 2000, 500
ROOTS = (60, 65, 67, 60)


def play_sines(data: bytes, _font: str, frames: int, _folder: Path) -> np.ndarray:
    song = midi_file.read(data)
    out = np.zeros((frames, 2))
    for note in song.notes:
        start, end = (round(float(s) * RATE_HZ) for s in song.seconds([note.start, note.end]))
        n = np.arange(min(end, frames) - start)
        fade = np.clip((len(n) - n) / 2000, 0, 1)
        out[start : start + len(n)] += (0.1 * fade * np.sin(2 * np.pi * hz(note.pitch) * n / RATE_HZ))[:, None]
    return out


@pytest.fixture
def player_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[bytes]:
    """The files that were played, in order; the cache is a new folder."""
    files: list[bytes] = []

    def play(data: bytes, font: str, frames: int, folder: Path) -> np.ndarray:
        files.append(data)
        return play_sines(data, font, frames, folder)

    monkeypatch.setattr(fluid, "play_file", play)
    monkeypatch.setattr(sound_cache, "FOLDER", tmp_path)
    monkeypatch.setattr(corpus, "_fonts", lambda: ["TimGM6mb"])
    return files


def write_song(bars: int = 24) -> bytes:
    """A song in ticks of milliseconds, all of it a little late: a triad for each bar, a bass note and a kick on each beat."""
    events = [(0, b"\xc0\x00"), (0, b"\xc1\x21")]
    for bar in range(bars):
        at, root = LATE + bar * BAR_MS, ROOTS[bar % 4]
        for pitch in (root, root + 4, root + 7):
            events += [(at, bytes([0x90, pitch, 90])), (at + BAR_MS - 20, bytes([0x80, pitch, 0]))]
        for beat in range(at, at + BAR_MS, BEAT_MS):
            events += [(beat, bytes([0x91, root - 24, 90])), (beat + 400, bytes([0x81, root - 24, 0]))]
            events += [(beat, bytes([0x99, 36, 90])), (beat + 50, bytes([0x89, 36, 0]))]
    data = midi_file.write(
        sorted(events, key=lambda event: (event[0], event[1][0] & 0xF0 == 0x90)), bars * BAR_MS + 100
    )
    # A quarter note is to last half a second: 500 ticks at 120 bpm instead of 1000 at 60.
    return data.replace(b"\x03\xe8MTrk", b"\x01\xf4MTrk", 1).replace(
        (1_000_000).to_bytes(3, "big"), (500_000).to_bytes(3, "big"), 1
    )


def test_the_truth_of_an_excerpt(player_files: list[bytes]) -> None:
    excerpt = corpus.render("test song 0:09", write_song(), 9.0, 8.0)
    assert excerpt.stems.keys() == excerpt.notes.keys() == {"keyboard", "bass", "drums"}
    assert len(player_files) == 3
    assert excerpt.beats_s == pytest.approx(0.3 + 0.5 * np.arange(17))
    assert excerpt.downbeats_s == pytest.approx(0.3 + 2.0 * np.arange(4))
    assert (excerpt.meter, excerpt.bpm) == (4, pytest.approx(120))
    assert excerpt.tempos == ((0.0, pytest.approx(120)),)
    # Bars 5 to 8, as 9 s lie within the fifth, whose root is the first again.
    assert excerpt.chords == tuple((ROOTS[(5 + k // 4) % 4] % 12, "") for k in range(16))
    assert [note.pitch for note in excerpt.notes["bass"]] == [ROOTS[(5 + k // 4) % 4] - 24 for k in range(16)]


@pytest.mark.usefixtures("player_files")
def test_what_sounds_is_what_the_truth_says() -> None:
    excerpt = corpus.render("test song 0:09", write_song(), 9.0, 8.0)
    assert metrics.error_db(list(excerpt.stems.values()), excerpt.mix) < -120
    assert np.abs(excerpt.mix).max() == pytest.approx(0.9, abs=1e-3)
    found_s = metrics.onsets_s(excerpt.stems["drums"])
    assert found_s == pytest.approx([note.start_s for note in excerpt.notes["drums"]], abs=0.02)
    assert metrics.pitch_class(metrics.fundamental_hz(excerpt.stems["bass"], 0.35, 0.3)) == ROOTS[1] % 12


def test_a_song_is_played_once(player_files: list[bytes]) -> None:
    first = corpus.render("test song 0:09", write_song(), 9.0, 8.0)
    again = corpus.render("test song 0:09", write_song(), 9.0, 8.0)
    assert len(player_files) == 3
    assert np.array_equal(first.mix, again.mix)
    corpus.render("test song 0:02", write_song(), 2.0, 8.0)
    assert len(player_files) == 6


def test_bars_that_no_chord_begins_with_are_in_doubt(player_files: list[bytes]) -> None:
    song = midi_file.read(write_song())
    moved = midi_file.MidiFile(
        song.ticks_per_quarter, song.notes, song.controls, song.tempos, ((LATE + BEAT_MS, 4, 4),), song.end
    )
    grid = corpus._grid(moved, LATE + BEAT_MS, LATE + BEAT_MS + 4 * BAR_MS, 0.0)
    assert (grid["meter"], len(grid["downbeats_s"])) == (0, 0)
    assert len(player_files) == 0


@pytest.mark.parametrize(("program", "channel", "track"), [
    (0, 9, "drums"), (0, 0, "keyboard"), (33, 1, "bass"), (25, 2, "guitar"), (48, 3, "strings"), (56, 4, "brass"),
    (73, 5, "woodwinds"), (81, 6, "synth"), (52, 7, "backing_vocals"), (127, 8, "fx"), (47, 0, "percussion"),
])  # fmt: skip
def test_the_track_of_a_program(program: int, channel: int, track: str) -> None:
    assert corpus.track(midi_file.Note(0, 1, 60, 90, channel, program)) == track


def test_an_unknown_song_is_named() -> None:
    with pytest.raises(KeyError, match="no song of the corpus"):
        corpus.load("nobody's song 0:30")


def test_nothing_is_measured_without_fluidsynth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus.shutil, "which", lambda _name: None)
    assert corpus.names() == ()
    assert corpus.missing()[0] == "fluidsynth"
