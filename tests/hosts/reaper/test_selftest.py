"""The self-test for a real REAPER, in the simulated one."""

from __future__ import annotations

import json

import pytest
import soundfile

from tests.support.fake_reaper import Reaper
from tests.support.paths import REAPER_SCRIPTS as SCRIPTS
from tests.support.reaper_report import SELFTEST, check
from tests.support.reaper_studio import RATE_HZ
from tests.support.signals import song


@pytest.mark.slow
def test_the_selftest_passes(reaper: Reaper) -> None:
    folder = reaper.folder / "selftest"
    folder.mkdir()
    soundfile.write(folder / "song.wav", song(bpm=100, bars=4, rate_hz=RATE_HZ), RATE_HZ, subtype="FLOAT")
    reaper.environment.update(ACEBRIDGE_SELFTEST=str(folder), ACEBRIDGE_SCRIPTS=f"{SCRIPTS}/")
    reaper.run(SELFTEST)
    check(json.loads((folder / "report.json").read_text("utf-8")))
