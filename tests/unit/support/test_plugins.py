"""What the suite adds to pytest, tried on suites of a few lines."""

from __future__ import annotations

import json

import pytest

from tests.support import gauge, tiers
from tests.support.paths import ROOT

SETTINGS = """
[pytest]
addopts = -p tests.support.tiers -p tests.support.leaks -p tests.support.gauge -p no:cacheprovider
console_output_style = classic
filterwarnings = error
markers =
    slow
    campaign
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    pytester.makeini(SETTINGS)
    pytester.syspathinsert(ROOT)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return pytester


def write(suite: pytest.Pytester, name: str, text: str) -> None:
    path = suite.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


LEAKS = """
def test_leaves_a_file_open(tmp_path):
    class Holder: ...
    one, two = Holder(), Holder()
    one.other, two.other, one.file = two, one, open(tmp_path / "x", "w")

def test_has_done_nothing(): ...
"""


def test_what_a_test_leaves_open_is_its_own_fault(suite: pytest.Pytester) -> None:
    write(suite, "integration/test_leaks.py", LEAKS)
    done = suite.runpytest_subprocess()
    done.assert_outcomes(passed=2, errors=1)
    done.stdout.fnmatch_lines(["*ERROR at teardown of test_leaves_a_file_open*", "*ResourceWarning: unclosed file*"])


FAILS = """
def test_fails_with_a_file_open(tmp_path):
    file = open(tmp_path / "x", "w")
    assert not file

def test_has_done_nothing():
    import gc
    gc.collect()
"""


def test_what_a_failure_held_open_fails_no_other(suite: pytest.Pytester) -> None:
    write(suite, "unit/test_fails.py", FAILS)
    suite.runpytest_subprocess().assert_outcomes(passed=1, failed=1)


SKIPS = """
import pytest

@pytest.mark.skipif(True, reason="no such thing here")
def test_allowed(): ...

@pytest.mark.skipif(True, reason="no such thing here")
def test_another(): ...
"""


@pytest.mark.parametrize("gate", [False, True])
def test_a_gate_fails_on_a_skip_that_is_not_listed(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, gate: bool
) -> None:
    allowed = suite.path / "allowed.txt"
    allowed.write_text("# a comment\ntest_skips.py::test_allowed  # why\n\n", "utf-8")
    monkeypatch.setattr(tiers, "ALLOWED_SKIPS", allowed)
    monkeypatch.setenv("CI", "1" if gate else "")
    write(suite, "test_skips.py", SKIPS)
    done = suite.runpytest_inprocess()
    done.assert_outcomes(skipped=1, errors=1) if gate else done.assert_outcomes(skipped=2)


def test_a_module_that_is_skipped_is_a_skip_too(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "1")
    write(suite, "test_lacks.py", "import pytest\npytest.importorskip('a_module_that_is_not_there')\n")
    assert suite.runpytest_subprocess().ret != pytest.ExitCode.OK


def test_every_allowed_skip_names_a_test() -> None:
    for name in tiers.allowed_skips():
        file, _, test = name.partition("::")
        assert not test or f"def {test}" in (ROOT / file).read_text("utf-8")
        assert (ROOT / file).exists()


CAMPAIGN = """
import pytest

def test_quick(): ...

@pytest.mark.campaign("kill")
def test_kill(rounds):
    assert len(rounds(2, 50)) == {count}

@pytest.mark.campaign("guide", only=True)
def test_guide(soak):
    assert soak
"""


@pytest.mark.parametrize(
    ("arguments", "count", "passed"), [((), 2, 2), (("--soak", "kill"), 50, 1), (("--soak", "guide"), 0, 1)]
)
def test_campaigns(suite: pytest.Pytester, arguments: tuple[str, ...], count: int, passed: int) -> None:
    write(suite, "test_campaign.py", CAMPAIGN.format(count=count))
    done = suite.runpytest_subprocess(*arguments)
    done.assert_outcomes(passed=passed, deselected=3 - passed)


WORKS = """
import time

def test_long():
    until_s = time.process_time() + 0.2
    while time.process_time() < until_s: ...
"""


def test_costs_are_recorded_and_long_files_come_first(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    record = suite.path / "durations.json"
    monkeypatch.setattr(gauge, "RECORD", record)
    write(suite, "test_a.py", "def test_short(): ...\n")
    write(suite, "test_b.py", WORKS)
    first = suite.runpytest_inprocess("--record")
    first.stdout.fnmatch_lines(["*test_b.py::test_long", "this run: 2 tests, * s of processor time*"])
    found = json.loads(record.read_text("utf-8"))
    assert found["runs"][""]["tests"] == 2
    assert found["files"]["test_b.py"] > found["files"]["test_a.py"] == 0
    second = suite.runpytest_inprocess("-v")
    second.stdout.fnmatch_lines(["test_b.py::test_long PASSED*", "test_a.py::test_short PASSED*", "recorded: 2 tests*"])
