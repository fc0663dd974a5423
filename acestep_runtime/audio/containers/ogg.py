"""Ogg (Vorbis, Opus, FLAC, Speex): pages, which make one or several streams. Source: RFC 3533.

Radio recorders write one stream after the other: each becomes a part. The last page of a whole stream says so.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from acestep_runtime.audio.containers.parts import Layout, Part, Window

#: How the first page of sound begins.
_AUDIO = (b"\x01vorbis", b"OpusHead", b"\x7fFLAC", b"Speex   ")
_BEGIN, _END = 2, 4
_MAX_PAGES = 2_000_000
_MAX_GARBAGE = 1 << 22


class _Page(NamedTuple):
    at: int
    size: int
    flags: int
    serial: int
    number: int
    body: bytes


@dataclass
class _Link:
    """One stream: where its pages are."""

    serial: int
    number: int
    ranges: list[range] = field(default_factory=list)
    pages: int = 0
    ended: bool = False
    gap: bool = False

    def add(self, page: _Page) -> None:
        if self.ranges and self.ranges[-1].stop == page.at:
            self.ranges[-1] = range(self.ranges[-1].start, page.at + page.size)
        else:
            self.ranges.append(range(page.at, page.at + page.size))
        self.gap |= self.pages > 0 and page.number != self.number + 1
        self.number, self.pages = page.number, self.pages + 1
        self.ended |= bool(page.flags & _END)


def read_ogg(window: Window) -> Layout | None:
    """Return the layout of an Ogg file: the streams of sound one after the other. ``None`` without any."""
    links: list[_Link] = []
    for page in _pages(window):
        if page.flags & _BEGIN:
            # Streams that run at the same time begin together: of these the first one with sound is read.
            if page.body.startswith(_AUDIO) and (not links or links[-1].pages > 1):
                links.append(_Link(page.serial, page.number))
            elif not links:
                continue
        if links and page.serial == links[-1].serial:
            links[-1].add(page)
    if not links:
        return None
    faults = []
    if any(link.gap for link in links):
        faults.append("lacks a part in its middle")
    if any(not link.ended for link in links[:-1]):
        faults.append("was joined of files that were cut off")
    if not links[-1].ended:
        faults.append("was cut off: it ends after {duration_s:.3f} s, without the mark of an end")
    return Layout(tuple(Part(tuple(link.ranges)) for link in links), 1.0, tuple(faults))


def _pages(window: Window) -> Iterator[_Page]:
    """Yield the pages that are whole; what is between them is left out."""
    at, garbage = 0, 0
    for _ in range(_MAX_PAGES):
        head = window.read(at, 27)
        if len(head) < 27:
            return
        if head[:4] != b"OggS":
            place = window.read(at + 1, 4096).find(b"OggS")
            step = 1 + (place if place >= 0 else 4093)
            at, garbage = at + step, garbage + step
            if garbage > _MAX_GARBAGE:
                return
            continue
        lacing = window.read(at + 27, head[26])
        size = 27 + len(lacing) + sum(lacing)
        inside = window.read(at + 4, size - 4).find(b"OggS")
        if inside >= 0:  # this page was cut off, and another file joined
            at += 4 + inside
            continue
        if at + size > window.size:
            return
        serial, number = struct.unpack("<II", head[14:22])
        yield _Page(at, size, head[5], serial, number, window.read(at + 27 + len(lacing), 8))
        at += size
