"""How tracks sound together: folders, sends, solos, faders, the master.

A soloed track is heard with what is in its folder, through the folders it is in. Whether it is heard through its sends says
the kind of solo: 1 and 5 ignore routing, 2 and 6 ("in place") keep it. A track with B_SOLO_DEFEAT is heard as if it were
soloed in place, when anything is soloed and it is not muted. Sends that make a circle are refused, as REAPER does unless a
project allows feedback.
"""

from __future__ import annotations

import numpy as np

from tests.support.fake_reaper import midi
from tests.support.fake_reaper.sound import balance, pan_gains, track_samples
from tests.support.fake_reaper.state import Send, Track

IN_PLACE = (2, 6)
_AFTER_FADER, _BEFORE_FX, _AFTER_FX = 0, 1, 3
_STEREO_PAN, _DUAL_PAN = 5, 6
_OFFSET_BYPASSED, _OFFSET_IN_SAMPLES = 1, 2  # I_PLAY_OFFSET_FLAG


def parents(tracks: list[Track]) -> list[int]:
    """Return for each track the index of the folder it is in, or -1."""
    found, open_folders = [], [-1]
    for index, track in enumerate(tracks):
        found.append(open_folders[-1])
        depth = int(track["I_FOLDERDEPTH"])
        if depth > 0:
            open_folders.append(index)
        for _ in range(-depth):
            if len(open_folders) > 1:
                open_folders.pop()
    return found


def _is_inside(index: int, above: list[int], wanted: set[int]) -> bool:
    while index >= 0:
        if index in wanted:
            return True
        index = above[index]
    return False


def _audible(tracks: list[Track], above: list[int], soloed: set[int]) -> set[int]:
    """Return which tracks' own items are heard."""
    if not soloed:
        return set(range(len(tracks)))
    defeats = {i for i, track in enumerate(tracks) if track["B_SOLO_DEFEAT"] and not track["B_MUTE"]}
    return {i for i in range(len(tracks)) if i in defeats or _is_inside(i, above, soloed)}


def _passes(tracks: list[Track], above: list[int], in_place: set[int]) -> set[int]:
    """Return from which tracks a solo in place goes on through sends: from there and from all that it reaches."""
    reached = {i for i in range(len(tracks)) if _is_inside(i, above, in_place)}
    waiting = list(reached)
    while waiting:
        index = waiting.pop()
        onward = {above[index]} if above[index] >= 0 else set()
        onward |= {i for i, track in enumerate(tracks) for send in tracks[index].sends if send.destination is track}
        waiting += onward - reached
        reached |= onward
    return reached


def _senders_to(tracks: list[Track], wanted: set[int]) -> set[int]:
    """Return the tracks that send to some of these, of one track to the next."""
    found: set[int] = set()
    while True:
        reached = [tracks[i] for i in wanted | found]
        more = {
            i for i, track in enumerate(tracks) if any(send.destination in reached for send in track.sends)
        } - wanted
        if more <= found:
            return found
        found |= more


