"""What is known of a take, in words that a person reads."""

from __future__ import annotations

from acebridge.cli.perform import fact_lines
from acebridge.cli.take_words import seed_words, take_line

STEPS = [{"amount": 0.3, "seed": 9}, {"amount": 1, "seed": 12}]


def test_the_variations_of_a_take() -> None:
    assert seed_words(7, {}) == "seed 7"
    assert seed_words(7, {"variations": STEPS}) == "seed 7 varied by 0.3 towards 9 varied by 1 towards 12"
    assert fact_lines({"variations": STEPS}) == ["  variations: 0.3 towards 9, 1 towards 12"]


def test_how_much_of_a_preview_is_there() -> None:
    length = {"bars": 4, "duration_s": 8.0, "whole_s": 30.5, "bpm": 120.0, "timesignature": 4, "tempo_from": "assumed"}
    said = "  preview: 4 bars, 8 of 30.5 s, at 120 bpm (assumed); `acebridge finish` decodes the rest"
    assert fact_lines({"preview": length}) == [said]
    assert take_line({"bpm": 120.0, "preview": {**length, "bars": 1}}) == "120 bpm, preview of 1 bar, 8 of 30.5 s"
