"""docs/hosts.md is current, and its command runs the checks."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

import pytest

from acebridge.hosts.registry import INBOXES
from tests.support import hosts_page
from tests.support.daemon import PATIENCE_S
from tests.support.hosts_page import PAGE, hosts, page
from tests.support.paths import ROOT

TEXT = PAGE.read_text("utf-8")


def test_the_table_of_actions_is_current() -> None:
    assert page(TEXT) == TEXT, "run `make docs`"


def test_an_action_that_stands_nowhere_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hosts_page.OFFERED, "remix", "remix")
    with pytest.raises(AssertionError, match=r"has \{'remix'\}"):
        hosts()


def test_only_hosts_with_an_inbox_place_what_others_have_finished() -> None:
    assert sum("inbox" in keys for keys in hosts().values()) == len(INBOXES)


def test_all_hosts_that_it_names_run_the_checks() -> None:
    names = re.findall(r"^(.*) pass one suite of checks", TEXT, re.MULTILINE)[0].replace(" and the ", ", ").lower()
    modules = {file.stem for file in (ROOT / "tests" / "hosts" / "conformance").glob("test_*.py")}
    assert {f"test_{name.replace(' ', '')}" for name in names.split(", ")} == modules


def test_its_command_runs_a_check() -> None:
    (command,) = re.findall(r"```sh\n +(.*)\n", TEXT)
    python, *arguments = shlex.split(command)
    assert python == "python"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b1 passed, \d+ deselected", done.stdout)
