"""Measure full-size models on this CPU, and print tables with goals. ``make bench-neural FULL=DIR FIRST=WORKTREE``.

All ways get the same files, threads and words, in turns; figures are medians. The first version is an older worktree with a
``.venv``. Laps of every turn go to ``--out`` as they end, so rows can be measured one at a time and printed together with
``--takes 0``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from acestep_runtime.audio import wav
from acestep_runtime.memory.precision import cpu_name, has_amx
from tests.bench.full.rows import REPAINT_SONG_S, ROWS, Row, Setup
from tests.bench.full.table import format_table
from tests.bench.full.turns import WAYS, run_turn


def write_song(path: Path) -> None:
    """Write a song of noise, which nothing of an engine's caches knows."""
    draw = np.random.default_rng(11)
    wav.write(path, (0.1 * draw.standard_normal((REPAINT_SONG_S * 48_000, 2))).astype(np.float32), 48_000)


def describe_machine() -> dict[str, Any]:
    """Return the CPU and versions."""
    return {
        "cpu": cpu_name(), "cores": os.cpu_count(), "amx": has_amx(), "torch": torch.__version__,
        "date": time.strftime("%Y-%m-%d"),
    }  # fmt: skip


def choose_ways(row: Row, only: Sequence[str], first: Path | None) -> list[str]:
    """Return the ways of a row that are asked for and can run."""
    return [way for way in row.ways if (not only or way in only) and (first or not WAYS[way].is_first)]


def measure(
    row: Row, ways: Sequence[str], setup: Setup, takes: int, first: Path | None, found: dict[str, Any],
    save: Callable[[], None],
) -> None:  # fmt: skip
    """Measure ways of a row and put their turns, and the load of the machine, into ``found``; ``save`` after each turn.

    A way that fails is left out from then on.
    """
    for name in ("loads", "turns"):
        found.setdefault(name, {}).update({way: [] for way in ways})
    failed = set()
    for number in range(takes):
        for way in ways:
            if way in failed:
                continue
            began_s = time.perf_counter()
            try:
                turn = run_turn(WAYS[way], row.order(setup, way, number), setup.precision, first)
            except RuntimeError as failure:
                print(failure, file=sys.stderr)
                failed.add(way)
                continue
            found["turns"][way].append(turn)
            found["loads"][way].append(os.getloadavg()[0])
            save()
            print(f"{row.title}, {way}, take {number + 1}: {time.perf_counter() - began_s:.0f} s", file=sys.stderr)


def format_row(row: Row, found: Mapping[str, Any], setup: Setup, *, has_amx: bool) -> str:
    """Return a row's title and table."""
    takes = max((len(each) for each in found["turns"].values()), default=0)
    loads = sorted(load for each in found["loads"].values() for load in each)
    busy = f"load average {loads[0]:.1f} to {loads[-1]:.1f}" if loads else "not measured"
    table = format_table(row.figures(setup), found["turns"], row.ways, has_amx=has_amx)
    return f"**{row.title}**, {setup.precision}, takes: {takes}, {busy}\n\n{table}\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, keep and print rows; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of the models")
    parser.add_argument("--first", type=Path, help="a worktree of the first version, with a .venv")
    parser.add_argument("--rows", default=",".join(ROWS), help=f"some of {','.join(ROWS)}")
    parser.add_argument("--ways", default="", help=f"some of {','.join(WAYS)}")
    parser.add_argument("--precision", choices=("bfloat16", "float32"), default="bfloat16")
    parser.add_argument("--takes", type=int, default=2, help="turns of each way; 0 prints what was measured before")
    parser.add_argument("--out", type=Path, default=Path("build/bench-full"))
    given = parser.parse_args(arguments)
    names, only = given.rows.split(","), [each for each in given.ways.split(",") if each]
    unknown = sorted({*names} - {*ROWS}) + sorted({*only} - {*WAYS})
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; rows: {', '.join(ROWS)}; ways: {', '.join(WAYS)}")
    path = given.out.with_name(f"{given.out.name}-{given.precision}.json")
    document = json.loads(path.read_text()) if path.is_file() else {"rows": {}}
    first = given.first.resolve() if given.first else None

    def save() -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document) + "\n")

    with tempfile.TemporaryDirectory() as folder:
        setup = Setup(given.folder.resolve(), Path(folder) / "song.wav", given.precision)
        write_song(setup.song)
        for name in names:
            row = ROWS[name]
            if given.precision in row.precisions and given.takes:
                document["machine"] = describe_machine()
                found = document["rows"].setdefault(name, {})
                measure(row, choose_ways(row, only, first), setup, given.takes, first, found, save)
        machine = document.get("machine", describe_machine())
        print(", ".join(f"{name} {value}" for name, value in machine.items()), end="\n\n")
        for name in names:
            if name in document["rows"]:
                print(format_row(ROWS[name], document["rows"][name], setup, has_amx=machine["amx"]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
