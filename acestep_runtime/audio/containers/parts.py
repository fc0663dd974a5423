"""What a file is made of: parts that a decoder reads one by one, and bytes of the file that each part consists of."""

from __future__ import annotations

import bisect
import io
import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: Bytes of a header that is not as in the file, or a range of offsets in it.
Piece = bytes | range

_WINDOW_BYTES = 1 << 18
#: Where decoders look for a tag at the end of a file.
_TAG_BYTES = 128


@dataclass(frozen=True)
class Part:
    """A stretch of a file that one decoder reads: ``frames`` frames after ``skip_frames`` that are not music.

    Without ``frames`` the decoder knows their number. A decoder that estimates the length from the size of the file gets
    ``size_bytes``, which is larger than the pieces.
    """

    pieces: tuple[Piece, ...]
    frames: int | None = None
    skip_frames: int = 0
    size_bytes: int = 0


@dataclass(frozen=True)
class Layout:
    """The parts of a file in their order, and what is wrong with it.

    ``promise`` is the length that its headers promise, in lengths of what is there; 1 where they promise nothing more.
    ``faults`` are other faults, as sentences without their subject, with ``{duration_s}`` for the length that there is.
    ``format`` replaces the name that libsndfile has.
    """

    parts: tuple[Part, ...]
    promise: float = 1.0
    faults: tuple[str, ...] = ()
    format: str = ""
    #: The speakers of the channels, as an extensible WAV header has them; 0 where nobody says.
    channel_mask: int = 0


class Window:
    """Random access to a file, for many small reads."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._at, self._bytes = file, 0, b""
        self.size = file.seek(0, os.SEEK_END)

    def read(self, at: int, length: int) -> bytes:
        """Return the bytes from offset ``at`` on, fewer at the end of the file, none for what is no offset in it."""
        if not 0 <= at < self.size or length <= 0:
            return b""
        start = at - self._at
        if start < 0 or start + length > len(self._bytes):
            self._file.seek(at)
            self._at, start = at, 0
            self._bytes = self._file.read(max(_WINDOW_BYTES, length))
        return self._bytes[start : start + length]


class View(io.RawIOBase):
    """Pieces of a file, read as if they were a file of their own."""

    def __init__(self, file: BinaryIO, pieces: Sequence[Piece], size_bytes: int = 0) -> None:
        self._file, self._pieces = file, pieces
        self._starts = [0, *itertools.accumulate(map(len, pieces))]
        self._size, self._at = max(size_bytes, self._starts[-1]), 0

    def readable(self) -> bool:
        """Whether it can be read: yes."""
        return True

    def seekable(self) -> bool:
        """Whether it can be read from anywhere: yes."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to an offset; the end is where the claimed size ends."""
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence])
        return self._at

    def tell(self) -> int:
        """Return the offset of the next byte."""
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer as far as there are bytes; zeros stand in for a tag at the end of the claimed size."""
        out = memoryview(buffer).cast("B")
        done = 0
        while done < len(out) and self._at < self._starts[-1]:
            number = bisect.bisect_right(self._starts, self._at) - 1
            piece, start = self._pieces[number], self._at - self._starts[number]
            chunk = self._read_piece(piece[start : start + len(out) - done])
            if not chunk:  # the file has become shorter
                break
            out[done : done + len(chunk)] = chunk
            done, self._at = done + len(chunk), self._at + len(chunk)
        if not done and self._size - _TAG_BYTES <= self._at < self._size:
            done = min(len(out), self._size - self._at)
            out[:done] = bytes(done)
            self._at += done
        return done

    def _read_piece(self, piece: Piece) -> bytes:
        if isinstance(piece, bytes):
            return piece
        self._file.seek(piece.start)
        return self._file.read(len(piece))
