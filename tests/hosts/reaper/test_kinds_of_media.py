"""Takes that play a section, a video, another project or media that is gone: read as they play, or one sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.support.fake_reaper import Reaper, behaviour
from tests.support.fake_reaper.sound import open_source, project_source, section
from tests.support.fake_reaper.state import Source
from tests.support.reaper_scene import LENGTH, START, STOP, Scene
from tests.support.reaper_studio import RATE_HZ, media


def backwards(scene: Scene) -> Source:
    return section(scene.item.takes[0].source, 1_000, 10 * RATE_HZ, is_reversed=True)


def plain_section(scene: Scene) -> Source:
    return section(scene.item.takes[0].source, 1_000, 10 * RATE_HZ)


def video(scene: Scene) -> Source:
    (scene.folder / "a.mp4").touch()  # its sound is that of a.wav
    found = open_source(scene.folder / "a.mp4")
    assert found is not None
    assert found.kind == "VIDEO"
    return found


def other_project(scene: Scene) -> Source:
    other = Reaper(scene.folder / "other", rate=RATE_HZ).project
    other.add_track("x").add_item(scene.folder / "b.wav")
    return project_source(other, str(scene.folder / "other.rpp"))


def mono(scene: Scene) -> Source:
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, 10 * RATE_HZ).astype(np.float32)
    found = open_source(media(scene.folder / "mono.wav", noise))
    assert found is not None
    return found


@pytest.mark.parametrize("make", [backwards, plain_section, video, other_project, mono])
@pytest.mark.parametrize("ways", behaviour.both("accessor_wider"))
def test_a_repaint_of_any_source_is_equal_outside(
    scene: Scene, make: Callable[[Scene], Source], ways: dict[str, Any]
) -> None:
    scene.r.ways.update(ways)
    scene.item.takes[0].source = make(scene)
    scene.select()
    before = scene.project.render(0, 40)
    scene.run("Repaint time selection")
    assert scene.r.messages == []
    expected = before.copy()
    expected[START:STOP] *= -1
    assert np.abs(scene.project.render(0, 40) - expected).max() < 1e-6
    assert np.abs(before[START:STOP]).max() > 0.2


@pytest.mark.parametrize("action", ["Repaint time selection", "Cover", "Extend", "Score takes"])
@pytest.mark.parametrize(
    ("source", "says"),
    [(Source("", "MIDI"), 'No instrument plays "riff"'), (Source("", "EMPTY"), "no audio"), (None, "no audio")],
    ids=["MIDI", "empty", "none"],
)
def test_what_holds_no_audio_is_said(scene: Scene, action: str, source: Source | None, says: str) -> None:
    scene.r.ext["AceBridge", "capture"] = "pre"
    scene.item.takes[0].source = source and replace(source)
    if action == "Extend":
        scene.track.items.remove(scene.second)
    scene.project.settle()
    scene.r.form()
    scene.r.start(f"AceBridge_{action}.lua")
    scene.r.finish()
    (message,) = scene.r.messages
    assert says in message
    assert any(what in message for what in ("\n\n", "; ", "Put one on its track")), "what to do is said, too"
    assert scene.project.undo == []
    assert list((scene.r.resource / "AceBridge" / "jobs").iterdir()) == []


@pytest.mark.parametrize("ways", behaviour.both("offline_media"))
@pytest.mark.parametrize("action", ["Repaint time selection", "Cover"])
def test_media_that_is_offline(scene: Scene, ways: dict[str, Any], action: str) -> None:
    """Silence in, or one sentence: never a file that REAPER does not play now."""
    scene.r.ways.update(ways)
    scene.item.takes[0].source.is_offline = True
    scene.project.settle()
    scene.start(action)
    if ways["offline_media"] == "error":
        scene.r.finish()
        (message,) = scene.r.messages
        assert "online" in message
        return
    folder = scene.wait()
    assert "a.wav" not in str(scene.request(folder)["parts"][0]["source"])
    scene.finish(folder)


def test_a_file_that_is_gone_is_said(scene: Scene) -> None:
    (scene.folder / "a.wav").rename(scene.folder / "elsewhere.wav")
    scene.select()
    scene.start("Repaint time selection")
    scene.r.finish()
    (message,) = scene.r.messages
    assert "is its media online?" in message
    assert scene.project.undo == []


def test_an_item_of_a_section_that_repeats_is_read_as_it_plays(scene: Scene) -> None:
    scene.item.takes[0].source = section(scene.item.takes[0].source, 1_000, RATE_HZ)
    scene.item["B_LOOPSRC"] = 1
    scene.select()
    before = scene.render()
    assert np.abs(before[START:STOP]).max() > 0.2
    scene.run("Repaint time selection")
    expected = before.copy()
    expected[START:STOP] *= -1
    assert np.abs(scene.render() - expected).max() < 1e-6
    assert LENGTH > RATE_HZ
