"""AAF files with embedded audio, as Pro Tools, Logic, Nuendo, Media Composer and Resolve read them: 24 bits, a mono track for
each channel, all at one rate.

The format has no mute, no folder, no take and no tempo. So what does not play is no part of the sequence: its clips are in
the file all the same, and DAWs show them in their list of clips. A track in a folder is named after both.

Source: AAF Object Specification 1.1, AAF Edit Protocol (AMWA AS-01): a composition with a timeline slot for each track, whose
sequence of fillers and source clips refers to master mobs, and these to source mobs with PCM descriptors.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import aaf2

from acebridge.atomic_files import TEMPORARY_REMEDY, unwritable
from acebridge.project_files.arrangement import Arrangement, Item, Track, list_files
from acebridge.project_files.names import plain_name
from acestep_runtime.audio import wav
from acestep_runtime.audio.decode import MediaInfo
from acestep_runtime.audio.dither import Dither
from acestep_runtime.audio.encode import Peaks
from acestep_runtime.audio.export import blocks_at
from acestep_runtime.audio.samples import Samples
from acestep_runtime.units import frames_to_frames

_ENCODING = "pcm24"
_SIDES = {1: ("",), 2: (".L", ".R")}


class _Clip(NamedTuple):
    """One channel of an item: the master mob with its audio, where it begins in that, how long it plays, and from when on."""

    mob: Any
    offset: int
    frames: int
    start: int


def write_aaf(
    arrangement: Arrangement, path: Path, sources: Mapping[str, Path], media: Mapping[str, MediaInfo]
) -> list[str]:
    """Write an arrangement with its audio to ``path``; return sentences on what the file cannot hold.

    ``sources`` are the files behind the names in the arrangement, ``media`` what is known of them. Raises ``OSError``.
    """
    notes: list[str] = []
    with aaf2.open(str(path), "w") as file:
        mobs: dict[str, list[Any]] = {}
        for name in list_files(arrangement):
            made = list(_import_audio(file, sources[name], media[name], arrangement.rate_hz))
            mobs[name] = [mob for mob, _ in made]
            notes += [sentence for _, sentence in made if sentence]
        composition = file.create.CompositionMob(arrangement.title)
        composition.usage = "Usage_TopLevel"
        file.content.mobs.append(composition)
        for title, track in _audible(arrangement.tracks):
            _add_track(file, composition, title, track.items, mobs, arrangement.rate_hz)
        _add_markers(file, composition, arrangement)
    if silent := [track.name for track in arrangement.tracks if track.muted]:
        verb = "is" if len(silent) == 1 else "are"
        notes.append(f"AAF has no mute: {', '.join(silent)} {verb} in the list of clips only.")
    return notes


def _audible(tracks: Sequence[Track], folder: str = "") -> Iterator[tuple[str, Track]]:
    """Yield each track that plays with its whole name."""
    for track in tracks:
        if not track.muted:
            title = f"{folder}{track.name}"
            if track.items:
                yield title, track
            yield from _audible(track.children, f"{title} / ")


def _import_audio(file: Any, source: Path, info: MediaInfo, rate_hz: int) -> Iterator[tuple[Any, str]]:
    """Yield a master mob for each channel of a file, with a sentence where samples were clipped."""
    frames = frames_to_frames(info.frames, info.sample_rate, rate_hz)
    for channel, side in enumerate(_SIDES[info.channels]):
        peaks = Peaks()
        blocks = (peaks.limit(block[:, channel : channel + 1]) for block in blocks_at(source, info, rate_hz))
        with tempfile.TemporaryDirectory(prefix="acebridge-") as folder:
            path = Path(folder, "channel.wav")
            _write_channel(path, blocks, frames, rate_hz)
            mob = file.create.MasterMob(f"{plain_name(source.stem)}{side}")
            file.content.mobs.append(mob)
            mob.import_audio_essence(str(path), rate_hz)
        yield mob, peaks.sentence(f"{source.name}{side}")


def _write_channel(path: Path, blocks: Iterable[Samples], frames: int, rate_hz: int) -> None:
    dither = Dither.for_encoding(_ENCODING)
    try:
        wav.write_blocks(path, map(dither.add, blocks), frames, 1, rate_hz, _ENCODING)
    except OSError as error:
        raise unwritable(path.parent.parent, error, TEMPORARY_REMEDY, called="temporary folder") from error


def _add_track(
    file: Any, composition: Any, title: str, items: Sequence[Item], mobs: Mapping[str, Sequence[Any]], rate_hz: int
) -> None:
    """Add a slot for each channel. Of items that overlap, the later one plays from its start on."""
    played = sorted((item for item in items if not item.muted and item.frames), key=lambda item: item.start)
    channels = max((len(mobs[item.file]) for item in played), default=0)
    for channel in range(channels):
        slot = composition.create_timeline_slot(rate_hz)
        slot.name = f"{title}{_SIDES[channels][channel]}"
        sequence = slot.segment = file.create.Sequence(media_kind="sound")
        at = 0
        for number, item in enumerate(played):
            until = min([item.start + item.frames, *(later.start for later in played[number + 1 :])])
            held = mobs[item.file]
            clip = _Clip(held[min(channel, len(held) - 1)], item.offset, until - item.start, item.start)
            if clip.frames <= 0:
                continue
            if clip.start > at:
                sequence.components.append(file.create.Filler("sound", clip.start - at))
            source = clip.mob.create_source_clip(
                slot_id=clip.mob.slots[0].slot_id, start=clip.offset, length=clip.frames, media_kind="sound"
            )
            sequence.components.append(source)
            at = clip.start + clip.frames
        sequence.length = at


def _add_markers(file: Any, composition: Any, arrangement: Arrangement) -> None:
    if not arrangement.markers:
        return
    slot = file.create.EventMobSlot()
    slot["EditRate"].value = arrangement.rate_hz
    slot["SlotID"].value = 1 + max((held.slot_id for held in composition.slots), default=0)
    slot.name = "Markers"
    sequence = slot.segment = file.create.Sequence(media_kind="DescriptiveMetadata")
    for marker in sorted(arrangement.markers, key=lambda marker: marker.start):
        event = file.create.DescriptiveMarker()
        event["Position"].value = marker.start
        event["Length"].value = 1 if marker.stop is None else marker.stop - marker.start
        event["Comment"].value = marker.name
        sequence.components.append(event)
    composition.slots.append(slot)
