"""Positions in samples, moved to another time line: the time reference of bext, cue points, labels, loops and timers.

source file   0 ──── part_start ─────────────────────────── its end        at source_rate
result             ├ start ────────── frames ─────────┤                    at rate

A position outside the result is left out. Sources: EBU Tech 3285 (bext), Multimedia Programming Interface and Data
Specifications 1.0 (cue, adtl), RIFF MCI revision 3.0 (smpl), AES46 (cart).
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from acestep_runtime.audio.tags.riff import Chunk, pack, text_in, unpack
from acestep_runtime.units import frames_to_frames

_BEXT_TIME, _BEXT_VERSION, _BEXT_UMID, _BEXT_LOUDNESS, _BEXT_FIXED = 338, 346, 348, 412, 602
_NO_LOUDNESS = struct.pack("<5h", *[0x7FFF] * 5)
_CUE, _LOOP, _SMPL = struct.Struct("<II4sIII"), struct.Struct("<IIIIII"), struct.Struct("<9I")
_CART_TIMERS, _TIMER_COUNT, _TIMER = 684, 8, struct.Struct("<4sI")
_ACID_BYTES = 24
_MOST = 2**32 - 1


@dataclass(frozen=True)
class TimeLine:
    """Where a result lies in its source: ``part_start`` frames of the file at ``source_rate`` come before the part that the
    result counts from, and ``start`` frames at ``rate`` between that and its first frame, negative where music was put before.
    """

    source_rate: int
    source_frames: int
    part_start: int
    rate: int
    start: int
    frames: int

    @property
    def is_whole(self) -> bool:
        """Whether the result takes the place of the whole file."""
        frames = frames_to_frames(self.source_frames, self.source_rate, self.rate)
        return self.part_start == 0 == self.start and self.frames == frames

    def move(self, position: int) -> int:
        """Return where in the result a frame of the source file is; negative, or past the end, for one outside."""
        return frames_to_frames(position - self.part_start, self.source_rate, self.rate) - self.start

    def holds(self, position: int) -> bool:
        """Return whether a frame of the source file, or its end, is in the result."""
        return 0 <= self.move(position) <= self.frames

    def time_reference(self, reference: int) -> int:
        """Return the samples since midnight of the first frame, from those of the source file; 0 where it is before that."""
        return max(frames_to_frames(reference + self.part_start, self.source_rate, self.rate) + self.start, 0)


class MoveResult(NamedTuple):
    """Chunks on another time line, and how many markers and loops there were, and are left."""

    chunks: list[Chunk]
    markers: tuple[int, int] = (0, 0)
    loops: tuple[int, int] = (0, 0)


def move_bext(body: bytes, line: TimeLine) -> bytes:
    """Return a bext chunk with the time reference of the result; empty for one that is too short to be one.

    The UMID and the loudness are those of another recording, so they become unknown.
    """
    if len(body) < _BEXT_FIXED:
        return b""
    out = bytearray(body)
    struct.pack_into("<Q", out, _BEXT_TIME, line.time_reference(time_reference(body)) & 2**64 - 1)
    out[_BEXT_UMID:_BEXT_LOUDNESS] = bytes(_BEXT_LOUDNESS - _BEXT_UMID)
    (version,) = struct.unpack_from("<H", body, _BEXT_VERSION)
    if version >= 2:
        out[_BEXT_LOUDNESS : _BEXT_LOUDNESS + len(_NO_LOUDNESS)] = _NO_LOUDNESS
    return bytes(out)


def time_reference(body: bytes) -> int:
    """Return the samples since midnight in a bext chunk that is long enough."""
    reference: int = struct.unpack_from("<Q", body, _BEXT_TIME)[0]
    return reference


def read_cues(body: bytes) -> dict[int, int]:
    """Return the frames of cue points by their ids."""
    return {fields[0]: fields[5] for fields in _records(body, 0, _CUE, 4)}


def read_loops(body: bytes) -> list[tuple[int, int]]:
    """Return first and last frame of the loops of a smpl chunk."""
    return [(fields[2], fields[3]) for fields in _loops(body)]


def read_labels(chunks: Collection[Chunk]) -> dict[int, str]:
    """Return the labels of cue points by their ids."""
    lists = (chunk.body[4:] for chunk in chunks if chunk.list_type == b"adtl")
    return {
        int.from_bytes(each.body[:4], "little"): text_in(each.body[4:].split(b"\0")[0])
        for held in lists
        for each in unpack(held)
        if each.name == b"labl" and len(each.body) >= 4
    }


def _records(body: bytes, count_at: int, record: struct.Struct, first: int) -> list[tuple[int, ...]]:
    """Return the records of a chunk, as many as its count says and it has."""
    if len(body) < count_at + 4:
        return []
    (count,) = struct.unpack_from("<I", body, count_at)
    there = max(len(body) - first, 0) // record.size
    return [record.unpack_from(body, first + number * record.size) for number in range(min(count, there))]


def _loops(body: bytes) -> list[tuple[int, ...]]:
    return _records(body, 28, _LOOP, _SMPL.size)


def _move_cues(body: bytes, line: TimeLine) -> tuple[bytes, set[int], int]:
    """Return a cue chunk, empty without any cue, the ids in it, and how many there were."""
    out, ids = [], set()
    cues = _records(body, 0, _CUE, 4)
    for name, order, chunk, chunk_start, block_start, offset in cues:
        if line.holds(offset):
            at = line.move(offset)
            place = at if order == offset else min(max(line.move(order), 0), _MOST)
            out.append(_CUE.pack(name, place, chunk, chunk_start, block_start, at))
            ids.add(name)
    return (struct.pack("<I", len(out)) + b"".join(out) if out else b""), ids, len(cues)


def _move_labels(body: bytes, line: TimeLine, ids: Collection[int], cues: dict[int, int]) -> bytes:
    """Return a list of labels with those of ``ids``, empty without any. Regions end with the result."""
    kept = []
    for name, held in unpack(body[4:]):
        if name not in (b"labl", b"note", b"ltxt") or len(held) < 4:
            continue
        (cue,) = struct.unpack_from("<I", held)
        if cue not in ids:
            continue
        if name == b"ltxt" and len(held) >= 8:
            start = cues.get(cue, 0)
            (length,) = struct.unpack_from("<I", held, 4)
            end = min(line.move(start + length), line.frames)
            held = held[:4] + struct.pack("<I", max(end - line.move(start), 0)) + held[8:]
        kept.append(Chunk(name, held))
    return b"adtl" + pack(kept) if kept else b""


def _move_smpl(body: bytes, line: TimeLine) -> tuple[bytes, set[int], int]:
    """Return a smpl chunk, the ids of its loops, and how many there were; loops that reach out of the result are left out."""
    if len(body) < _SMPL.size:
        return b"", set(), 0
    head, loops = list(_SMPL.unpack_from(body)), _loops(body)
    kept, ids = [], set()
    for name, kind, first, last, fraction, count in loops:
        start, stop = line.move(first), line.move(last + 1)
        if 0 <= start < stop <= line.frames:
            kept.append(_LOOP.pack(name, kind, start, stop - 1, fraction, count))
            ids.add(name)
    end = min(_SMPL.size + len(loops) * _LOOP.size, len(body))
    head[2], head[7], head[8] = round(1e9 / line.rate), len(kept), min(head[8], len(body) - end)
    return _SMPL.pack(*head) + b"".join(kept) + body[end : end + head[8]], ids, len(loops)


def _move_cart(body: bytes, line: TimeLine) -> bytes:
    """Return a cart chunk with its timers moved."""
    out = bytearray(body)
    for number in range(_TIMER_COUNT):
        at = _CART_TIMERS + number * _TIMER.size
        if at + _TIMER.size > len(body):
            break
        usage, position = _TIMER.unpack_from(body, at)
        if usage.strip(b"\0 "):
            held = (usage, line.move(position)) if line.holds(position) else (bytes(4), 0)
            _TIMER.pack_into(out, at, *held)
    return bytes(out)


def move_chunks(chunks: Collection[Chunk], line: TimeLine) -> MoveResult:
    """Return the chunks that hold positions as those of the result, in their order; others are not among them."""
    by_name = {chunk.name: chunk.body for chunk in reversed(tuple(chunks))}
    cues = read_cues(by_name.get(b"cue ", b""))
    cue_body, cue_ids, cue_count = _move_cues(by_name.get(b"cue ", b""), line)
    smpl_body, loop_ids, loop_count = _move_smpl(by_name.get(b"smpl", b""), line)
    moved = {
        b"bext": move_bext(by_name.get(b"bext", b""), line),
        b"cue ": cue_body,
        b"smpl": smpl_body,
        b"cart": _move_cart(by_name.get(b"cart", b""), line),
        b"inst": by_name.get(b"inst", b""),
        b"acid": by_name.get(b"acid", b"")[:_ACID_BYTES] if line.is_whole else b"",
    }
    out = [Chunk(name, body) for name, body in moved.items() if body]
    lists = (chunk.body for chunk in chunks if chunk.list_type == b"adtl")
    labels = (_move_labels(body, line, cue_ids | loop_ids, cues) for body in lists)
    out += [Chunk(b"LIST", body) for body in labels if body]
    return MoveResult(out, (cue_count, len(cue_ids)), (loop_count, len(loop_ids)))
