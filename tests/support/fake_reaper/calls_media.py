"""PCM sources: opening media, what is known of them, peaks. A source belongs to a take, or to the script until then."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from tests.support.fake_reaper.api import ApiMisuse, api
from tests.support.fake_reaper.sound import open_source
from tests.support.fake_reaper.state import Source, Take

Call = Any


@api("PCM_Source_CreateFromFile")
def pcm_source_create_from_file(r: Call, file: str) -> Any:
    """nil for what is no media file. Relative paths are refused: REAPER's working folder is anywhere."""
    path = r.files.real_text(file)
    if not Path(path).is_absolute():
        raise ApiMisuse(f"PCM_Source_CreateFromFile: {file!r} is no absolute path")
    return open_source(path)


@api("PCM_Source_CreateFromFileEx")
def pcm_source_create_from_file_ex(r: Call, file: str, _no_midi: bool) -> Any:
    return pcm_source_create_from_file(r, file)


@api("PCM_Source_Destroy")
def pcm_source_destroy(r: Call, source: Source) -> None:
    for project in r.projects:
        if any(take.source is source for item in project.items() for take in item.takes):
            raise ApiMisuse("PCM_Source_Destroy: a take still plays this source")
    r.destroyed.append(source)


@api("SetMediaItemTake_Source")
def set_media_item_take_source(r: Call, take: Take, source: Source) -> bool:
    """A take owns its source: the same one in two takes would be freed twice."""
    for project in r.projects:
        if any(other.source is source for item in project.items() for other in item.takes):
            raise ApiMisuse("SetMediaItemTake_Source: a take plays this source already; a source belongs to one take")
    take.source = source
    return True


@api("GetMediaItemTake_Source")
def get_media_item_take_source(_r: Call, take: Take) -> Any:
    return take.source


@api("GetMediaSourceFileName")
def get_media_source_file_name(r: Call, source: Source) -> str:
    """Empty for a section, whose parent has the file."""
    return r.files.show(source.path, r.os) if source.path else ""


@api("GetMediaSourceLength")
def get_media_source_length(_r: Call, source: Source) -> tuple[float, bool]:
    is_midi = source.kind == "MIDI"
    return source.quarters if is_midi else source.length, is_midi


@api("GetMediaSourceNumChannels")
def get_media_source_num_channels(_r: Call, source: Source) -> int:
    return source.channels


@api("GetMediaSourceSampleRate")
def get_media_source_sample_rate(_r: Call, source: Source) -> int:
    return 0 if source.is_offline else source.rate


@api("GetMediaSourceType")
def get_media_source_type(_r: Call, source: Source) -> str:
    return source.kind


@api("GetMediaSourceParent")
def get_media_source_parent(_r: Call, source: Source) -> Any:
    return source.parent


@api("PCM_Source_GetSectionInfo")
def pcm_source_get_section_info(_r: Call, source: Source) -> tuple[bool, float, float, bool]:
    """Where a section begins in its parent, its length in seconds, and whether it plays backwards."""
    if source.parent is None:
        return False, 0.0, 0.0, False
    return True, source.first / source.rate, source.length, source.is_reversed


@api("PCM_Source_BuildPeaks")
def pcm_source_build_peaks(_r: Call, source: Source, mode: int) -> int:
    """0 begins (0: nothing to do), 1 goes on (the rest in percent), 2 ends."""
    if mode == 0:
        return 0 if source.peaks else 1
    source.peaks = True
    return 0


@api("GetAudioAccessorHash")
def get_audio_accessor_hash(_r: Call, accessor: Any, _buffer: str) -> str:
    return hashlib.sha1(repr(id(accessor.target)).encode()).hexdigest()
