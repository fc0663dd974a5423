"""Shared fixtures: every test has a home of its own, and none leaves a process behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import hypothesis
import pytest

from acebridge.config import VARIABLES
from acestep_runtime.memory.choice import VARIABLE as PRECISION

pytest_plugins = ("pytester", "tests.support.tiers", "tests.support.leaks", "tests.support.gauge")

os.environ[PRECISION] = "float32"  # for what is made once for several tests

# A shell that starts the tests in the background has them ignore Ctrl-C, and nohup hang-ups; what they start would inherit
# that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


# No example fails for being slow: another machine is slower. Where a run decides whether a change may land, it is to say the
# same each time; everywhere else, examples are new each time.
hypothesis.settings.register_profile(
    "tests",
    derandomize=bool(os.environ.get("CI")),
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("tests")


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder that only this test sees; what is set in the environment meanwhile goes with it."""
    folder = tmp_path_factory.mktemp("home")
    with mock.patch.dict(os.environ, {"ACEBRIDGE_HOME": str(folder)}):
        for name in ("ACEBRIDGE_ADDRESS", *VARIABLES.values()):
            os.environ.pop(name, None)
        os.environ[PRECISION] = "float32"  # or results would depend on the CPU
        yield folder
