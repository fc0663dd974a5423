"""ID3 tags, as they are written: version 2.4 with text frames in UTF-8. Source: id3.org, ID3v2.4.0 native frames.

Equal names give equal bytes.
"""

from __future__ import annotations

from collections.abc import Mapping

from acestep_runtime.audio.tags.names import RECIPE_FIELD

_FRAMES = {
    "title": b"TIT2", "artist": b"TPE1", "album": b"TALB", "date": b"TDRC", "track": b"TRCK", "genre": b"TCON",
    "copyright": b"TCOP", "composer": b"TCOM", "bpm": b"TBPM", "key": b"TKEY", "software": b"TENC",
}  # fmt: skip
_UTF_8 = b"\x03"


def write_id3(names: Mapping[str, str], more: Mapping[str, str] | None = None) -> bytes:
    """Return a tag with names, see `acestep_runtime.audio.tags.names`, and ``more`` texts under their own names."""
    frames = [_frame(frame, _UTF_8 + _text(names[name])) for name, frame in _FRAMES.items() if names.get(name)]
    if names.get("comment"):
        frames.append(_frame(b"COMM", _UTF_8 + b"XXX\0" + _text(names["comment"])))
    custom = {**(more or {}), **({RECIPE_FIELD: names["recipe"]} if names.get("recipe") else {})}
    frames += [_frame(b"TXXX", _UTF_8 + name.encode() + b"\0" + _text(text)) for name, text in custom.items()]
    body = b"".join(frames)
    return b"ID3\x04\0\0" + _size(len(body)) + body


def _frame(name: bytes, body: bytes) -> bytes:
    return name + _size(len(body)) + b"\0\0" + body


def _text(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _size(count: int) -> bytes:
    """Return a number in four bytes of seven bits."""
    return bytes(count >> shift & 0x7F for shift in (21, 14, 7, 0))
