import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.dsp.musical import CHORD_TONES, Analysis
from acestep_runtime.errors import InvalidValue
from acestep_runtime.values import TIME_SIGNATURES, Key
from tests.support import band, signals

RATE_HZ = 48_000
OFFSET_S = 0.37
#: Roots (semitones above C) and qualities of `signals.PROGRESSION`.
PROGRESSION = ((0, ""), (7, ""), (9, "m"), (5, ""))


def song(bpm: float, meter: int, chords=PROGRESSION, semitones: int = 0, offset_s: float = OFFSET_S, bars: int = 8):
    """A song that starts after some silence, and its true chords as (start_s, end_s, root, quality)."""
    pitches = []
    for root, quality in chords:
        at = (root + semitones) % 12
        pitches.append((36 + at, *(60 + (at + tone) % 12 for tone in CHORD_TONES[quality])))
    band_song = signals.song(bpm=bpm, bars=bars, beats_per_bar=meter, progression=tuple(pitches))
    silence = np.zeros((round(offset_s * RATE_HZ), 2), np.float32)
    bar_s = meter * 60 / bpm
    truth = [
        (offset_s + k * bar_s, offset_s + (k + 1) * bar_s, (chords[k % len(chords)][0] + semitones) % 12,
         chords[k % len(chords)][1]) for k in range(bars)
    ]  # fmt: skip
    return np.concatenate([silence, band_song]), truth


def share_of_time_right(analysis: Analysis, truth) -> float:
    times = np.arange(truth[0][0] + 0.01, truth[-1][1], 0.02)
    right = 0
    for time_s in times:
        want = next((root, quality) for start, end, root, quality in truth if start <= time_s < end)
        right += want in [(c.root, c.quality) for c in analysis.chords if c.start_s <= time_s < c.end_s]
    return right / len(times)


def away_s(time_s: float, period_s: float) -> float:
    """Distance to the nearest multiple of a period."""
    return abs(time_s - round(time_s / period_s) * period_s)


@pytest.mark.parametrize("meter", [3, 4])
@pytest.mark.parametrize("bpm", [70.0, 84.0, 96.5, 120.0, 139.0, 160.0, 180.0])
def test_tempo_meter_key_and_chords_of_a_song(bpm: float, meter: int) -> None:
    semitones = round(bpm) % 12
    samples, truth = song(bpm, meter, semitones=semitones)
    analysis = analyse(samples, RATE_HZ)
    assert analysis.grid.bpm == pytest.approx(bpm, rel=0.002)
    assert analysis.grid.beats_per_bar == meter
    assert away_s(analysis.grid.first_downbeat_s - OFFSET_S, analysis.grid.bar_s) < 0.05
    assert max(away_s(beat - OFFSET_S, 60 / bpm) for beat in analysis.beats_s) < 0.05
    assert max(away_s(beat - OFFSET_S, meter * 60 / bpm) for beat in analysis.downbeats_s) < 0.05
    assert len(analysis.beats_s) == pytest.approx(len(samples) / RATE_HZ * bpm / 60, abs=2)
    assert analysis.key == Key(semitones, "major")
    assert share_of_time_right(analysis, truth) > 0.95
    assert min(analysis.confidence.values()) > 0.6


@pytest.mark.parametrize("offset_s", [0.0, 0.2, 0.9, 1.6])
def test_the_first_downbeat_may_be_anywhere(offset_s: float) -> None:
    analysis = analyse(song(112, 4, offset_s=offset_s)[0], RATE_HZ)
    assert away_s(analysis.grid.first_downbeat_s - offset_s, analysis.grid.bar_s) < 0.05
    assert analysis.beats_s[0] < analysis.grid.beat_s


@pytest.mark.parametrize("bpm", [72.0, 90.0, 110.0, 133.3, 150.0, 175.0])
def test_bare_clicks_give_tempo_and_beats_but_no_key(bpm: float) -> None:
    times_s = np.arange(0.25, 12, 60 / bpm)
    analysis = analyse(signals.clicks(times_s, 12), RATE_HZ)
    assert analysis.grid.bpm == pytest.approx(bpm, rel=0.002)
    assert all(np.abs(np.array(analysis.beats_s) - t).min() < 0.02 for t in times_s)
    assert analysis.confidence["tempo"] > 0.8
    assert analysis.confidence["key"] == 0


@pytest.mark.parametrize("semitones", [0, 3, 6, 10])
@pytest.mark.parametrize(
    ("mode", "chords"),
    [
        ("minor", ((0, "m"), (5, "m"), (7, ""), (0, "m"))),
        ("major", ((0, ""), (5, ""), (0, ""), (7, ""))),
        ("major", ((0, ""), (9, "m"), (5, ""), (7, ""))),
    ],
)
def test_key_and_chords_in_both_modes(semitones: int, mode: str, chords) -> None:
    samples, truth = song(104, 4, chords, semitones)
    analysis = analyse(samples, RATE_HZ)
    assert analysis.key == Key(semitones, mode)
    assert share_of_time_right(analysis, truth) > 0.95


