"""What a Live Set says about its music."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from acebridge.hosts.live.music import MODES, ROOTS, keyscale_of, music_of
from acestep_runtime.values import Key


def song(root: int = 0, scale: str = "Major", on: bool = True) -> Any:
    return SimpleNamespace(root_note=root, scale_name=scale, scale_mode=on)


@pytest.mark.parametrize("root", range(12))
@pytest.mark.parametrize("scale", MODES)
def test_every_key_is_one_that_the_engines_know(root: int, scale: str) -> None:
    key = keyscale_of(song(root, scale))
    assert key is not None
    assert Key.parse(key)
    assert key.split()[0] == ROOTS[root]


def test_a_scale_that_is_off_or_no_key_says_nothing() -> None:
    assert keyscale_of(song(on=False)) is None
    assert keyscale_of(song(scale="Whole Tone")) is None


@pytest.mark.parametrize(("bpm", "known"), [(120.0, True), (20.0, False), (999.0, False), (None, False)])
def test_only_a_tempo_that_the_engines_know_is_sent(bpm: float | None, known: bool) -> None:
    music = music_of(song(9, "Minor"), {"style": "piano", "lyrics": None}, bpm)
    assert music == {"caption": "piano", "keyscale": "A minor", **({"bpm": bpm} if known else {})}
