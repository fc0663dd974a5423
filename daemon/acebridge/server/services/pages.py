"""Pages of lists, which are sorted by when an entry was made and by its id, the newest first.

A page token names the last entry of the page before it, so pages do not shift when new entries arrive.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from acebridge.v1 import assets_pb2, jobs_pb2
from acestep_runtime.errors import InvalidValue

MAX_SIZE, DEFAULT_SIZE = 1000, 100
T = TypeVar("T")
#: When an entry was made, in Unix seconds, and its id.
Place = tuple[float, str]


class Page(NamedTuple):
    """A page: at most ``size`` entries, those after ``before``; ``kind`` names the list."""

    kind: str
    size: int
    before: Place | None

    def cut(self, entries: Sequence[T], place_of: Callable[[T], Place]) -> tuple[Sequence[T], str]:
        """Return the entries of the page, of one more than fit, and the token of the next page, "" when there is none."""
        if len(entries) <= self.size:
            return entries, ""
        shown = entries[: self.size]
        return shown, _encode(self.kind, place_of(shown[-1]))


def page_of(request: jobs_pb2.ListJobsRequest | assets_pb2.ListAssetsRequest) -> Page:
    """Return the page that a request asks for. Raises `InvalidValue` for a wrong size, and for a token of another list."""
    kind, size = request.DESCRIPTOR.name, request.page_size
    if not 0 <= size <= MAX_SIZE:
        raise InvalidValue("page_size", size, f"1 to {MAX_SIZE}, or 0 for {DEFAULT_SIZE}")
    return Page(kind, size or DEFAULT_SIZE, _decode(kind, request.page_token) if request.page_token else None)


def _encode(kind: str, place: Place) -> str:
    return base64.urlsafe_b64encode(json.dumps([kind, *place]).encode()).decode()


def _decode(kind: str, token: str) -> Place:
    try:
        of, made, entry = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
        if of == kind and isinstance(made, float) and isinstance(entry, str):
            return made, entry
    except (ValueError, TypeError, binascii.Error):
        pass
    raise InvalidValue(
        "page_token", token, "next_page_token of the page before", remedy="Leave it out for the first page."
    )
