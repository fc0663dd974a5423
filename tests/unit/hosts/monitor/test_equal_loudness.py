"""Equal loudness, measured on what would be played."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from acebridge.hosts.monitor.equal_loudness import equal_gains
from acebridge.hosts.monitor.recording import Recording
from acestep_runtime.audio.loudness import MAX_EQUAL_DB, loudness_lufs
from tests.support.daemon import until
from tests.support.signals import Samples, chord, noise, sine

LOUD, QUIET = chord((60, 64, 67), 3.0, peak=0.9), noise(3.0, rms=0.05)
Recordings = dict[int, Recording]


@pytest.fixture
def recordings() -> Iterator[Recordings]:
    made: Recordings = {}
    yield made
    for recording in made.values():
        recording.close()


def fill(recordings: Recordings, number: int, samples: Samples, role: str = "mix", part: int | None = None) -> None:
    recordings[number] = Recording("test", 48_000, len(samples), role=role)
    recordings[number].write(0, samples[:part])
    until(lambda: part is not None or recordings[number].lufs is not None)


def test_louder_ones_are_turned_down_to_the_quietest(recordings: Recordings) -> None:
    music = {0: LOUD, 1: QUIET, 2: sine(997, 3.0, peak=0.3)}
    for number, samples in music.items():
        fill(recordings, number, samples)
    gains = equal_gains(recordings)
    levels = [loudness_lufs([samples * gains.get(number, 1.0)]) for number, samples in music.items()]
    assert max(levels) - min(levels) < 0.5
    assert all(gain < 1 for gain in gains.values())
    assert len(gains) == 2


def test_a_recording_alone_is_played_as_it_is(recordings: Recordings) -> None:
    fill(recordings, 1, LOUD)
    assert equal_gains(recordings) == {}


def test_what_is_still_coming_stems_and_silence_do_not_count(recordings: Recordings) -> None:
    fill(recordings, 1, LOUD)
    fill(recordings, 2, QUIET, part=100_000)
    fill(recordings, 3, QUIET, role="drums")
    fill(recordings, 4, QUIET * 0)
    fill(recordings, 5, LOUD * 10 ** (-(MAX_EQUAL_DB + 1) / 20))
    assert equal_gains(recordings) == {}
