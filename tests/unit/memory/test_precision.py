"""bfloat16 is not used on a CPU that computes it wrongly, and the user gets one warning."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from torch import Tensor
from torch.nn import functional

from acestep_runtime.memory import policy, precision

CPU = torch.device("cpu")
BFLOAT16 = torch.bfloat16
CONVOLVE, MULTIPLY = functional.conv1d, torch.matmul
Compute = Callable[..., Tensor]


def round_result(compute: Compute) -> Compute:
    """Compute in float32 and round to the type of the inputs, which is correct on every CPU."""
    return lambda x, y, **options: compute(x.float(), y.float(), **options).to(x.dtype)


def damage_result(compute: Compute, damage: Callable[[Tensor], Tensor], stride: int | None = None) -> Compute:
    """Return an operation that is wrong in bfloat16, for this stride or for all."""

    def run(x: Tensor, y: Tensor, **options: Any) -> Tensor:
        out = round_result(compute)(x, y, **options)
        return damage(out) if x.dtype == BFLOAT16 and stride in (None, options.get("stride")) else out

    return run


@pytest.fixture(autouse=True)
def correct_cpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stands for a CPU that computes bfloat16 correctly, and was not checked yet."""
    for name in ("conv1d", "conv_transpose1d"):
        monkeypatch.setattr(functional, name, round_result(getattr(functional, name)))
    monkeypatch.setattr(torch, "matmul", round_result(MULTIPLY))
    precision._cpu_is_correct.cache_clear()
    precision.take_warnings()
    yield
    precision._cpu_is_correct.cache_clear()
    precision.take_warnings()


def test_a_correct_cpu_keeps_bfloat16(caplog: pytest.LogCaptureFixture) -> None:
    assert precision.verify_dtype(CPU, BFLOAT16) is BFLOAT16
    assert precision.take_warnings() == []
    assert not caplog.records


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("conv1d, S = 2", damage_result(CONVOLVE, lambda out: out.flip(-1), 2)),
        ("conv1d, S = 6", damage_result(CONVOLVE, lambda out: 1.03 * out, 6)),
        ("conv1d, S = 10", damage_result(CONVOLVE, lambda out: out * torch.nan, 10)),
    ],
)
def test_a_wrong_convolution_selects_float32_and_warns_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, broken: Compute
) -> None:
    monkeypatch.setattr(functional, "conv1d", broken)
    with caplog.at_level(logging.WARNING):
        assert [precision.verify_dtype(CPU, BFLOAT16) for _ in range(3)] == [torch.float32] * 3
    (warning,) = precision.take_warnings()
    assert precision.take_warnings() == []
    assert [record.getMessage() for record in caplog.records] == [warning]
    for word in (name, precision.cpu_name(), "float32", "python -m acestep_runtime.memory.precision"):
        assert word in warning


@pytest.mark.parametrize(("module", "name"), [(functional, "conv_transpose1d"), (torch, "matmul")])
def test_transposed_convolutions_and_matmul_are_checked(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    monkeypatch.setattr(module, name, damage_result(getattr(module, name), torch.zeros_like))
    assert precision.verify_dtype(CPU, BFLOAT16) is torch.float32
    assert name in precision.take_warnings()[0]


def test_the_check_runs_once_and_only_for_bfloat16_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    checks: list[int] = []
    measure = precision.measure_errors
    monkeypatch.setattr(precision, "measure_errors", lambda: (checks.append(1), measure())[1])
    assert precision.verify_dtype(torch.device("cuda"), BFLOAT16) is BFLOAT16
    for dtype in (torch.float32, torch.float16):
        assert precision.verify_dtype(CPU, dtype) is dtype
    assert checks == []
    for _ in range(3):
        precision.verify_dtype(CPU, BFLOAT16)
    assert checks == [1]


def test_native_dtype_uses_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEBRIDGE_PRECISION", "auto")
    monkeypatch.setattr(policy, "select_device", lambda: CPU)
    monkeypatch.setattr(policy, "_fastest_dtype", lambda _: BFLOAT16)
    assert policy.native_dtype(CPU) is BFLOAT16
    assert policy.choose_compute_config("2B").dtype is BFLOAT16
    precision._cpu_is_correct.cache_clear()
    monkeypatch.setattr(functional, "conv1d", damage_result(CONVOLVE, torch.zeros_like))
    assert policy.native_dtype(CPU) is torch.float32
    assert policy.choose_compute_config("2B").dtype is torch.float32


def test_the_check_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(4)
    expected = torch.rand(3)
    torch.manual_seed(4)
    precision.measure_errors()
    assert torch.equal(torch.rand(3), expected)


def test_the_errors_can_be_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(functional, "conv1d", damage_result(CONVOLVE, torch.neg, 4))
    precision.main()
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == precision.cpu_name()
    marked = {line.split("  ")[0] for line in lines if line.endswith("WRONG")}
    assert marked == {"conv1d, S = 4"}
    assert len(lines) == len(list(precision.operations()))
