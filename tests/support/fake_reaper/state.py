"""What a project holds, as plain data: tracks, items, takes, sources, markers, tempo; with copies of all of it for undo.

Objects keep their identity for ever, also through undo and redo: a test may hold on to them. Values that REAPER names by
key (``D_VOL``) lie in ``values`` under these names. New items have REAPER's default fade of 10 ms and loop their source.
"""

from __future__ import annotations

import copy
import itertools
import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

TRACK_VALUES: dict[str, float] = {
    "B_MUTE": 0, "B_PHASE": 0, "I_SOLO": 0, "B_SOLO_DEFEAT": 0, "I_FXEN": 1, "I_RECARM": 0, "I_RECINPUT": 0, "I_RECMODE": 0,
    "I_RECMON": 1, "I_NCHAN": 2, "I_SELECTED": 0, "I_FOLDERDEPTH": 0, "I_FOLDERCOMPACT": 0, "I_CUSTOMCOLOR": 0,
    "I_HEIGHTOVERRIDE": 0, "B_HEIGHTLOCK": 0, "D_VOL": 1, "D_PAN": 0, "D_WIDTH": 1, "I_PANMODE": -1, "D_PANLAW": -1,
    "B_SHOWINMIXER": 1, "B_SHOWINTCP": 1, "B_MAINSEND": 1, "C_MAINSEND_OFFS": 0, "I_FREEMODE": 0,
    "C_BEATATTACHMODE": -1, "I_AUTOMODE": 0,
    "I_PERFFLAGS": 0, "D_PLAY_OFFSET": 0, "I_PLAY_OFFSET_FLAG": 1,
    "D_DUALPANL": -1, "D_DUALPANR": 1,
}  # fmt: skip
#: I_SENDMODE: 0 after the fader, 1 before the FX, 3 after the FX.
SEND_VALUES: dict[str, float] = {
    "B_MUTE": 0, "B_PHASE": 0, "B_MONO": 0, "D_VOL": 1, "D_PAN": 0, "D_PANLAW": -1, "I_SENDMODE": 0, "I_AUTOMODE": -1,
    "I_SRCCHAN": 0, "I_DSTCHAN": 0, "I_MIDIFLAGS": 0,
}  # fmt: skip
LANE_TRACK_VALUES: dict[str, float] = {"I_NUMFIXEDLANES": 1, "C_LANESCOLLAPSED": 0, "C_LANESETTINGS": 1}
ITEM_VALUES: dict[str, float] = {
    "B_MUTE": 0, "B_LOOPSRC": 1, "B_ALLTAKESPLAY": 0, "B_UISEL": 0, "C_BEATATTACHMODE": -1, "C_AUTOSTRETCH": -1, "C_LOCK": 0,
    "D_VOL": 1, "D_POSITION": 0, "D_LENGTH": 0, "D_SNAPOFFSET": 0, "D_FADEINLEN": 0.01, "D_FADEOUTLEN": 0.01,
    "D_FADEINDIR": 0, "D_FADEOUTDIR": 0, "D_FADEINLEN_AUTO": -1, "D_FADEOUTLEN_AUTO": -1, "C_FADEINSHAPE": 0,
    "C_FADEOUTSHAPE": 0, "I_GROUPID": 0, "I_CUSTOMCOLOR": 0, "I_CURTAKE": 0, "F_FREEMODE_Y": 0, "F_FREEMODE_H": 1,
}  # fmt: skip
LANE_ITEM_VALUES: dict[str, float] = {"I_FIXEDLANE": 0}
TAKE_VALUES: dict[str, float] = {
    "D_STARTOFFS": 0, "D_VOL": 1, "D_PAN": 0, "D_PANLAW": -1, "D_PLAYRATE": 1, "D_PITCH": 0, "B_PPITCH": 1, "I_CHANMODE": 0,
    "I_PITCHMODE": -1, "I_STRETCHFLAGS": 0, "F_STRETCHFADESIZE": 0.0025, "I_RECPASSID": 0, "I_TAKEFX_NCHAN": 2,
    "I_CUSTOMCOLOR": 0,
}  # fmt: skip
RENDER_VALUES: dict[str, float] = {
    "RENDER_SETTINGS": 0, "RENDER_BOUNDSFLAG": 1, "RENDER_CHANNELS": 2, "RENDER_SRATE": 44100, "RENDER_STARTPOS": 0,
    "RENDER_ENDPOS": 0, "RENDER_TAILFLAG": 18, "RENDER_TAILMS": 1000, "RENDER_ADDTOPROJ": 0, "RENDER_DITHER": 0,
    "RENDER_NORMALIZE": 0, "RENDER_NORMALIZE_TARGET": 0, "RENDER_BRICKWALL": 1, "RENDER_FADEIN": 0, "RENDER_FADEOUT": 0,
    "RENDER_FADEINSHAPE": 0, "RENDER_FADEOUTSHAPE": 0, "RENDER_PADSTART": 0, "RENDER_PADEND": 0, "RENDER_TRIMSTART": 0,
    "RENDER_TRIMEND": 0, "RENDER_DELAY": 0,
}  # fmt: skip
RENDER_STRINGS = {"RENDER_FILE": "", "RENDER_PATTERN": "", "RENDER_FORMAT": "ZXZhdxgAAA==", "RENDER_FORMAT2": ""}

