"""What the self-test that runs in REAPER has to find, and what it may tell of REAPER that nobody documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tests.support.fake_reaper import behaviour

SELFTEST = Path(__file__).parent / "selftest.lua"
FACTS = SELFTEST.with_name("reaper_facts.lua")
_FRAMES, _UNIT, _RATE_HZ = 44_100, 2**20, 44_100


def write_ramp(folder: Path) -> None:
    """Write the file that `reaper_facts.lua` reads: every sample says where it is."""
    soundfile.write(folder / "ramp.wav", np.arange(_FRAMES) / _UNIT, _RATE_HZ, subtype="DOUBLE")


def tell_facts(report: dict[str, Any]) -> list[str]:
    """Return a line for each open question that the report answers, with whether the simulation does it that way."""
    lines = []
    for name, question in behaviour.OPEN.items():
        if found := report.get(f"fact {name}"):
            usual = "as usual" if found == str(question.ways[0]).replace("True", "true") else "NOT the usual way"
            lines.append(f"{question.question} {found} ({usual})")
    return lines


def check(report: dict[str, Any]) -> None:
    """Assert what has to hold in every REAPER."""
    assert report["placed"] is True
    assert report["active_is_new"] is True
    assert report["position"] == 1
    assert report["length_is_kept"] is True
    assert report["difference_before"] == 0
    assert report["difference_after"] == 0
    assert report["difference_inside"] > 1e-3
    assert report["undo"] == "AceBridge: Repaint time selection"
    assert report["take_accessor_leaves_volume_out"] is True
    assert report["track_accessor_is_takes_times_gains"] is True
    assert "fact fault" not in report
