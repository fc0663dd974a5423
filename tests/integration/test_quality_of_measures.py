"""What `make quality` measures with, against closed forms; and that the songs are what they say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.quality import costs, fluid, metrics, report, score, songs
from tests.quality.sounds import RATE_HZ
from tests.support import signals
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "QUALITY.md"


def sine(hz: float, seconds: float, peak: float = 1.0) -> np.ndarray:
    return peak * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)


@pytest.mark.parametrize("noise_db", [0, -10, -33])
@pytest.mark.parametrize("gain", [0.1, 1, 5])
def test_si_sdr_of_a_sum_of_orthogonal_sines(noise_db: float, gain: float) -> None:
    truth, noise = (sine(hz, 1)[:, None] for hz in (100, 700))
    estimate = gain * (truth + 10 ** (noise_db / 20) * noise)
    assert metrics.si_sdr_db(estimate, truth) == pytest.approx(-noise_db, abs=1e-6)


def test_the_missing_part_of_a_sum_is_measured() -> None:
    whole = sine(100, 1)[:, None]
    assert metrics.error_db([0.6 * whole, 0.3 * whole], whole) == pytest.approx(-20, abs=1e-6)
    assert metrics.error_db([0.5 * whole, 0.5 * whole], whole) <= -200 + 50


def test_a_source_is_unchanged_under_a_ducked_track_but_not_when_it_is_ducked() -> None:
    source, added = signals.noise(1, seed=1), signals.noise(1, seed=2)
    gain = np.linspace(1, 0.3, len(source), dtype=np.float32)[:, None]
    assert metrics.change_under_db(source, added, source + gain * added) < -100
    assert metrics.change_under_db(source, added, gain * source + added) > -30


@pytest.mark.parametrize("peak_db", [0, -20])
def test_a_full_scale_sine_of_997_hz_has_the_loudness_of_the_standard(peak_db: float) -> None:
    """ITU-R BS.1770: 0 dBFS at 997 Hz in one channel reads −3.01 LKFS; the same in both, 3.01 more."""
    tone = sine(997, 5, 10 ** (peak_db / 20))
    assert metrics.loudness_lufs(np.stack([tone, 0 * tone], axis=1)) == pytest.approx(peak_db - 3.01, abs=0.02)
    assert metrics.loudness_lufs(np.stack([tone, tone], axis=1)) == pytest.approx(peak_db, abs=0.02)


def test_the_gate_leaves_out_silence_and_quiet_passages() -> None:
    loud, quiet = sine(997, 10, 0.1), sine(997, 10, 0.001)
    alone = metrics.loudness_lufs(loud[:, None])
    assert metrics.loudness_lufs(np.concatenate([loud, quiet])[:, None]) == pytest.approx(alone, abs=0.15)
    assert metrics.loudness_lufs(np.zeros((RATE_HZ, 2))) == -70


def test_jumps_are_the_greatest_steps_of_any_channel() -> None:
    np.testing.assert_allclose(metrics.jumps(np.array([[0, 0], [0.1, -0.5], [0.1, 0.5]])), [0.5, 1.0])


def test_onsets_are_where_they_are_struck() -> None:
    times_s = np.arange(0.3, 8, 0.37)
    found = metrics.onsets_s(signals.clicks(times_s, 8.5))
    assert len(found) == len(times_s)
    assert np.abs(found - times_s).max() < 0.008
    assert metrics.onset_f_measure(found, times_s) == 1
    assert len(metrics.onsets_s(np.zeros((RATE_HZ, 2)))) == 0


def test_f_measure_counts_each_onset_once() -> None:
    true = np.array([1.0, 2.0, 3.0, 4.0])
    assert metrics.onset_f_measure(np.array([1.0, 1.01, 2.04, 3.06]), true) == pytest.approx(2 * 2 / 8)
    assert metrics.onset_f_measure(np.zeros(0), true) == 0


def test_distance_to_the_grid() -> None:
    beats_s = 1 + 0.5 * np.arange(8)
    errors = metrics.grid_errors_s(np.array([0.2, 1.01, 1.365, 2.0, 2.24]), beats_s)
    np.testing.assert_allclose(errors, [0.01, -0.01, 0.0, -0.01], atol=1e-9)
    errors = metrics.grid_errors_s(np.array([1.01, 1.34, 1.99]), beats_s, (0, 0.34, 0.66))
    np.testing.assert_allclose(errors, [0.01, 0.01, -0.01], atol=1e-9)


def test_chroma_similarity_of_equal_and_of_strange_harmony() -> None:
    beats_s = np.arange(0, 4.1, 0.5)
    here, there = signals.chord((60, 64, 67), 4), signals.chord((61, 66, 70), 4)
    assert metrics.chroma_similarity(here, here, beats_s) == pytest.approx(1)
    assert metrics.chroma_similarity(0.1 * here, signals.chord((72, 76, 79), 4), beats_s) > 0.8
    assert metrics.chroma_similarity(here, there, beats_s) < 0.2


@pytest.mark.parametrize("midi", [28, 33, 40, 47, 55])
def test_the_fundamental_of_a_low_note(midi: int) -> None:
    note = signals.chord((midi,), 0.6)
    hz = 440 * 2 ** ((midi - 69) / 12)
    assert metrics.fundamental_hz(note, 0.05, 0.3) == pytest.approx(hz, rel=0.015)
    assert metrics.pitch_class(hz) == midi % 12
    assert metrics.fundamental_hz(np.zeros((RATE_HZ, 2)), 0.05, 0.3) == 0


@pytest.mark.parametrize("plan", [songs.SONGS[0], songs.SONGS[2], songs.SONGS[7]], ids=lambda plan: plan.name)
def test_a_song_is_the_sum_of_its_stems_and_its_drums_keep_the_beat(plan: songs.Plan) -> None:
    song = songs.make(plan, least_s=6, renderer="numpy")
    assert metrics.error_db(list(song.stems.values()), song.mix) < -120
    assert {"drums", "bass", "vocals"} < set(song.stems)
    assert 0.8 < np.abs(song.mix).max() <= 1
    errors_s = metrics.grid_errors_s(metrics.onsets_s(song.stems["drums"]), song.beats_s, song.grid)
    assert np.median(np.abs(errors_s)) < 0.012
    assert len(song.chords) == len(song.beats_s)
    assert len(song.beats_s) % plan.meter == 0
    assert np.diff(song.beats_s) == pytest.approx(60 / plan.bpm)


def test_the_bass_of_a_song_plays_the_roots_of_its_chords() -> None:
    song = songs.make(songs.SONGS[0], least_s=6, renderer="numpy")
    downbeats = range(0, len(song.beats_s), song.plan.meter)
    received = [metrics.fundamental_hz(song.stems["bass"], song.beats_s[k] + 0.05, 0.3) for k in downbeats]
    assert [metrics.pitch_class(hz) for hz in received] == [song.chords[k][0] for k in downbeats]


def test_a_song_is_the_same_every_time() -> None:
    one, other = (songs.make(songs.SONGS[6], least_s=3, renderer="numpy") for _ in range(2))
    np.testing.assert_array_equal(one.mix, other.mix)


def test_the_set_is_varied_and_parted_in_halves() -> None:
    assert len(songs.TUNING) == len(songs.HELD_OUT) >= 6
    assert len({plan.seed for plan in songs.SONGS}) == len(songs.SONGS)
    for half in (songs.TUNING, songs.HELD_OUT):
        assert {plan.meter for plan in half} >= {3, 4}
        assert {plan.key.split()[1] for plan in half} == {"major", "minor"}
        assert {plan.seed % 2 for plan in half} == {0, 1}
    assert min(plan.bpm for plan in songs.SONGS) <= 60
    assert max(plan.bpm for plan in songs.SONGS) >= 180


@pytest.mark.parametrize("genre", score.GENRES)
def test_every_genre_can_be_written(genre: str) -> None:
    meter = 3 if "waltz" in genre else 4
    written = score.write(genre, 2, "minor", meter, 8, np.random.default_rng(1))
    assert len(written.chords) == 8 * meter
    assert all(0 <= note.beat < 8 * meter and note.length > 0 for part in written.parts.values() for note in part)
    assert all(1 <= note.velocity <= 127 for part in written.parts.values() for note in part)


def test_midi_files_are_complete() -> None:
    """Header and track length as the standard says, events in order, a note off for each note on."""
    data = fluid.midi_file([(0.0, 0.5, 60, 100), (0.5, 0.5, 60, 90), (3.0, 1.0, 64, 80)], 0, -0.5)
    assert data[:14] == b"MThd\x00\x00\x00\x06\x00\x00\x00\x01" + (960).to_bytes(2, "big")
    assert int.from_bytes(data[18:22], "big") == len(data) - 22
    assert data.endswith(b"\xff\x2f\x00")
    assert data.count(b"\x90") == data.count(b"\x80") == 3
    off, on = data.index(b"\x80\x3c\x00"), data.index(b"\x90\x3c\x5a")
    assert off < on


def test_every_task_that_is_timed_can_be_ordered(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros((12 * RATE_HZ, 2), np.float32), RATE_HZ)
    for task in costs.TASKS:
        assert json.dumps(costs.fields(task, str(path)))


def test_the_page_holds_the_goals_as_they_are() -> None:
    page = PAGE.read_text("utf-8")
    for goal in report.GOALS:
        task = {"costs": "all", "same": "all"}.get(goal.task, goal.task)
        assert re.search(
            rf"^\| {re.escape(f'{task} | {goal.what} | {goal.goal}')} \| .+ \| (yes|\*\*no\*\*|–) \|", page, re.M
        )
    for plan in songs.SONGS:
        assert f"| {plan.name}{' (held out)' if plan in songs.HELD_OUT else ''} | " in page
