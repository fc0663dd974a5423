"""What the doctor says about memory: what is free, and what each model in the folder needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from acebridge.cli import doctor
from acestep_runtime.memory import machine
from acestep_runtime.weights.folder import VARIABLE
from tests.support.model_folders import write_original, write_shared_parts

GIB = 2**30


@pytest.mark.parametrize(("total_gib", "has_gpu", "is_enough"), [(16, False, True), (1, False, False), (1, True, True)])
def test_the_doctor_compares_memory_with_what_models_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, total_gib: int, has_gpu: bool, is_enough: bool
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    write_shared_parts(tmp_path)
    write_original(tmp_path / "acestep-v15-turbo", is_turbo=True)
    monkeypatch.setattr(machine, "total_bytes", lambda: total_gib * GIB)
    monkeypatch.setattr(machine, "available_bytes", lambda: GIB)
    monkeypatch.setattr(machine, "may_have_gpu_memory", lambda: has_gpu)
    found = doctor._memory(None)
    assert found.about == "memory"
    assert found.ok is is_enough
    assert f"1.0 GiB of {total_gib}.0 GiB free; models compute in float32 precision" in found.says
    assert "acestep-v15-turbo needs 1.3 GiB on a CPU" in found.says
    monkeypatch.setenv("ACEBRIDGE_WORKERS", "ray://auto")
    assert doctor._memory(None).ok


def test_the_doctor_has_no_opinion_where_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "total_bytes", lambda: 0)
    assert doctor._memory(None).ok
