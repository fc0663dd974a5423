"""What actions cost in a project of 500 tracks and 10,000 items: ``python -m tests.bench.large_project [SCRIPTS]``.

The simulated REAPER counts calls and models what they cost; the time of a call is assumed (fake_reaper/clock.py). Jobs are
answered at once. With a folder of other scripts, those are measured.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.support.large_project import ACTIONS, open_large, run_action
from tests.support.paths import REAPER_SCRIPTS


def main() -> None:
    """Print the largest tick of every action."""
    scripts = Path(sys.argv[1]) if len(sys.argv) > 1 else REAPER_SCRIPTS
    print("| action | selected | calls in the largest tick | longest tick, modelled | ticks |\n|---|---|---|---|---|")
    for action, selected, form in ACTIONS:
        with tempfile.TemporaryDirectory() as folder, open_large(Path(folder), scripts) as scene:
            run_action(scene, action, selected, form)
            r = scene.r
            what = selected.__name__.replace("_", " ")
            print(
                f"| {action} | {what} | {r.largest_tick.calls:,} | {r.longest_tick_ms:.0f} ms | {len(r.ticks)} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
