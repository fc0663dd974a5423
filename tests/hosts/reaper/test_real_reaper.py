"""The scripts in a real REAPER: ``ACEBRIDGE_REAPER=/path/to/reaper make test-reaper``. The self-test that runs in it is the
one that `test_selftest.py` runs in the simulated one."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.daemon import daemon_at
from tests.support.paths import REAPER_SCRIPTS as SCRIPTS
from tests.support.reaper_program import answer_form, failure, forms, settings, start
from tests.support.reaper_report import mismatches, to_markdown, write_media
from tests.support.window import start_screen

PATIENCE_S = 300

pytestmark = pytest.mark.skipif(
    "ACEBRIDGE_REAPER" not in os.environ,
    reason="needs REAPER: set ACEBRIDGE_REAPER to its program, then `make test-reaper`",
)


@contextmanager
def screen() -> Iterator[dict[str, str]]:
    """Yield the environment of a screen of its own; where there is no Xvfb, that of this one."""
    if shutil.which("Xvfb") is None:
        yield dict(os.environ)
        return
    server, display = start_screen()
    try:
        yield {**os.environ, "DISPLAY": display}
    finally:
        server.kill()
        server.wait()


@pytest.mark.timeout(PATIENCE_S + 60)
def test_a_real_reaper_is_as_it_is_simulated(tmp_path: Path) -> None:
    work = tmp_path / "selftest"
    work.mkdir()
    write_media(work)
    resources = settings(tmp_path / "resources", Path(sys.executable).parent / "acebridge")
    with screen() as own, daemon_at(tmp_path / "home") as daemon:
        environment = {
            **own, **daemon.environment, "ACEBRIDGE_SELFTEST": str(work), "ACEBRIDGE_SCRIPTS": f"{SCRIPTS}{os.sep}",
            "ACEBRIDGE_SELFTEST_FORMS": forms(),
        }  # fmt: skip
        reaper = start(os.environ["ACEBRIDGE_REAPER"], resources, environment)
        try:
            report = work / "report.json"
            deadline = time.monotonic() + PATIENCE_S
            while not report.exists():
                if reaper.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(failure(reaper, work, environment), pytrace=False)
                answer_form(work, environment)
                time.sleep(0.2)
        finally:
            reaper.kill()
            reaper.wait()
    found = json.loads(report.read_text("utf-8"))
    print(to_markdown(found))
    assert mismatches(found) == []
