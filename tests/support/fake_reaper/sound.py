"""What is heard: media files, takes, tracks and the mix, as arrays ``[N, C]`` of float64 from first principles.

Everything lies on the sample grid: an item at ``t`` seconds begins with frame ``round(t * rate)``. A source at the rate
asked for, played straight, gives its own samples, bit for bit; any other goes through soxr as a whole. Stretch markers are
played as straight lines between them; a take's pitch is not played. A mono source is heard on both channels; one channel of
a wider source is its first one.
Fade shapes other than the straight line are assumptions, as are the curves of sends and of pan envelopes.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from tests.support.fake_reaper.state import Fx, Item, Source, Take, Track

_KINDS = {"WAV": "WAVE", "WAVEX": "WAVE", "RF64": "WAVE", "W64": "WAVE", "FLAC": "FLAC", "AIFF": "AIFF", "MP3": "MP3"}


_VIDEOS = (".mp4", ".mov", ".mkv")


def section(parent: Source, first: int, frames: int, is_reversed: bool = False) -> Source:
    """Return a section of a source, as "Reverse active take" and "Loop section of item source" make one."""
    return Source(
        "", "SECTION", parent.rate, parent.channels, frames, parent=parent, first=first, is_reversed=is_reversed
    )


def project_source(project: Any, path: str) -> Source:
    """Return the source that a project is in another one."""
    frames = round(project.length * project.rate)
    return Source(path, "RPP_PROJECT", project.rate, 2, frames, project=project)


def open_source(file: str | Path) -> Source | None:
    """Return the source of a media file, or None for what is no media file."""
    path = str(file)
    if path.lower().endswith((".mid", ".midi")) and Path(path).is_file():
        return Source(path, "MIDI")
    if path.lower().endswith(_VIDEOS):
        beside = open_source(Path(path).with_suffix(".wav"))
        return replace(beside, path=path, kind="VIDEO") if beside and Path(path).is_file() else None
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


def _inner_samples(source: Source) -> np.ndarray:
    if source.parent is None:
        return np.asarray(source.project.render(), float)
    part = source_samples(source.parent)[source.first : source.first + source.frames]
    return part[::-1] if source.is_reversed else part


def source_samples(source: Source, ratio: float = 1.0) -> np.ndarray:
    """Return a source's samples ``[N, C]``, with ``ratio`` times as many frames."""
    if source.kind in {"MIDI", "EMPTY"} or source.is_offline:
        return np.zeros((0, 2))
    if source.parent is not None or source.project is not None:
        samples = _inner_samples(source)
        return samples if abs(ratio - 1.0) < 1e-12 else np.asarray(soxr.resample(samples, 1.0, ratio))
    if source.kind == "VIDEO":
        source = replace(source, kind="WAVE", path=str(Path(source.path).with_suffix(".wav")))
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
    if take.stretch:
        return _stretch_samples(take, rate, first, count, channels)
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


#: How many frames of the source a resampler hears that begins again: its filter does not reach further.
_REACH = 16


def resample_block(take: Take, rate: float, first: int, count: int, channels: int) -> np.ndarray:
    """As `take_samples`, from another rate, by a resampler that knows nothing of what was read before or comes after."""
    assert take.source is not None
    step = take.source.rate * take["D_PLAYRATE"] / rate  # frames of the source for each that is asked for
    begin = take["D_STARTOFFS"] * take.source.rate + first * step
    nearest = [int(begin) - _REACH - more for more in range(256)]  # where its own frames lie on those asked for
    low = max(0, min(nearest, key=lambda at: abs((begin - at) / step - round((begin - at) / step))))
    samples = channels_of(_channel_mode(source_samples(take.source), int(take["I_CHANMODE"])), channels)
    part = samples[low : int(begin + count * step) + _REACH]
    inside = np.asarray(soxr.resample(part, 1.0, 1 / step)) if len(part) else part
    out = np.zeros((count, channels))
    start = round((begin - low) / step)
    there = inside[start : start + count]
    out[: len(there)] = there
    return out


def source_times(take: Take, seconds: np.ndarray) -> np.ndarray:
    """Return which second of its source a take with stretch markers plays at seconds from its item's start.

    A marker ties a place in the item to one in the source. Before the first and after the last the take's own rate goes.
    """
    play_rate = take["D_PLAYRATE"]
    at, source = (np.array(values) for values in zip(*sorted(take.stretch), strict=True))
    found = np.interp(seconds, at / play_rate, source)
    found = np.where(seconds < at[0] / play_rate, source[0] - (at[0] - seconds * play_rate), found)
    return np.where(seconds > at[-1] / play_rate, source[-1] + (seconds * play_rate - at[-1]), found)


