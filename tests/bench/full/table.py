"""Medians, ratios and tables of measured rows. Pure functions.

A value is a tuple, one number for each unit of its figure: on the clock and in processor time, or one size. ``turns`` are the
answers of `launch` by the label of an order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Lap = Mapping[str, Any]
Turn = Mapping[str, Sequence[Lap]]
Value = tuple[float, ...]

OURS, MACHINE = "AceBridge", "machine"
#: Units of a figure.
TIME, SIZE, SHARE = ("s", "CPU s"), ("GiB",), ("%",)
RATE, OPERATIONS, BYTES = (tuple(f"{unit}/{each}" for each in TIME) for unit in ("", "GFLOP", "GB"))


@dataclass(frozen=True)
class Goal:
    """A limit for a figure of one way: for its first number, or for the last number's ratio to ``against``."""

    limit: float
    against: str = ""
    way: str = OURS
    needs_amx: bool = False


@dataclass(frozen=True)
class Figure:
    """What is told of a row: ``select`` takes its value from a turn. Rates and shares are better when they are greater.

    What the machine reaches is multiplied by ``floor_factor``, so that it is of the same amount of work.
    """

    name: str
    units: tuple[str, ...]
    select: Callable[[Turn], Value | None]
    goals: tuple[Goal, ...] = ()
    floor_factor: float = 1.0

    @property
    def is_more_better(self) -> bool:
        """Whether greater values are better."""
        return self.units not in (TIME, SIZE)


def median_value(values: Sequence[Value]) -> Value:
    """Return the median of each number."""
    return tuple(median(numbers) for numbers in zip(*values, strict=True))


def sum_laps(laps: Sequence[Lap], parts: Sequence[str] = ()) -> Value:
    """Return the time of all laps, or of those of some parts."""
    chosen = [lap for lap in laps if not parts or lap["part"] in parts]
    return sum(lap["wall_s"] for lap in chosen), sum(lap["cpu_s"] for lap in chosen)


def median_lap(laps: Sequence[Lap], parts: Sequence[str]) -> Value | None:
    """Return the median time of the laps of some parts, without the first, which does more; ``None`` for less than two."""
    chosen = [(lap["wall_s"], lap["cpu_s"]) for lap in laps if lap["part"] in parts][1:]
    return median_value(chosen) if chosen else None


def scale(value: Value | None, factor: float) -> Value | None:
    """Return a value times a factor."""
    return None if value is None else tuple(factor * number for number in value)


def invert(value: Value | None) -> Value | None:
    """Return the rate of a time."""
    return None if value is None else tuple(1 / number for number in value)


def evaluate(figure: Figure, turns: Mapping[str, Sequence[Turn]]) -> dict[str, Value]:
    """Return the median of a figure over the turns of each way that has it."""
    values = {}
    for way, each in turns.items():
        found = [value for turn in each if (value := figure.select(turn)) is not None]
        if found:
            factor = figure.floor_factor if way == MACHINE else 1.0
            values[way] = tuple(number * factor for number in median_value(found))
    return values


def ratio(mine: Value, other: Value, *, is_more_better: bool) -> Value:
    """Return how many times as good mine is as the other, for each number."""
    pairs = zip(mine, other, strict=True)
    return tuple((a / b if is_more_better else b / a) if a and b else float("nan") for a, b in pairs)


def judge(figure: Figure, goal: Goal, values: Mapping[str, Value], *, has_amx: bool) -> str:
    """Return the goal in words, and whether it is reached. Ratios are those of the last number, processor time."""
    is_least = bool(goal.against) or figure.is_more_better
    words = f"{'at least' if is_least else 'at most'} {goal.limit:g} {'×' if goal.against else figure.units[0]}"
    words += f" {goal.against}" if goal.against else "" if goal.way == OURS else f", {goal.way}"
    words += ", with AMX" if goal.needs_amx else ""
    if goal.way not in values or (goal.against and goal.against not in values):
        return f"{words}: not measured"
    if goal.needs_amx and not has_amx:
        return f"{words}: not measured, this CPU has no AMX"
    mine = values[goal.way]
    other = values.get(goal.against)
    found = mine[0] if other is None else ratio(mine, other, is_more_better=figure.is_more_better)[-1]
    is_reached = found >= goal.limit if is_least else found <= goal.limit
    return f"{words}: {'reached' if is_reached else 'MISSED'}"


def format_value(value: Value, units: Sequence[str]) -> str:
    """Return a value with its units: "12.3 s, 24.1 CPU s"."""
    return ", ".join(f"{_digits(number)} {unit}" for number, unit in zip(value, units, strict=True))


def _digits(number: float) -> str:
    return f"{number:.0f}" if abs(number) >= 100 else f"{number:.1f}" if abs(number) >= 10 else f"{number:.2f}"


def format_table(
    figures: Sequence[Figure], turns: Mapping[str, Sequence[Turn]], ways: Sequence[str], *, has_amx: bool
) -> str:
    """Return the figures of a row as a table in Markdown: each way, how we compare with each other way, and the goals."""
    others = [way for way in ways if turns.get(way) and way not in (OURS, MACHINE)]
    columns = [OURS, *others, *([MACHINE] if turns.get(MACHINE) else [])]
    heads = ["what", *(column if column != MACHINE else "floor, and its share" for column in columns)]
    lines = [_row([*heads, "goal"]), _row(["---"] * (len(heads) + 1))]
    for figure in figures:
        values = evaluate(figure, turns)
        if not values:
            continue
        cells = [figure.name]
        for column in columns:
            cell = format_value(values[column], figure.units) if column in values else ""
            if column != OURS and OURS in values and column in values and len(figure.units) > 1:
                cell += f"; {_compare(figure, values[OURS], values[column], is_floor=column == MACHINE)}"
            cells.append(cell)
        goals = "; ".join(judge(figure, goal, values, has_amx=has_amx) for goal in figure.goals)
        lines.append(_row([*cells, goals]))
    return "\n".join(lines)


def _compare(figure: Figure, mine: Value, other: Value, *, is_floor: bool) -> str:
    found = ratio(mine, other, is_more_better=figure.is_more_better)
    return ", ".join(f"{number:.0%}" if is_floor else f"{number:.2f} ×" for number in found)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
