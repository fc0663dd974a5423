"""What understand tells: what is heard, on whichever side of the stereo image, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from acestep_runtime.engines.base import EngineRequest, Metadata
from acestep_runtime.engines.draft.engine import DraftEngine
from acestep_runtime.engines.metadata import without_unknown
from acestep_runtime.tasks import TASKS
from acestep_runtime.values import CancelToken, Music
from tests.support import signals
from tests.unit.dsp.test_meter import strike

RATE_HZ = 48_000
FINDINGS = ("bpm", "keyscale", "timesignature")


def tell(task: str, source: np.ndarray, music: Music | None = None, **more: Any) -> dict[str, Any]:
    """The metadata that the draft engine tells of a source, as it leaves the runtime."""
    whole = (0, len(source))
    request = EngineRequest(
        TASKS[task], len(source), 1, music or Music(), source=source, span=whole, known=whole, **more
    )
    events = DraftEngine().run(request, CancelToken())
    facts = [without_unknown(event.values) for event in events if isinstance(event, Metadata)]
    return {name: value for each in facts for name, value in each.items()}


@pytest.fixture(scope="module")
def song() -> np.ndarray:
    """One channel ``[N, 1]`` at 100 bpm in 4/4 and C major."""
    return np.float32(0.5) * signals.song(bpm=100, bars=8)[:, :1]


def bursts(seed: int = 0, seconds: float = 12.0) -> np.ndarray:
    """Bursts of buzz and noise of random length at random times, like speech."""
    rng, out = np.random.default_rng(seed), np.zeros((round(seconds * RATE_HZ), 2), np.float32)
    at_s = 0.2
    while at_s < seconds - 0.6:
        length_s = rng.uniform(0.08, 0.3)
        t = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
        phase = 2 * np.pi * rng.uniform(90, 180) * t * (1 - 0.3 * t)
        buzz = sum(np.sin(k * phase) / k for k in range(1, 20)) + 0.5 * rng.standard_normal(len(t))
        at = round(at_s * RATE_HZ)
        out[at : at + len(t)] += (0.1 * np.hanning(len(t)) * buzz)[:, None].astype(np.float32)
        at_s += length_s + rng.uniform(0.02, 0.6)
    return out


@pytest.mark.parametrize(
    "source",
    [
        np.zeros((8 * RATE_HZ, 2), np.float32),
        signals.noise(8),
        signals.sine(220, 8),
        signals.chord((45,), 8),
        signals.chord((45, 52), 8),
        signals.clicks([1.0], 3),
        bursts(),
        bursts(seed=1),
        signals.sine(440, 0.1),
        signals.noise(0.6),
        np.zeros((0, 2), np.float32),
    ],
    ids=["silence", "noise", "sine", "drone", "fifth", "click", "bursts", "others", "short", "instant", "empty"],
)
def test_audio_without_music_has_no_numbers(source: np.ndarray) -> None:
    facts = tell("understand", source)
    assert not {*FINDINGS, "beats", "downbeats"} & facts.keys()
    assert facts["certainty"] == dict.fromkeys(("tempo", "beats", "key", "meter"), "not heard")
    assert facts["confidence"].keys() == facts["certainty"].keys()
    assert "bpm" not in facts["caption"]


def test_given_values_are_facts() -> None:
    facts = tell(
        "understand", np.zeros((4 * RATE_HZ, 2), np.float32), Music(bpm=97, keyscale="E minor", timesignature=3)
    )
    assert [facts[name] for name in FINDINGS] == [97, "E minor", 3]
    assert facts["certainty"] == {"tempo": "sure", "beats": "not heard", "key": "sure", "meter": "sure"}
    assert "beats" not in facts


def test_beats_alone_have_neither_bars_nor_a_key() -> None:
    facts = tell("understand", signals.clicks(np.arange(0.25, 16, 0.5), 16))
    assert facts["bpm"] == pytest.approx(120, rel=0.002)
    assert len(facts["beats"]) == pytest.approx(32, abs=1)
    assert not {"keyscale", "timesignature", "downbeats"} & facts.keys()


def test_a_tempo_that_may_be_the_double_is_reported_with_the_other_one() -> None:
    facts = tell("understand", strike("9696", 12, beat_s=60 / 96, to_a_beat=2))
    assert facts["certainty"]["tempo"] == "perhaps"
    assert len(facts["notes"]) == 1
    assert "96" in facts["notes"][0]
    assert "192" in facts["notes"][0]
    assert "notes" not in tell("understand", signals.clicks(np.arange(0.25, 16, 0.5), 16))


@pytest.mark.parametrize(
    "gains", [(1, 1), (1, -1), (-1, 1), (1, 0), (0, 1), (1, -0.5), (0.1, 1)], ids=lambda gains: f"{gains[0]} {gains[1]}"
)
def test_polarity_and_side_do_not_matter(song: np.ndarray, gains: tuple[float, float]) -> None:
    facts, centred = (tell("understand", song * np.array(each, np.float32)) for each in (gains, (1, 1)))
    assert facts["bpm"] == pytest.approx(100, rel=0.002)
    assert (facts["keyscale"], facts["timesignature"]) == ("C major", 4)
    assert set(facts["certainty"].values()) == {"sure"}
    assert [chord["name"] for chord in facts["chords"]] == [chord["name"] for chord in centred["chords"]]


def test_sides_without_correlation_are_analysed() -> None:
    """Drums and chords on the left, the same music three bars later on the right: nothing of it is at the centre."""
    one = np.float32(0.5) * signals.song(bpm=100, bars=12)[:, 0]
    later = round(12 * 0.6 * RATE_HZ)
    facts = tell("understand", np.stack([one[later:], -one[:-later]], axis=1))
    assert facts["bpm"] == pytest.approx(100, rel=0.002)
    assert (facts["timesignature"], facts["certainty"]["tempo"]) == (4, "sure")


def test_chords_in_opposite_polarity_count_beside_drums_at_the_centre(song: np.ndarray) -> None:
    clicks = signals.clicks(np.arange(0.0, len(song) / RATE_HZ - 0.1, 0.6), len(song) / RATE_HZ)
    facts = tell("understand", clicks + song * np.array([0.5, -0.5], np.float32))
    assert (facts["keyscale"], facts["certainty"]["key"]) == ("C major", "sure")


def test_what_is_guessed_in_new_music_is_said() -> None:
    drone = signals.chord((45,), 6)
    notes = tell("lego", drone, tracks=("drums",))["notes"]
    assert [note.split(";")[0] for note in notes] == [
        "No tempo is heard in the source",
        "No key is heard in the source",
    ]
    given = Music(bpm=90, keyscale="A minor")
    assert "notes" not in tell("lego", drone, given, tracks=("drums",))
    assert tell("complete", drone, tracks=("drums",))["notes"][0].startswith("No tempo is heard")
    covered = tell("cover", drone, strength=0.5)
    assert covered["notes"][0].startswith("No tempo is heard")
    assert not {"source_bpm", "source_keyscale"} & covered.keys()


def test_songs_are_followed_without_a_guess(song: np.ndarray) -> None:
    stereo = np.repeat(song, 2, axis=1)
    assert "notes" not in tell("lego", stereo, tracks=("drums",))
    covered = tell("cover", stereo, strength=0.5)
    assert (round(covered["source_bpm"]), covered["source_keyscale"]) == (100, "C major")


def test_a_score_tells_only_what_is_reported(song: np.ndarray) -> None:
    assert not set(FINDINGS) & tell("score", signals.noise(3)).keys()
    assert tell("score", np.repeat(song, 2, axis=1))["bpm"] == pytest.approx(100, rel=0.002)