def test_a_full_band_with_vocals_is_analysed() -> None:
    band_song = band.play(bpm=100, bars=4)
    analysis = analyse(band_song.mix, RATE_HZ)
    assert analysis.grid.bpm == pytest.approx(100, rel=0.002)
    assert away_s(analysis.grid.first_downbeat_s, analysis.grid.bar_s) < 0.05
    assert analysis.key == Key(0, "major")
    truth = [(2.4 * k, 2.4 * (k + 1), *PROGRESSION[k]) for k in range(4)]
    assert share_of_time_right(analysis, truth) > 0.8
    assert "100 bpm in C major with drums and bass" in analysis.caption


def test_a_drifting_tempo_is_tracked() -> None:
    times_s = [0.4]
    while times_s[-1] < 30:
        times_s.append(times_s[-1] + 60 / (100 + times_s[-1]))
    analysis = analyse(signals.clicks(times_s, 31), RATE_HZ)
    misses_s = [np.abs(np.array(analysis.beats_s) - t).min() for t in times_s]
    assert np.median(misses_s) < 0.02
    assert np.quantile(misses_s, 0.9) < 0.05
    assert 105 < analysis.grid.bpm < 125
    assert analysis.confidence["tempo"] < 0.6 < analysis.confidence["beats"]


def test_jittered_playing_still_gives_the_mean_tempo() -> None:
    rng = np.random.default_rng(5)
    times_s = np.arange(0.3, 20, 60 / 110)
    analysis = analyse(signals.clicks(times_s + rng.normal(0, 0.012, len(times_s)), 20), RATE_HZ)
    assert analysis.grid.bpm == pytest.approx(110, rel=0.005)


def test_given_values_are_kept_and_their_phase_is_found() -> None:
    samples, truth = song(100, 4)
    analysis = analyse(samples, RATE_HZ, bpm=100, keyscale="E minor", timesignature=3)
    assert (analysis.grid.bpm, analysis.key, analysis.grid.beats_per_bar) == (100, Key(4, "minor"), 3)
    assert away_s(analysis.grid.first_downbeat_s - OFFSET_S, 0.6) < 0.02
    assert (analysis.confidence["tempo"], analysis.confidence["key"], analysis.confidence["meter"]) == (1, 1, 1)
    assert share_of_time_right(analysis, truth) > 0.8


@pytest.mark.parametrize("bpm", [50.0, 200.0])
def test_half_and_double_time_are_kept_when_given(bpm: float) -> None:
    analysis = analyse(song(100, 4)[0], RATE_HZ, bpm=bpm)
    assert analysis.grid.bpm == bpm
    assert away_s(analysis.beats_s[0] - OFFSET_S, 0.3) < 0.02


def test_an_invalid_key_is_refused() -> None:
    with pytest.raises(InvalidValue, match="keyscale"):
        analyse(np.zeros((100, 2), np.float32), RATE_HZ, keyscale="H flat")


def is_sensible(analysis: Analysis, duration_s: float) -> None:
    numbers = [analysis.grid.bpm, analysis.grid.first_downbeat_s, analysis.loudness_db, analysis.duration_s,
               *analysis.beats_s, *analysis.downbeats_s, *analysis.confidence.values()]  # fmt: skip
    numbers += [t for c in analysis.chords for t in (c.start_s, c.end_s)]
    assert all(math.isfinite(n) for n in numbers)
    assert 30 <= analysis.grid.bpm <= 300
    assert all(0 <= c <= 1 for c in analysis.confidence.values())
    assert set(analysis.confidence) == {"tempo", "beats", "key", "meter"}
    assert all(0 <= c.start_s < c.end_s <= duration_s + 1e-9 for c in analysis.chords)
    assert all(a.end_s <= b.start_s for a, b in zip(analysis.chords, analysis.chords[1:], strict=False))
    assert analysis.caption.endswith(".")


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros((0, 2), np.float32),
        np.ones((1, 2), np.float32),
        np.zeros((2 * RATE_HZ, 2), np.float32),
        signals.sine(440, 0.1),
        signals.sine(220, 6),
        signals.sine(220, 6, channels=1),
        signals.noise(6),
        signals.noise(0.6),
        signals.clicks([1.0], 3),
        np.full((RATE_HZ, 2), np.nan, np.float32),
        np.full((RATE_HZ, 2), 0.5, np.float32),
    ],
    ids=["empty", "one frame", "silence", "0.1 s", "sine", "mono", "noise", "short noise", "click", "nan", "dc"],
)
def test_audio_without_music_gets_defaults_without_confidence(samples) -> None:
    analysis = analyse(samples, RATE_HZ)
    is_sensible(analysis, len(samples) / RATE_HZ)
    assert analysis.grid.bpm == 120
    assert (analysis.key, analysis.grid.beats_per_bar) == (Key(0, "major"), 4)
    assert set(analysis.confidence.values()) == {0}


