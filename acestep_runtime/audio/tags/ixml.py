"""The iXML chunk: what recorders say of a take, and the recipe of a result. Source: the iXML specification 2.10.

An iXML chunk of a source is kept as text. Only what the result changes in it is written again.
"""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, unescape

from acestep_runtime.audio.tags.positions import TimeLine

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<BWFXML>\n<IXML_VERSION>2.10</IXML_VERSION>\n'
_END = "</BWFXML>"
_RECIPE = re.compile(r"\s*<ACEBRIDGE>\s*<RECIPE>(.*?)</RECIPE>\s*</ACEBRIDGE>", re.DOTALL)
_STAMP = "TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_"
#: What identifies a file is not true of another.
_IDS = re.compile(r"<FILE_UID>.*?</FILE_UID>\s*", re.DOTALL)
_BITS = {"float32": 32, "pcm24": 24, "pcm16": 16}


def write_ixml(source: bytes, recipe: str, line: TimeLine | None = None, encoding: str = "") -> bytes:
    """Return an iXML chunk with a recipe, empty where there is nothing to say.

    ``source`` is that of the source, or empty: its times move to ``line``. Text that is no iXML in UTF-8 is not kept.
    """
    text = read_ixml(source)
    text = _RECIPE.sub("", text)
    if line is not None and text:
        text = _move(text, line, encoding)
    if not recipe:
        return text.encode()
    element = f"<ACEBRIDGE>\n<RECIPE>{escape(recipe)}</RECIPE>\n</ACEBRIDGE>\n"
    if not text:
        return f"{_HEAD}{element}{_END}\n".encode()
    before, _, after = text.rpartition(_END)
    return f"{before}{element}{_END}{after}".encode()


def read_ixml(body: bytes) -> str:
    """Return the text of an iXML chunk, empty for one that is not text in UTF-8 or does not end."""
    try:
        text = body.decode("utf-8-sig").rstrip("\0")
    except UnicodeDecodeError:
        return ""
    return text if _END in text and "\0" not in text else ""


def read_recipe(body: bytes) -> str:
    """Return the recipe in an iXML chunk, empty where there is none."""
    match = _RECIPE.search(read_ixml(body))
    return unescape(match[1]) if match else ""


def _move(text: str, line: TimeLine, encoding: str) -> str:
    """Return text with the time stamp, rate and depth of a result."""
    high, low = _number(text, f"{_STAMP}HI"), _number(text, f"{_STAMP}LO")
    text = _IDS.sub("", text)
    if low is not None:
        reference = line.time_reference(((high or 0) << 32) + low)
        text = _set(text, f"{_STAMP}HI", reference >> 32)
        text = _set(text, f"{_STAMP}LO", reference & 0xFFFF_FFFF)
    for name in ("TIMESTAMP_SAMPLE_RATE", "FILE_SAMPLE_RATE"):
        text = _set(text, name, line.rate)
    return _set(text, "AUDIO_BIT_DEPTH", _BITS[encoding]) if encoding in _BITS else text


def _number(text: str, name: str) -> int | None:
    match = re.search(rf"<{name}>\s*(\d+)\s*</{name}>", text)
    return int(match[1]) if match else None


def _set(text: str, name: str, value: int) -> str:
    return re.sub(rf"(<{name}>)\s*\d+\s*(</{name}>)", rf"\g<1>{value}\g<2>", text)
