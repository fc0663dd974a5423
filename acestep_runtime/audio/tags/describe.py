"""What a file is and says, as values of JSON: its format and length, its place in time, markers, loops and names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from acestep_runtime.audio import decode
from acestep_runtime.audio.tags.names import NAMES, names_in_wave, read_names
from acestep_runtime.audio.tags.positions import read_cues, read_labels, read_loops, time_reference
from acestep_runtime.audio.tags.riff import WaveChunks, read_chunks

if TYPE_CHECKING:
    from acestep_runtime.values import Json

_MIN_BEXT = 346
_BEXT = {"description": slice(0, 256), "originator": slice(256, 288)}


def describe_file(path: str | os.PathLike[str]) -> tuple[dict[str, Json], str]:
    """Return what a file is and says, and the text of its recipe, empty where it has none. Raises `UnreadableAudio`."""
    info = decode.measure(path, field="file", any_channels=True)
    with Path(path).open("rb") as file:
        chunks = read_chunks(file)
        names = names_in_wave(chunks)
        if chunks == WaveChunks():
            names = read_names(file)
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
    return {**facts, **_positions(chunks, info.sample_rate), **_tags(names)}, recipe


def _tags(names: dict[str, str]) -> dict[str, Json]:
    return {"tags": {name: names[name] for name in NAMES if names.get(name)}} if names else {}


def _positions(found: WaveChunks, rate_hz: int) -> dict[str, Json]:
    by_name = {chunk.name: chunk.body for chunk in reversed(found.chunks)}
    facts: dict[str, Json] = {}
    bext = by_name.get(b"bext", b"")
    if len(bext) >= _MIN_BEXT:
        texts = {name: bext[place].split(b"\0")[0].decode("utf-8", "replace") for name, place in _BEXT.items()}
        reference = time_reference(bext)
        facts["broadcast"] = {
            **{name: text for name, text in texts.items() if text},
            "time_reference": reference,
            "time_reference_s": reference / rate_hz,
        }
    labels = read_labels(found.chunks)
    cues = sorted(read_cues(by_name.get(b"cue ", b"")).items(), key=lambda cue: cue[1])
    if cues:
        facts["markers"] = [
            {"frame": frame, "time_s": frame / rate_hz, **({"label": labels[cue]} if cue in labels else {})}
            for cue, frame in cues
        ]
    if loops := read_loops(by_name.get(b"smpl", b"")):
        facts["loops"] = [
            {"first_frame": first, "last_frame": last, "start_s": first / rate_hz, "end_s": (last + 1) / rate_hz}
            for first, last in loops
        ]
    if found.chunks:
        facts["chunks"] = [chunk.name.decode("ascii").strip() for chunk in found.chunks]
    return facts
