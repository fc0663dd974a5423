"""What a table of docs/QUALITY.md is made of, and the songs that it is measured on.

A table comes from a module ``rows_NAME.py`` in this folder, which has

* ``TITLE``: the heading of its table,
* optionally ``ABOUT``: sentences below the heading,
* ``rows(setup: Setup) -> list[Row]``.

``make quality ROWS=NAME,NAME`` measures some tables and leaves the others as they are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from typing import Any, TypeVar

import numpy as np

from . import corpus, made
from .corpus import Excerpt
from .split import is_held_out

T = TypeVar("T")
#: A value in words, and whether it meets the goal; None where there is no goal.
Verdict = tuple[str, bool | None]


@dataclass(frozen=True)
class Row:
    """One line of a table: a value for all songs, and one for the held-out songs alone."""

    task: str
    measure: str
    goal: str
    value: str
    met: bool | None = None
    held_out: str = ""
    met_held_out: bool | None = None


@dataclass(frozen=True)
class Setup:
    """The excerpts of the corpus to measure on, by name, in two halves; and the songs that the suite makes, in both halves.

    ``missing`` has the packages to install for more of the corpus. ``details`` keeps what was measured, by function and song,
    for the file of figures.
    """

    tuning: tuple[str, ...]
    held_out: tuple[str, ...]
    made: tuple[str, ...] = made.NAMES
    missing: tuple[str, ...] = ()
    details: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return self.tuning + self.held_out

    def load(self, name: str) -> Excerpt:
        """Return an excerpt or a song of the suite with its truth; the corpus is played once and then read from build/."""
        return _load(name)

    def measure(self, function: Callable[[Excerpt], T], names: Sequence[str] | None = None) -> dict[str, T]:
        """Return what a function says of each song, by name, computed in as many processes as there are cores.

        ``function`` is one at the top of a module; ``names`` are some of ``names`` and ``made``, the former by
        default.
        """
        chosen = self.names if names is None else tuple(names)
        workers = min(os.cpu_count() or 1, 4)
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            found = dict(zip(chosen, pool.map(partial(_apply, function), chosen), strict=True))
        self.details.setdefault(function.__name__, {}).update(found)
        return found


def _apply(function: Callable[[Excerpt], T], name: str) -> T:
    return function(_load(name))


def _load(name: str) -> Excerpt:
    return made.load(name) if name in made.NAMES else corpus.load(name)


def set_up() -> Setup:
    """Return the songs that this machine can render, in halves by `is_held_out`."""
    names = corpus.names()
    return Setup(
        tuple(n for n in names if not is_held_out(n)),
        tuple(n for n in names if is_held_out(n)),
        missing=corpus.missing(),
    )


def build_row(task: str, measure: str, goal: str, figures: Mapping[str, T], judge: Callable[[list[T]], Verdict]) -> Row:
    """Return a row from figures by song: ``judge`` sees those of all songs, and then those of held-out songs alone."""
    if not figures:
        return absent_row(task, measure, goal)
    held = [figure for name, figure in figures.items() if is_held_out(name)]
    return Row(task, measure, goal, *judge(list(figures.values())), *(judge(held) if held else ("", None)))


def absent_row(task: str, measure: str, goal: str, why: str = "") -> Row:
    """Return a row for what this machine cannot measure."""
    return Row(task, measure, goal, f"not measured: {why}" if why else "not measured")


def judge_mean(least: float | None = None, *, percent: bool = True) -> Callable[[list[float]], Verdict]:
    """Return a judge for a mean of at least ``least``, with the range from the lowest to the highest song."""

    def judge(values: list[float]) -> Verdict:
        form = ".0%" if percent else ".2f"
        mean = float(np.mean(values))
        text = f"{mean:{form}} ({min(values):{form}} to {max(values):{form}})"
        return text, None if least is None else mean >= least

    return judge


def judge_share(least: float | None = None) -> Callable[[list[bool]], Verdict]:
    """Return a judge for the share of songs of which something is true."""

    def judge(values: list[bool]) -> Verdict:
        return f"{sum(values)} of {len(values)}", None if least is None else sum(values) >= least * len(values) - 1e-9

    return judge
