"""Takes with faults: each has what its name says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.quality import faults, rows_fit, songs, sound_cache
from tests.quality.corpus import Excerpt, Note
from tests.quality.rows import Setup
from tests.quality.sounds import RATE_HZ, hz


@pytest.fixture(scope="module")
def excerpt() -> Excerpt:
    """Eight notes of a bass, half a second apart, beside a second track."""
    notes = tuple(Note(0.5 * k, 0.5 * k + 0.4, 45, 90) for k in range(8))
    frames = 4 * RATE_HZ
    bass = faults.play_again(
        Excerpt("pop 120", "", np.zeros((frames, 2), np.float32), {"bass": np.full((frames, 2), 0.1, np.float32)},
                {"bass": notes}, np.arange(0, 4.1, 0.5), np.array([0.0, 2.0]), 4, ((0.0, 120.0),), ((0, ""),) * 8),
        "bass",
    )  # fmt: skip
    return Excerpt(songs.SONGS[0].name, "", (bass + 0.01).astype(np.float32), {"bass": bass}, {"bass": notes},
                   np.arange(0, 4.1, 0.5), np.array([0.0, 2.0]), 4, ((0.0, 120.0),), ((0, ""),) * 8)  # fmt: skip


def strongest_hz(samples: np.ndarray) -> float:
    """Return the strongest frequency near the second harmonic of the first note."""
    samples = samples[: round(0.4 * RATE_HZ)]
    spectrum = np.abs(np.fft.rfft(samples[:, 0] * np.hanning(len(samples)), 1 << 20))
    grid = np.fft.rfftfreq(1 << 20, 1 / RATE_HZ)
    near = (grid > 180) & (grid < 320)
    return float(grid[near][spectrum[near].argmax()])


@given(st.integers(-300, 300))
def test_a_shift_moves_every_sample_by_as_much(ms: int) -> None:
    samples = np.random.default_rng(1).standard_normal((9600, 2)).astype(np.float32)
    out, frames = faults.shift(samples, ms), 48 * ms
    assert out.shape == samples.shape
    if abs(frames) < 9600:
        assert np.array_equal(
            out[max(0, frames) : 9600 + min(0, frames)], samples[max(0, -frames) : 9600 - max(0, frames)]
        )
    assert np.count_nonzero(out) == 2 * max(0, 9600 - abs(frames))


@pytest.mark.parametrize("semitones", [0.4, 1.0, 4.0])
def test_a_track_is_played_higher(excerpt: Excerpt, semitones: float) -> None:
    before = strongest_hz(excerpt.stems["bass"])
    after = strongest_hz(faults.play_again(excerpt, "bass", semitones=semitones))
    assert before == pytest.approx(2 * hz(45), rel=0.003)
    assert 12 * np.log2(after / before) == pytest.approx(semitones, abs=0.05)


def test_a_track_is_played_faster_and_as_loud(excerpt: Excerpt) -> None:
    faster = faults.play_again(excerpt, "bass", tempo=1.25)
    ends_s = [np.flatnonzero(np.abs(x).max(axis=1) > 0.02)[-1] / RATE_HZ for x in (excerpt.stems["bass"], faster)]
    assert ends_s[1] < 0.9 * ends_s[0]
    assert faster.shape == excerpt.stems["bass"].shape
    assert np.sqrt(np.mean(faster**2)) == pytest.approx(np.sqrt(np.mean(excerpt.stems["bass"] ** 2)), rel=1e-3)


def test_every_fault_can_be_made(excerpt: Excerpt, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sound_cache, "FOLDER", tmp_path)
    made = faults.takes(excerpt, "bass")
    assert set(made) == {"", *(fault.name for fault in faults.FAULTS)}
    assert not made["silent"]().any()
    assert np.abs(made["a copy of the source"]() - 0.01).max() < 1e-6


def test_a_fault_is_made_once_and_read_afterwards(
    excerpt: Excerpt, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sound_cache, "FOLDER", tmp_path)
    first = faults.takes(excerpt, "bass")["3 % faster"]()
    assert len(list(tmp_path.rglob("*.flac"))) == 1
    np.testing.assert_allclose(first, faults.play_again(excerpt, "bass", tempo=1.03), atol=1e-4)
    monkeypatch.setattr(faults.sounds, "in_room", None)
    assert np.array_equal(faults.takes(excerpt, "bass")["3 % faster"](), first)


def test_rows_count_pairs_by_fault_and_track() -> None:
    pairs = {
        "pop 120": {"bass": {"": [0.9, 0.9, 1.0], "silent": [0.0, 0.9, 1.0], "60 ms late": [0.95, 0.9, 0.0]}},
        "pop 93": {"drums": {"": [0.5, 0.5, 0.0], "silent": [0.0, 0.5, 1.0]}},
    }

    class Stub(Setup):
        def measure(self, *_: object) -> dict:  # type: ignore[override,type-arg]
            return pairs

    table = rows_fit.rows(Stub((), (), made=("pop 120", "pop 93")))
    by_name = {row.measure: row for row in table if row.task == "songs of the suite"}
    assert by_name["all faults: below the true take"].value == "66.7% of 3"
    assert by_name["all faults: below the true take"].held_out == "100.0% of 1"
    assert by_name["all faults: named"].value == "66.7% of 3"
    assert by_name["true takes of 0.6 or more"].value.startswith("50.0% of 2")
    assert by_name["silent"].value == "below 100%, named 100% of 2"
    assert by_name["all faults of bass"].value == "below 50%, named 50% of 2"
