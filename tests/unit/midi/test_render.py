"""Playing notes: onsets, pitches, level and length, with our own voices and, where one is installed, a sound font."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from acestep_runtime.audio.samples import Samples
from acestep_runtime.dsp.drums import PIECES
from acestep_runtime.dsp.general_midi import note_of_piece, piece_of_note, voice_of_program
from acestep_runtime.dsp.players import PLAYERS
from acestep_runtime.dsp.render import CHANNEL_STRIPS
from acestep_runtime.dsp.voices import VOICES
from acestep_runtime.errors import Cancelled, InvalidValue
from acestep_runtime.midi import sound_fonts
from acestep_runtime.midi.read import read_midi
from acestep_runtime.midi.render import LEVEL_DB, PEAK_DB, render
from acestep_runtime.midi.sound_fonts import VARIABLE, find_sound_font
from acestep_runtime.notes import MidiSong, Note, Part
from tests.support.midi_files import band, song_of
from tests.support.sound_font import sine_font

RATE = 48_000
PITCHES = (57, 64, 69, 76)


@pytest.fixture(params=["own", "font"])
def player(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Our own voices, or a sound font whose programs are all sines and whose drums are clicks."""
    if request.param == "own":
        monkeypatch.setenv(VARIABLE, "none")
    else:
        font = tmp_path / "sines.sf2"
        font.write_bytes(sine_font())
        monkeypatch.setenv(VARIABLE, str(font))
    return str(request.param)


def pitch_of(samples: Samples) -> float:
    """The pitch of the lowest partial that is not far below the loudest one."""
    mono = samples.sum(axis=1) * np.hanning(len(samples))
    level = np.abs(np.fft.rfft(mono, 1 << 18))
    peaks = np.flatnonzero((level[1:-1] > level[:-2]) & (level[1:-1] >= level[2:])) + 1
    lowest = next(peak for peak in peaks if level[peak] > 0.2 * level.max())
    return float(12 * np.log2(lowest * RATE / (1 << 18) / 440) + 69)


