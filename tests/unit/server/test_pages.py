"""Pages of any list, of any size, hold every entry once and in order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acebridge.server.services.pages import DEFAULT_SIZE, MAX_SIZE, Place, page_of
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
        shown, token = page.cut(older[: page.size + 1], lambda entry: entry)
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
    assert page_of(assets_pb2.ListAssetsRequest(page_size=MAX_SIZE)).size == MAX_SIZE
    for size in (-1, MAX_SIZE + 1):
        with pytest.raises(InvalidValue, match=r"^page_size is"):
            page_of(jobs_pb2.ListJobsRequest(page_size=size))


@given(token=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidValue, match=r"^page_token is"):
        page_of(jobs_pb2.ListJobsRequest(page_token=token))
