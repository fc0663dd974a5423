"""What a file is and says, as values of JSON: its format and length, its place in time, markers, loops and names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from acestep_runtime.audio import decode
from acestep_runtime.audio.tags.marks import Marks, marks_in_comments, marks_in_wave
from acestep_runtime.audio.tags.names import NAMES, names_in_wave, read_tags
from acestep_runtime.audio.tags.positions import read_loops
from acestep_runtime.audio.tags.riff import WaveChunks, read_chunks
from acestep_runtime.units import seconds_to_frames

if TYPE_CHECKING:
    from acestep_runtime.values import Json


def describe_file(path: str | os.PathLike[str]) -> tuple[dict[str, Json], str]:
    """Return what a file is and says, and the text of its recipe, empty where it has none. Raises `UnreadableAudio`."""
    info = decode.measure(path, field="file", any_channels=True)
    with Path(path).open("rb") as file:
        chunks = read_chunks(file)
        names, marks = names_in_wave(chunks), marks_in_wave(chunks, info.sample_rate)
        if chunks == WaveChunks():
            tags = read_tags(file)
            names, marks = tags.names, marks_in_comments(tags.others)
    recipe = names.pop("recipe", "")
    facts: dict[str, Json] = {
        "file": os.fspath(path),
        "format": info.format,
        "sample_rate": info.sample_rate,
        "channels": info.channels,
        "frames": info.frames,
        "duration_s": info.duration_s,
    }
    if info.subtype:
        facts["encoding"] = info.subtype
    if info.header_duration_s is not None:
        facts["promised_duration_s"] = info.header_duration_s
    if info.faults:
        facts["faults"] = list(info.faults)
    return {**facts, **_positions(chunks, marks, info.sample_rate), **_tags(names)}, recipe


def _tags(names: dict[str, str]) -> dict[str, Json]:
    return {"tags": {name: names[name] for name in NAMES if names.get(name)}} if names else {}


def _positions(found: WaveChunks, marks: Marks, rate_hz: int) -> dict[str, Json]:
    facts: dict[str, Json] = {}
    if marks.reference is not None:
        texts = {"description": marks.description, "originator": marks.originator}
        facts["broadcast"] = {
            **{name: text for name, text in texts.items() if text},
            "time_reference": marks.reference,
            "time_reference_s": marks.reference / rate_hz,
        }
    if marks.markers:
        facts["markers"] = [
            {"frame": seconds_to_frames(seconds, rate_hz), "time_s": seconds, **({"label": name} if name else {})}
            for seconds, name in marks.markers
        ]
    smpl = next((chunk.body for chunk in found.chunks if chunk.name == b"smpl"), b"")
    if loops := read_loops(smpl):
        facts["loops"] = [
            {"first_frame": first, "last_frame": last, "start_s": first / rate_hz, "end_s": (last + 1) / rate_hz}
            for first, last in loops
        ]
    if found.chunks:
        facts["chunks"] = [chunk.name.decode("ascii").strip() for chunk in found.chunks]
    return facts
