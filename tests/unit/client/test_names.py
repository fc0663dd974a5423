"""Names of files as requests may hold them."""

from __future__ import annotations

from pathlib import Path

import pytest

from acebridge.client.client import name_of


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("내 노래.wav", "내 노래.wav"),
        ("n" * 196 + ".wav", "n" * 196 + ".wav"),
        ("n" * 251 + ".wav", "n" * 195 + "….wav"),
        ("n." + "s" * 253, "n." + "s" * 177 + "…" + "s" * 20),
    ],
)
def test_a_name_that_is_too_long_is_shortened_before_its_suffix(name: str, expected: str) -> None:
    assert name_of(Path("folder") / name) == expected
    assert len(expected) <= 200
