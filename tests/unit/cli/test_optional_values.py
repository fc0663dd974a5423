"""Options whose value may be left out."""

from __future__ import annotations

import pytest

from acebridge.cli.optional_values import with_values


@pytest.mark.parametrize(
    ("given", "parsed"),
    [
        ([], []),
        (["generate"], ["generate"]),
        (["repaint", "a.wav", "--html"], ["repaint", "a.wav", "--html="]),
        (["repaint", "--html", "--end", "3", "a.wav"], ["repaint", "--html=", "--end", "3", "a.wav"]),
        (["repaint", "a.wav", "--html", "b.html", "-n", "2"], ["repaint", "a.wav", "--html", "b.html", "-n", "2"]),
        (["repaint", "--html=b.html", "-n", "2"], ["repaint", "--html=b.html", "-n", "2"]),
        (["repaint", "--", "--html"], ["repaint", "--", "--html"]),
        (["generate", "-c", "--html"], ["generate", "-c", "--html="]),
    ],
)
def test_a_value_that_is_left_out_is_empty(given: list[str], parsed: list[str]) -> None:
    assert with_values(given) == parsed
