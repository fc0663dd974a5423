"""What becomes of an output in the project: its file, name, colour, place and fades."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from acebridge.colours import TRACK_COLOURS
from acebridge.file_names import JOINERS, MAX_LETTERS, file_name
from acebridge.hosts.jobfolder.request import Part, Request
from acebridge.hosts.jobfolder.seal import make_seal
from acebridge.role_names import ROLE_NAMES
from acebridge.v1 import tasks_pb2
from acestep_runtime.tasks import TASKS

if TYPE_CHECKING:
    from pydantic import JsonValue

    from acebridge.hosts.jobfolder.documents import OutputResult

_MAX_NAME = 60


def media_name(request: Request, role: str, seed: int) -> str:
    """Return the name, without ``.wav``, of an output: what was done, its role, its seed."""
    ending = f" {file_name(role.replace('_', ' '))} {seed}"
    room = MAX_LETTERS - len("AceBridge ") - len(ending)
    title = file_name(request.title, room, 140) or file_name(request.action, room, 140)
    return " ".join(f"AceBridge {title}{ending}".split())


def reserve_file(folder: Path, name: str) -> Path:
    """Make an empty ``name.wav`` in ``folder``, or ``name (2).wav`` and so on where there is one already; return it.

    The empty file reserves the name, so two jobs at once get different ones.
    """
    number = 1
    while True:
        path = folder / (f"{name}.wav" if number == 1 else f"{name} ({number}).wav")
        try:
            path.open("xb").close()
        except FileExistsError:
            number += 1
        else:
            return path


def file_state(file: Path) -> list[int]:
    """Return what tells a file as it was written from one that was edited since: its size, and when it changed (ns).

    Raises ``OSError`` when it is gone.
    """
    stat = file.stat()
    return [stat.st_size, stat.st_mtime_ns]


def one_line(text: str, longest: int = _MAX_NAME) -> str:
    """Return text in one line and cut to ``longest`` letters."""
    line = " ".join(text.split())
    line = "".join(c for c in line if c.isprintable() or c in JOINERS)
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def track_name(request: Request, part: Part, role: str, metadata: Mapping[str, JsonValue]) -> str:
    """Return what a track or take with an output is called: its role, else its caption, else what was done."""
    if role in ROLE_NAMES:
        return ROLE_NAMES[role]
    music = part.fields.get("music")
    caption = music.get("caption") if isinstance(music, dict) else None
    captions = (text for text in (caption, metadata.get("caption")) if isinstance(text, str))
    return next((line for text in (*captions, part.label, request.title) if (line := one_line(text))), "AceBridge")


def describe_output(
    output: tasks_pb2.StoredOutput,
    file: Path,
    request: Request,
    part: Part,
    metadata: Mapping[str, JsonValue],
    job: Path,
) -> OutputResult:
    """Return what ``result.json`` in the folder ``job`` says about an output."""
    written = file_state(file)
    length_s = output.frames / output.sample_rate
    fade_s = min(TASKS[part.task].fade_s, length_s / 2)
    return {
        "file": str(file),
        "role": output.role,
        "name": track_name(request, part, output.role, metadata),
        "colour": TRACK_COLOURS.get(output.role, ""),
        "sample_rate": output.sample_rate,
        "channels": output.channels,
        "frames": output.frames,
        "start_frame": output.start_frame,
        "position_s": part.position_s + output.start_frame / output.sample_rate,
        "length_s": length_s,
        "fade_in_s": fade_s,
        "fade_out_s": fade_s,
        "written": written,
        "seal": make_seal(job, file, written),
        "asset_id": output.asset_id,
    }
