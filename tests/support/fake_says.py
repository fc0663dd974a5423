"""Small scripts in the fake REAPER: what they say, and why they are refused."""

from __future__ import annotations

import pytest

from tests.support.fake_reaper import ApiMisuse, Reaper


def says(r: Reaper, code: str, defers: bool = True) -> str:
    """Run Lua and return what it printed."""
    r.console = ""
    r.run(code="local say = reaper.ShowConsoleMsg\n" + "reaper.defer(function() end)\n" * defers + code)
    return r.console


def assert_refused(r: Reaper, code: str, why: str) -> None:
    with pytest.raises(ApiMisuse, match=why):
        r.run(code=code)
    r.faults.clear()
