"""What the self-test that runs in REAPER has to find."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SELFTEST = Path(__file__).parent / "selftest.lua"


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
