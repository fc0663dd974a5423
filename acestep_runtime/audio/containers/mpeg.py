"""MPEG audio (MP3): no header says how long it is, so its frames are counted.

    [tags, garbage] [Info frame] frame frame … [tag] [Info frame] frame …

An Info frame (Xing's, with the delays of LAME) begins a stream: it holds no sound, and says how many frames follow and how much
silence the encoder has added. Without one the length is that of the frames. Tags and garbage are left out, so the decoder
gets nothing but frames. Source: ISO/IEC 11172-3 and 13818-3; the LAME tag as in its documentation and in mpg123.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from acestep_runtime.audio.containers.parts import Layout, Part, Piece, Window

_V1, _V2, _V25 = 3, 2, 0
_RATES_HZ = {_V1: (44_100, 48_000, 32_000), _V2: (22_050, 24_000, 16_000), _V25: (11_025, 12_000, 8_000)}
#: (version 1, layer) → kbit/s by index; 0 is a free format, which is not read.
_KBITS = {
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
#: Delay of a decoder of layer III, in frames of audio.
_DECODER_DELAY = 529
#: Consecutive frames that make a stream, and bytes of garbage in which one is looked for.
_SURE, _MAX_GARBAGE = 4, 1 << 20
#: Places where frames do not follow one another: a file with more of them is not read beyond.
_MAX_BREAKS = 2000
_TAG_V1_BYTES = 128
_LONGEST_S = 25 * 3600.0


class _Kind(NamedTuple):
    """What a frame's header says: its size, its length in samples, its rate, and what all frames of a stream share."""

    size: int
    samples: int
    rate_hz: int
    stream: tuple[int, int, int]


