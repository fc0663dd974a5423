"""Ranges, against a file that is cut by hand; examples are those of RFC 9110, section 14."""

from __future__ import annotations

import pytest

from acebridge.hosts.http.ranges import Piece, Span, Unsatisfiable, matches, parse_content_range, parse_range

FILE = bytes(range(100))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", FILE[:1]),
        ("bytes=0-49", FILE[:50]),
        ("bytes=90-", FILE[90:]),
        ("bytes=-5", FILE[-5:]),
        ("bytes=-500", FILE),
        ("bytes=50-5000", FILE[50:]),
        ("Bytes = 1-2", FILE[1:3]),
        ("bytes=99-99", FILE[99:]),
    ],
)
def test_a_range_is_a_part_of_the_file(header: str, expected: bytes) -> None:
    span = parse_range(header, len(FILE))
    assert span is not None
    assert FILE[span.start : span.end] == expected
    assert span.size_bytes == len(expected)


@pytest.mark.parametrize(
    "header", ["", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-2", "bytes=0-1,4-5", "items=0-1", "bytes=1"]
)
def test_what_is_no_range_gets_the_whole(header: str) -> None:
    assert parse_range(header, len(FILE)) is None


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_behind_the_end_has_nothing(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        parse_range(header, len(FILE))


def test_an_empty_file_has_no_range() -> None:
    for header in ("bytes=0-", "bytes=-5", "bytes=0-0"):
        with pytest.raises(Unsatisfiable):
            parse_range(header, 0)


def test_a_piece_says_where_it_belongs() -> None:
    assert parse_content_range("bytes 42-1233/1234") == Piece(Span(42, 1234), 1234)
    assert parse_content_range("bytes 0-0/1") == Piece(Span(0, 1), 1)


@pytest.mark.parametrize("header", ["", "bytes 0-0", "bytes 0-0/*", "bytes 5-4/10", "bytes 0-10/10", "bytes */10"])
def test_what_says_no_place_is_no_piece(header: str) -> None:
    assert parse_content_range(header) is None


def test_tags_are_compared_weakly() -> None:
    assert matches('"a", W/"b"', '"b"')
    assert matches("*", '"b"')
    assert not matches('"ab"', '"b"')
    assert not matches("", '"b"')