def onsets_s(samples: Samples) -> list[float]:
    """Times at which the level rises from silence: closed form, as the notes have rests between them."""
    loud = np.abs(samples).max(axis=1) > 0.01 * np.abs(samples).max()
    edges = np.flatnonzero(loud[1:] & ~loud[:-1]) + 1
    starts = [0, *edges] if loud[0] else list(edges)
    return [float(at) / RATE for n, at in enumerate(starts) if n == 0 or not loud[max(0, at - RATE // 20) : at].any()]


def test_pitches_are_those_of_the_notes(player: str) -> None:
    song = song_of(*((0.5 * n, 0.5 * n + 0.45, pitch) for n, pitch in enumerate(PITCHES)), program=73)
    samples = render(song, 2 * RATE).samples
    for number, pitch in enumerate(PITCHES):
        part = samples[round((0.5 * number + 0.1) * RATE) : round((0.5 * number + 0.4) * RATE)]
        assert pitch_of(part) == pytest.approx(pitch, abs=0.2), player


def test_notes_begin_within_5_ms_of_their_time(player: str) -> None:
    times = [0.1234, 0.9, 1.7071, 2.6]
    song = song_of(*((time_s, time_s + 0.05, 64) for time_s in times), program=6)
    found = onsets_s(render(song, 4 * RATE).samples)
    assert found == pytest.approx(times, abs=0.005), player


def test_drums_begin_within_5_ms_of_their_time(player: str) -> None:
    times = [0.25, 1.001, 1.8, 2.5]
    song = song_of(*((time_s, time_s + 0.01, 42) for time_s in times), is_drums=True)
    found = onsets_s(render(song, 4 * RATE).samples)
    assert found == pytest.approx(times, abs=0.005), player


@pytest.mark.parametrize("frames", [1, 777, 3 * RATE + 11, 10 * RATE])
def test_the_length_is_exact_and_the_end_silent(player: str, frames: int) -> None:
    samples = render(read_midi(band(1)), frames).samples
    assert samples.shape == (frames, 2)
    assert samples.dtype == np.float32
    assert np.isfinite(samples).all()
    if frames > 9 * RATE:
        assert np.abs(samples[-RATE:]).max() < 1e-3, player


def test_it_is_the_same_each_time(player: str) -> None:
    song = read_midi(band(2))
    assert np.array_equal(render(song, 4 * RATE).samples, render(song, 4 * RATE).samples), player


@pytest.mark.parametrize("velocity", [20, 127])
def test_all_songs_have_one_level(player: str, velocity: int) -> None:
    part = Part("", tuple(Note(n / 2, n / 2 + 0.45, 60 + n, velocity) for n in range(8)), 48)
    samples = render(MidiSong((part,), end_s=4.0), 4 * RATE).samples
    blocks = samples[: 4 * RATE].reshape(-1, RATE // 10, 2).astype(np.float64)
    level_db = 10 * np.log10(np.mean(blocks**2, axis=(1, 2)).mean())
    assert level_db == pytest.approx(LEVEL_DB, abs=1.5), player
    assert np.abs(samples).max() <= 10 ** (PEAK_DB / 20) + 1e-6


def test_more_programs_than_channels_all_sound(player: str) -> None:
    parts = tuple(Part("", (Note(0.5 * n, 0.5 * n + 0.4, 60 + n % 12, 100),), 4 * n) for n in range(20))
    samples = render(MidiSong(parts, end_s=10.0), 10 * RATE).samples
    levels = [np.abs(samples[round(0.5 * n * RATE) : round((0.5 * n + 0.4) * RATE)]).max() for n in range(20)]
    assert min(levels) > 0.01, player


def test_a_cancel_is_seen_between_blocks(player: str) -> None:
    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        render(read_midi(band(8)), 16 * RATE, check)
    assert len(calls) == 3, player


def test_it_says_what_played(player: str) -> None:
    said = render(read_midi(band(1)), RATE).played_by
    assert said == {"own": "AceBridge's own voices", "font": "the sound font sines"}[player]


@pytest.mark.parametrize("program", range(128))
def test_every_program_has_a_voice(program: int) -> None:
    track, voice = voice_of_program(program)
    assert voice in VOICES
    assert track in PLAYERS
    assert track in CHANNEL_STRIPS
    assert (track == "bass") == (program in range(32, 40))


@pytest.mark.parametrize("pitch", [0, *range(35, 82), 127])
def test_every_drum_has_a_piece(pitch: int) -> None:
    track, piece = piece_of_note(pitch)
    assert piece in PIECES
    assert track in ("drums", "percussion")


@pytest.mark.parametrize("piece", ["kick", "snare", "hat", "open", "tom2", "crash", "ride"])
def test_the_note_of_a_piece_plays_that_piece(piece: str) -> None:
    assert piece_of_note(note_of_piece(piece)) == ("drums", piece)


def test_the_font_of_the_settings_has_to_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (str(tmp_path / "none.sf2"), "~nobody-5302/none.sf2"):
        monkeypatch.setenv(VARIABLE, name)
        with pytest.raises(InvalidValue, match="sound_font"):
            find_sound_font()
    (tmp_path / "song.wav").write_bytes(b"RIFF")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "song.wav"))
    with pytest.raises(InvalidValue, match="SF2 or SF3"):
        find_sound_font()


def test_a_broken_font_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    font = tmp_path / "broken.sf2"
    font.write_bytes(sine_font()[:200])
    monkeypatch.setenv(VARIABLE, str(font))
    with pytest.raises(InvalidValue, match="broken"):
        render(read_midi(band(1)), RATE)


def test_installed_fonts_of_all_instruments_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.setattr(sound_fonts, "_FOLDERS", (str(tmp_path), str(tmp_path / "missing")))
    assert find_sound_font() is None
    for name in ("Piano only.sf2", "TimGM6mb.sf2", "FluidR3_GM.SF2", "readme.txt"):
        (tmp_path / name).write_bytes(b"")
    assert find_sound_font() == tmp_path / "FluidR3_GM.SF2"
    monkeypatch.setattr(sound_fonts, "find_spec", lambda _name: None)
    assert find_sound_font() is None
    monkeypatch.setenv(VARIABLE, str(tmp_path / "TimGM6mb.sf2"))
    with pytest.raises(InvalidValue, match="without the package tinysoundfont"):
        find_sound_font()
