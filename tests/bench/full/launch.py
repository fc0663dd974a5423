"""Runs the orders of a way in this process, and measures them: ``python launch.py WAY.py``, in the environment of the way.

A line of standard input is an order, ``[name, {argument: value}]``; a line of standard output is its answer, as JSON. Needs
Linux, and nothing outside the standard library: the way may be a version of this project with other packages.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import time
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
#: What makes the kernel forget the peak of this process's memory.
_RESET_PEAK = "5"


def read_memory_gib() -> dict[str, float]:
    """Return the memory of this process: all of it, its peak, and what does not belong to files."""
    rows = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
    names = {"rss": "VmRSS", "peak": "VmHWM", "anonymous": "RssAnon"}
    return {f"{name}_gib": int(rows[key].split()[0]) / 2**20 for name, key in names.items()}


def main() -> None:
    """Serve orders until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print
    path = Path(sys.argv[1])
    del sys.path[0]  # the folder of this file has no packages of the way
    way = runpy.run_path(str(path))["Way"]()
    for line in sys.stdin:
        name, arguments = json.loads(line)
        _CLEAR.write_text(_RESET_PEAK)
        laps = []
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        for part in getattr(way, name)(**arguments):
            now_s, now_cpu_s = time.perf_counter(), time.process_time()
            laps.append({"part": part, "wall_s": now_s - wall_s, "cpu_s": now_cpu_s - cpu_s, **read_memory_gib()})
            wall_s, cpu_s = time.perf_counter(), time.process_time()
        print(json.dumps(laps), file=answers, flush=True)


if __name__ == "__main__":
    main()
