"""What Ardour keeps of a plug-in's state: VST3 in the session file, LV2 in a file of its own beside it."""

from __future__ import annotations

import base64
import re
import struct
from pathlib import Path
from xml.etree import ElementTree

from tests.support.plugin import make_chunk, read_chunk

#: The header of a VST3 preset: its name, a version, the plug-in's identity, and where the list of its parts is.
_HEADER = struct.Struct("<4si32sq")
#: A part in that list: its name, where it begins, and its length.
_PART = struct.Struct("<4sqq")
_CHUNK = re.compile(r"(<vst3 .*?<chunk>)(.*?)(</chunk>)", re.DOTALL)
_LV2_TEXT = re.compile(r'<urn:distrho:(\w+)> (?:"""(.*?)(?<!\\)"""|"((?:[^"\\]|\\.)*)")', re.DOTALL)


def _session_file(session: Path) -> Path:
    return session / f"{session.name}.ardour"


def _lv2_file(session: Path) -> Path:
    """Return the newest state of the only LV2 plug-in."""
    match = re.search(r'<lv2 [^>]*state-dir="(\w+)"', _session_file(session).read_text("utf-8"))
    assert match
    (folder,) = (session / "plugins").iterdir()
    return folder / match[1] / "state.ttl"


def show_windows(session: Path, corners: dict[str, tuple[int, int]]) -> None:
    """Have Ardour show plug-ins' windows when it opens a session: by format, ``vst3`` or ``lv2``, where on the screen."""
    file = _session_file(session)
    text = file.read_text("utf-8")
    assert "<Extra" not in text
    windows = [
        f'<Window name="P-{route.get("id")}-{processor.get("id")}" visible="1" custom-ui="1" x-off="{x}" y-off="{y}"/>'
        for route in ElementTree.fromstring(text).iter("Route")
        for processor in route.iter("Processor")
        for kind, (x, y) in corners.items()
        if processor.get("type") == kind
    ]
    assert len(windows) == len(corners)
    extra = f"<Extra><UI>{''.join(windows)}</UI></Extra>"
    file.write_text(text.replace("</Session>", f"{extra}</Session>"), "utf-8")


def write_vst3(session: Path, texts: dict[str, str]) -> None:
    """Put these texts into the state of the only VST3 plug-in of a session that is not open."""
    file = _session_file(session)

    def replace(match: re.Match[str]) -> str:
        _, version, identity, _ = _HEADER.unpack_from(base64.b64decode(match[2]))
        chunk = make_chunk(texts)
        end = _HEADER.size + len(chunk)
        parts = b"List" + struct.pack("<i", 1) + _PART.pack(b"Comp", _HEADER.size, len(chunk))
        preset = _HEADER.pack(b"VST3", version, identity, end) + chunk + parts
        return match[1] + base64.b64encode(preset).decode() + match[3]

    text, count = _CHUNK.subn(replace, file.read_text("utf-8"))
    assert count == 1
    file.write_text(text, "utf-8")


def read_vst3(session: Path) -> dict[str, str]:
    """Return what the VST3 plug-in saved: texts and parameters by their keys."""
    match = _CHUNK.search(_session_file(session).read_text("utf-8"))
    assert match
    preset = base64.b64decode(match[2])
    (_, _, _, end) = _HEADER.unpack_from(preset)
    name, start, length = _PART.unpack_from(preset, end + 8)
    assert name == b"Comp"
    return read_chunk(preset[start : start + length])


def write_lv2(session: Path, texts: dict[str, str]) -> None:
    """Put these texts into the state of the only LV2 plug-in of a session that is not open."""
    file = _lv2_file(session)

    def replace(match: re.Match[str]) -> str:
        text = texts.get(match[1], "").replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'<urn:distrho:{match[1]}> "{text}"'

    file.write_text(_LV2_TEXT.sub(replace, file.read_text("utf-8")), "utf-8")


def read_lv2(session: Path) -> dict[str, str]:
    """Return the texts that the LV2 plug-in saved by their keys."""
    found = _LV2_TEXT.finditer(_lv2_file(session).read_text("utf-8"))
    escapes = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
    return {
        match[1]: re.sub(r"\\(.)", lambda escape: escapes[escape[1]], match[2] or match[3] or "") for match in found
    }
