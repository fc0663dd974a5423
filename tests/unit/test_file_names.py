"""Any text as the name of a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acebridge.file_names import file_name, short_stem


@settings(deadline=None, max_examples=100)
@given(st.text(st.characters(), max_size=200))
def test_any_text_becomes_a_name_that_every_system_takes(text: str) -> None:
    name = file_name(text)
    assert not set(name) & set('\\/:*?"<>|')
    assert all(ord(c) >= 32 and not 127 <= ord(c) < 160 for c in name)
    assert name == name.strip(" .")
    assert len(name) <= 91
    assert len(name.encode("utf-8")) <= 181
    assert file_name(name) == name
    assert name.split(".")[0].lower() not in {"con", "nul", "aux", "prn", "com1", "lpt9"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("한국어 노래 🎸", "한국어 노래 🎸"),
        ("AC/DC: live?", "AC DC live"),
        ("a\nb\tc", "a b c"),
        ("…end. ", "…end"),
        ("con", "_con"),
        ("Nul.txt", "_Nul.txt"),
        ("console", "console"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("e\u0301", "é"),
        ("\ud800x", "x"),
        ("\u202eevil", "evil"),
        ("  ", ""),
    ],
)
def test_names(text: str, name: str) -> None:
    assert file_name(text) == name


@pytest.mark.parametrize("letter", ["a", "é", "한", "🎸", "\udcff"])
def test_a_long_name_leaves_room_for_what_follows_it(letter: str) -> None:
    stem = short_stem(Path(letter * 240 + ".wav"))
    assert set(stem) == {letter}
    assert 176 < len(os.fsencode(stem)) <= 180
    assert short_stem(Path("songs/my song.v2.wav")) == "my song.v2"
