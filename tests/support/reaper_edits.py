"""What a musician edits in a `Scene` while a job runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tests.support.fake_reaper.calls_items import split_media_item
from tests.support.fake_reaper.sound import open_source
from tests.support.reaper_scene import LENGTH, START, Scene
from tests.support.reaper_studio import RATE_HZ, media

#: By how much is trimmed.
BY_S = 11_025 / RATE_HZ


def trim_left(scene: Scene) -> None:
    scene.item.position += BY_S
    scene.item.length -= BY_S
    scene.item.takes[0].offset += BY_S


def trim_right(scene: Scene) -> None:
    scene.item.length -= BY_S


def move(scene: Scene) -> None:
    scene.item.position += 10


def split(scene: Scene) -> None:
    """In the middle of what is repainted."""
    split_media_item(scene.r, scene.item, (START + 5_000) / RATE_HZ)


def change_rate(scene: Scene) -> None:
    scene.item.takes[0].rate = 1.25
    scene.item.length /= 1.25


def undo(scene: Scene) -> None:
    """What was trimmed before it was sent comes back."""
    assert scene.project.step(-1)


def glue(scene: Scene) -> None:
    glued = scene.track.add_item(
        scene.folder / "a.wav", scene.item.position, scene.item.length, scene.item.takes[0].offset
    )
    glued.takes[0].source = open_source(media(scene.folder / "glued.wav", np.zeros((LENGTH, 2), np.float32)))
    glued.takes[0].offset = 0
    scene.track.items.remove(scene.item)


def record(scene: Scene) -> None:
    scene.project.playing = 5


def close_tab(scene: Scene) -> None:
    scene.r.new_tab("other.rpp")
    scene.r.answer(6)  # yes: save it
    scene.r.close_tab(scene.project)


def switch_tab(scene: Scene) -> None:
    scene.r.new_tab("other.rpp")


def trim_first_region(scene: Scene) -> None:
    first, *others = scene.project.markers
    scene.project.markers = [replace(first, position=first.position + BY_S), *others]


def trim_last_region(scene: Scene) -> None:
    *others, last = scene.project.markers
    scene.project.markers = [*others, replace(last, end=last.end - BY_S)]


def move_regions(scene: Scene) -> None:
    regions = scene.project.markers
    scene.project.markers = [replace(each, position=each.position + 10, end=each.end + 10) for each in regions]


def split_region(scene: Scene) -> None:
    first, *others = scene.project.markers
    middle = (first.position + first.end) / 2
    scene.project.markers = [replace(first, end=middle), *others, replace(first, number=9, position=middle)]


def squeeze_regions(scene: Scene) -> None:
    """What a faster tempo does to regions on beats."""
    regions = scene.project.markers
    scene.project.markers = [replace(each, position=each.position / 1.25, end=each.end / 1.25) for each in regions]


def join_regions(scene: Scene) -> None:
    first, last = scene.project.markers
    scene.project.markers = [replace(first, end=last.end)]


EDITS: dict[str, Callable[[Scene], None]] = {
    "trim left": trim_left, "trim right": trim_right, "move": move, "split": split, "rate change": change_rate,
    "undo": undo, "glue": glue, "record": record, "close tab": close_tab, "switch tab": switch_tab,
}  # fmt: skip
#: The same with regions in the place of an item.
REGION_EDITS = {
    **EDITS, "trim left": trim_first_region, "trim right": trim_last_region, "move": move_regions, "split": split_region,
    "rate change": squeeze_regions, "glue": join_regions,
}  # fmt: skip
