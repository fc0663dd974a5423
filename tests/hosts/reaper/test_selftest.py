"""The self-test for a real REAPER, in the simulated one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.support.fake_reaper import Reaper, behaviour
from tests.support.paths import REAPER_SCRIPTS as SCRIPTS
from tests.support.reaper_report import FACTS, SELFTEST, check, tell_facts, write_ramp
from tests.support.reaper_studio import RATE_HZ
from tests.support.signals import song


@pytest.mark.slow
def test_the_selftest_passes(reaper: Reaper) -> None:
    folder = reaper.folder / "selftest"
    folder.mkdir()
    soundfile.write(folder / "song.wav", song(bpm=100, bars=4, rate_hz=RATE_HZ), RATE_HZ, subtype="FLOAT")
    write_ramp(folder)
    reaper.environment.update(ACEBRIDGE_SELFTEST=str(folder), ACEBRIDGE_SCRIPTS=f"{SCRIPTS}/")
    reaper.run(SELFTEST)
    report = json.loads((folder / "report.json").read_text("utf-8"))
    check(report)
    lines = tell_facts(report)
    assert len(lines) == len(MEASURED)
    assert all(line.endswith("(as usual)") for line in lines)


#: Open questions that a script can answer alone.
MEASURED = (
    "accessor_changed", "accessor_frames", "accessor_of_midi", "accessor_offset", "accessor_rate", "accessor_wider",
    "empty_undo", "ext_state", "fade_length", "lane_layout", "new_items", "render_format", "split_identity", "tempo",
    "undo_pointers",
)  # fmt: skip


@pytest.mark.parametrize("ways", behaviour.both(*MEASURED))
def test_what_nobody_documents_can_be_measured(tmp_path: Path, ways: dict[str, Any]) -> None:
    write_ramp(tmp_path)
    code = f"""
        for question, found in pairs(dofile([[{FACTS}]])([[{tmp_path}]])) do
          reaper.ShowConsoleMsg(question .. "=" .. tostring(found) .. "\\n")
        end
    """
    with Reaper(tmp_path, rate=RATE_HZ, ways=ways) as r:
        r.run(code=code)
        found = dict(line.split("=") for line in r.console.splitlines())
    assert found == {name: str(way).replace("True", "true").replace("False", "false")
                     for name, way in behaviour.choose(ways).items() if name in MEASURED}  # fmt: skip
