"""What is edited while a song is made: it lies to the sample where its regions are now, or where they were, with a sentence.

No daemon: `tests.support.reaper_song` answers the requests.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.support.fake_reaper.state import Marker
from tests.support.reaper_edits import BY_S, EDITS, REGION_EDITS, trim_last_region, trim_left
from tests.support.reaper_scene import Scene
from tests.support.reaper_song import answer_song, level
from tests.support.reaper_studio import RATE_HZ

#: The first frame of the song, on no round number, and its sections: what each is called, and its frames.
SONG_AT = 2 * RATE_HZ + 77
SECTIONS = (("Verse", 30_001), ("Chorus", 25_000))
REGIONS_MOVED = "The regions were moved or changed meanwhile; the song lies where they were."


def lay_regions(project: Any, at: int = SONG_AT) -> None:
    for number, (name, frames) in enumerate(SECTIONS, 1):
        project.markers.append(Marker(number, True, at / RATE_HZ, (at + frames) / RATE_HZ, name))
        at += frames
    project.settle()


def run(scene: Scene, edit: str, *, regions: bool) -> None:
    """Send a song, edit its regions or an item, let its result come."""
    lay_regions(scene.project)
    if edit == "undo":
        (trim_last_region if regions else trim_left)(scene)
        scene.project.undo_point("Trim")
    folder = scene.send("Song from regions")
    (REGION_EDITS if regions else EDITS)[edit](scene)
    scene.project.settle()
    if edit == "close tab":  # regions have the same numbers in every project
        lay_regions(scene.r.project, SONG_AT + 3 * RATE_HZ)
    undo_before = list(scene.project.undo)
    answer_song(folder)
    if edit == "record":
        scene.r.tick(30)
        assert scene.project.undo == undo_before, "placed into a recording"
        assert not (folder / "placed").exists()
        scene.project.playing = 0
    scene.r.finish()
    assert (folder / "placed").exists()


def assert_song(scene: Scene, project: Any, at: int = SONG_AT, trimmed: int = 0) -> None:
    """Assert that a project plays the song from a frame on, ``trimmed`` frames shorter, and no other new music."""
    expected = np.zeros(40 * RATE_HZ, np.float32)
    for number, (_, frames) in enumerate(SECTIONS):
        expected[at : at + frames] = level(number)
        at += frames
    expected[at - trimmed : at] = 0
    scene.track.mute = 1
    assert (project.render(0, 40)[:, 0] == expected).all()


@pytest.mark.parametrize("edit", EDITS)
def test_a_song_stays_whatever_becomes_of_items(scene: Scene, edit: str) -> None:
    run(scene, edit, regions=False)
    assert_song(scene, scene.r.project if edit == "close tab" else scene.project)
    assert len(scene.r.messages) == (edit == "close tab")


@pytest.mark.parametrize("edit", REGION_EDITS)
def test_a_song_goes_along_with_its_regions(scene: Scene, edit: str) -> None:
    run(scene, edit, regions=True)
    if edit == "close tab":  # it is wanted in the project that is open
        (message,) = scene.r.messages
        assert "no longer open" in message
        assert_song(scene, scene.r.project)
        return
    goes_along = edit in ("move", "record", "switch tab")
    assert scene.r.messages == ([] if goes_along else [REGIONS_MOVED])
    at = SONG_AT + (10 * RATE_HZ if edit == "move" else 0)
    assert_song(scene, scene.project, at, trimmed=round(BY_S * RATE_HZ) if edit == "undo" else 0)
