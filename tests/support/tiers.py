"""Which tests run. The targets of the Makefile choose by marker; campaigns and skips are dealt with here.

A test marked ``campaign(PART)`` belongs to ``make soak PART=…``: it asks for its number of rounds with the fixture `rounds`,
which gives few of them in every other run. With ``only=True`` it does not belong to any other run.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

CAMPAIGNS = ("guide", "kill", "crowd", "quality", "osc", "faults")
ALLOWED_SKIPS = Path(__file__).parents[1] / "allowed_skips.txt"

Rounds = Callable[[int, int], range]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", choices=CAMPAIGNS, help="run a campaign: its tests only, at their true lengths")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    part = config.getoption("--soak")
    left_out = [item for item in items if not _belongs(item, part)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if _belongs(item, part)]


def _belongs(item: pytest.Item, part: str | None) -> bool:
    """Return whether a test is part of the campaign that runs, or of a run that is none."""
    mark = item.get_closest_marker("campaign")
    if part is None:
        return mark is None or not mark.kwargs.get("only", False)
    return mark is not None and mark.args == (part,)


@pytest.fixture(scope="session")
def soak(request: pytest.FixtureRequest) -> bool:
    """Whether this is a campaign."""
    return request.config.getoption("--soak") is not None


@pytest.fixture
def rounds(soak: bool) -> Rounds:
    """``rounds(few, many)`` counts to ``many`` in a campaign, else to ``few``."""
    return lambda few, many: range(many if soak else few)


# ---- skips ----


def allowed_skips() -> tuple[str, ...]:
    """Return how the names of the tests begin that a gate may skip."""
    lines = (line.partition("#")[0].strip() for line in ALLOWED_SKIPS.read_text("utf-8").splitlines())
    return tuple(line for line in lines if line)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> object:  # noqa: ARG001
    report = yield
    return _fail_on_skip(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> object:  # noqa: ARG001
    report = yield
    return _fail_on_skip(report)


def _fail_on_skip(report: pytest.TestReport | pytest.CollectReport) -> object:
    """Make a failure of a skip that a gate does not allow."""
    if os.environ.get("CI") and report.skipped and not report.nodeid.startswith(allowed_skips()):
        report.outcome = "failed"
        report.longrepr = f"skipped, and {ALLOWED_SKIPS.name} does not allow it: {report.longrepr}"
    return report
