"""Measuring, song by song in as many processes as there are cores."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from acestep_runtime.audio import wav

from . import costs, figures, fluid, measures, page, report, rows, songs, tables
from .sounds import RATE_HZ

_LONG_S, _SHORT_S = 180.0, 12.0
#: The table of the draft engine on the songs that the suite makes.
DRAFT = "draft"


def _one(number: int) -> dict[str, dict[str, Any]]:
    """Make a song and measure all tasks on it."""
    song = songs.make(songs.SONGS[number])
    about = {"song": song.plan.name, "renderer": song.renderer, "held_out": song.plan in songs.HELD_OUT,
             "truth": f"{song.plan.bpm:g}, {song.plan.key}, {song.plan.meter}/4"}  # fmt: skip
    tasks = [t for t in measures.MEASURES if measures.can(t)]
    return {task: {**about, **measures.MEASURES[task](song)} for task in tasks}


def _source(folder: str, seconds: float) -> str:
    """Write a song, repeated from its first bar on until it is ``seconds`` long."""
    song = songs.make(songs.SONGS[0])
    first, last = (round(s * RATE_HZ) for s in (song.beats_s[0], song.beats_s[-1] + song.beat_s))
    path = str(Path(folder, f"{seconds:g}.wav"))
    wav.write(path, np.resize(song.mix[first:last], (round(seconds * RATE_HZ), 2)), RATE_HZ)
    return path


def measure_draft() -> dict[str, Any]:
    """Return the figures of the draft engine on the songs that the suite makes."""
    began = time.perf_counter()
    results: dict[str, report.Rows] = {}
    workers = min(os.cpu_count() or 1, 8)
    tasks = [task for task in costs.TASKS if measures.can(task)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for number, found in enumerate(pool.map(_one, range(len(songs.SONGS)))):
            print(f"{number + 1} of {len(songs.SONGS)}: {songs.SONGS[number].name}", file=sys.stderr)
            for task, values in found.items():
                results.setdefault(task, []).append(values)
        with tempfile.TemporaryDirectory() as place:
            short, long = _source(place, _SHORT_S), _source(place, _LONG_S)
            twice = list(pool.map(costs.measure_task, tasks * 2, [short] * 2 * len(tasks)))
            results["same"] = [
                {"task": task, "same": "error" not in one and one["sha256"] == other.get("sha256")}
                for task, one, other in zip(tasks, twice, twice[len(tasks) :], strict=False)
            ]
            results["costs"] = [{"task": task, **costs.measure_task(task, long)} for task in tasks]
    print("\n".join(report.table(results)))
    return {
        "results": results,
        "players": _players(results),
        "took_s": time.perf_counter() - began,
        **figures.machine(),
    }


def _players(results: dict[str, report.Rows]) -> str:
    if any(row["renderer"] == "fluidsynth" for row in results["understand"]):
        return f"{fluid.version()} plays half of them; numpy synthesises the others and all vocals."
    return "numpy synthesises all of them; FluidSynth was not installed."


def main(folder: str, chosen: Sequence[str] = ()) -> None:
    """Measure some tables, all by default, print them, and write them into QUALITY.md in a folder; its other tables stay.

    A table is "draft", or the NAME of a module ``rows_NAME.py``; raise SystemExit for another one.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # for the processes: they share the cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    known = [*tables.names(), DRAFT]
    if unknown := sorted(set(chosen) - set(known)):
        raise SystemExit(f"no table is named {', '.join(unknown)}; there are {', '.join(known)}")
    wanted = [name for name in known if name in chosen] if chosen else known
    path = Path(folder, "QUALITY.md")
    sections = page.read(path.read_text("utf-8")) if path.exists() else {}
    if others := [name for name in wanted if name != DRAFT]:
        sections |= tables.measure_and_save(others, rows.set_up())
    if DRAFT in wanted:
        sections[DRAFT] = report.section(measure_draft())
    path.write_text(page.write(sections, known), "utf-8")
