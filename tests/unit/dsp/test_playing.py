"""Rendered notes, measured with independent tools and with the analysis."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.dsp.arrangement import fullest_bar, plan_song, song_bars
from acestep_runtime.dsp.musical import CHORD_TONES, Grid
from acestep_runtime.dsp.players import HUMANISE_S, Bar, Note, play_bar, rhythm_lines
from acestep_runtime.dsp.progressions import Harmony, chord_rows, chord_tones
from acestep_runtime.dsp.render import CEILING, Mixer, render, rms_db
from acestep_runtime.text.style import Instrument, Style, keep_track, parse_instrument, style_from_caption, table
from acestep_runtime.values import PITCH_NAMES, Key, Music

RATE_HZ = 48_000
Samples = npt.NDArray[np.float32]


def render_bars(
    bars: Iterable[tuple[list[Note], float]], seconds: float, style: Style, *, gain_db: float = 0.0
) -> Samples:
    mixer = Mixer(seed=1, brightness=style.brightness, room_s=style.room_s, gain_db=gain_db)
    return np.concatenate(list(render(bars, round(seconds * RATE_HZ), mixer)))


def render_instrument(
    instrument: Instrument, style: Style, grid: Grid, harmony: Harmony, bars: int, energy: float = 0.4
) -> Samples:
    """Some bars by one player. At this energy drums play no fills and no ghost notes."""

    def work() -> Iterable[tuple[list[Note], float]]:
        for index in range(bars):
            bar = Bar(index, grid, harmony, Key(0, "major"), energy, 1, "verse", 1, 4)
            yield play_bar(bar, style, (instrument,)), grid.beat_to_s((index + 1) * grid.beats_per_bar)

    return render_bars(work(), grid.beat_to_s(bars * grid.beats_per_bar), style)


def onsets_s(samples: Samples) -> npt.NDArray[np.float64]:
    """Times at which sound sets in: steepest rises of the high-passed level (2 ms frames), by 9 dB over 20 ms."""
    hop = 96
    sharp = np.diff(samples.mean(axis=1).astype(np.float64), prepend=0.0)
    level = np.log10(np.mean(sharp[: len(sharp) // hop * hop].reshape(-1, hop) ** 2, axis=1) + 1e-10) * 10
    before = np.array([level[max(0, k - 10) : max(1, k)].mean() for k in range(len(level))])
    rise = level - before
    peaks = [k for k in range(len(rise)) if rise[k] > 9 and rise[k] == rise[max(0, k - 10) : k + 11].max()]
    return np.array(peaks) * hop / RATE_HZ


@pytest.mark.parametrize("pattern", ["pop", "rock", "house", "jazz", "boombap"])
def test_strokes_sound_at_their_positions_in_the_rhythm(pattern: str) -> None:
    """All onsets lie within 12 ms of signs and swing; every loud kick and snare has an onset."""
    style = style_from_caption({"jazz": "jazz", "shuffle": "blues", "boombap": "lo-fi"}.get(pattern, "pop"))
    grid = Grid(92.0, 0.3)
    instrument = Instrument("drums", "acoustic", pattern)
    measured_onsets_s = onsets_s(render_instrument(instrument, style, grid, Harmony({}, (0, "")), 4))
    due, sure = set(), set()
    for piece, line in rhythm_lines("drums", pattern, 4).items():
        for step, sign in enumerate(line):
            beat, part = divmod(step * 4 / len(line), 1.0)
            late = 2 * part * style.swing if part <= 0.5 else style.swing + (2 * part - 1) * (1 - style.swing)
            due |= {beat + late} if sign in "Xx" else set()
            sure |= {beat + late} if sign == "X" and piece in ("kick", "snare", "clap") else set()
    times_s = np.array([0.3 + (4 * bar + beat) * 60 / 92 for bar in range(4) for beat in due])
    sure_s = [0.3 + (4 * bar + beat) * 60 / 92 for bar in range(4) for beat in sure]
    assert len(measured_onsets_s) > 12
    assert max(np.abs(times_s - at_s).min() for at_s in measured_onsets_s) <= HUMANISE_S + 0.012
    assert max((np.abs(measured_onsets_s - at_s).min() for at_s in sure_s), default=0.0) <= HUMANISE_S + 0.012


def fundamental_hz(samples: Samples) -> float:
    """The lag between 25 and 400 Hz at which a sound is most like itself, refined by a parabola."""
    x = samples.mean(axis=1).astype(np.float64)
    x = x * np.hanning(len(x))
    size = 1 << (2 * len(x)).bit_length()
    curve = np.fft.irfft(np.abs(np.fft.rfft(x, size)) ** 2)[: RATE_HZ // 25]
    shape = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(len(x)), size)) ** 2)[: RATE_HZ // 25]
    curve = curve / shape
    low = RATE_HZ // 400
    best = curve[low:-1].max()
    lag = next(
        k for k in range(low, len(curve) - 1) if curve[k] > 0.9 * best and curve[k - 1] < curve[k] > curve[k + 1]
    )
    a, b, c = curve[lag - 1 : lag + 2]
    return float(RATE_HZ / (lag + 0.5 * (a - c) / (a - 2 * b + c)))


@pytest.mark.parametrize("voice", ["bass_finger", "bass_pick", "bass_upright", "bass_synth", "bass_sub", "strings"])
def test_the_bass_sounds_the_roots(voice: str) -> None:
    grid, style = Grid(100.0), style_from_caption("pop")
    roots = [0, 7, 9, 5, 1, 8, 10, 6]
    harmony = Harmony({4 * bar + beat: (root, "") for bar, root in enumerate(roots) for beat in range(4)}, (0, ""))
    audio = render_instrument(Instrument("bass", voice, "long"), style, grid, harmony, len(roots))
    for bar, root in enumerate(roots):
        start = round((grid.beat_to_s(4 * bar) + 0.25) * RATE_HZ)
        pitch = 69 + 12 * np.log2(fundamental_hz(audio[start : start + RATE_HZ // 2]) / 440)
        assert abs((pitch - root + 6) % 12 - 6) < 0.3, (bar, pitch)


@pytest.mark.parametrize("voice", ["piano", "epiano", "organ", "strings", "guitar_acoustic"])
def test_a_chord_sounds_its_tones_and_no_others(voice: str) -> None:
    """Every tone of the chord is a peak of the spectrum within 25 cents; what is no tone nor partial of one is not."""
    chord = (2, "m7")
    track = "guitar" if voice.startswith("guitar") else "strings" if voice == "strings" else "keyboard"
    audio = render_instrument(
        Instrument(track, voice, "whole"), style_from_caption("pop"), Grid(100.0), Harmony({}, chord), 1
    )
    x = audio[RATE_HZ // 5 : 2 * RATE_HZ].mean(axis=1)
    power = np.abs(np.fft.rfft(x * np.hanning(len(x)), 1 << 18)) ** 2
    hz = np.fft.rfftfreq(1 << 18, 1 / RATE_HZ)
    strength = {}
    for pitch in range(50, 74):
        centre = 440 * 2 ** ((pitch - 69) / 12)
        near = (hz > centre * 2 ** (-0.25 / 12)) & (hz < centre * 2 ** (0.25 / 12))
        strength[pitch % 12] = max(strength.get(pitch % 12, 0.0), float(power[near].max()))
    allowed = set(chord_tones(chord))
    overtones = {(pc + step) % 12 for pc in allowed for step in (7, 4)}  # third and fifth partials
    weakest = min(strength[pc] for pc in allowed)
    assert weakest > 0.001 * max(strength.values())
    assert all(strength[pc] < 0.1 * max(strength.values()) for pc in set(range(12)) - allowed - overtones)


@pytest.mark.parametrize(("key", "meter"), [("Eb major", 4), ("A minor", 3)])
def test_analysis_finds_the_chords_of_a_rendered_song(key: str, meter: int) -> None:
    """A piano in whole chords: the analysis finds the chords of the metadata for four fifths of the time."""
    piano = replace(style_from_caption("pop"), instruments=(parse_instrument("keyboard piano blocks"),), named_count=1)
    music = Music(bpm=100, keyscale=key, timesignature=meter)
    song = plan_song(music, piano, 20, 3)
    audio = render_bars(((notes, end_s) for _, notes, end_s in song_bars(song, piano)), 20, piano)
    found = analyse(audio, RATE_HZ, bpm=100, keyscale=key, timesignature=meter)
    written = chord_rows(song.harmony, song.grid, 0.0, 20.0)
    right = 0
    times_s = np.arange(0.05, song.ending * song.grid.bar_s, 0.1)
    for at_s in times_s:
        name = next(row["name"] for row in written if row["start_s"] <= at_s < row["end_s"])
        right += name in {str(chord) for chord in found.chords if chord.start_s <= at_s < chord.end_s}
    assert right >= 0.8 * len(times_s)


@pytest.mark.parametrize("genre", table()["genre"])
def test_two_full_bars_of_every_genre_are_clean(genre: str) -> None:
    style = style_from_caption(table()["genre"][genre]["words"][0])
    song = plan_song(Music(lyrics="[Chorus]"), style, 1.0, 5)
    bar_s = song.grid.bar_s
    song = plan_song(Music(lyrics="[Chorus]"), style, 2 * bar_s, 5)
    trial = render_bars([(fullest_bar(song, style), bar_s)], bar_s, style)
    bars = ((notes, end_s) for _, notes, end_s in song_bars(song, style))
    audio = render_bars(bars, 2 * bar_s, style, gain_db=-15 - rms_db(trial))
    assert np.isfinite(audio).all()
    assert np.abs(audio).max() <= CEILING + 1e-6
    assert np.abs(audio.mean(axis=0, dtype=np.float64)).max() < 1e-3
    assert -21 < rms_db(audio) < -12
    quiet = [rms_db(audio[at : at + RATE_HZ // 2]) for at in range(0, len(audio) - RATE_HZ // 2, RATE_HZ // 2)]
    assert min(quiet) > -45  # nobody stops in the middle


@pytest.mark.parametrize("voice", ["saxophone", "flute", "synth_lead", "trumpet"])
def test_a_rendered_melody_has_the_pitches_of_its_notes(voice: str) -> None:
    style, grid = style_from_caption("pop"), Grid(80.0)
    instrument = keep_track(style_from_caption("pop flute"), "woodwinds").instruments[0]
    instrument = replace(instrument, voice=voice, pattern="melody")
    bar = Bar(0, grid, Harmony({}, (0, "")), Key(0, "major"), 0.5, 4, "verse", 0, 4)
    notes = play_bar(bar, style, (instrument,))
    audio = render_bars([(notes, grid.bar_s)], grid.bar_s, replace(style, room_s=0.2))
    assert notes
    for note in (note for note in notes if note.length_s > 0.3):
        start = round((note.start_s + 0.12) * RATE_HZ)
        x = audio[start : start + round(0.18 * RATE_HZ)].mean(axis=1)
        spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x)), 1 << 17))
        hz = np.fft.rfftfreq(1 << 17, 1 / RATE_HZ)
        expected_hz = 440 * 2 ** ((note.pitches[0] - 69) / 12)
        near = (hz > 0.9 * expected_hz) & (hz < 1.1 * expected_hz)
        assert abs(12 * np.log2(hz[near][np.argmax(spectrum[near])] / expected_hz)) < 0.35
        below = (hz > 60) & (hz < 0.75 * expected_hz)
        assert spectrum[below].max() < 0.35 * spectrum[near].max()


def test_names_of_chords_can_be_read_back() -> None:
    for root, quality in [(root, quality) for root in range(12) for quality in CHORD_TONES]:
        name = chord_rows(Harmony({}, (root, quality)), Grid(120), 0.0, 1.0)[0]["name"]
        assert name == PITCH_NAMES[root] + quality
