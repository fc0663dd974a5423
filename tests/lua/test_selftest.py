"""The self-test for a real REAPER, in the simulated one."""

from __future__ import annotations

import json

import pytest
import soundfile
from reaper_report import SCRIPTS, SELFTEST, check
from signals import song
from studio import RATE_HZ

from tests.lua.fake import Reaper


@pytest.mark.slow
def test_the_selftest_passes(reaper: Reaper) -> None:
    folder = reaper.folder / "selftest"
    folder.mkdir()
    soundfile.write(folder / "song.wav", song(bpm=100, bars=4, rate_hz=RATE_HZ), RATE_HZ, subtype="FLOAT")
    reaper.environment.update(ACEBRIDGE_SELFTEST=str(folder), ACEBRIDGE_SCRIPTS=f"{SCRIPTS}/")
    reaper.run(SELFTEST)
    check(json.loads((folder / "report.json").read_text("utf-8")))
