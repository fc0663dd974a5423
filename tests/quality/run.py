"""Measuring everything, song by song in as many processes as there are cores."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from acestep_runtime.audio import wav

from . import costs, measures, report, songs
from .sounds import RATE_HZ

_LONG_S, _SHORT_S = 180.0, 12.0


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


def main(folder: str) -> None:
    """Measure, print the table, and write QUALITY.md into a folder."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # for the processes: they share the cores
    began = time.perf_counter()
    results: dict[str, report.Rows] = {}
    workers = min(os.cpu_count() or 1, 8)
    tasks = [task for task in costs.TASKS if measures.can(task)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for number, found in enumerate(pool.map(_one, range(len(songs.SONGS)))):
            print(f"{number + 1} of {len(songs.SONGS)}: {songs.SONGS[number].name}", file=sys.stderr)
            for task, figures in found.items():
                results.setdefault(task, []).append(figures)
        with tempfile.TemporaryDirectory() as place:
            short, long = _source(place, _SHORT_S), _source(place, _LONG_S)
            twice = list(pool.map(costs.measure_task, tasks * 2, [short] * 2 * len(tasks)))
            results["same"] = [
                {"task": task, "same": "error" not in one and one["sha256"] == other.get("sha256")}
                for task, one, other in zip(tasks, twice, twice[len(tasks) :], strict=False)
            ]
            results["costs"] = [{"task": task, **costs.measure_task(task, long)} for task in tasks]
    text = report.page(results, time.perf_counter() - began)
    print("\n".join(report.table(results)))
    Path(folder, "QUALITY.md").write_text(text, "utf-8")
