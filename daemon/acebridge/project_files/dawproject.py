"""DAWproject files: a ZIP of ``project.xml``, ``metadata.xml`` and the audio. Bitwig, Studio One and Cubase open them.

Times are seconds as the shortest decimals that read back as the same number, which names one frame at any rate in use.
Takes that do not play are lanes of their own below the one that plays, with clips that are off.

Source: the schemas Project.xsd and MetaData.xsd of DAWproject 1.0.
"""

from __future__ import annotations

import itertools
import os
import re
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import BinaryIO

from acebridge.project_files.arrangement import Arrangement, Item, Marker, Take, Track, list_files
from acebridge.project_files.names import media_name
from acebridge.version import VERSION
from acestep_runtime.audio.decode import MediaInfo
from acestep_runtime.errors import UnreadableAudio, printable
from acestep_runtime.units import frames_to_seconds

_PROJECT, _METADATA, _AUDIO = "project.xml", "metadata.xml", "audio"
#: Dates are the same in every file, so that equal arrangements give equal files: the first date that a ZIP can hold.
_DATE = (1980, 1, 1, 0, 0, 0)
_SLOWEST_BPM, _FASTEST_BPM = 20, 666
_BLOCK_BYTES = 1 << 20
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_dawproject(
    arrangement: Arrangement, path: Path, sources: Mapping[str, Path], media: Mapping[str, MediaInfo]
) -> None:
    """Write an arrangement with its audio to ``path``.

    ``sources`` are the files behind the names in the arrangement, ``media`` what is known of them. Raises ``OSError``.
    """
    names = _names({file: sources[file].name for file in list_files(arrangement)})
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in (
            (_PROJECT, _xml(_Project(arrangement, names, media).root)),
            (_METADATA, _xml(_metadata(arrangement))),
        ):
            archive.writestr(zipfile.ZipInfo(name, _DATE), data, zipfile.ZIP_DEFLATED)
        for file, inside in names.items():
            entry = zipfile.ZipInfo(inside, _DATE)
            with _open(sources[file]) as audio:
                entry.file_size = os.fstat(audio.fileno()).st_size  # a file above 2 GiB needs the longer header
                with archive.open(entry, "w") as stored:
                    while data := audio.read(_BLOCK_BYTES):
                        stored.write(data)


def _open(source: Path) -> BinaryIO:
    """Open a file that was there when it was measured; that it went away since is no fault of the folder that is written."""
    try:
        return source.open("rb")
    except OSError as error:
        shown = printable(source.name)
        raise UnreadableAudio("file", shown, "a file that stays while the project is written",
                              message=f"{shown} cannot be opened any more ({error.strerror or error}).",
                              remedy="Put it back, and write the project again.") from error  # fmt: skip


