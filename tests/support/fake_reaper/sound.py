"""What is heard: media files, takes, tracks and the mix, as arrays ``[N, C]`` of float64 from first principles.

Everything lies on the sample grid: an item at ``t`` seconds begins with frame ``round(t * rate)``. A source at the rate
asked for, played straight, gives its own samples, bit for bit; any other goes through soxr as a whole. Pitch and stretch
markers are not played. A mono source is heard on both channels; one channel of a wider source is its first one.
Fade shapes other than the straight line are assumptions, as is pan by balance.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from tests.support.fake_reaper.state import Item, Source, Take, Track

_KINDS = {"WAV": "WAVE", "WAVEX": "WAVE", "RF64": "WAVE", "W64": "WAVE", "FLAC": "FLAC", "AIFF": "AIFF", "MP3": "MP3"}


def open_source(file: str | Path) -> Source | None:
    """Return the source of a media file, or None for what is no media file."""
    path = str(file)
    if path.lower().endswith((".mid", ".midi")) and Path(path).is_file():
        return Source(path, "MIDI")
    try:
        info = soundfile.info(path)
    except (soundfile.LibsndfileError, OSError):
        return None
    kind = "VORBIS" if info.format == "OGG" else _KINDS.get(info.format, info.format)
    return Source(path, kind, info.samplerate, info.channels, info.frames)


@functools.lru_cache(maxsize=16)
def _read(path: str, _modified: float) -> np.ndarray:
    return soundfile.read(path, dtype="float64", always_2d=True)[0]


@functools.lru_cache(maxsize=16)
def _resample(path: str, modified: float, ratio: float) -> np.ndarray:
    return np.asarray(soxr.resample(_read(path, modified), 1.0, ratio))


def source_samples(source: Source, ratio: float = 1.0) -> np.ndarray:
    """Return a source's samples ``[N, C]``, with ``ratio`` times as many frames."""
    if source.kind in {"MIDI", "EMPTY"}:
        return np.zeros((0, 2))
    modified = Path(source.path).stat().st_mtime
    if abs(ratio - 1.0) < 1e-12:
        return _read(source.path, modified)
    return _resample(source.path, modified, ratio)


def channels_of(samples: np.ndarray, count: int) -> np.ndarray:
    """Return samples with ``count`` channels."""
    have = samples.shape[1]
    if have == count:
        return samples
    if have == 1:
        return np.repeat(samples, count, axis=1)
    if have > count:
        return samples[:, :count]
    return np.hstack([samples, np.zeros((len(samples), count - have))])


def _channel_mode(samples: np.ndarray, mode: int) -> np.ndarray:
    if samples.shape[1] < 2 or mode == 0:
        return samples
    if mode == 1:
        return samples[:, [1, 0]]
    if mode == 2:
        return samples[:, :2].mean(axis=1, keepdims=True)
    if mode in (3, 4):
        return samples[:, mode - 3 : mode - 2]
    raise NotImplementedError(f"I_CHANMODE {mode}")


def take_samples(take: Take, rate: float, first: int, count: int, channels: int) -> np.ndarray:
    """Return ``count`` frames of a take from its item's frame ``first`` on: no gain, no fade, no effect."""
    out = np.zeros((count, channels))
    source, item = take.source, take.item
    if source is None or not source.rate:
        return out
    play_rate = take["D_PLAYRATE"]
    ratio = rate / (source.rate * play_rate)
    samples = _channel_mode(source_samples(source, ratio), int(take["I_CHANMODE"]))
    begin = round(item["D_POSITION"] * rate)
    length = round(item.end * rate) - begin
    at = np.arange(max(first, 0), min(first + count, length))
    if not len(at) or not len(samples):
        return out
    place = at + round(take["D_STARTOFFS"] / play_rate * rate)
    if item["B_LOOPSRC"]:
        received = np.ones(len(place), bool)
        place = place % len(samples)
    else:
        received = (place >= 0) & (place < len(samples))
    out[(at - first)[received]] = channels_of(samples[place[received]], channels)
    return out


_SHAPES: dict[int, Any] = {
    0: lambda x: x,
    1: lambda x: 1 - (1 - x) ** 2,
    2: lambda x: x**2,
    3: lambda x: 1 - (1 - x) ** 4,
    4: lambda x: x**4,
    5: lambda x: x * x * (3 - 2 * x),
    6: lambda x: x**3 * (10 - 15 * x + 6 * x * x),
}


