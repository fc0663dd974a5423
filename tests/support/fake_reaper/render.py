"""Action 42230: renders WAV files of the project's media with effects and faders, as the render settings say.

Stems and "selected tracks via master" give one file for each selected track; without a wildcard in the pattern, several
files are numbered (-001). Other sources and bounds than those below are refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from tests.support.fake_reaper import clock, routing, sound
from tests.support.fake_reaper.api import ApiMisuse
from tests.support.fake_reaper.state import Track

MASTER, STEMS_AND_MASTER, STEMS, VIA_MASTER = 0, 1, 2, 128
CUSTOM, PROJECT, TIME_SELECTION, SELECTED_ITEMS = 0, 1, 2, 4
_ALLOWED_ZERO = (
    "RENDER_TAILFLAG", "RENDER_ADDTOPROJ", "RENDER_NORMALIZE", "RENDER_FADEIN", "RENDER_FADEOUT", "RENDER_PADSTART",
    "RENDER_PADEND", "RENDER_TRIMSTART", "RENDER_TRIMEND", "RENDER_DELAY", "RENDER_DITHER",
)  # fmt: skip
#: What a WAV setting's byte after the type says: bits.
_SUBTYPES = {16: "PCM_16", 24: "PCM_24", 32: "FLOAT"}


def bounds(project: Any) -> tuple[float, float]:
    """Return the stretch that is rendered, in seconds."""
    flag = int(project.render_values["RENDER_BOUNDSFLAG"])
    if flag == CUSTOM:
        return project.render_values["RENDER_STARTPOS"], project.render_values["RENDER_ENDPOS"]
    if flag == PROJECT:
        return 0.0, project.length
    if flag == TIME_SELECTION:
        return project.time_selection
    if flag == SELECTED_ITEMS:
        items = [item for item in project.items() if item["B_UISEL"]]
        return min(item["D_POSITION"] for item in items), max(item.end for item in items)
    raise ApiMisuse(f"RENDER_BOUNDSFLAG {flag} is not played by this fake")


def _sources(project: Any) -> list[tuple[str, Track | None]]:
    """Return what is rendered: (a name, the track), None for the master mix."""
    settings = int(project.render_values["RENDER_SETTINGS"])
    selected: list[tuple[str, Track | None]] = [(track.name, track) for track in project.tracks if track["I_SELECTED"]]
    known = {MASTER: [("", None)], STEMS: selected, STEMS_AND_MASTER: [("", None), *selected], VIA_MASTER: selected}
    if settings not in known:
        raise ApiMisuse(f"RENDER_SETTINGS {settings} is not played by this fake")
    return known[settings]  # type: ignore[return-value]


def targets(project: Any) -> list[Path]:
    """Return the files that a render would write."""
    folder = Path(project.render_strings["RENDER_FILE"] or project.media_folder)
    pattern = project.render_strings["RENDER_PATTERN"] or "untitled"
    sources = _sources(project)
    files = []
    for number, (name, _) in enumerate(sources, start=1):
        stem = pattern.replace("$track", name or "master").replace("$project", Path(project.file).stem)
        if "$" in stem:
            raise ApiMisuse(f"the wildcards of {pattern!r} are not played by this fake")
        if len(sources) > 1 and "$track" not in pattern:
            stem = f"{stem}-{number:03d}"
        files.append(folder / f"{stem}.wav")
    return files


def _subtype(project: Any) -> str:
    text = project.render_strings["RENDER_FORMAT"]
    if text in ("evaw", ""):
        return "PCM_24"
    import base64

    data = base64.b64decode(text)
    if data[:4] != b"evaw" or project.render_strings["RENDER_FORMAT2"]:
        raise ApiMisuse(f"RENDER_FORMAT {text!r} is not played by this fake (only WAV)")
    bits = data[4] if len(data) > 4 else 24
    if bits not in _SUBTYPES:
        raise ApiMisuse(f"RENDER_FORMAT {text!r}: WAV with {bits} bits")
    return _SUBTYPES[bits]


_SHORT_BY = 512
#: How a render may end, for ``Reaper.render_ends``; "done" without an order.
ENDS = ("done", "cancelled", "partly", "short", "failed")


def run(r: Any, project: Any) -> None:
    """Render, while a window of REAPER's has everything wait and nothing plays.

    ``cancelled`` writes nothing, ``partly`` stops half-way and leaves that in the file, ``short`` leaves out the last frames,
    ``failed`` ends with a message, as a full disk has it. The action returns when the render is over.
    """
    if project.playing & 4:
        raise ApiMisuse("a render while REAPER records")
    end = r.render_ends.pop(0) if r.render_ends else "done"
    if end not in ENDS:
        raise ApiMisuse(f"a render ends in one of {ENDS}, not {end!r}")
    project.playing = 0
    with r.dialog("Rendering to file"):
        _render(r, project, end)
    if end == "failed":
        with r.dialog("Render Error"):
            r.clock.wait(clock.MODAL_S)


def _render(r: Any, project: Any, ending: str) -> None:
    """What is on top of the plain audio (tails, fades, normalizing, padding) is refused rather than left out."""
    extra = {key: project.render_values[key] for key in _ALLOWED_ZERO if project.render_values[key]}
    if extra.get("RENDER_TAILFLAG"):
        applies = int(extra["RENDER_TAILFLAG"]) & (1 << int(project.render_values["RENDER_BOUNDSFLAG"]))
        if not applies or not project.render_values["RENDER_TAILMS"]:
            del extra["RENDER_TAILFLAG"]
    if extra:
        raise ApiMisuse(f"the render settings {extra} are not played by this fake")
    start, end = bounds(project)
    rate = int(project.render_values["RENDER_SRATE"]) or project.rate
    channels = int(project.render_values["RENDER_CHANNELS"])
    if end <= start or channels < 1:
        return
    first = round(start * rate)
    count = round(end * rate) - first
    subtype = _subtype(project)
    for path, (_, track) in zip(targets(project), _sources(project), strict=True):
        if track is None:
            samples = routing.mix(project.tracks, project.master, rate, first, count)
        elif int(project.render_values["RENDER_SETTINGS"]) == VIA_MASTER:
            samples = routing.mix(project.tracks, project.master, rate, first, count, only={track})
        else:
            samples = routing.stem(track, project.tracks, rate, first, count)
        if ending in ("cancelled", "failed"):
            continue
        if r.ways["play_rate"] == "yes" and project.play_rate != 1:
            samples = np.asarray(soxr.resample(samples, project.play_rate, 1.0))
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = {"partly": count // 2, "short": max(0, count - _SHORT_BY)}.get(ending, len(samples))
        soundfile.write(path, _channels(samples, channels)[:kept], rate, subtype=subtype, format="WAV")
    r.clock.wait(count / rate / 50)  # REAPER shows the progress of a render: nobody expects to edit meanwhile


def _channels(samples: np.ndarray, count: int) -> np.ndarray:
    return samples.mean(axis=1, keepdims=True) if count == 1 else sound.channels_of(samples, count)