def _names(files: Mapping[str, str]) -> dict[str, str]:
    """Return a name in the ZIP for each file, as every system can have it; no two alike, also where case does not count."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for file, own in files.items():
        path = PurePath(media_name(own))
        tries = (path.name if number == 1 else f"{path.stem} ({number}){path.suffix}" for number in itertools.count(1))
        name = next(name for name in tries if name.casefold() not in taken)
        taken.add(name.casefold())
        names[file] = f"{_AUDIO}/{name}"
    return names


def _xml(root: ET.Element) -> bytes:
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'.encode()


def _text(value: str) -> str:
    """Return text without the characters that XML cannot hold."""
    return _NOT_XML.sub("", value)


def _metadata(arrangement: Arrangement) -> ET.Element:
    root = ET.Element("MetaData")
    ET.SubElement(root, "Title").text = _text(arrangement.title)
    return root


class _Project:
    """The tree of ``project.xml`` while it is built: elements refer to each other by ids that are counted up."""

    def __init__(self, arrangement: Arrangement, names: Mapping[str, str], media: Mapping[str, MediaInfo]) -> None:
        self._rate_hz, self._names, self._media = arrangement.rate_hz, names, media
        self._ids = (f"id{number}" for number in itertools.count())
        self.root = ET.Element("Project", version="1.0")
        ET.SubElement(self.root, "Application", name="AceBridge", version=VERSION)
        self._add_transport(arrangement)
        structure = ET.SubElement(self.root, "Structure")
        timeline = ET.SubElement(self.root, "Arrangement", id=self._id())
        lanes = ET.SubElement(timeline, "Lanes", timeUnit="seconds", id=self._id())
        self._master = self._id()
        for track in arrangement.tracks:
            self._add_track(structure, lanes, track, self._master)
        self._add_master(structure)
        if arrangement.markers:
            markers = ET.SubElement(timeline, "Markers", timeUnit="seconds", id=self._id())
            for marker in sorted(arrangement.markers, key=lambda marker: marker.start):
                self._add_marker(markers, marker)
        ET.SubElement(self.root, "Scenes")

    def _id(self) -> str:
        return next(self._ids)

    def _seconds(self, frames: int) -> str:
        return repr(frames_to_seconds(frames, self._rate_hz))

    def _add_transport(self, arrangement: Arrangement) -> None:
        transport = ET.SubElement(self.root, "Transport")
        ET.SubElement(transport, "Tempo", unit="bpm", value=repr(float(arrangement.bpm)), min=repr(float(_SLOWEST_BPM)),
                      max=repr(float(_FASTEST_BPM)), id=self._id(), name="Tempo")  # fmt: skip
        ET.SubElement(transport, "TimeSignature", numerator=str(arrangement.beats_per_bar),
                      denominator=str(arrangement.beat_unit), id=self._id())  # fmt: skip

    def _add_track(self, structure: ET.Element, lanes: ET.Element, track: Track, destination: str) -> None:
        identity, channel = self._id(), self._id()
        content = "tracks" if track.children else "audio"
        element = ET.SubElement(
            structure, "Track", contentType=content, loaded="true", id=identity, name=_text(track.name)
        )
        if track.colour:
            element.set("color", track.colour)
        role = "submix" if track.children else "regular"
        self._add_channel(element, channel, role, destination, muted=track.muted)
        if track.items:
            self._add_items(lanes, identity, track.items)
        for child in track.children:
            self._add_track(element, lanes, child, channel)

    def _add_items(self, lanes: ET.Element, track: str, items: Sequence[Item]) -> None:
        own = ET.SubElement(lanes, "Lanes", track=track, id=self._id())
        for number in range(1 + max(len(item.others) for item in items)):
            clips = ET.SubElement(own, "Clips", id=self._id())
            for item in items:
                if number == 0:
                    played = Take(item.name, item.file, item.frames, item.offset)
                    self._add_clip(clips, item, played, plays=not item.muted)
                elif number <= len(item.others):
                    self._add_clip(clips, item, item.others[number - 1], plays=False)

    def _add_channel(
        self, track: ET.Element, identity: str, role: str, destination: str, *, muted: bool = False
    ) -> None:
        channel = ET.SubElement(track, "Channel", audioChannels="2", role=role, solo="false", id=identity)
        if destination:
            channel.set("destination", destination)
        ET.SubElement(channel, "Mute", value=str(muted).lower(), id=self._id(), name="Mute")
        ET.SubElement(channel, "Pan", unit="normalized", value="0.5", min="0.0", max="1.0", id=self._id(), name="Pan")
        ET.SubElement(channel, "Volume", unit="linear", value="1.0", min="0.0", max="2.0", id=self._id(), name="Volume")

    def _add_master(self, structure: ET.Element) -> None:
        track = ET.SubElement(
            structure, "Track", contentType="audio notes", loaded="true", id=self._id(), name="Master"
        )
        self._add_channel(track, self._master, "master", "")

    def _add_clip(self, clips: ET.Element, item: Item, take: Take, *, plays: bool) -> None:
        info = self._media[take.file]
        clip = ET.SubElement(
            clips, "Clip",
            time=self._seconds(item.start), duration=self._seconds(take.frames), contentTimeUnit="seconds",
            playStart=self._seconds(take.offset), fadeTimeUnit="seconds", fadeInTime="0.0", fadeOutTime="0.0",
            name=_text(take.name),
        )  # fmt: skip
        if not plays:
            clip.set("enable", "false")
        audio = ET.SubElement(
            clip, "Audio", algorithm="raw", channels=str(info.channels), sampleRate=str(info.sample_rate),
            duration=repr(frames_to_seconds(info.frames, info.sample_rate)), id=self._id(),
        )  # fmt: skip
        ET.SubElement(audio, "File", path=self._names[take.file])

    def _add_marker(self, markers: ET.Element, marker: Marker) -> None:
        element = ET.SubElement(markers, "Marker", time=self._seconds(marker.start), name=_text(marker.name))
        if marker.colour:
            element.set("color", marker.colour)