#: Envelopes that a take may have: their names, and those of their chunks.
ENVELOPES = {"Volume": "VOLENV", "Pan": "PANENV", "Mute": "MUTEENV", "Pitch": "PITCHENV"}

_numbers = itertools.count(1)


def new_guid() -> str:
    """Return a new GUID; the same run makes the same ones in the same order."""
    return "{" + str(uuid.uuid5(uuid.NAMESPACE_OID, f"fake reaper {next(_numbers)}")).upper() + "}"


@dataclass(eq=False)
class Source:
    """Media as REAPER sees it. ``kind`` is what GetMediaSourceType says. ``frames`` are at ``rate``.

    A SECTION plays ``frames`` of its ``parent`` from ``first`` on, perhaps backwards; a project in a project (RPP_PROJECT)
    plays ``project``; a VIDEO plays the sound of a file beside it; MIDI holds ``notes``: (start, end, pitch) in quarters,
    and their ``sounds``: (velocity, channel), if they are not 96 on the first.
    """

    path: str
    kind: str
    rate: int = 0
    channels: int = 0
    frames: int = 0
    peaks: bool = False
    parent: Source | None = None
    first: int = 0
    is_reversed: bool = False
    is_offline: bool = False
    project: Any = None
    notes: tuple[tuple[float, float, int], ...] = ()
    #: Events of MIDI: (quarters, status without channel, channel, first and second value).
    controls: tuple[tuple[float, int, int, int, int], ...] = ()
    #: Length of MIDI in quarters, after which a looped item begins again.
    quarters: float = 0.0
    #: Channel of the notes, from 0, and how many of the first are muted.
    channel: int = 0
    muted: int = 0
    sounds: tuple[tuple[int, int], ...] = ()

    @property
    def length(self) -> float:
        return self.frames / self.rate if self.rate else 0.0


@dataclass
class Fx:
    """An effect: a name and what it does to samples ``[N, C]`` at a rate. An instrument plays the track's MIDI as well.

    ``control`` gets the samples and the values of its parameter 0 ``[N, 1]``, when a take's envelope plays that one.
    ``load_s`` is how long the interface waits while it is loaded.
    """

    name: str
    process: Any
    enabled: bool = True
    control: Any = None
    load_s: float = 0.0

    @property
    def is_instrument(self) -> bool:
        """REAPER names them VSTi:, VST3i:, AUi: and so on."""
        return self.name.partition(":")[0].endswith("i")


@dataclass(eq=False)
class Envelope:
    """An envelope, by its name (a take's) or that of its chunk (a track's). Those of takes are played.

    ``points`` are (seconds from the item's start, times the take's rate; value). Volume and pan are plain factors and places;
    between points the value goes straight.
    """

    name: str
    points: list[tuple[float, float]] = field(default_factory=list)
    is_active: bool = True
    fx: Fx | None = None  # whose parameter it plays, and which
    parameter: int = -1

    def copy(self) -> Envelope:
        """Return one with the same points."""
        return replace(self, points=list(self.points))

    @property
    def kind(self) -> str:
        """The name that its chunk begins with."""
        if self.fx is not None:
            return "PARMENV"
        return ENVELOPES.get(self.name, self.name.lstrip("<"))

    def value_at(self, seconds: Any, neutral: float) -> Any:
        """Return the values at times; ``neutral`` where there is nothing to go by."""
        if not self.points or not self.is_active:
            return np.full(np.shape(seconds), neutral)
        times, values = zip(*sorted(self.points), strict=True)
        return np.interp(seconds, times, values)


@dataclass(eq=False)
class Send:
    """What a track sends to another one, which ``values`` describe as GetTrackSendInfo_Value names them."""

    origin: Any
    destination: Any
    values: dict[str, float] = field(default_factory=lambda: dict(SEND_VALUES))


