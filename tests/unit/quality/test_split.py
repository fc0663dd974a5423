"""The halves of the songs: what may be tuned on, and what is only measured."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.quality import songs
from tests.quality.split import is_held_out


@pytest.mark.parametrize(("name", "held_out"), [
    ("a", False), ("b", False), ("c", False), ("d", False), ("e", True), ("abc", False), ("", True),
])  # fmt: skip
def test_the_first_byte_of_the_hash_decides(name: str, held_out: bool) -> None:
    """Bytes as FIPS 180 tools print them: a ca, b 3e, c 2e, d 18, e 3f, abc ba, nothing e3."""
    assert is_held_out(name) is held_out


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"])), st.integers(0, 99), st.integers(0, 59))
def test_all_excerpts_of_a_song_are_in_its_half(song: str, minutes: int, seconds: int) -> None:
    assert is_held_out(f"{song}x {minutes}:{seconds:02d}") == is_held_out(f"{song}x")


def test_the_songs_of_the_suite_keep_the_halves_that_constants_were_tuned_by() -> None:
    assert not any(is_held_out(plan.name) for plan in songs.TUNING)
    assert all(is_held_out(plan.name) for plan in songs.HELD_OUT)
