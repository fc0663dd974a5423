"""Playing, the master play rate, media that go offline, and new tabs: what scripts do with REAPER's own buttons."""

from __future__ import annotations

from typing import Any

from tests.support.fake_reaper.api import api
from tests.support.fake_reaper.calls_project import ACTIONS

Call = Any
_PLAYS = 1


@api("OnPlayButtonEx")
def on_play_button_ex(r: Call, project: Any) -> None:
    project.playing |= _PLAYS
    project.played_since = (project.cursor, r.clock.now)


@api("OnStopButtonEx")
def on_stop_button_ex(_r: Call, project: Any) -> None:
    project.playing, project.played_since = 0, None


@api("CSurf_OnPlayRateChange")
def csurf_on_play_rate_change(r: Call, rate: float) -> None:
    r.project.play_rate = rate


def _set_offline(project: Any, *, offline: bool) -> None:
    for item in project.items():
        for take in item.takes if item["B_UISEL"] else ():
            if take.source is not None:
                take.source.is_offline = offline


ACTIONS.update(
    {
        40439: lambda _r, project: _set_offline(project, offline=False),  # Item: Set selected media online
        40440: lambda _r, project: _set_offline(project, offline=True),  # Item: Set selected media temporarily offline
        40859: lambda r, _project: r.new_tab(),  # New project tab
    }
)
