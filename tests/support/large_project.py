"""A project of 500 tracks and 10,000 items in the simulated REAPER, whose jobs a test answers on its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.fake_reaper.calls_time import Marker
from tests.support.fake_reaper.sound import open_source
from tests.support.fake_reaper.state import Item
from tests.support.paths import REAPER_SCRIPTS as SCRIPTS
from tests.support.reaper_answers import answer
from tests.support.reaper_scene import AT, LENGTH, Scene, open_scene
from tests.support.reaper_song import answer_song
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
def open_large(folder: Path, scripts: Path = SCRIPTS, tracks: int = TRACKS) -> Iterator[Scene]:
    """Open the small scene, with all the other tracks around it: folders of ten, the scene's own track in the middle."""
    with open_scene(folder, scripts=scripts) as scene:
        short = np.random.default_rng(1).uniform(-0.1, 0.1, (4 * RATE_HZ, 2)).astype(np.float32)
        source = open_source(media(folder / "short.wav", short))
        scene.item.selected = 0
        for number in range(1, tracks):
            track = scene.project.add_track(f"Track {number}")
            track.depth = {1: 1, 0: -1}.get(number % 10, 0)
            _fill(track, source, _PER_TRACK)
        scene.project.tracks.remove(scene.track)
        scene.project.tracks.insert(tracks // 2, scene.track)
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


def time(scene: Scene) -> None:
    select_time(scene)


def many_items(scene: Scene) -> None:
    select(scene, 300)
    scene.r.ext["AceBridge", "mute_source"] = "yes"


def all_items(scene: Scene) -> None:
    select(scene, ITEMS)
    scene.r.ext["AceBridge", "mute_source"] = "yes"


def time_and_all_items(scene: Scene) -> None:
    select_time(scene)
    all_items(scene)


def time_with_notes(scene: Scene) -> None:
    """Make a time selection in which one track of all plays notes: it is rendered, the others are read."""
    select_time(scene)
    track = scene.project.tracks[100]
    track.add_instrument()
    track.add_midi(AT / RATE_HZ, 4.0, (0.0, 2.0, 69))


def one_item(scene: Scene) -> None:
    scene.item.selected = 1


def time_and_item(scene: Scene) -> None:
    select_time(scene)
    scene.item.selected = 1


def time_and_tracks(scene: Scene) -> None:
    select_time(scene)
    for track in scene.project.tracks:
        track.selected = 1


def two_items(scene: Scene) -> None:
    scene.item.selected = scene.second.selected = 1


def some_items(scene: Scene) -> None:
    """Select a number of items whose takes are placed in one tick."""
    select(scene, 15)


def too_many_items(scene: Scene) -> None:
    """Select more items than one tick places takes on."""
    select(scene, 60)


def regions(scene: Scene) -> None:
    """Make regions of 2 s, one after the other."""
    scene.project.markers = [
        Marker(number, True, 2.0 * number, 2.0 * number + 2.0, f"Part {number}", 0) for number in range(1, 9)
    ]


def regions_and_all_items(scene: Scene) -> None:
    regions(scene)
    all_items(scene)


def midi(scene: Scene) -> None:
    """Select an item of notes on a track with other items."""
    track = scene.project.tracks[100]
    track.add_instrument()
    track.add_midi(AT / RATE_HZ, 4.0, (0.0, 2.0, 69)).selected = 1


def apart(scene: Scene) -> None:
    scene.item.selected = 1
    scene.second.position += 100


#: What is run, what is selected, and what is entered.
ACTIONS: list[tuple[str, Callable[[Scene], None], dict[str, str]]] = [
    ("Repaint time selection", time_and_item, {}),
    ("Repaint time selection", some_items, {}),
    ("Repaint time selection", too_many_items, {}),
    ("Repaint time selection", midi, {}),
    ("Song from regions", regions, {}),
    ("Song from regions", regions_and_all_items, {}),
    ("Cover", time, {}),
    ("Cover", time_with_notes, {}),
    ("Cover", time_and_all_items, {}),
    ("Cover", many_items, {}),
    ("Cover", time_and_tracks, {}),
    ("Add layer", time_and_item, {}),
    ("Add layer", time_and_all_items, {}),
    ("Complete", time, {}),
    ("Complete", time_and_all_items, {}),
    ("Extract stems", many_items, {}),
    ("Extract stems", time_and_all_items, {}),
    ("Generate here", time, {}),
    ("Generate here", all_items, {}),
    ("Compose from a description", time, {"Description": "a waltz"}),
    ("Compose from a description", all_items, {"Description": "a waltz"}),
    ("Extend", apart, {"Bars": "1"}),
    ("Prepend", apart, {"Bars": "1"}),
    ("Smooth the join of two items", two_items, {}),
    ("Analyse", time, {}),
    ("Analyse", time_and_all_items, {}),
    ("Lyrics to regions", one_item, {}),
    ("Score takes", one_item, {}),
]


def run_action(scene: Scene, action: str, selected: Callable[[Scene], None], form: dict[str, str]) -> None:
    """Run an action on a selection to its end, with everything answered by yes."""
    selected(scene)
    scene.project.settle()
    scene.r.answer(*[6] * 4)
    folder = scene.send(action, **form)
    (answer_song if "song" in scene.request(folder) else answer)(folder)
    scene.r.finish()
