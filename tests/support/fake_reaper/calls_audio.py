"""Audio accessors. A take's: its source before effects, gains and fades; 0 is the item's start. A track's: what its items
play, after take effects, gains and fades and before the track's effects and fader; 0 is the project's start.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.support.fake_reaper import clock, sound
from tests.support.fake_reaper.api import ApiMisuse, AudioAccessor, alive, api, pointer_to
from tests.support.fake_reaper.state import Take, Track

Call = Any
_MOST_FRAMES = 1 << 20


def _create(r: Call, target: Take | Track) -> AudioAccessor:
    accessor = AudioAccessor(target, r.script)
    accessor.sound = _sound_of(target)
    r.script.accessors.append(accessor)
    return accessor


@api("CreateTakeAudioAccessor")
def create_take_audio_accessor(r: Call, take: Take) -> Any:
    if take.source is None or take.source.kind in {"MIDI", "EMPTY"}:
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
    """Whether what it reads sounds different from when it was made."""
    return _sound_of(accessor.target) != accessor.sound


def _sound_of(target: Take | Track) -> Any:
    """What decides how a take or a track sounds to an accessor, as data that compares."""
    if isinstance(target, Take):
        path = target.source.path if target.source else ""
        return target.item["D_LENGTH"], dict(target.values), path, list(target.stretch)
    return [
        (item["D_POSITION"], item["D_VOL"], item["B_MUTE"], item["I_CURTAKE"], _sound_of(item.active))
        for item in target.items
        if item.active
    ]


@api("AudioAccessorValidateState")
def audio_accessor_validate_state(_r: Call, _accessor: AudioAccessor) -> bool:
    return False


@api("GetAudioAccessorSamples")
def get_audio_accessor_samples(
    r: Call, accessor: AudioAccessor, rate: int, channels: int, start_s: float, count: int, array: Any
) -> int:
    """1 audio, 0 none there (the array is zeroed), -1 the media cannot be read."""
    size = r.script.array_size(array)
    if size < 0:
        raise ApiMisuse("GetAudioAccessorSamples: samplebuffer has to be a reaper.array")
    if count < 1 or channels < 1 or rate < 1 or count * channels > size:
        raise ApiMisuse(f"GetAudioAccessorSamples: {count} frames of {channels} channels do not fit into {size} values")
    if count > _MOST_FRAMES:
        raise ApiMisuse(f"GetAudioAccessorSamples: {count} frames in one call")
    target = accessor.target
    if not alive(r, pointer_to(r, target)):
        return -1
    r.clock.work(count * channels * clock.SAMPLE_S)
    first = round(start_s * rate)
    try:
        if isinstance(target, Take):
            samples = sound.take_samples(target, rate, first, count, channels)
            here = first + count >= 0 and first < round(target.item["D_LENGTH"] * rate)
        else:
            samples = sound.track_samples(target, rate, first, count, channels)
            here = any(
                i["D_POSITION"] * rate < first + count and i.end * rate > first and i.active for i in target.items
            )
    except (OSError, RuntimeError):
        return -1
    r.script.array_fill(array, np.ascontiguousarray(samples, "<f8").tobytes(), count * channels)
    return int(here)