class Mixer:
    """Mixes a stretch of tracks, each of them once. ``only`` solos tracks, whatever is soloed."""

    def __init__(
        self, tracks: list[Track], rate: float, first: int, count: int, only: set[Track] | None = None
    ) -> None:
        self.tracks, self.rate, self.first, self.count = tracks, rate, first, count
        self.above = parents(tracks)
        soloed = {i for i, track in enumerate(tracks) if (track in only if only is not None else track["I_SOLO"])}
        in_place = {i for i in soloed if only is not None or int(tracks[i]["I_SOLO"]) in IN_PLACE}
        in_place |= {i for i, track in enumerate(tracks) if soloed and track["B_SOLO_DEFEAT"] and not track["B_MUTE"]}
        self._is_soloed = bool(soloed)
        self._audible = _audible(tracks, self.above, soloed)
        how = tracks[0].project.ways["solo_senders"] if in_place else "not at all"
        senders = _senders_to(tracks, self._audible) if how != "not at all" else set()
        if how == "on its own too":
            self._audible |= senders
        self._senders = senders - self._audible
        self._passing = _passes(tracks, self.above, in_place)
        self._taps: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray] | None] = {}

    def total(self) -> np.ndarray:
        """Return the sum that goes into the master."""
        total = np.zeros((self.count, 2))
        for index in range(len(self.tracks)):
            if self.above[index] < 0 and self._goes_up(index):
                total += self._taps_of(index)[2]
        return total

    def _taps_of(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return a track's sound before its FX, after them, and after its fader."""
        if index not in self._taps:
            self._taps[index] = None
            entering = self._entering(index)
            track = self.tracks[index]
            after_fx = through_fx(track, entering, self.rate)
            self._taps[index] = (entering, after_fx, through_fader(track, after_fx))
        taps = self._taps[index]
        if taps is None:
            raise ValueError(f"the sends of track {self.tracks[index].name!r} make a circle")
        return taps

    def _entering(self, index: int) -> np.ndarray:
        track = self.tracks[index]
        entering = np.zeros((self.count, 2))
        if index in self._audible | self._senders:
            entering += track_samples(track, self.rate, self.first - play_offset(track, self.rate), self.count, 2)
            if any(fx.is_instrument and fx.enabled for fx in track.fx) and track["I_FXEN"]:
                entering += midi.play(track, self.rate, self.first, self.count)
        for child, parent in enumerate(self.above):
            if parent == index and self._goes_up(child):
                entering += self._taps_of(child)[2]
        for origin, other in enumerate(self.tracks):
            for send in other.sends:
                if send.destination is track and self._is_sent(origin, index):
                    entering += _send_samples(send, self._taps_of(origin))
        return entering

    def _is_sent(self, origin: int, destination: int) -> bool:
        inside = destination in self._audible | self._senders
        return not self._is_soloed or inside or origin in self._passing

    def _goes_up(self, index: int) -> bool:
        """Whether a track is heard in the first two channels of what it is in."""
        is_held = index in self._senders and index not in self._passing
        return bool(self.tracks[index]["B_MAINSEND"]) and not self.tracks[index]["C_MAINSEND_OFFS"] and not is_held


def play_offset(track: Track, rate: float) -> int:
    """Return how many frames later than it lies a track's media is played."""
    flags = int(track["I_PLAY_OFFSET_FLAG"])
    if flags & _OFFSET_BYPASSED:
        return 0
    return round(track["D_PLAY_OFFSET"] * (1 if flags & _OFFSET_IN_SAMPLES else rate))


def pan_mode(track: Track) -> int:
    """Return a track's pan mode: its own, or that of its project."""
    own = int(track["I_PANMODE"])
    return own if own >= 0 else int(track.project.pan_mode)


def _send_samples(send: Send, taps: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
    values = send.values
    if values["B_MUTE"] or send.origin["B_MUTE"]:
        return np.zeros_like(taps[0])
    tap = {_BEFORE_FX: 0, _AFTER_FX: 1, _AFTER_FADER: 2}[int(values["I_SENDMODE"])]
    gain = -values["D_VOL"] if values["B_PHASE"] else values["D_VOL"]
    return np.asarray(taps[tap] * (gain * balance(values["D_PAN"], 2)))


def mix(
    tracks: list[Track], master: Track, rate: float, first: int, count: int, only: set[Track] | None = None
) -> np.ndarray:
    """Return the stereo mix ``[count, 2]``, with effects and faders; ``only`` solos tracks."""
    return apply(master, Mixer(tracks, rate, first, count, only).total(), rate)


def stem(track: Track, tracks: list[Track], rate: float, first: int, count: int) -> np.ndarray:
    """Return one track with all in its folder, after its effects and fader, before those above it."""
    start = tracks.index(track)
    above = parents(tracks)
    below = {start}
    for index in range(start + 1, len(tracks)):
        if above[index] in below:
            below.add(index)
    return Mixer([tracks[i] for i in sorted(below)], rate, first, count).total()


def through_fx(track: Track, samples: np.ndarray, rate: float) -> np.ndarray:
    """Return samples after a track's effects."""
    if track["I_FXEN"]:
        for fx in track.fx:
            samples = fx.process(samples, rate) if fx.enabled else samples
    return samples


def through_fader(track: Track, samples: np.ndarray) -> np.ndarray:
    """Return samples after a track's polarity, width, fader, pan and mute."""
    if track["B_MUTE"]:
        return np.zeros_like(samples)
    mode = pan_mode(track)
    if mode == _STEREO_PAN and track["D_WIDTH"] != 1:
        middle = samples.mean(axis=1, keepdims=True)
        samples = middle + (samples - middle) * track["D_WIDTH"]
    gain = -track["D_VOL"] if track["B_PHASE"] else track["D_VOL"]
    if mode == _DUAL_PAN:
        left, right = (pan_gains(track, track[f"D_DUALPAN{side}"], 2) for side in "LR")
        return np.asarray(gain * (samples[:, :1] * left + samples[:, 1:] * right))
    return np.asarray(samples * (gain * pan_gains(track, track["D_PAN"], 2)))


def apply(track: Track, samples: np.ndarray, rate: float) -> np.ndarray:
    """Return samples after a track's effects and fader."""
    return through_fader(track, through_fx(track, samples, rate))
