"""On a CPU that computes bfloat16 wrongly the engine computes in float32, and one job reports it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch

from acestep_runtime.engines.base import EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.neural.engine import NeuralEngine
from acestep_runtime.engines.neural.reporting import add_warnings
from acestep_runtime.memory import policy, precision
from acestep_runtime.tasks.text2music import TextToMusic
from acestep_runtime.values import CancelToken, Music, Sampling, Thinking
from tests.support.tiny_lm import tiny_lm
from tests.support.tiny_models import tiny_checkpoint


@pytest.fixture(autouse=True)
def reset_cpu_check(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Simulates a process on a CPU with bfloat16 that has not been checked yet."""
    monkeypatch.setenv("ACEBRIDGE_PRECISION", "auto")
    monkeypatch.setattr(policy, "_fastest_dtype", lambda _: torch.bfloat16)
    precision._cpu_is_correct.cache_clear()
    precision.take_warnings()
    yield
    precision._cpu_is_correct.cache_clear()
    precision.take_warnings()


def _facts(events: Iterator[EngineEvent]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for event in events:
        facts.update(event.values if isinstance(event, Metadata) else {})
    return facts


def test_one_job_reports_precision_warnings_beside_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "measure_errors", lambda: {"conv1d": 0.9})
    precision.verify_dtype(torch.device("cpu"), torch.bfloat16)
    own = [Metadata({"warnings": ["cut off"]}), Progress("half", 0.5), Metadata({"bpm": 90.0})]
    interrupted = add_warnings(iter(own))
    next(interrupted)
    interrupted.close()
    *passed, last = add_warnings(iter(own))
    assert passed == own
    assert isinstance(last, Metadata)
    first, second = last.values["warnings"]
    assert first == "cut off"
    assert "conv1d: 0.9" in second
    assert list(add_warnings(iter(own))) == own


def test_no_warning_replaces_another() -> None:
    own = [Metadata({"warnings": ["long caption"]}), Metadata({"warnings": ["long lyrics", "long caption"]})]
    assert _facts(add_warnings(iter(own)))["warnings"] == ["long caption", "long lyrics"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("models")
    tiny_checkpoint(folder, "diffusers", "turbo")
    tiny_lm(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("error", "dtype"), [(0.9, torch.float32), (0.002, torch.bfloat16)])
def test_all_models_use_a_dtype_that_the_cpu_computes_correctly(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: float, dtype: torch.dtype
) -> None:
    checks: list[float] = []
    monkeypatch.setattr(precision, "measure_errors", lambda: (checks.append(error), {"conv1d": error})[1])
    engine = NeuralEngine(folder)
    for model in ("acestep-v15-turbo-diffusers", "acestep-5Hz-lm-0.6B"):
        engine.load(model)
    assert engine._model is not None
    assert engine._language._resident is not None
    placements = engine._model.placement, engine._language._resident[1]
    modules = [module for placement in placements for module in placement._modules.values()]
    assert {weight.dtype for module in modules for weight in module.state_dict().values()} == {dtype}
    assert checks == [error]


@pytest.mark.slow
def test_only_the_first_job_reports_the_warning(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "measure_errors", lambda: {"conv1d": 0.9})
    engine, thinking = NeuralEngine(folder), Thinking(plan_first=True, top_k=20)
    request = EngineRequest(TextToMusic, 48_000, 1, Music("piano"), Sampling(steps=1), thinking=thinking)
    first, second = (_facts(engine.run(request, CancelToken())) for _ in range(2))
    (warning,) = first["warnings"]
    assert "conv1d: 0.9" in warning
    assert "warnings" not in second