class Values:
    """Named properties over ``values``."""

    values: dict[str, float]

    def __getitem__(self, key: str) -> float:
        return self.values[key]

    def __setitem__(self, key: str, value: float) -> None:
        if key not in self.values:
            raise KeyError(key)
        self.values[key] = value


def _value(key: str) -> Any:
    return property(lambda self: self.values[key], lambda self, value: self.__setitem__(key, value))


@dataclass(eq=False)
class Take(Values):
    item: Item
    source: Source | None = None
    name: str = ""
    guid: str = field(default_factory=new_guid)
    values: dict[str, float] = field(default_factory=lambda: dict(TAKE_VALUES))
    ext: dict[str, str] = field(default_factory=dict)
    markers: list[tuple[float, str, int]] = field(default_factory=list)
    stretch: list[tuple[float, float]] = field(default_factory=list)
    fx: list[Fx] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)

    offset, volume, pan, rate = _value("D_STARTOFFS"), _value("D_VOL"), _value("D_PAN"), _value("D_PLAYRATE")
    pitch = _value("D_PITCH")


@dataclass(eq=False)
class Item(Values):
    track: Track
    guid: str = field(default_factory=new_guid)
    notes: str = ""
    values: dict[str, float] = field(default_factory=lambda: {**ITEM_VALUES, **LANE_ITEM_VALUES})
    ext: dict[str, str] = field(default_factory=dict)
    takes: list[Take] = field(default_factory=list)

    position, length, volume = _value("D_POSITION"), _value("D_LENGTH"), _value("D_VOL")
    selected, mute, lane = _value("B_UISEL"), _value("B_MUTE"), _value("I_FIXEDLANE")
    fade_in, fade_out = _value("D_FADEINLEN"), _value("D_FADEOUTLEN")

    @property
    def end(self) -> float:
        return self.position + self.length

    @property
    def active(self) -> Take | None:
        """The active take."""
        index = int(self.values["I_CURTAKE"])
        return self.takes[index] if 0 <= index < len(self.takes) else None

    def add_take(self, source: Source | None = None, name: str = "", **values: float) -> Take:
        """Add a take; ``values`` are REAPER's, such as ``D_STARTOFFS=1``."""
        take = Take(self, source, name)
        for key, value in values.items():
            take[key] = value
        self.takes.append(take)
        return take


@dataclass(eq=False)
class Track(Values):
    project: Any
    name: str = ""
    guid: str = field(default_factory=new_guid)
    values: dict[str, float] = field(default_factory=lambda: {**TRACK_VALUES, **LANE_TRACK_VALUES})
    ext: dict[str, str] = field(default_factory=dict)
    razor: str = ""
    lanes: dict[int, int] = field(default_factory=lambda: {0: 1})
    items: list[Item] = field(default_factory=list)
    fx: list[Fx] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    sends: list[Send] = field(default_factory=list)
    had_lanes: bool = False
    is_master: bool = False

    volume, pan, mute, solo = _value("D_VOL"), _value("D_PAN"), _value("B_MUTE"), _value("I_SOLO")
    selected, depth, colour = _value("I_SELECTED"), _value("I_FOLDERDEPTH"), _value("I_CUSTOMCOLOR")

    def add_item(
        self,
        file: str | Path | None,
        position: float = 0.0,
        length: float | None = None,
        offset: float = 0.0,
        name: str = "",
    ) -> Item:
        """Add an item that plays a media file, without fades and without looping, as a careful user would."""
        from tests.support.fake_reaper.sound import open_source

        item = Item(self)
        source = open_source(file) if file is not None else None
        if length is None:
            length = source.length - offset if source else 0.0
        item.values.update(D_POSITION=position, D_LENGTH=length, D_FADEINLEN=0, D_FADEOUTLEN=0, B_LOOPSRC=0)
        if source is not None:
            item.add_take(source, name or Path(source.path).name, D_STARTOFFS=offset)
        self.items.append(item)
        return item

    def add_fx(self, process: Any, name: str = "Fx") -> Fx:
        """Add an effect: ``process(samples [N, C], rate) -> samples``."""
        fx = Fx(name, process)
        self.fx.append(fx)
        return fx

    def add_instrument(self, name: str = "VSTi: Synth") -> Fx:
        """Add an instrument: each note of the track's MIDI is a sine at 0.25."""
        fx = Fx(name, lambda samples, _rate: samples)
        self.fx.append(fx)
        return fx

    def add_midi(self, position: float, length: float, *notes: tuple[float, float, int]) -> Item:
        """Add a MIDI item with notes: (start, end, pitch), in quarters from its start."""
        item = Item(self)
        item.values.update(D_POSITION=position, D_LENGTH=length, D_FADEINLEN=0, D_FADEOUTLEN=0, B_LOOPSRC=0)
        item.add_take(Source("", "MIDI", notes=notes), "MIDI")
        self.items.append(item)
        return item

    def send_to(self, other: Track, **values: float) -> Send:
        """Send this track to another one; ``values`` are REAPER's, such as ``D_VOL=0.5``."""
        send = Send(self, other, {**SEND_VALUES, **values})
        self.sends.append(send)
        return send

    def sorted_items(self) -> list[Item]:
        """Return the items in the order of their positions, as REAPER numbers them."""
        return sorted(self.items, key=lambda item: item.values["D_POSITION"])

    def plays(self, item: Item) -> bool:
        """Return whether the item is on a lane that plays. Lanes that did not when the track had some stay silent."""
        has_lanes = self.values["I_FREEMODE"] == 2 or self.had_lanes
        return not has_lanes or int(item.values["I_FIXEDLANE"]) in self.lanes


