"""What the doctor says where it may not look at files."""

from __future__ import annotations

import errno

import pytest

from acebridge.cli import doctor
from acebridge.cli.doctor import Finding


def test_files_that_may_not_be_looked_at_are_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    well = Finding("memory", True, "enough")

    def _models(_: str | None) -> Finding:
        raise PermissionError(errno.EACCES, "Permission denied", "/home/models")

    monkeypatch.setattr(doctor, "CHECKS", (_models, lambda _: well))
    assert doctor.examine(None) == [
        Finding("models", False, "/home/models: Permission denied.", "Let it be yours to read."),
        well,
    ]
