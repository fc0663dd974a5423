"""Bars as times: a bar lasts as many beats as the meter says, each 60 s by the tempo."""

from __future__ import annotations

from typing import Any

import pytest

from acebridge.cli.bars import with_bars
from acestep_runtime.errors import InvalidValue

SONG: dict[str, Any] = {"duration": None}
REGION: dict[str, Any] = {"start": None, "end": None}


@pytest.mark.parametrize(
    ("bpm", "meter", "bars", "seconds"), [(120.0, None, "8", 16.0), (90.0, 3, "4", 8.0), (60.0, 6, " 1 ", 6.0)]
)
def test_the_length_of_a_song(bpm: float, meter: int | None, bars: str, seconds: float) -> None:
    given = with_bars({**SONG, "bpm": bpm, "time_signature": meter, "bars": bars})
    assert given["duration"] == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("bars", "start_s", "region"),
    [("5-8", None, (8.0, 16.0)), ("1-1", None, (0.0, 2.0)), ("4", None, (0.0, 8.0)), ("2", 10.5, (10.5, 14.5)),
     ("3 – 4", None, (4.0, 8.0))],
)  # fmt: skip
def test_a_region(bars: str, start_s: float | None, region: tuple[float, float]) -> None:
    given = with_bars({**REGION, "start": start_s, "bpm": 120.0, "time_signature": None, "bars": bars})
    assert (given["start"], given["end"]) == pytest.approx(region)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({**SONG, "bpm": None, "bars": "8"}, "--bars is '8'; allowed: with --bpm. Add the tempo, such as --bpm 120."),
        ({**SONG, "bars": "1-4"}, "--bars is '1-4'; allowed: a number of bars, 1 or more."),
        ({**SONG, "bars": "0"}, "--bars is '0'; allowed: a number of bars, 1 or more."),
        ({**SONG, "bars": "eight"}, "--bars is 'eight'; allowed: a number of bars"),
        ({"duration": 3.0, "bars": "8"}, "--bars is '8'; allowed: without --duration."),
        ({**REGION, "bars": "8-5"}, "--bars is '8-5'; allowed: a number of bars such as 4, or a range"),
        ({**REGION, "bars": "0-5"}, "Bars count from 1."),
        ({**REGION, "bars": "1.5"}, "--bars is '1.5'; allowed: a number of bars such as 4, or a range"),
        ({**REGION, "end": 3.0, "bars": "4"}, "--bars is '4'; allowed: without --end."),
        ({**REGION, "start": 3.0, "bars": "5-8"}, "--bars is '5-8'; allowed: a number of bars with --start."),
    ],
)
def test_what_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        with_bars({"bpm": 120.0, "time_signature": None, **options})
    assert says in str(caught.value)


def test_without_bars_and_with_a_tempo_that_is_none_nothing_changes() -> None:
    for options in ({**SONG, "bars": None, "bpm": None}, {**SONG, "bars": "8", "bpm": float("nan")}):
        assert with_bars(options) == options
