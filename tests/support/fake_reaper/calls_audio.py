"""Audio accessors. A take's: its source before effects, gains and fades; 0 is the item's start. A track's: what its items
play, after take effects, gains and fades and before the track's effects and fader; 0 is the project's start.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tests.support.fake_reaper import clock, routing, sound
from tests.support.fake_reaper.api import ApiMisuse, AudioAccessor, alive, api, pointer_to
from tests.support.fake_reaper.state import Take, Track

Call = Any
_MOST_FRAMES = 1 << 20


def _create(r: Call, target: Take | Track) -> AudioAccessor:
    accessor = AudioAccessor(target, r.script)
    accessor.load()
    r.script.accessors.append(accessor)
    return accessor


@api("CreateTakeAudioAccessor")
def create_take_audio_accessor(r: Call, take: Take) -> Any:
    """nil for an empty take; what a MIDI take gives is open (`behaviour`)."""
    has_none = take.source is None or take.source.kind == "EMPTY"
    if has_none or (take.source.kind == "MIDI" and r.ways["accessor_of_midi"] == "none"):
        return None
    return _create(r, take)


@api("CreateTrackAudioAccessor")
def create_track_audio_accessor(r: Call, track: Track) -> AudioAccessor:
    return _create(r, track)


@api("DestroyAudioAccessor")
def destroy_audio_accessor(_r: Call, accessor: AudioAccessor) -> None:
    accessor.is_open = False


@api("GetAudioAccessorStartTime")
def get_audio_accessor_start_time(_r: Call, _accessor: AudioAccessor) -> float:
    return 0.0


@api("GetAudioAccessorEndTime")
def get_audio_accessor_end_time(_r: Call, accessor: AudioAccessor) -> float:
    if isinstance(accessor.target, Take):
        return accessor.target.item["D_LENGTH"]
    return max((item.end for item in accessor.target.items), default=0.0)


@api("AudioAccessorStateChanged")
def audio_accessor_state_changed(_r: Call, accessor: AudioAccessor) -> bool:
    """Whether what is heard has changed since it was created or validated. It does not take the change over."""
    return accessor.has_changed()


@api("AudioAccessorValidateState")
def audio_accessor_validate_state(_r: Call, accessor: AudioAccessor) -> bool:
    """Takes over what has changed; whether anything had."""
    changed = accessor.has_changed()
    accessor.load()
    return changed


@api("AudioAccessorUpdate")
def audio_accessor_update(_r: Call, accessor: AudioAccessor) -> None:
    accessor.load()


@api("GetAudioAccessorSamples")
def get_audio_accessor_samples(
    r: Call, accessor: AudioAccessor, rate: int, channels: int, start_s: float, count: int, array: Any
) -> int:
    """1 audio, 0 none there, -1 the media cannot be read. What lies beyond the item, or is not there, is not written."""
    size = r.script.array_size(array)
    if size < 0:
        raise ApiMisuse("GetAudioAccessorSamples: samplebuffer has to be a reaper.array")
    if count < 1 or channels < 1 or rate < 1 or count * channels > size:
        raise ApiMisuse(f"GetAudioAccessorSamples: {count} frames of {channels} channels do not fit into {size} values")
    if count > _MOST_FRAMES:
        raise ApiMisuse(f"GetAudioAccessorSamples: {count} frames in one call")
    if not alive(r, pointer_to(r, accessor.target)):
        return -1
    r.clock.work(count * channels * clock.SAMPLE_S)
    target = accessor.target if r.ways["accessor_changed"] == "new" else accessor.seen
    first = math.floor(start_s * rate + (0.5 if r.ways["accessor_frames"] == "nearest" else 0.0))
    try:
        low, high = _there(target, rate, first, count)
        if high <= low:
            return 0
        samples = _read(r, target, rate, (first + low, high - low), channels)
    except (OSError, RuntimeError):
        return -1
    r.script.array_fill(array, np.ascontiguousarray(samples, "<f8").tobytes(), low * channels + 1, samples.size)
    return 1


def _there(target: Take | Track, rate: int, first: int, count: int) -> tuple[int, int]:
    """Return which of the frames asked for there are."""
    if isinstance(target, Take):
        return max(0, -first), min(count, round(target.item["D_LENGTH"] * rate) - first)
    here = [i for i in target.items if i["D_POSITION"] * rate < first + count and i.end * rate > first and i.active]
    return 0, count if here else 0


def _read(r: Call, target: Take | Track, rate: int, span: tuple[int, int], channels: int) -> np.ndarray:
    first, count = span
    if isinstance(target, Track):
        later = routing.play_offset(target, rate) if r.ways["accessor_offset"] == "played" else 0
        return sound.track_samples(target, rate, first - later, count, channels)
    source = target.source
    assert source is not None
    if source.is_offline and r.ways["offline_media"] == "error":
        raise OSError(source.path)
    if channels < source.channels:
        raise ApiMisuse(
            f"GetAudioAccessorSamples: {channels} of {source.channels} channels cannot be asked for; ask for all of them"
        )
    other_rate = bool(source.rate) and abs(rate / (source.rate * target["D_PLAYRATE"]) - 1) > 1e-12
    if other_rate and r.ways["accessor_rate"] == "each call" and not target.stretch:
        samples = sound.resample_block(target, rate, first, count, channels)
    else:
        samples = sound.take_samples(target, rate, first, count, channels)
    if source.channels == 1 and r.ways["accessor_wider"] == "silence":
        samples[:, 1:] = 0
    return samples
