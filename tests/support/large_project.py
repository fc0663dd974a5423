"""A project of 500 tracks and 10,000 items in the simulated REAPER, whose jobs a test answers on its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.fake_reaper.sound import open_source
from tests.support.fake_reaper.state import Item
from tests.support.reaper_scene import AT, LENGTH, Scene, open_scene
from tests.support.reaper_studio import RATE_HZ, media

TRACKS, ITEMS = 500, 10_000
#: Items follow each other on a track; the first and its neighbours lie in the time selection.
_EVERY_S = 5.0
_PER_TRACK = ITEMS // TRACKS


def _fill(track: Any, source: Any, count: int) -> None:
    for number in range(count):
        item = Item(track)
        item.values.update(
            D_POSITION=number * _EVERY_S, D_LENGTH=4.0, D_FADEINLEN=0, D_FADEOUTLEN=0, B_LOOPSRC=0
        )  # fmt: skip
        item.add_take(source, f"{number + 1}")
        track.items.append(item)


@contextmanager
def open_large(folder: Path) -> Iterator[Scene]:
    """Open the small scene, with all the other tracks around it: folders of ten, the scene's own track in the middle."""
    with open_scene(folder) as scene:
        short = np.random.default_rng(1).uniform(-0.1, 0.1, (4 * RATE_HZ, 2)).astype(np.float32)
        source = open_source(media(folder / "short.wav", short))
        scene.item.selected = 0
        for number in range(1, TRACKS):
            track = scene.project.add_track(f"Track {number}")
            track.depth = {1: 1, 0: -1}.get(number % 10, 0)
            _fill(track, source, _PER_TRACK)
        scene.project.tracks.remove(scene.track)
        scene.project.tracks.insert(TRACKS // 2, scene.track)
        scene.project.settle()
        yield scene


def select(scene: Scene, count: int) -> None:
    """Select this many items, from the first track on."""
    for item in [item for track in scene.project.tracks for item in track.items][:count]:
        item.selected = 1


def select_time(scene: Scene, length_s: float = 2.0) -> None:
    """Make a time selection on the scene's item."""
    assert length_s * RATE_HZ <= LENGTH
    start = AT / RATE_HZ
    scene.project.time_selection = (start, start + length_s)
