"""The quality of clean takes, and of the same takes with faults: lower the greater the fault."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from acestep_runtime.dsp import quality
from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.dsp.quality import ANALYSIS_RATE_HZ, WEIGHTS, SignalMeter, Statistics
from acestep_runtime.values import Music
from tests.support import signals

RATE_HZ = 48_000
WANTED = Music(bpm=120, keyscale="C major")


def measure(samples: np.ndarray, block: int = RATE_HZ) -> tuple[Statistics, np.ndarray]:
    meter = SignalMeter(len(samples))
    for at in range(0, len(samples), block):
        meter.push(samples[at : at + block].astype(np.float32))
    audio = meter.analysis_audio()
    return meter.statistics(audio), audio


def score(samples: np.ndarray, music: Music = WANTED) -> tuple[float, dict[str, float], list[str]]:
    found, audio = measure(samples)
    analysis = analyse(audio, ANALYSIS_RATE_HZ)
    parts = {**quality.signal_parts(found), **quality.musical_parts(analysis, music)}
    assert set(parts) <= set(WEIGHTS)
    assert all(0 <= value <= 1 for value in parts.values()), parts
    return quality.quality(parts), parts, quality.fault_notes(parts, found, analysis, music)


@pytest.fixture(scope="module")
def song() -> np.ndarray:
    return signals.song(bars=7)


def with_silence(samples: np.ndarray, seconds: float) -> np.ndarray:
    out = samples.copy()
    out[5 * RATE_HZ : round((5 + seconds) * RATE_HZ)] = 0
    return out


DAMAGES = {
    "clipping": [lambda x, g=g: np.clip(g * x, -1, 1) for g in (1.0, 3.0, 9.0)],
    "silence": [lambda x, s=s: with_silence(x, s) for s in (0, 1.5, 4)],
    "offset": [lambda x, d=d: x + d for d in (0, 0.01, 0.1)],
    "spectrum": [lambda x, r=r: x + signals.noise(14, rms=r) for r in (0, 0.09, 0.15)],
    "loudness": [lambda x, g=g: x * g for g in (1.0, 0.1, 0.03)],
    "length": [lambda x, s=s: np.concatenate([x[: len(x) - s * RATE_HZ], 0 * x[: s * RATE_HZ]]) for s in (0, 5, 9)],
}


@pytest.mark.parametrize("part", list(DAMAGES))
def test_every_fault_lowers_its_part_and_the_quality(song: np.ndarray, part: str) -> None:
    results = [score(damage(song)) for damage in DAMAGES[part]]
    scores = [score for score, _, _ in results]
    values = [parts[part] for _, parts, _ in results]
    assert scores[0] > 0.95
    assert results[0][2] == []
    assert all(one > other for one, other in pairwise(scores)), scores
    assert all(one > other for one, other in pairwise(values)), values
    assert results[-1][2], "the worst gets a note"


def test_a_tempo_scores_lower_the_farther_it_is_from_the_request(song: np.ndarray) -> None:
    scores = [score(song, Music(bpm=bpm))[0] for bpm in (120, 124, 135)]
    assert all(one > other for one, other in pairwise(scores)), scores
    assert score(song, Music(bpm=60))[1]["tempo"] > 0.9  # the same pulse, counted by halves
    assert score(song, Music(bpm=135))[2] == ["The measured tempo is 120 bpm instead of 135."]


def test_a_key_scores_lower_the_fewer_notes_it_shares_with_the_request(song: np.ndarray) -> None:
    values = [score(song, Music(keyscale=key))[1]["key"] for key in ("C major", "D major", "F# major")]
    assert values[0] == pytest.approx(1.0)
    assert all(one > other for one, other in pairwise(values)), values
    assert score(song, Music(keyscale="A minor"))[1]["key"] == pytest.approx(1.0)  # the same notes


@pytest.mark.parametrize(
    "sound", [signals.noise(8), signals.sine(440, 8), np.zeros((8 * RATE_HZ, 2), np.float32)], ids=["noise", "tone", "silence"]
)  # fmt: skip
def test_audio_without_music_scores_low(sound: np.ndarray) -> None:
    quality, _, notes = score(sound, Music())
    assert quality < 0.4
    assert notes


def test_statistics_match_their_definitions() -> None:
    samples = signals.sine(440, 10, peak=0.5)
    samples[: 2 * RATE_HZ] = 0
    samples[4 * RATE_HZ : 4 * RATE_HZ + 480] = 1.0
    samples[5 * RATE_HZ :] += 0.1
    found, audio = measure(samples)
    assert found.duration_s == 10
    assert found.silent_s == pytest.approx(2.0, abs=0.051)
    assert found.sound_s == pytest.approx((2.0, 10.0), abs=0.051)
    assert found.clipped_share == pytest.approx(0.001, rel=0.01)
    rms = np.sqrt(np.mean(samples.astype(float) ** 2))
    assert found.offset == pytest.approx(0.051 / rms, rel=0.01)
    assert len(audio) == 10 * ANALYSIS_RATE_HZ


def test_white_noise_has_the_flatness_of_its_closed_form() -> None:
    found, _ = measure(signals.noise(6))
    assert found.flatness == pytest.approx(np.exp(-np.euler_gamma), abs=0.02)
    assert found.bands == 20


@pytest.mark.parametrize("block", [1000, 48_000, 77_777])
def test_blocks_do_not_matter(song: np.ndarray, block: int) -> None:
    one, other = measure(song[: 5 * RATE_HZ], block)[0], measure(song[: 5 * RATE_HZ], 5 * RATE_HZ)[0]
    assert one.clipped_share == other.clipped_share
    assert one.loudness_lufs == pytest.approx(other.loudness_lufs)
    assert (one.silent_s, one.sound_s) == (other.silent_s, other.sound_s)


@pytest.mark.parametrize("frames", [1, 7, 3000])
def test_the_shortest_takes_can_be_scored(frames: int) -> None:
    assert 0 <= score(signals.song(bars=1)[:frames])[0] <= 1


def test_the_quality_is_the_weighted_product() -> None:
    assert quality.quality({"clipping": 0.5, "loudness": 0.25}) == pytest.approx(0.25)
    assert quality.quality(dict.fromkeys(WEIGHTS, 1.0)) == 1.0
    assert quality.quality({"silence": 0.0}) == 0.0
