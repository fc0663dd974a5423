"""Any text as the name of a file."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acebridge.file_names import file_name


@settings(deadline=None, max_examples=200)
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
