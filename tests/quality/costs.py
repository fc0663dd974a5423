"""The cost of a task in a separate process, and whether two processes give the same bytes.

``python -m tests.quality.costs TASK WAV`` performs a task and prints a line of JSON; the rest runs that and reads it.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
import time
from typing import Any

import soundfile

from acestep_runtime.dsp.players import PLAYERS
from acestep_runtime.engines.draft.engine import DraftEngine
from acestep_runtime.tasks import build_task
from acestep_runtime.tasks.base import OutputBlock, OutputHeader, Take
from acestep_runtime.values import TRACKS, CancelToken

#: Tasks that are measured where the engine has them.
TASKS = ("text2music", "cover", "repaint", "lego", "complete", "extract", "understand", "align_lyrics", "score")
_LYRICS = "[Verse]\nHere we are again tonight\nWaiting for the morning light\n[Chorus]\nSing it over, sing it slow\n"


def fields(task: str, path: str) -> dict[str, Any]:
    """Return a task on a whole file as its JSON form; text2music gets the length of the file."""
    length_s = soundfile.info(path).duration
    output = {"seeds": [5]}
    source, music = {"path": path}, {"caption": "pop with piano"}
    return {
        "text2music": {"music": music, "duration_s": length_s, "output": output},
        "cover": {"source": source, "music": music, "strength": 0.8, "output": output},
        "repaint": {"source": source, "music": music, "start_s": length_s / 2 - 4, "end_s": length_s / 2 + 4,
                    "output": output},
        "lego": {"source": source, "music": music, "tracks": [t for t in TRACKS if t in PLAYERS], "output": output},
        "complete": {"source": source, "music": music, "tracks": ["drums", "bass", "keyboard", "guitar"],
                     "output": output},
        "extract": {"source": source, "tracks": list(TRACKS), "output": output},
        "understand": {"source": source},
        "align_lyrics": {"source": source, "music": {"lyrics": _LYRICS}},
        "score": {"source": source, "music": {**music, "lyrics": _LYRICS}},
    }[task]  # fmt: skip


def run_task(task: str, path: str) -> dict[str, Any]:
    """Run a task; return seconds, processor seconds, peak memory of this process, and a hash of all results."""
    began = time.perf_counter()
    digest = hashlib.sha256()
    for event in build_task(task, fields(task, path)).run(DraftEngine(), CancelToken()):
        if isinstance(event, OutputBlock):
            digest.update(event.samples.tobytes())
        elif isinstance(event, OutputHeader):
            digest.update(f"{event.role} {event.frames}".encode())
        elif isinstance(event, Take):
            digest.update(json.dumps(event.metadata, sort_keys=True, default=str).encode())
    seconds = time.perf_counter() - began
    usage = resource.getrusage(resource.RUSAGE_SELF)
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return {"seconds": seconds, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_mib": usage.ru_maxrss / unit,
            "sha256": digest.hexdigest()}  # fmt: skip


def measure_task(task: str, path: str) -> dict[str, Any]:
    """Run `run_task` in a fresh process; return its result, or the end of its output as ``error`` where it failed."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.quality.costs", task, path], env=environment, capture_output=True, text=True
    )
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1]}
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


if __name__ == "__main__":
    print(json.dumps(run_task(*sys.argv[1:3])))
