"""The benchmark at full size: what it makes of measured laps. Nothing here is measured."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from tests.bench.full import rows, table, turns
from tests.bench.full.table import MACHINE, OURS, RATE, SHARE, SIZE, TIME, Figure, Goal

OTHER = "other"
WAY = """
class Way:
    def count(self, n):
        for number in range(n):
            print("noise of a library")
            yield f"lap {number}"

    def fail(self):
        raise ValueError("no such weights")
        yield
"""


def lap(part: str, wall_s: float, cpu_s: float = 0.0, **more: float) -> dict[str, object]:
    return {"part": part, "wall_s": wall_s, "cpu_s": cpu_s, **more}


def whole(turn: table.Turn) -> table.Value | None:
    return table.sum_laps(turn["song"])


def turns_of(*songs: tuple[float, float]) -> list[table.Turn]:
    return [{"song": [lap("end", *song)]} for song in songs]


def test_the_median_is_that_of_each_number() -> None:
    assert table.median_value([(1.0, 9.0), (2.0, 7.0), (30.0, 8.0)]) == (2.0, 8.0)


def test_parts_are_summed_and_the_first_lap_is_no_usual_one() -> None:
    laps = [lap("step", 9, 1), lap("step", 2, 3), lap("decoding", 5, 6), lap("step", 4, 5)]
    assert table.sum_laps(laps) == (20, 15)
    assert table.sum_laps(laps, ("decoding",)) == (5, 6)
    assert table.median_lap(laps, ("step",)) == (3, 4)
    assert table.median_lap(laps[:1], ("step",)) is None
    assert rows.select_start({"song": [lap("listening", 1, 8), *laps]}, "song") == (7, 5)
    assert rows.select_start({"song": laps[:1]}, "song") is None


@pytest.mark.parametrize(("is_more_better", "expected"), [(False, 2.0), (True, 0.5)])
def test_a_ratio_says_how_many_times_as_good_ours_is(is_more_better: bool, expected: float) -> None:
    assert table.ratio((10.0,), (20.0,), is_more_better=is_more_better) == (expected,)
    assert math.isnan(table.ratio((0.0,), (20.0,), is_more_better=is_more_better)[0])


def test_a_floor_is_scaled_to_the_same_work() -> None:
    figure = Figure("song", TIME, whole, floor_factor=3.0)
    found = table.evaluate(figure, {OURS: turns_of((6.0, 12.0)), MACHINE: turns_of((1.0, 2.0)), OTHER: []})
    assert found == {OURS: (6.0, 12.0), MACHINE: (3.0, 6.0)}


@pytest.mark.parametrize(
    ("figure", "goal", "values", "verdict"),
    [
        (Figure("", TIME, whole), Goal(2, OTHER), {OURS: (9.0, 1.0), OTHER: (9.0, 2.0)}, "at least 2 × other: reached"),
        (Figure("", TIME, whole), Goal(2, OTHER), {OURS: (1.0, 1.0), OTHER: (9.0, 1.9)}, "at least 2 × other: MISSED"),
        (Figure("", RATE, whole), Goal(2, OTHER), {OURS: (1.0, 4.0), OTHER: (9.0, 2.0)}, "at least 2 × other: reached"),
        (Figure("", TIME, whole), Goal(2, OTHER), {OURS: (1.0, 1.0)}, "at least 2 × other: not measured"),
        (Figure("", SIZE, whole), Goal(7), {OURS: (7.5,)}, "at most 7 GiB: MISSED"),
        (Figure("", SIZE, whole), Goal(4, way=OTHER), {OURS: (7.5,), OTHER: (3.5,)}, "at most 4 GiB, other: reached"),
        (Figure("", SHARE, whole), Goal(95), {OURS: (96.0,)}, "at least 95 %: reached"),
        (
            Figure("", TIME, whole), Goal(55, needs_amx=True), {OURS: (40.0, 60.0)},
            "at most 55 s, with AMX: not measured, this CPU has no AMX",
        ),
    ],
)  # fmt: skip
def test_a_goal_is_judged(figure: Figure, goal: Goal, values: dict[str, table.Value], verdict: str) -> None:
    assert table.judge(figure, goal, values, has_amx=False) == verdict


def test_a_table_has_ratios_the_floor_and_goals() -> None:
    measured = {OTHER: turns_of((30, 50)), OURS: turns_of((10, 20)), MACHINE: turns_of((5, 15))}
    figures = [Figure("song", TIME, whole, (Goal(3, OTHER),)), Figure("nothing", TIME, lambda _: None)]
    assert table.format_table(figures, measured, (OURS, OTHER, MACHINE), has_amx=True).splitlines() == [
        "| what | AceBridge | other | floor, and its share | goal |",
        "| --- | --- | --- | --- | --- |",
        "| song | 10.0 s, 20.0 CPU s | 30.0 s, 50.0 CPU s; 3.00 ×, 2.50 × | 5.00 s, 15.0 CPU s; 50%, 75% |"
        " at least 3 × other: MISSED |",
    ]


def test_shapes_and_bytes_are_those_of_a_config() -> None:
    config = {
        "hidden_size": 2048, "intermediate_size": 6144, "num_attention_heads": 16, "num_key_value_heads": 8,
        "head_dim": 128, "num_hidden_layers": 24, "patch_size": 2,
    }  # fmt: skip
    assert sum(outputs * inputs for outputs, inputs in rows.step_shapes(config)) == 58_720_256
    assert rows.step_operations(config) == 2 * 375 * 24 * 58_720_256
    small = dict.fromkeys(config, 1) | {"head_dim": 3}
    assert rows.language_bytes(small, 2) == 2 * (12 + 3 + 64_000)


def test_unloading_returns_a_share_with_and_without_what_was_imported() -> None:
    turn = {
        "load": [lap("import", 1, rss_gib=1.0), lap("load", 1, rss_gib=4.0)],
        "song": [lap("end", 1, rss_gib=5.0)], "unload": [lap("unload", 1, rss_gib=2.0)],
    }  # fmt: skip
    assert rows.select_unload(turn) == (60.0,)
    assert rows.select_unload(turn, "import") == (75.0,)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_orders_are_run_in_a_process_and_a_failure_says_why(tmp_path: Path) -> None:
    path = tmp_path / "way.py"
    path.write_text(WAY)
    way = turns.Way(str(path.with_suffix("")))
    (laps,) = turns.run_turn(way, [turns.Order("a", "count", {"n": 2})], "float32", None).values()
    assert [each["part"] for each in laps] == ["lap 0", "lap 1"]
    assert all(each["peak_gib"] > 0 for each in laps)
    with pytest.raises(RuntimeError, match=r"fail failed with exit code 1(.|\n)*no such weights"):
        turns.run_turn(way, [turns.Order("b", "fail")], "float32", None)
