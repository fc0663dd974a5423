"""The nearest colour of a palette."""

from __future__ import annotations

import pytest

from acebridge.hosts.protools.connection import ProTools
from acebridge.hosts.protools.palette import nearest, track_palette
from tests.support.fake_protools import PALETTE, FakeProTools, Refusal


@pytest.mark.parametrize(
    ("colour", "number"), [("#000000", 0), ("#ffffff", 3), ("#f00000", 1), ("#00E0F0", 2), ("#808080", 4)]
)
def test_the_nearest_is_taken_with_opacity_or_without(colour: str, number: int) -> None:
    assert nearest(["#ff000000", "ff0000", "#FF00FFFF", "#ffffff", "#ff7f7f7f", "none"], colour) == number


def test_a_palette_that_is_not_known_is_empty(fake: FakeProTools, pro: ProTools) -> None:
    assert track_palette(pro) == list(PALETTE)
    fake.faults["GetColorPalette"] = Refusal("PT_UnsupportedCommand")
    assert track_palette(pro) == []