def _kinds() -> dict[tuple[int, int], _Kind]:
    """Return what each second and third byte of a header mean, without the bits for protection and private use."""
    kinds = {}
    for version, layer in ((version, layer) for version in _RATES_HZ for layer in (1, 2, 3)):
        for rate_index, rate_hz in enumerate(_RATES_HZ[version]):
            for index, kbits in enumerate(_KBITS[version == _V1, layer]):
                for padding in (0, 1) if kbits else ():
                    samples = {1: 384, 2: 1152, 3: 1152 if version == _V1 else 576}[layer]
                    slot = 4 if layer == 1 else 1
                    size = (samples // 8 // slot * kbits * 1000 // rate_hz + padding) * slot
                    key = (0xE0 | version << 3 | (4 - layer) << 1, index << 4 | rate_index << 2 | padding << 1)
                    kinds[key] = _Kind(size, samples, rate_hz, (version, layer, rate_hz))
    return kinds


_KINDS = _kinds()


class _Frame(NamedTuple):
    at: int
    kind: _Kind


class _Info(NamedTuple):
    """What an Info frame says; −1 for what it does not. ``delay`` and ``padding`` are silence that the encoder added."""

    frames: int
    size_bytes: int
    delay: int
    padding: int


class _Stream:
    """The frames from one Info frame to the next."""

    def __init__(self, info: _Info | None, kind: tuple[int, int, int]) -> None:
        self.info, self.kind = info, kind
        self.frames = self.bytes = self.largest = self.samples_a_frame = 0
        self.ranges: list[range] = []

    def add(self, frame: _Frame) -> None:
        stop = frame.at + frame.kind.size
        if self.ranges and self.ranges[-1].stop == frame.at:
            self.ranges[-1] = range(self.ranges[-1].start, stop)
        else:
            self.ranges.append(range(frame.at, stop))
        self.frames += 1
        self.bytes += frame.kind.size
        self.largest = max(self.largest, frame.kind.size)
        self.samples_a_frame = frame.kind.samples

    def part(self) -> Part:
        total = self.frames * self.samples_a_frame
        skip, end = self._silence()
        pieces: tuple[Piece, ...] = tuple(self.ranges)
        return Part(pieces, max(total - skip - end, 0), skip, 2 * (self.frames + 1) * self.largest)

    def _silence(self) -> tuple[int, int]:
        """Return the frames of audio at both ends that are not music."""
        if self.info is None or self.info.delay < 0:
            return 0, 0
        skip = self.info.delay + _DECODER_DELAY
        whole = self.frames == self.info.frames
        return skip, max(self.info.padding - _DECODER_DELAY, 0) if whole else 0

    @property
    def frame_promise(self) -> int:
        """The frames of audio that the Info frame promises, 0 if not more than there are."""
        info = self.info
        if info is None or info.frames <= self.frames or 0 < info.size_bytes <= self.bytes:
            return 0  # some encoders count the Info frame
        return info.frames * self.samples_a_frame - max(info.delay, 0) - max(info.padding, 0)


def read_mp3(window: Window) -> Layout | None:
    """Return the layout of a file that begins with MPEG audio, a tag or garbage before it; ``None`` without audio."""
    return read_frames(window, 0, window.size)


def read_frames(window: Window, start: int, stop: int) -> Layout | None:
    """Return the layout of the MPEG audio between two offsets; ``None`` without audio."""
    streams: list[_Stream] = []
    faults: list[str] = []
    seconds, expected_at = 0.0, -1
    for frame in _frames(window, start, stop):
        if frame is None:
            faults.append("was cut off: it ends after {duration_s:.3f} s, in the middle of a frame")
            break
        info = _read_info(window, frame)
        begins = not streams or streams[-1].kind != frame.kind.stream or _is_over(streams[-1])
        if info is None and streams and not begins and expected_at != frame.at and not _is_tag(window, expected_at):
            faults.append(
                f"holds {frame.at - expected_at} bytes at {seconds:.2f} s that are not sound; some may be lost there"
            )
        if info is not None or begins:
            streams.append(_Stream(info, frame.kind.stream))
        if info is None:
            streams[-1].add(frame)
            seconds += frame.kind.samples / frame.kind.rate_hz
        expected_at = frame.at + frame.kind.size
        if seconds > _LONGEST_S:
            break
    streams = [stream for stream in streams if stream.frames]
    if not streams:
        return None
    parts = tuple(stream.part() for stream in streams)
    return Layout(parts, _promise(streams[-1], parts), tuple(dict.fromkeys(faults))[:3], "MP3")


def _is_over(stream: _Stream) -> bool:
    """Return whether all frames are there that the Info frame promises, and the bytes too: what follows was joined."""
    info = stream.info
    return (
        info is not None
        and 0 < info.frames <= stream.frames
        and info.delay >= 0
        and 0 < info.size_bytes <= stream.bytes
    )


def _promise(last: _Stream, parts: tuple[Part, ...]) -> float:
    """Return the promised length in lengths of all parts."""
    total = sum(part.frames or 0 for part in parts)
    missing = max(last.frame_promise - (parts[-1].frames or 0), 0) if last.frame_promise else 0
    return (total + missing) / max(total, 1)


def _frames(window: Window, at: int, stop: int) -> Iterator[_Frame | None]:
    """Yield the frames between two offsets; ``None`` last if the last one is not whole."""
    stream: tuple[int, int, int] | None = None
    garbage = breaks = 0
    while at < stop:
        if breaks > _MAX_BREAKS:
            yield None
            return
        kind = _kind_at(window, at)
        # Once in a stream one header is enough; a search is sure only after a few.
        if kind is not None and (kind.stream == stream or _begins(window, at, stop)):
            if at + kind.size > stop:
                yield None
                return
            if not _is_followed(window, at + kind.size, stop):
                breaks += 1
                if (cut_at := _find_cut(window, at, kind, stop)) is not None:
                    at = cut_at
                    continue
            stream = kind.stream
            yield _Frame(at, kind)
            at += kind.size
        elif size := tag_bytes(window, at, stop):
            at += size
        else:
            found = _find_frame(window, at + 1, stop)
            garbage, breaks = garbage + found - at, breaks + 1
            if garbage > _MAX_GARBAGE:
                return
            at = found


def _kind_at(window: Window, at: int) -> _Kind | None:
    head = window.read(at, 4)
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    return _KINDS.get((head[1] & 0xFE, head[2] & 0xFE))


def _begins(window: Window, at: int, stop: int) -> bool:
    """Return whether a stream begins here: a few frames of one kind follow one another, or reach the end."""
    first = _kind_at(window, at)
    for number in range(_SURE):
        kind = _kind_at(window, at)
        if kind is None or first is None or kind.stream != first.stream:
            return number > 0 and at < stop and tag_bytes(window, at, stop) > 0
        at += kind.size
        if at >= stop:
            return number > 0 or at == stop
    return True


def _is_followed(window: Window, at: int, stop: int) -> bool:
    """Return whether a frame, a tag or the end is where a frame ends."""
    return at >= stop or _kind_at(window, at) is not None or tag_bytes(window, at, stop) > 0


def _find_cut(window: Window, at: int, kind: _Kind, stop: int) -> int | None:
    """Return where another stream or a tag begins inside a frame, which was cut off there; ``None`` for a whole frame."""
    for offset in range(at + 4, at + kind.size):
        if window.read(offset, 3) == b"ID3" and tag_bytes(window, offset, stop):
            return offset
        found = _kind_at(window, offset)
        if found is not None and found.stream[:2] == kind.stream[:2] and _begins(window, offset, stop):
            return offset
    return None


def _find_frame(window: Window, at: int, stop: int) -> int:
    """Return where the next frame or tag is, or how far it was looked for."""
    limit = min(stop, at + _MAX_GARBAGE)
    while at < limit:
        chunk = window.read(at, 4096)
        places = [place for mark in (b"\xff", b"ID3", b"TAG") if (place := chunk.find(mark)) >= 0]
        if not places:
            at += max(len(chunk) - 2, 1)
            continue
        at += min(places)
        if at < stop and (tag_bytes(window, at, stop) or (_kind_at(window, at) and _begins(window, at, stop))):
            return at
        at += 1
    return min(at, stop)


def _is_tag(window: Window, at: int) -> bool:
    return tag_bytes(window, at, window.size) > 0


def tag_bytes(window: Window, at: int, stop: int) -> int:
    """Return the size of the tag that begins here, 0 if none does: ID3 of both versions, and APE."""
    head = window.read(at, 32)
    if head[:3] == b"ID3" and len(head) >= 10 and max(head[6:10]) < 0x80 and head[3] < 0xFF:
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        return min(10 + size + (10 if head[5] & 0x10 else 0), stop - at)
    if head[:3] == b"TAG" and (at + _TAG_V1_BYTES >= stop or _begins_after_tag(window, at + _TAG_V1_BYTES, stop)):
        return min(_TAG_V1_BYTES, stop - at)
    if head[:8] == b"APETAGEX" and len(head) == 32:
        size, _, flags = struct.unpack("<III", head[12:24])
        return min(size + 32 if flags & 1 << 29 else 32, stop - at)
    return 0


def _begins_after_tag(window: Window, at: int, stop: int) -> bool:
    return _begins(window, at, stop) or window.read(at, 3) == b"ID3" or window.read(at, 8) == b"APETAGEX"


def _read_info(window: Window, frame: _Frame) -> _Info | None:
    """Return what an Info frame says, ``None`` for a frame of sound."""
    version, layer, _ = frame.kind.stream
    if layer != 3:
        return None
    data = window.read(frame.at, min(frame.kind.size, 256))
    mono = data[3] >> 6 == 3
    side_bytes = {(True, False): 32, (True, True): 17, (False, False): 17, (False, True): 9}[version == _V1, mono]
    if data[36:40] == b"VBRI" and len(data) >= 54:
        size, frames = struct.unpack(">II", data[46:54])
        return _Info(frames, size - frame.kind.size, -1, -1)
    for at in (4 + side_bytes, 6 + side_bytes):  # with and without a checksum
        if data[at : at + 4] in (b"Xing", b"Info"):
            return _parse_xing(data[at:], frame.kind.size)
    return None


def _parse_xing(data: bytes, frame_bytes: int) -> _Info:
    flags = int.from_bytes(data[4:8], "big")
    at, values = 8, {1: -1, 2: -1}
    for flag, size in ((1, 4), (2, 4), (4, 100), (8, 4)):
        if flags & flag:
            if flag in values:
                values[flag] = int.from_bytes(data[at : at + 4], "big")
            at += size
    size_bytes = values[2] - frame_bytes if values[2] > 0 else -1
    delays = data[at + 21 : at + 24]
    if not data[at : at + 1].isalpha() or len(delays) < 3:  # the name of the encoder
        return _Info(values[1], size_bytes, -1, -1)
    return _Info(values[1], size_bytes, delays[0] << 4 | delays[1] >> 4, (delays[1] & 15) << 8 | delays[2])