@dataclass
class Marker:
    number: int
    is_region: bool
    position: float
    end: float
    name: str
    colour: int = 0
    notes: str = ""


@dataclass
class Tempo:
    """A tempo marker; ``beats`` 0 keeps the meter."""

    position: float
    bpm: float
    beats: int = 0
    unit: int = 0
    linear: bool = False


_PARENTS = {"item", "track", "project", "origin", "destination"}
_KEPT = (Source, Fx)


def freeze(thing: Any) -> Any:
    """Return nested plain data that is equal when nothing differs: lists, dicts and a ``_live`` reference to the object."""
    if isinstance(thing, (Track, Item, Take, Envelope, Send)):
        frozen = {name: freeze(value) for name, value in vars(thing).items() if name not in _PARENTS}
        return FrozenFields(thing, frozen)
    if isinstance(thing, list):
        return [freeze(entry) for entry in thing]
    return thing if isinstance(thing, _KEPT) else copy.copy(thing)


class FrozenFields(dict):  # type: ignore[type-arg]
    """The fields of an object, and which object that is."""

    def __init__(self, live: Any, fields: dict[str, Any]) -> None:
        super().__init__(fields)
        self.live = live


def thaw(frozen: Any) -> Any:
    """Set objects back to what ``freeze`` saw."""
    if isinstance(frozen, FrozenFields):
        for name, value in frozen.items():
            setattr(frozen.live, name, thaw(value))
        for item in getattr(frozen.live, "items", ()):
            item.track = frozen.live  # it may have been moved since
        return frozen.live
    if isinstance(frozen, list):
        return [thaw(entry) for entry in frozen]
    return frozen if isinstance(frozen, _KEPT) else copy.copy(frozen)


def snapshot(thing: Any) -> Any:
    """Return a copy of a take or a track that nobody edits, with the items that it needs."""
    if isinstance(thing, Take):
        item = _copy_item(thing.item, thing.item.track)
        return item.takes[thing.item.takes.index(thing)]
    track = copy.copy(thing)
    track.values, track.lanes = dict(thing.values), dict(thing.lanes)
    track.items = [_copy_item(item, track) for item in thing.items]
    return track


def _copy_item(item: Item, track: Track) -> Item:
    copied = copy.copy(item)
    copied.track, copied.values, copied.takes = track, dict(item.values), [copy.copy(take) for take in item.takes]
    for take in copied.takes:
        take.item, take.values, take.stretch, take.fx = copied, dict(take.values), list(take.stretch), list(take.fx)
        take.envelopes = [each.copy() for each in take.envelopes]
    return copied


_UNPLAYED = {"B_UISEL", "I_CUSTOMCOLOR", "I_GROUPID", "C_LOCK", "F_FREEMODE_Y", "F_FREEMODE_H", "D_SNAPOFFSET"}


def playback_of(thing: Any) -> Any:
    """Return all that decides what an accessor of a take or a track plays, as plain data that compares."""
    if isinstance(thing, Track):
        return [_playback_values(item) + [playback_of(take) for take in item.takes] for item in thing.items], dict(
            thing.lanes
        )
    item = [thing.item["D_LENGTH"], thing.item["B_LOOPSRC"]]
    envelopes = [(each.name, list(each.points), each.is_active) for each in thing.envelopes]
    return [item, dict(thing.values), list(thing.stretch), list(thing.fx), envelopes, id(thing.source)]


def _playback_values(item: Item) -> list[Any]:
    return [{key: value for key, value in item.values.items() if key not in _UNPLAYED}]
