"""Pages of lists, which are sorted by when an entry was made and by its id, the newest first.

A page token names the list and the last entry of the page before it, so pages do not shift when new entries arrive.
"""

from __future__ import annotations

import base64
import itertools
import json
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple, TypeVar

from acebridge.limits import LONGEST_PAGE
from acebridge.v1 import assets_pb2, jobs_pb2
from acestep_runtime.errors import InvalidValue

DEFAULT_SIZE = 100
#: What the messages of one page take together at most, unless it has one alone: a client takes 4 MiB, as gRPC's own do.
MAX_BYTES = 3 * 2**20
T = TypeVar("T")
#: When an entry was made, in Unix seconds, and its id.
Place = tuple[float, str]


class Page(NamedTuple):
    """A page: at most ``size`` entries, those after ``before``; ``listing`` names the list that it is a page of."""

    listing: str
    size: int
    before: Place | None

    def cut(
        self, entries: Sequence[T], place_of: Callable[[T], Place], sizes: Iterable[int]
    ) -> tuple[Sequence[T], str]:
        """Return the entries of the page, of one more than fit, and the token of the next page, "" when there is none.

        ``sizes`` are those of their messages in bytes; as many are read as fit.
        """
        shown = entries[: _how_many(sizes, self.size)]
        if len(shown) == len(entries):
            return shown, ""
        return shown, _encode(self.listing, place_of(shown[-1]))


def _how_many(sizes: Iterable[int], most: int) -> int:
    """Return how many entries of these sizes fit a page: at least one, at most ``most``."""
    total = 0
    for count, size in enumerate(itertools.islice(sizes, most)):
        total += size
        if count and total > MAX_BYTES:
            return count
    return most


def page_of(request: jobs_pb2.ListJobsRequest | assets_pb2.ListAssetsRequest, filters: Collection[str] = ()) -> Page:
    """Return the page that a request asks for; ``filters`` are what it restricts its list to, in any order.

    Raises `InvalidValue` for a wrong size, and for a token of another list or of other filters.
    """
    size = request.page_size
    if not 0 <= size <= LONGEST_PAGE:
        raise InvalidValue("page_size", size, f"1 to {LONGEST_PAGE}, or 0 for {DEFAULT_SIZE}")
    listing = " ".join((request.DESCRIPTOR.name, *sorted(set(filters))))
    return Page(listing, size or DEFAULT_SIZE, _decode(listing, request.page_token) if request.page_token else None)


def _encode(listing: str, place: Place) -> str:
    return base64.urlsafe_b64encode(json.dumps([listing, *place]).encode()).decode()


def _decode(listing: str, token: str) -> Place:
    with suppress(ValueError, TypeError, AttributeError, RecursionError):
        of, made, entry = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
        entry.encode()  # the database takes no lone surrogates
        if of == listing and isinstance(made, float) and math.isfinite(made):
            return made, entry
    raise InvalidValue(
        "page_token",
        token,
        "next_page_token of the page before, of the same list",
        remedy="Leave it out for the first page.",
    )