def _stretch_samples(take: Take, rate: float, first: int, count: int, channels: int) -> np.ndarray:
    assert take.source is not None
    samples = channels_of(_channel_mode(source_samples(take.source), int(take["I_CHANMODE"])), channels)
    length = round(take.item.end * rate) - round(take.item["D_POSITION"] * rate)
    at = np.arange(first, first + count)
    places = source_times(take, at / rate) * take.source.rate
    inside = (at >= 0) & (at < length) & (places >= 0) & (places <= len(samples) - 1)
    out = np.zeros((count, channels))
    for channel in range(channels):
        out[inside, channel] = np.interp(places[inside], np.arange(len(samples)), samples[:, channel])
    return out


def _envelope_gains(take: Take, rate: float, first: int, count: int, channels: int) -> np.ndarray:
    """Return what a take's envelopes do ``[count, channels]``: their times count from the item's start."""
    gains = np.ones((count, channels))
    seconds = np.arange(first, first + count) / rate * take["D_PLAYRATE"]
    for envelope in take.envelopes:
        kind = envelope.kind
        if kind == "VOLENV":
            gains *= envelope.value_at(seconds, 1.0)[:, None]
        elif kind == "MUTEENV":
            gains *= (envelope.value_at(seconds, 1.0) >= 0.5)[:, None]
        elif kind == "PANENV" and channels >= 2:
            pan = envelope.value_at(seconds, 0.0)
            gains[:, :2] *= np.stack([np.minimum(1.0, 1 - pan), np.minimum(1.0, 1 + pan)], axis=1)
    return gains


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


def pan_gains(thing: Track | Take, pan: float, channels: int) -> np.ndarray:
    """Return the gain of each channel that a pan of a track or take comes to.

    In the middle it is the pan law (its own, or that of its project), at a side all of one channel. The curve between is
    open (`behaviour`): "sine" is as it was measured at plain settings (its ratio of the channels to the digit, its level to
    half a decibel), "linear" a straight line.
    """
    project = (thing.item.track if isinstance(thing, Take) else thing).project
    law = thing["D_PANLAW"]
    if law < 0:
        follows = project.ways["take_pan_law"] == "project" if isinstance(thing, Take) else not thing.is_master
        law = project.pan_law if follows else 1.0
    if channels < 2:
        return np.ones(channels)
    gains = np.ones(channels)
    if project.ways["pan_curve"] == "linear":
        gains[:2] = (law + (1 - law) * abs(pan)) * balance(pan, 2)
    else:
        level = 1 + (law * np.sqrt(2) - 1) * (1 - pan**2)
        angle = (1 + pan) * np.pi / 4
        gains[:2] = np.round([level * np.cos(angle), level * np.sin(angle)], 12)  # so that the middle is the law itself
    return gains


def balance(pan: float, channels: int) -> np.ndarray:
    """Return the gain of each channel, by a straight line."""
    gains = np.ones(channels)
    if channels >= 2:
        gains[0], gains[1] = min(1.0, 1 - pan), min(1.0, 1 + pan)
    return gains


def _take_fx(take: Take, fx: Fx, whole: np.ndarray, rate: float) -> np.ndarray:
    envelope = next((each for each in take.envelopes if each.fx is fx and each.parameter == 0 and each.is_active), None)
    if envelope is None or fx.control is None:
        return np.asarray(fx.process(whole, rate))
    seconds = np.arange(len(whole)) / rate * take["D_PLAYRATE"]
    return np.asarray(fx.control(whole, envelope.value_at(seconds, 0.0)[:, None]))


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
            whole = _take_fx(take, fx, whole, rate) if fx.enabled else whole
        low, high = max(first, begin), min(first + count, end)
        out[low - first : high - first] = whole[low - begin : high - begin]
    else:
        out = take_samples(take, rate, first - begin, count, channels)
    if not take.source or not take.source.rate:
        return out
    gain = item["D_VOL"] * take["D_VOL"] * pan_gains(take, take["D_PAN"], channels)
    out = out * gain * fade_gains(item, rate, first - begin, count)
    return out * _envelope_gains(take, rate, first - begin, count, channels) if take.envelopes else out


def track_samples(track: Track, rate: float, first: int, count: int, channels: int) -> np.ndarray:
    """Return what a track's items play between project frames, before its effects and its fader."""
    out = np.zeros((count, channels))
    for item in track.items:
        out += item_samples(item, rate, first, count, channels)
    return out
