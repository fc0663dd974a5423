"""The scripts in a real REAPER: ``ACEBRIDGE_REAPER=/path/to/reaper make test-reaper``. The self-test that runs in it is the
one that `test_selftest.py` runs in the simulated one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile

from tests.support.daemon import daemon_at
from tests.support.paths import REAPER_SCRIPTS as SCRIPTS
from tests.support.reaper_report import SELFTEST, check, tell_facts, write_ramp
from tests.support.signals import song

PATIENCE_S = 180
#: No window that waits for a person: of evaluation, of a newer version, of the last project; no audio device (2: a dummy).
QUIET = "nag=0\nsplashfast=1\nverchk=0\nlinux_audio_mode=2\nloadlastproj=0\nautosaveint=0\n"

pytestmark = pytest.mark.skipif(
    "ACEBRIDGE_REAPER" not in os.environ,
    reason="needs REAPER: set ACEBRIDGE_REAPER to its program, then `make test-reaper`",
)


@pytest.mark.timeout(PATIENCE_S + 60)
def test_a_repaint_lands_in_a_real_reaper(tmp_path: Path) -> None:
    resources = tmp_path / "resources"
    resources.mkdir()
    (resources / "reaper.ini").write_text(f"[REAPER]\n{QUIET}[AceBridge]\n", "utf-8")
    (resources / "reaper-extstate.ini").write_text(
        f"[AceBridge]\ncommand={Path(sys.executable).parent / 'acebridge'}\nengine=draft\n", "utf-8"
    )
    soundfile.write(tmp_path / "song.wav", song(bpm=100, bars=4, rate_hz=44_100), 44_100, subtype="FLOAT")
    write_ramp(tmp_path)
    with daemon_at(tmp_path / "home") as daemon:
        environment = {
            **os.environ, **daemon.environment, "ACEBRIDGE_SELFTEST": str(tmp_path), "ACEBRIDGE_SCRIPTS": f"{SCRIPTS}{os.sep}",
        }  # fmt: skip
        program = [
            os.environ["ACEBRIDGE_REAPER"],
            "-cfgfile",
            str(resources / "reaper.ini"),
            "-newinst",
            "-nosplash",
            "-new",
        ]
        reaper = subprocess.Popen([*program, str(SELFTEST)], env=environment)
        try:
            report = tmp_path / "report.json"
            deadline = time.monotonic() + PATIENCE_S
            while not report.exists():
                assert time.monotonic() < deadline, "no report: look at REAPER's window for a message"
                assert reaper.poll() is None, "REAPER ended"
                time.sleep(0.2)
        finally:
            reaper.kill()
            reaper.wait()
    found = json.loads(report.read_text("utf-8"))
    print(json.dumps(found, indent=1), *tell_facts(found), sep="\n")
    check(found)
