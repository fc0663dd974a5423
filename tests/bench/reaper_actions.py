"""How long a musician waits for an action: from its start to the moment its result is on a track.

The simulated REAPER ticks 30 times a second of real time, as a real one does; command, daemon and engine are real. A tick's
modelled cost counts Lua's instructions and REAPER's calls (fake_reaper/clock.py); its measured cost is processor time, with
all that the simulation does in it.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import soundfile

from tests.support.fake_reaper import Reaper
from tests.support.signals import song

RATE_HZ = 44_100
TICK_S = 1 / 30
SELECTION = (25.0, 35.0)
RUNS = 3
ACTIONS = (
    ("Repaint time selection", "a take that plays its file straight", False),
    ("Repaint time selection", "a take of 60 s that is read through REAPER", True),
    ("Cover", "the mix of two tracks", False),
    ("Cover", "the mix of two tracks, one of them read through REAPER", True),
    ("Add layer", "the mix of two tracks, 25 s on each side of it", False),
    ("Complete", "the mix of two tracks", False),
    ("Extract stems", "the mix of two tracks", False),
    ("Generate here", "nothing", False),
)


def _studio(folder: Path, straight: bool, seed: int) -> Reaper:
    reaper = Reaper(folder, rate=RATE_HZ)
    reaper.ext[("AceBridge", "command")] = str(Path(sys.executable).parent / "acebridge")
    reaper.ext[("AceBridge", "engine")] = "draft"
    path = folder / "song.wav"
    soundfile.write(path, song(bpm=100, bars=25, rate_hz=RATE_HZ, seed=seed), RATE_HZ, subtype="FLOAT")
    item = reaper.project.add_track("one").add_item(path)
    reaper.project.add_track("two").add_item(path, position=1.0)
    item.selected = straight
    reaper.project.tempo(0, 100, 4, 4)
    reaper.project.time_selection = SELECTION
    return reaper


def measure(action: str, folder: Path, through_reaper: bool, seed: int) -> tuple[float, float, float, float]:
    """Return seconds until the result is placed, how many of them the simulation worked more than is modelled before
    anything was sent (nothing else runs then), and the longest tick in ms: modelled, and measured.

    Each ``seed`` is another song, which no engine has heard before.
    """
    with _studio(folder, action.startswith("Repaint"), seed) as reaper:
        if through_reaper:
            reaper.project.tracks[0].items[0].takes[0].pitch = 0.01  # it no longer plays its file as it is
        began, longest, extra = time.monotonic(), 0.0, 0.0
        cpu = time.process_time()
        reaper.form()
        script = reaper.start(f"AceBridge_{action}.lua")
        longest = time.process_time() - cpu
        due = began
        while not script.ended:
            due = max(due + TICK_S, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))
            cpu = time.process_time()
            sent = any(reaper.resource.glob("AceBridge/jobs/*/request.json"))
            reaper.tick()
            busy = time.process_time() - cpu
            longest = max(longest, busy)
            if not sent:  # what goes beyond the tick's own length delays the next one
                extra += max(0.0, busy - max(TICK_S, reaper.ticks[-1] / 1000))
        took = time.monotonic() - began
        reaper.check()
        assert not reaper.messages, reaper.messages
        assert reaper.project.undo, "nothing was placed"
        return took, extra, reaper.longest_tick_ms, longest * 1000


def report(environment: dict[str, str]) -> None:
    """Print the figures, at a daemon that ``environment`` leads to."""
    os.environ.update(environment)
    for seed, (action, what, through_reaper) in enumerate(ACTIONS):
        runs = []
        for run in range(RUNS + 1):
            with tempfile.TemporaryDirectory() as folder:
                runs.append(measure(action, Path(folder), through_reaper, 100 * run + seed))
        took, extra, modelled, measured = (
            statistics.median(values) for values in zip(*runs[1:], strict=True)
        )  # the first loads
        print(
            f"REAPER, {action}, 10 s of {what}: on tracks after {took:.2f} s ({extra:.2f} s of it the simulation's own);"
            f" longest tick {modelled:.1f} ms modelled, {measured:.1f} ms measured with the simulation in it"
        )