def test_a_chord_without_onsets_has_a_key_but_no_tempo() -> None:
    analysis = analyse(signals.chord((60, 64, 67), 6), RATE_HZ)
    assert analysis.key == Key(0, "major")
    assert analysis.confidence["tempo"] == 0
    assert [str(c) for c in analysis.chords] == ["C"]


def test_a_solo_voice_and_solo_drums() -> None:
    alone = band.play(bpm=120, bars=4).players
    voice_analysis, drum_analysis = (analyse(alone[name], RATE_HZ) for name in ("vocals", "drums"))
    is_sensible(voice_analysis, len(alone["vocals"]) / RATE_HZ)
    assert "drums" not in voice_analysis.caption
    assert drum_analysis.grid.bpm == pytest.approx(120, rel=0.002)
    assert away_s(drum_analysis.grid.first_downbeat_s, 1.0) < 0.05
    assert drum_analysis.caption.endswith("with drums.")
    assert drum_analysis.confidence["key"] == 0


def test_loudness_is_rms_in_dbfs_and_nothing_else_depends_on_it() -> None:
    samples = song(120, 4, bars=4)[0]
    loud, soft = analyse(samples, RATE_HZ), analyse(samples * np.float32(0.01), RATE_HZ)
    assert loud.loudness_db == pytest.approx(10 * np.log10(np.mean(samples.astype(np.float64) ** 2)), abs=1e-6)
    assert soft.loudness_db == pytest.approx(loud.loudness_db - 40, abs=1e-3)
    assert soft.grid.bpm == pytest.approx(loud.grid.bpm, abs=1e-6)
    assert [str(c) for c in soft.chords] == [str(c) for c in loud.chords]


def test_the_rate_does_not_matter() -> None:
    samples = signals.song(bpm=96, bars=6, rate_hz=44_100)
    analysis = analyse(samples, 44_100)
    assert analysis.grid.bpm == pytest.approx(96, rel=0.002)
    assert analysis.key == Key(0, "major")
    assert analysis == analyse(samples, 44_100)


@settings(deadline=None, max_examples=20)
@given(
    st.integers(0, 60_000), st.integers(1, 2), st.sampled_from([8_000, 22_050, 44_100, 48_000]), st.integers(0, 3),
    st.none() | st.floats(30, 300), st.sampled_from([None, *TIME_SIGNATURES]),
)  # fmt: skip
@example(24_001, 2, 48_000, 1, 30.0, 6)
def test_any_audio_can_be_analysed(frames, channels, rate_hz, kind, bpm, timesignature) -> None:
    t = np.arange(frames) / rate_hz
    mono = (
        np.random.default_rng(0).standard_normal(frames),
        (np.arange(frames) % 6000 == 0).astype(float),
        np.sin(2 * np.pi * 100 * t),
        np.full(frames, 1e-6),
    )[kind]
    samples = np.repeat(mono[:, None], channels, axis=1).astype(np.float32)
    analysis = analyse(samples, rate_hz, bpm=bpm, timesignature=timesignature)
    is_sensible(analysis, frames / rate_hz)
    assert analysis.duration_s == frames / rate_hz
    assert bpm is None or analysis.grid.bpm == bpm
    assert timesignature is None or analysis.grid.beats_per_bar == timesignature


def test_beats_follow_harmony_changes_rather_than_hats() -> None:
    """Soft kicks and held chords on the beat, bright hats and stabs of the same chords between: as loud, but not the beat."""
    beat_s, bars, rng = 60 / 124, 8, np.random.default_rng(3)
    out = np.zeros((round((bars * 4 * beat_s + 0.5) * RATE_HZ), 2))
    t = np.arange(round(0.15 * RATE_HZ)) / RATE_HZ
    kick = 0.4 * np.sin(2 * np.pi * (50 * t + 4 * (1 - np.exp(-t / 0.03)))) * np.exp(-t / 0.06)
    hat = 0.4 * np.diff(rng.standard_normal(len(t) + 1)) * np.exp(-t / 0.04)

    def add(sound, beat: float) -> None:
        at = round((0.3 + beat * beat_s) * RATE_HZ)
        out[at : at + len(sound)] += sound.reshape(len(sound), -1)[: len(out) - at]

    for bar in range(bars):
        root, quality = PROGRESSION[bar % 4]
        pitches = tuple(60 + (root + tone) % 12 for tone in CHORD_TONES[quality])
        add(signals.chord(pitches, 4 * beat_s, peak=0.25), 4 * bar)
        for beat in range(4 * bar, 4 * bar + 4):
            add(kick, beat)
            add(hat, beat + 0.5)
            add(signals.chord(pitches, 0.4 * beat_s, peak=0.15), beat + 0.5)
    analysis = analyse(out.astype(np.float32), RATE_HZ)
    assert analysis.grid.bpm == pytest.approx(124, rel=0.002)
    assert max(away_s(beat - 0.3, beat_s) for beat in analysis.beats_s) < 0.03
