"""Ranges of files: https://www.rfc-editor.org/rfc/rfc9110#section-14. What asks for several at once gets the whole file."""

from __future__ import annotations

import re
from typing import NamedTuple

_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,19})\s*-\s*(\d{0,19})\s*", re.IGNORECASE | re.ASCII)
_CONTENT_RANGE = re.compile(r"\s*bytes\s+(\d{1,19})-(\d{1,19})/(\d{1,19})\s*", re.IGNORECASE | re.ASCII)


class Span(NamedTuple):
    """Bytes of a file, from ``start`` to before ``end``."""

    start: int
    end: int

    @property
    def size_bytes(self) -> int:
        """How many they are."""
        return self.end - self.start


class Unsatisfiable(Exception):
    """A range of which the file has nothing."""


def parse_range(header: str, size_bytes: int) -> Span | None:
    """Return the bytes that a Range header asks for of a file; ``None`` where the whole file is the answer.

    Raises `Unsatisfiable`.
    """
    match = _RANGE.fullmatch(header)
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:  # the last bytes
        count = min(int(last), size_bytes)
        if not count:
            raise Unsatisfiable
        return Span(size_bytes - count, size_bytes)
    start, end = int(first), size_bytes if not last else min(int(last) + 1, size_bytes)
    if last and int(last) < start:
        return None  # no valid range, which is to be ignored
    if start >= size_bytes:
        raise Unsatisfiable
    return Span(start, end)


class Piece(NamedTuple):
    """Where a piece of a file belongs that is sent, and how long the file is."""

    span: Span
    size_bytes: int


def parse_content_range(header: str) -> Piece | None:
    """Return where a piece belongs; ``None`` for a header that does not say it."""
    match = _CONTENT_RANGE.fullmatch(header)
    if match is None:
        return None
    first, last, size = map(int, match.groups())
    return Piece(Span(first, last + 1), size) if first <= last < size else None


def matches(header: str, etag: str) -> bool:
    """Return whether a list of entity tags, as If-None-Match has it, names ``etag``."""
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return etag in tags or "*" in tags
