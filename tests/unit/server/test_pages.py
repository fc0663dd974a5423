"""Pages of any list, of any size, hold every entry once and in order."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acebridge.limits import LONGEST_PAGE
from acebridge.server.services import pages
from acebridge.server.services.pages import DEFAULT_SIZE, Place, page_of
from acebridge.v1 import assets_pb2, jobs_pb2
from acestep_runtime.errors import InvalidValue

PLACES = st.tuples(st.floats(0, 4e9), st.text(st.characters(exclude_categories=["Cs"]), max_size=6))


def split_pages(entries: list[Place], size: int) -> list[list[Place]]:
    """All pages of a list that is sorted as a database sorts it."""
    newest_first = sorted(entries, reverse=True)
    pages, token = [], ""
    while True:
        page = page_of(jobs_pb2.ListJobsRequest(page_size=size, page_token=token))
        older = [entry for entry in newest_first if page.before is None or entry < page.before]
        shown, token = page.cut(older[: page.size + 1], lambda entry: entry, itertools.repeat(1))
        pages.append(list(shown))
        if not token:
            return pages


@given(entries=st.sets(PLACES, max_size=30), size=st.integers(1, 12))
def test_every_entry_is_on_one_page(entries: set[Place], size: int) -> None:
    pages = split_pages(list(entries), size)
    assert [entry for page in pages for entry in page] == sorted(entries, reverse=True)
    assert all(len(page) == size for page in pages[:-1])
    assert len(pages) == max(1, -(-len(entries) // size))


def test_sizes() -> None:
    assert page_of(jobs_pb2.ListJobsRequest()).size == DEFAULT_SIZE
    assert page_of(assets_pb2.ListAssetsRequest(page_size=LONGEST_PAGE)).size == LONGEST_PAGE
    for size in (-1, LONGEST_PAGE + 1):
        with pytest.raises(InvalidValue, match=r"^page_size is"):
            page_of(jobs_pb2.ListJobsRequest(page_size=size))


@given(token=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidValue, match=r"^page_token is"):
        page_of(jobs_pb2.ListJobsRequest(page_token=token))


@pytest.mark.parametrize(
    ("sizes", "shown"),
    [([4, 3, 3, 1], 3), ([5, 6, 1], 1), ([11, 1], 1), ([10, 1], 1), ([1, 1, 1], 3), ([3, 3, 3, 3, 3], 3), ([], 0)],
)
def test_a_page_ends_before_its_messages_are_too_large(
    monkeypatch: pytest.MonkeyPatch, sizes: list[int], shown: int
) -> None:
    """It has one entry at least, or the next page would be the same again."""
    monkeypatch.setattr(pages, "MAX_BYTES", 10)
    entries = [(float(-number), str(number)) for number in range(len(sizes))]
    cut, token = page_of(jobs_pb2.ListJobsRequest(page_size=4)).cut(entries, lambda entry: entry, sizes)
    assert list(cut) == entries[:shown]
    assert bool(token) == (shown < len(entries))
    if token:
        assert page_of(jobs_pb2.ListJobsRequest(page_size=4, page_token=token)).before == entries[shown - 1]