def fade_gains(item: Item, rate: float, first: int, count: int) -> np.ndarray:
    """Return the gain ``[count, 1]`` of the item's fades from its frame ``first`` on. An automatic fade goes first."""
    total = round(item.end * rate) - round(item["D_POSITION"] * rate)
    at = np.arange(first, first + count, dtype=float)
    gains = np.ones(count)
    for side, distance in (("IN", at), ("OUT", total - 1 - at)):
        auto = item[f"D_FADE{side}LEN_AUTO"]
        length = (auto if auto >= 0 else item[f"D_FADE{side}LEN"]) * rate
        if length >= 1:
            gains *= _SHAPES[int(item[f"C_FADE{side}SHAPE"])](np.clip(distance / length, 0, 1))
    return gains[:, None]


def balance(pan: float, channels: int) -> np.ndarray:
    """Return the gain of each channel."""
    gains = np.ones(channels)
    if channels >= 2:
        gains[0], gains[1] = min(1.0, 1 - pan), min(1.0, 1 + pan)
    return gains


def item_samples(item: Item, rate: float, first: int, count: int, channels: int) -> np.ndarray:
    """Return what an item plays between project frames: its active take with effects, gains and fades."""
    out = np.zeros((count, channels))
    take = item.active
    if take is None or item["B_MUTE"] or not item.track.plays(item):
        return out
    begin, end = round(item["D_POSITION"] * rate), round(item.end * rate)
    if first >= end or first + count <= begin:
        return out
    if take.fx:  # effects have a memory: they hear the take from its start
        whole = take_samples(take, rate, 0, end - begin, channels)
        for fx in take.fx:
            whole = fx.process(whole, rate) if fx.enabled else whole
        low, high = max(first, begin), min(first + count, end)
        out[low - first : high - first] = whole[low - begin : high - begin]
    else:
        out = take_samples(take, rate, first - begin, count, channels)
    if not take.source or not take.source.rate:
        return out
    gain = item["D_VOL"] * take["D_VOL"] * balance(take["D_PAN"], channels)
    return out * gain * fade_gains(item, rate, first - begin, count)


def track_samples(track: Track, rate: float, first: int, count: int, channels: int) -> np.ndarray:
    """Return what a track's items play between project frames, before its effects and its fader."""
    out = np.zeros((count, channels))
    for item in track.items:
        out += item_samples(item, rate, first, count, channels)
    return out


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


def _audible(tracks: list[Track], above: list[int], only: set[Track] | None) -> list[bool]:
    """Return which tracks' own items are heard: solo goes with the folder, both ways."""
    soloed = only if only is not None else {track for track in tracks if track["I_SOLO"]}
    if not soloed:
        return [True] * len(tracks)
    received = []
    for index in range(len(tracks)):
        here, found = index, False
        while here >= 0:
            found |= tracks[here] in soloed
            here = above[here]
        received.append(found)
    return received


def mix(
    tracks: list[Track], master: Track, rate: float, first: int, count: int, only: set[Track] | None = None
) -> np.ndarray:
    """Return the stereo mix ``[count, 2]``, with effects and faders; ``only`` solos tracks."""
    return apply(master, sum_of(tracks, rate, first, count, only), rate)


def sum_of(tracks: list[Track], rate: float, first: int, count: int, only: set[Track] | None = None) -> np.ndarray:
    """Return the sum that goes into the master."""
    above = parents(tracks)
    received = _audible(tracks, above, only)
    inputs = [
        track_samples(track, rate, first, count, 2) if received[i] else np.zeros((count, 2))
        for i, track in enumerate(tracks)
    ]
    total = np.zeros((count, 2))
    for index in reversed(range(len(tracks))):  # children come after their folder
        track = tracks[index]
        out = apply(track, inputs[index], rate)
        if not track["B_MAINSEND"]:
            continue
        if above[index] >= 0:
            inputs[above[index]] = inputs[above[index]] + out
        else:
            total += out
    return total


def stem(track: Track, tracks: list[Track], rate: float, first: int, count: int) -> np.ndarray:
    """Return one track with all in its folder, after its effects and fader, before those above it."""
    start = tracks.index(track)
    above = parents(tracks)
    below = {start}
    for index in range(start + 1, len(tracks)):
        if above[index] in below:
            below.add(index)
    return sum_of([tracks[i] for i in sorted(below)], rate, first, count)


def apply(track: Track, samples: np.ndarray, rate: float) -> np.ndarray:
    """Return samples after a track's effects, fader, pan and mute."""
    if track["B_MUTE"]:
        return np.zeros_like(samples)
    if track["I_FXEN"]:
        for fx in track.fx:
            samples = fx.process(samples, rate) if fx.enabled else samples
    return samples * (track["D_VOL"] * balance(track["D_PAN"], 2))
