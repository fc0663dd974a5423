"""What a starting daemon prints, apart from what others print into the same file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from acebridge.client import discovery
from acebridge.client.discovery import _Launch, _wait_for_answer
from acebridge.errors import Unavailable
from acebridge.processes import start_of


def launch(output: Path, start: int, code: str) -> _Launch:
    """A process that ends at once, and whose output is already in the file."""
    process = subprocess.Popen([sys.executable, "-c", code])
    process.wait()
    return _Launch(process, output, start)


def test_the_one_that_comes_second_waits_for_the_first(tmp_path: Path) -> None:
    output = tmp_path / "start.log"
    before = b"acebridge: Setting port is 'x'.\n"
    output.write_bytes(before + b"20:37:50 info serving\nacebridge: A daemon already serves here. Use that one.\n")
    second = launch(output, len(before), "raise SystemExit(2)")
    assert second.another_serves()
    assert "Setting" not in second.read_output()
    answers = iter(["", "", "127.0.0.1:1"])
    with pytest.raises(StopIteration):  # it goes on asking where the first one is, though its own process has ended
        _wait_for_answer(second, lambda: next(answers), tmp_path)


def test_one_that_fails_says_why(tmp_path: Path) -> None:
    output = tmp_path / "start.log"
    before = b"acebridge: A daemon already serves here. Use that one.\n"
    output.write_bytes(before + b"acebridge: Setting port is 'x'.\nException ignored in: torn down\n")
    failed = launch(output, len(before), "raise SystemExit(2)")
    with pytest.raises(Unavailable, match=r"^The daemon did not start: Setting port is 'x'\. The whole message is in"):
        _wait_for_answer(failed, lambda: "", tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="there nothing says what runs")
@pytest.mark.parametrize("autostart", [False, True])
def test_one_that_runs_and_does_not_answer_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, autostart: bool
) -> None:
    """As one that was stopped, or hangs."""
    monkeypatch.delenv("ACEBRIDGE_ADDRESS", raising=False)
    monkeypatch.setattr(discovery, "_START_TIMEOUT_S", 0.0)
    home.mkdir(exist_ok=True)
    output = home / "start.log"
    output.write_text("acebridge: A daemon already serves here. Use that one.\n")
    monkeypatch.setattr(discovery, "_launch", lambda *_: launch(output, 0, "raise SystemExit(2)"))
    own = {"address": "127.0.0.1:1", "pid": os.getpid(), "start": start_of(os.getpid())}
    (home / "daemon.json").write_text(json.dumps(own))
    with pytest.raises(
        Unavailable, match=f"^The daemon runs, as process {os.getpid()}, and does not answer at 127"
    ) as no:
        discovery.find_daemon(None, autostart=autostart, warn=print)
    assert "end that process" in no.value.remedy
    (home / "daemon.json").write_text(json.dumps({**own, "start": "another"}))
    with pytest.raises(Unavailable, match=r"^No AceBridge daemon answers|^The daemon did not start: A daemon already"):
        discovery.find_daemon(None, autostart=autostart, warn=print)
