"""The audit log: what a line holds, whose the file is, and how large it becomes."""

from __future__ import annotations

import json
import logging
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from acebridge import audit
from acebridge.audit import AuditLog

FILE_MODE = 0o600


def lines(home: Path, name: str = "audit.log") -> list[dict[str, object]]:
    return [json.loads(line) for line in (home / name).read_text("utf-8").splitlines()]


def test_a_line_says_what_and_when_and_is_the_users_alone(tmp_path: Path) -> None:
    AuditLog(tmp_path).note("job deleted", job="ab", token="")
    (line,) = lines(tmp_path)
    assert line == {"time": line["time"], "message": "job deleted", "job": "ab"}
    assert str(line["time"]).endswith("+00:00")
    assert stat.S_IMODE((tmp_path / "audit.log").stat().st_mode) == FILE_MODE


def test_only_the_facts_of_an_act_are_written(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="caption"):
        AuditLog(tmp_path).note("job submitted", job="ab", caption="secret")
    with pytest.raises(KeyError):
        AuditLog(tmp_path).note("something else")
    assert not (tmp_path / "audit.log").exists()


def test_no_act_has_a_fact_that_belongs_to_the_musician() -> None:
    names = {name for facts in audit.ACTS.values() for name in facts}
    assert names == {
        "address", "pid", "version", "setting", "name", "scopes", "method", "reason", "token", "peer", "count", "job",
        "task", "asset", "bytes",
    }  # fmt: skip


def test_the_file_keeps_to_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes it. No line is lost before the oldest file goes, and none is torn."""
    monkeypatch.setattr(audit, "MAX_BYTES", 2000)
    logs = [AuditLog(tmp_path) for _ in range(4)]

    def write(number: int) -> None:
        logs[number % 4].note("job submitted", job=str(number), task="cover", token="(own)")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(60)))
    files = sorted(path.name for path in tmp_path.iterdir() if path.name != "audit.lock")
    assert set(files) <= {"audit.log", *(f"audit.log.{n}" for n in range(1, audit.FILES + 1))}
    assert "audit.log.1" in files
    assert all((tmp_path / name).stat().st_size < 3000 for name in files)
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in files} == {FILE_MODE}
    kept = [int(str(line["job"])) for name in files for line in lines(tmp_path, name)]
    assert len(kept) == len(set(kept)) == 60
    for number in range(200):
        write(number)
    assert sum(path.stat().st_size for path in tmp_path.glob("audit.log*")) < (audit.FILES + 1) * 3000


def test_where_it_cannot_be_written_the_act_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A link in its place is not followed: it might lead to a file of somebody else."""
    (tmp_path / "elsewhere").touch()
    (tmp_path / "audit.log").symlink_to(tmp_path / "elsewhere")
    with caplog.at_level(logging.WARNING):
        AuditLog(tmp_path).note("daemon stopped", pid=1)
    assert "the audit log cannot be written" in caplog.text
    assert (tmp_path / "elsewhere").read_text() == ""
