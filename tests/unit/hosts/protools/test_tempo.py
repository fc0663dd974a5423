"""Tempo and meter are read from the ruler, where it says them clearly."""

from __future__ import annotations

import pytest

from acebridge.hosts.protools.connection import ProTools
from acebridge.hosts.protools.tempo import read_music
from tests.support.fake_protools import FakeProTools, Refusal


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000])
@pytest.mark.parametrize(("bpm", "meter"), [(120.0, 4), (97.35, 3), (61.0, 2)])
def test_tempo_and_meter_of_the_bar(fake: FakeProTools, pro: ProTools, rate_hz: int, bpm: float, meter: int) -> None:
    fake.bpm, fake.meter, fake.rate_hz = bpm, meter, rate_hz
    found = read_music(pro, 1_234_567, rate_hz)
    assert found["timesignature"] == meter
    assert found["bpm"] == pytest.approx(bpm, abs=0.01)


@pytest.mark.parametrize(("bpm", "meter"), [(120.0, 6), (120.0, 7), (400.0, 4), (20.0, 4)])
def test_what_may_be_something_else_is_left_open(fake: FakeProTools, pro: ProTools, bpm: float, meter: int) -> None:
    fake.bpm, fake.meter = bpm, meter
    assert read_music(pro, 0, fake.rate_hz) == {}


def test_a_ruler_that_cannot_be_read_says_nothing(fake: FakeProTools, pro: ProTools) -> None:
    fake.answers["GetTimeAsType"] = ("TStatus_Completed", '{"converted_location": {"location": "01:00:00:00"}}')
    assert read_music(pro, 0, fake.rate_hz) == {}
    fake.answers.clear()
    fake.faults["GetTimeAsType"] = Refusal("PT_UnsupportedCommand")
    assert read_music(pro, 0, fake.rate_hz) == {}
