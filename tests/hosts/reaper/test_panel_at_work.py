"""The panel used as a musician does, with the real command and a real daemon."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.reaper_panel import PLACE, SCRIPT
from tests.support.reaper_studio import Studio


class Panel:
    """The panel of a studio."""

    def __init__(self, studio: Studio) -> None:
        self.reaper = studio.reaper
        self.reaper.ext["AceBridge", "window_place"] = PLACE
        self.script = self.reaper.start(SCRIPT)
        self.reaper.tick(20)

    @property
    def window(self) -> Any:
        return self.script.window

    def until(self, *words: str) -> None:
        self.reaper.until(lambda: all(word in self.window for word in words))

    def click(self, text: str, which: int = 0) -> None:
        self.window.click(text, which)
        self.reaper.tick(5)

    def go(self) -> None:
        self.reaper.tick(20)
        self.click("Go")


@pytest.fixture
def panel(studio: Studio) -> Panel:
    studio.project.time_selection = (3.0, 5.4)
    studio.item.selected = 1
    studio.project.settle()
    return Panel(studio)


def seeds(panel: Panel) -> set[str]:
    """The seeds that the rows tell."""
    words = [text.text.partition("seed ")[2] for text in panel.window.texts if "seed " in text.text]
    return {seed.partition(";")[0] for seed in words}


def test_an_afternoon(studio: Studio, panel: Panel) -> None:
    """Repaint, compare, again, keep; a preset; a long job that is cancelled."""
    item = studio.item
    assert "1 bar on" in panel.window
    panel.click("instruments and mood")
    for letter in "warm piano":
        panel.window.press(letter)
    panel.window.press(13)
    panel.reaper.tick(3)
    panel.go()
    panel.until("new take;", "seed ")
    assert len(item.takes) == 2
    assert item["I_CURTAKE"] == 1
    panel.click("Play")
    assert studio.project.playing
    panel.click("A/B: new")
    assert item["I_CURTAKE"] == 0
    panel.click("A/B: before")
    panel.click("Stop")
    panel.click("Again")
    panel.reaper.until(lambda: len(item.takes) == 3)
    panel.reaper.until(lambda: len(seeds(panel)) == 2)
    panel.click("Keep")
    panel.click("Presets and last prompts")
    panel.click("of a new preset")
    for letter in "Warm":
        panel.window.press(letter)
    panel.reaper.tick(3)
    panel.click("Save")
    assert len(item.takes) == 3
    panel.window.menu_choices.append(2)  # Generate here
    panel.click("Repaint time selection")
    panel.click("Presets and last prompts")
    studio.project.time_selection = (0.0, 60.0)
    panel.go()
    panel.until("Generate here", "Cancel")
    panel.click("Cancel")
    panel.until("cancelled")
    assert panel.reaper.messages == []
    assert studio.project.undo == [*["AceBridge: Repaint time selection"] * 2, "AceBridge: Keep"]
    panel.window.key(27)
    panel.reaper.finish()


def test_stems_in_a_folder(studio: Studio, panel: Panel) -> None:
    names = [
        "Repaint",
        "Generate",
        "Add",
        "Complete",
        "Cover",
        "Extend",
        "Prepend",
        "Smooth",
        "Compose",
        "Song",
        "Extract",
    ]
    panel.window.menu_choices.append(len(names))
    panel.click("Repaint time selection")
    panel.go()
    panel.until("on 4 tracks")
    stems = [track for track in studio.project.tracks if track not in (studio.band, studio.pad)]
    panel.click("A/B: new")
    assert all(item["B_MUTE"] for track in stems for item in track.items)
    panel.click("A/B: before")
    assert not any(item["B_MUTE"] for track in stems for item in track.items)
    panel.click("Reveal")
    assert [bool(item.selected) for item in studio.project.items()] == [
        item.track in stems for item in studio.project.items()
    ]
    panel.window.key(27)
    panel.reaper.finish()
