"""A project tab: its contents, what a user sees of it, its undo history. Tests work with this class directly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.fake_reaper import behaviour, routing
from tests.support.fake_reaper.state import (
    RENDER_STRINGS,
    RENDER_VALUES,
    Envelope,
    FrozenFields,
    Item,
    Marker,
    Take,
    Tempo,
    Track,
    freeze,
    new_guid,
    thaw,
)

#: What an undo point keeps. Cursor, view and render settings are not undone; extension state: see `behaviour`.
_UNDOABLE = ("tracks", "markers", "tempos", "bpm", "meter", "time_selection")


class Project:
    """One tab. ``file`` is empty until the project has been saved; media go to ``media_folder``, which exists."""

    def __init__(self, media_folder: Path, rate: int, file: str = "", ways: dict[str, Any] | None = None) -> None:
        self.file = file
        self.ways = behaviour.choose(ways)
        self.media_folder = media_folder
        self.rate = rate
        self.rate_used = True
        self.guid = new_guid()
        self.master = Track(self, "MASTER", is_master=True)
        self.tracks: list[Track] = []
        self.markers: list[Marker] = []
        self.tempos: list[Tempo] = []
        self.bpm = 120.0
        self.meter = (4, 4)
        self.timebase = (
            1  # C_BEATATTACHMODE of what has none of its own: beats (position, length, rate), REAPER's default
        )
        self.pan_mode = 3  # I_PANMODE and D_PANLAW of what has none of its own
        self.pan_law = 1.0
        self.time_selection: tuple[float, float] = (0.0, 0.0)
        self.loop: tuple[float, float] = (0.0, 0.0)
        self.cursor = 0.0
        self.view: tuple[float, float] = (0.0, 60.0)
        self.ext: dict[tuple[str, str], str] = {}
        self.render_values = dict(RENDER_VALUES)
        self.render_strings = dict(RENDER_STRINGS)
        self.notes = ""
        self.author = ""
        self.dirty = False
        self.playing = 0
        self.play_rate = 1.0
        self.generation = 0  # items and takes get new pointers with each undo
        self.changes = 0
        self.scrolled_to: list[Track] = []
        self.played_since: tuple[float, float] | None = None
        self.undo_room: int | None = None  # how many points fit into the memory that undo may use
        self.waits_for_tempo: Callable[[], None] | None = None
        self.history: list[tuple[str, Any]] = [("", self._undoable())]
        self.present = 0
        self.blocks = 0
        self.stale_folders = False  # the track panels show other folders than there are

    # What a test does with it

    def add_track(self, name: str = "", **values: float) -> Track:
        """Add a track at the end; ``values`` are REAPER's, such as ``I_FOLDERDEPTH=1``."""
        track = Track(self, name)
        for key, value in values.items():
            track[key] = value
        self.tracks.append(track)
        return track

    def tempo(self, time: float, bpm: float, beats: int = 0, unit: int = 0, linear: bool = False) -> None:
        """Add a tempo marker. One at 0 is the project's own tempo as well, as in REAPER."""
        self.tempos = sorted([*(t for t in self.tempos if t.position != time), Tempo(time, bpm, beats, unit, linear)],
                             key=lambda marker: marker.position)  # fmt: skip
        if time == 0:
            self.bpm = bpm
            self.meter = (beats, unit) if beats else self.meter

    @property
    def name(self) -> str:
        return Path(self.file).name

    @property
    def undo(self) -> list[str]:
        """The names of all that can be undone, the oldest first."""
        return [name for name, _ in self.history[1 : self.present + 1]]

    @property
    def redo(self) -> list[str]:
        """The names of all that can be redone, the next first."""
        return [name for name, _ in self.history[self.present + 1 :]]

    @property
    def regions(self) -> list[Marker]:
        return [marker for marker in self.markers if marker.is_region]

    def track(self, name: str) -> Track:
        """Return the track with this name."""
        return next(track for track in self.tracks if track.name == name)

    def items(self) -> list[Item]:
        """Return all items, track by track."""
        return [item for track in self.tracks for item in track.sorted_items()]

    @property
    def length(self) -> float:
        ends = [item.end for item in self.items()]
        return max([0.0, *ends, *(marker.end if marker.is_region else marker.position for marker in self.markers)])

    def state(self) -> dict[str, Any]:
        """Return everything that a user would notice, as plain data that compares."""
        return {
            **{key: _plain(freeze(getattr(self, key))) for key in _UNDOABLE},
            "master": _plain(freeze(self.master)),
            "cursor": self.cursor, "loop": self.loop, "view": self.view, "ext": dict(self.ext),
            "render": {**self.render_values, **self.render_strings},
            "file": self.file, "rate": (self.rate, self.rate_used), "notes": self.notes, "undo": self.undo, "redo": self.redo,
        }  # fmt: skip

    def render(self, start: float = 0.0, end: float | None = None) -> np.ndarray:
        """Return the mix ``[N, 2]`` as float32 at the project's rate."""
        first = round(start * self.rate)
        last = round((self.length if end is None else end) * self.rate)
        return routing.mix(self.tracks, self.master, self.rate, first, last - first).astype(np.float32)

    def save_rpp(self, path: str | Path) -> Path:
        """Write the project as a project file and return its path."""
        from tests.support.fake_reaper.rpp_out import text_of

        Path(path).write_text(text_of(self, Path(path).parent), "utf-8")
        return Path(path)

    # Undo

    def _undoable(self) -> Any:
        kept = {key: freeze(getattr(self, key)) for key in _UNDOABLE}
        return {**kept, "ext": dict(self.ext)} if self.ways["ext_state"] == "undone" else kept

    def move_with_tempo(self) -> None:
        """Have items and markers on beats follow a tempo that has changed, if they have not yet."""
        waiting, self.waits_for_tempo = self.waits_for_tempo, None
        if waiting is not None:
            waiting()

    def settle(self) -> None:
        """Take what is there now for what the last undo point left: a test has set it up by hand."""
        self.history[self.present] = (self.history[self.present][0], self._undoable())
        self.changes += 1

    @property
    def has_unrecorded_change(self) -> bool:
        """Whether something has changed since the last undo point (what can be undone at all)."""
        return bool(self.history[self.present][1] != self._undoable())

    def undo_point(self, name: str) -> None:
        """Add an undo point; what could be redone is lost."""
        self.move_with_tempo()
        self.history[self.present + 1 :] = [(name, self._undoable())]
        self.present += 1
        if self.undo_room is not None and self.present > self.undo_room:  # the oldest points go
            del self.history[: self.present - self.undo_room]
            self.present = self.undo_room
        self.dirty = True
        self.changes += 1

    def step(self, by: int) -> bool:
        """Undo (-1) or redo (+1)."""
        self.move_with_tempo()
        if not 0 <= self.present + by < len(self.history):
            return False
        self.present += by
        for key, value in self.history[self.present][1].items():
            setattr(self, key, thaw(value))
        self.generation += self.ways["undo_pointers"] == "they die"
        self.dirty = True
        self.changes += 1
        return True

    # Truth about pointers

    def has_envelope(self, envelope: Envelope) -> bool:
        """Return whether an envelope is one of a track or a take now."""
        takes = [take for item in self.items() for take in item.takes]
        return any(envelope is each for owner in [self.master, *self.tracks, *takes] for each in owner.envelopes)

    def holds(self, thing: Any) -> bool:
        """Return whether a track, item or take is in the project now."""
        if isinstance(thing, Track):
            return thing is self.master or thing in self.tracks  # equal is the same: they compare by identity
        if isinstance(thing, Item):
            return self.holds(thing.track) and thing in thing.track.items
        if isinstance(thing, Take):
            return self.holds(thing.item) and thing in thing.item.takes
        return False


def _plain(value: Any) -> Any:
    if isinstance(value, FrozenFields):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return value
