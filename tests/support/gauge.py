"""What tests cost, and in which order they run.

Tests of a file run in one worker, since they may share a daemon (``--dist loadfile``). Files that took longest when they were
last recorded come first, so that no worker is left with a long one. A run ends with the tests that cost most, and its sum
beside the recorded one: for a person to read, nothing fails by it. ``make durations`` records in tests/durations.json.

Seconds are of processor time, of the test's process and all that it started and waited for: they hardly depend on what else
the machine does. A daemon that the tests of a file share counts for the last of them.
"""

from __future__ import annotations

import json
import resource
import time
from collections import defaultdict
from pathlib import Path
from typing import TypedDict

import pytest

RECORD = Path(__file__).parents[1] / "durations.json"
_SHOWN = 15


class Run(TypedDict):
    """What a run cost."""

    tests: int
    cpu_s: float
    wall_s: float


class Record(TypedDict):
    """``files``: seconds by file. ``runs``: by what they chose (``-m``)."""

    files: dict[str, float]
    runs: dict[str, Run]


def read_record() -> Record:
    """Return what was recorded; nothing where nothing was."""
    if not RECORD.exists():
        return {"files": {}, "runs": {}}
    record: Record = json.loads(RECORD.read_text("utf-8"))
    return record


def cpu_s() -> float:
    """Return the processor time of this process and of those that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]


# ---- order ----


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    known = read_record()["files"]
    items.sort(key=lambda item: -known.get(_file_of(item.nodeid), 0.0))


# ---- cost ----


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Gauge(config), "gauge")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record", action="store_true", help=f"write what the tests cost to {RECORD.name}")


class Gauge:
    """Measures each test in the process that runs it, and sums up in the one that reports."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.began = time.monotonic()
        self.latest_s = 0.0
        self.tests: defaultdict[str, float] = defaultdict(float)
        self.workers_s = 0.0

    def pytest_runtest_logstart(self) -> None:
        self.latest_s = cpu_s()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> object:
        report = yield
        now_s = cpu_s()
        report.cpu_s, self.latest_s = now_s - self.latest_s, now_s
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.tests[report.nodeid] += getattr(report, "cpu_s", 0.0)

    def pytest_sessionfinish(self) -> None:
        output: dict[str, float] | None = getattr(self.config, "workeroutput", None)
        if output is not None:
            output["cpu_s"] = cpu_s()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        self.workers_s += getattr(node, "workeroutput", {}).get("cpu_s", 0.0)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.tests:
            return
        run: Run = {
            "tests": len(self.tests),
            "cpu_s": round(self.workers_s or cpu_s(), 1),
            "wall_s": round(time.monotonic() - self.began, 1),
        }
        chosen = self.config.option.markexpr
        terminalreporter.section(f"the {_SHOWN} tests that cost most, in seconds of processor time")
        for nodeid, seconds in sorted(self.tests.items(), key=lambda item: -item[1])[:_SHOWN]:
            terminalreporter.write_line(f"{seconds:7.1f}  {nodeid}")
        terminalreporter.write_line(f"this run: {_format_run(run)}")
        record = read_record()
        if chosen in record["runs"]:
            terminalreporter.write_line(f"recorded: {_format_run(record['runs'][chosen])}")
        if self.config.getoption("--record"):
            self.write(record, chosen, run)

    def write(self, record: Record, chosen: str, run: Run) -> None:
        """Put this run into the record, in place of what it had of the same files and of files that are gone."""
        files: defaultdict[str, float] = defaultdict(float)
        for nodeid, seconds in self.tests.items():
            files[_file_of(nodeid)] += seconds
        known = record["files"] | {name: round(seconds, 1) for name, seconds in files.items()}
        record["files"] = {name: seconds for name, seconds in known.items() if (self.config.rootpath / name).is_file()}
        record["runs"][chosen] = run
        RECORD.write_text(json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")


def _format_run(run: Run) -> str:
    return f"{run['tests']} tests, {run['cpu_s']:.0f} s of processor time, {run['wall_s']:.0f} s on the clock"
