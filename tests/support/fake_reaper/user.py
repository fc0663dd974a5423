"""The musician: edits, plays, records, drags, presses keys and switches tabs while scripts run.

Each edit does what REAPER's own one does, with an undo point of its name. ``at_tick`` and ``when`` let one happen at a time or
once something holds. ``disturbed`` remembers what scripts did to somebody who was recording or dragging.

    r.user.when(lambda: jobs_are_sent(), lambda: r.user.trim_left(item, 1.0))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tests.support.fake_reaper import sound
from tests.support.fake_reaper.calls_items import move_left_edge, split_media_item
from tests.support.fake_reaper.state import Item, Track

_PLAYING, _RECORDING = 1, 4
SPACE, UNDO = 32, 26
#: What keys do in REAPER's main window.
KEYS: dict[int, str] = {SPACE: "toggle_play", UNDO: "undo", ord("s"): "split_at_cursor"}


@dataclass
class _Wish:
    is_due: Callable[[], Any]
    act: Callable[[], Any]


class User:
    """Somebody at the keyboard and mouse of a REAPER."""

    def __init__(self, reaper: Any) -> None:
        self._reaper = reaper
        self._wishes: list[_Wish] = []
        self._recording: tuple[Track, float] | None = None
        self._dragged: tuple[Item, float] | None = None
        self.disturbed: list[str] = []

    # When

    def when(self, is_due: Callable[[], Any], act: Callable[[], Any]) -> None:
        """Do something in the first tick in which a condition holds."""
        self._wishes.append(_Wish(is_due, act))

    def at_tick(self, number: int, act: Callable[[], Any]) -> None:
        """Do something before the n-th tick from now."""
        due = len(self._reaper.ticks) + number
        self.when(lambda: len(self._reaper.ticks) >= due, act)

    def act(self) -> None:
        """Do what is due."""
        for wish in [wish for wish in self._wishes if wish.is_due()]:
            self._wishes.remove(wish)
            wish.act()

    @property
    def is_done(self) -> bool:
        """Whether nothing is planned any more."""
        return not self._wishes

    def disturb(self, what: str) -> None:
        """Note what a script does to somebody who records or drags."""
        if self._recording or self._dragged:
            self.disturbed.append(what)

    def _did(self, name: str) -> None:
        self._reaper.project.undo_point(name)

    # Items

    def trim_left(self, item: Item, by_s: float) -> None:
        """Drag an item's left edge; what it plays stays where it is in the project."""
        move_left_edge(item, by_s)
        self._did("Resize media items")

    def trim_right(self, item: Item, by_s: float) -> None:
        """Drag an item's right edge to the left."""
        item.length -= by_s
        self._did("Resize media items")

    def move(self, item: Item, by_s: float) -> None:
        """Move an item in time."""
        item.position += by_s
        self._did("Move media items")

    def move_to(self, item: Item, track: Track) -> None:
        """Move an item to another track."""
        item.track.items.remove(item)
        item.track = track
        track.items.append(item)
        self._did("Move media items")

    def split(self, item: Item, at_s: float) -> Item:
        """Split an item; return the right part, which is a new item with new takes."""
        right = split_media_item(self._reaper, item, at_s)
        assert right is not None, f"{at_s} is not inside the item"
        self._did("Split media items")
        return right  # type: ignore[no-any-return]

    def split_at_cursor(self) -> None:
        """Split the selected items where the cursor is."""
        project = self._reaper.project
        for item in [i for i in project.items() if i.selected and i.position < project.cursor < i.end]:
            self.split(item, project.cursor)

    def change_rate(self, item: Item, factor: float) -> None:
        """Play an item ``factor`` times as fast: it gets shorter."""
        for take in item.takes:
            take["D_PLAYRATE"] *= factor
        item.length /= factor
        self._did("Change media item rate")

    def select_take(self, item: Item, number: int) -> None:
        """Make another take the active one."""
        item["I_CURTAKE"] = number
        self._did("Change active take")

    def glue(self, item: Item) -> Item:
        """Glue an item: a new item plays a new file with all that was heard of the old one."""
        project = item.track.project
        first = round(item.position * project.rate)
        count = round(item.end * project.rate) - first
        path = Path(project.media_folder) / f"{len(project.history):02d}-glued.wav"
        samples = sound.item_samples(item, project.rate, first, count, 2)
        soundfile.write(path, samples.astype(np.float32), project.rate, subtype="FLOAT")
        track = item.track
        track.items.remove(item)
        glued = track.add_item(path, position=item.position, length=item.length)
        glued.selected = item.selected
        self._did("Glue media items")
        return glued

    def delete(self, item: Item) -> None:
        """Remove an item."""
        item.track.items.remove(item)
        self._did("Remove media items")

    # Undo

    def undo(self) -> bool:
        """Press Ctrl+Z."""
        return bool(self._reaper.project.step(-1))

    def redo(self) -> bool:
        """Press Ctrl+Shift+Z."""
        return bool(self._reaper.project.step(1))

    # The mouse holds something

    def drag(self, item: Item, by_s: float) -> None:
        """Begin to drag an item, and hold it there."""
        self._dragged = (item, item.position)
        item.position += by_s

    def drop(self) -> None:
        """Let go of what is dragged."""
        assert self._dragged, "nothing is dragged"
        item, _ = self._dragged
        self._dragged = None
        if item.track.project.holds(item):
            self._did("Move media items")

    # Transport

    def toggle_play(self) -> None:
        """Press Space."""
        project = self._reaper.project
        project.playing = 0 if project.playing else _PLAYING
        project.played_since = (project.cursor, self._reaper.clock.now) if project.playing else None

    def record(self, track: Track) -> None:
        """Begin to record on a track, at the cursor."""
        track.project.playing = _PLAYING | _RECORDING
        self._recording = (track, self._reaper.clock.now)

    def stop(self, seconds: float | None = None) -> Item | None:
        """Stop; what was recorded becomes an item, as long as it took or ``seconds``."""
        if self._recording is None:
            self._reaper.project.playing = 0
            return None
        track, began = self._recording
        self._recording = None
        project = track.project
        project.playing = 0
        count = round((seconds or self._reaper.clock.now - began) * project.rate)
        path = Path(project.media_folder) / f"{len(project.history):02d}-recorded.wav"
        soundfile.write(path, np.zeros((count, 1), np.float32), project.rate, subtype="PCM_24")
        item = track.add_item(path, position=project.cursor)
        project.undo_point("Recorded media")
        return item

    # Windows and keys

    def press(self, key: int) -> bool:
        """Press a key without a look at the screen: the window that has the keyboard gets it. Whether that was REAPER."""
        window = next((window for window in self._reaper.windows() if window.has_focus), None)
        if window is not None:
            window.press(key)
            return False
        action = KEYS.get(key)
        if action:
            getattr(self, action)()
        return True

    def switch_tab(self, project: Any) -> None:
        """Show another project."""
        self._reaper.select_tab(project)

    def close_tab(self, project: Any) -> None:
        """Close a project."""
        self._reaper.close_tab(project)


def _elsewhere(user: User, item: Item) -> None:
    user.move_to(item, item.track.project.add_track("elsewhere"))


#: What a musician does to an item while a job of it runs, for tests over all of it.
EDITS: dict[str, Callable[[User, Item], Any]] = {
    "trim the left edge": lambda user, item: user.trim_left(item, 1.0),
    "trim the right edge": lambda user, item: user.trim_right(item, 1.0),
    "grow the left edge": lambda user, item: user.trim_left(item, -0.25),
    "move later": lambda user, item: user.move(item, 20.0),
    "move earlier": lambda user, item: user.move(item, -0.5),
    "move to another track": _elsewhere,
    "split in the middle": lambda user, item: user.split(item, item.position + item.length / 2),
    "play faster": lambda user, item: user.change_rate(item, 1.25),
    "glue": lambda user, item: user.glue(item),
    "delete": lambda user, item: user.delete(item),
    "undo": lambda user, _item: user.undo(),
    "record": lambda user, item: user.record(item.track),
    "drag": lambda user, item: user.drag(item, 0.5),
}
