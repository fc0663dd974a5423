"""The song so far: the chosen takes of its sections, each of which plays until the next one begins.

    take of section 1   ├──────────────────╴overhang╶┤
    take of section 2                    ├┴───────────────────╴overhang╶┤
    the song            ├────────────────┼╌──────────────────┼╌ …

A take begins a short crossfade before its section, in which it already holds the end of the section before; so where one
take ends and the next begins, the samples meet. All that lies before is played from the earlier take as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from acestep_runtime.audio import decode, wav
from acestep_runtime.audio.samples import Samples


class Piece(NamedTuple):
    """A file that plays from frame ``at`` of the song on, with its own frame ``first``."""

    file: Path
    at: int
    first: int = 0


def read_pieces(pieces: Sequence[Piece], start: int, stop: int) -> Iterator[Samples]:
    """Yield frames ``start`` to ``stop`` of the song that ``pieces``, in their order, make, as blocks ``[n, channels]``."""
    ends = [piece.at for piece in pieces[1:]] + [stop]
    for piece, end in zip(pieces, ends, strict=True):
        begin, until = max(start, piece.at), min(stop, end)
        if begin < until:
            shift = piece.first - piece.at
            yield from decode.blocks(piece.file, start_frame=begin + shift, stop_frame=until + shift)


def write_pieces(
    path: Path, pieces: Sequence[Piece], start: int, stop: int, rate_hz: int, *, more: bytes = b""
) -> None:
    """Write these frames of the song as a WAV file, whole or not at all. ``more`` are further chunks of it."""
    channels = decode.probe(pieces[0].file).channels
    wav.write_blocks(path, read_pieces(pieces, start, stop), stop - start, channels, rate_hz, more=more)
