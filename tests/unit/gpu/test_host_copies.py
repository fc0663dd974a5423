"""Results come in order, and on a GPU the next one is launched before one is waited for."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from torch import Tensor

from acestep_runtime.gpu import host_copies
from acestep_runtime.gpu.host_copies import copy_to_host


def test_on_a_cpu_each_result_is_yielded_before_the_next_is_computed() -> None:
    acts: list[str] = []

    def results() -> Iterator[Tensor]:
        for number in range(3):
            acts.append(f"compute {number}")
            yield torch.tensor([number])

    acts.extend(f"use {int(result)}" for result in copy_to_host(results()))
    assert acts == ["compute 0", "use 0", "compute 1", "use 1", "compute 2", "use 2"]


def gpu_results(acts: list[str], monkeypatch: pytest.MonkeyPatch, count: int) -> Iterator[Any]:
    """Doubles of results on a GPU, and of their copies; ``acts`` gets what happens."""

    class Copy:
        def __init__(self, result: Any) -> None:
            self._number = result.number
            acts.append(f"copy {self._number}")

        def wait(self) -> Tensor:
            acts.append(f"wait {self._number}")
            return torch.tensor([self._number])

    monkeypatch.setattr(host_copies, "_Copy", Copy)

    def results() -> Iterator[Any]:
        for number in range(count):
            acts.append(f"launch {number}")
            yield SimpleNamespace(device=torch.device("cuda"), number=number)

    return results()


@pytest.mark.parametrize("count", [0, 1, 3])
def test_on_a_gpu_the_next_is_launched_before_one_is_waited_for(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    acts: list[str] = []
    used = [int(result) for result in copy_to_host(gpu_results(acts, monkeypatch, count))]
    assert used == list(range(count))
    for number in range(count - 1):
        assert acts.index(f"copy {number + 1}") < acts.index(f"wait {number}")
        assert number == 0 or acts.index(f"launch {number + 1}") > acts.index(f"wait {number - 1}")


def test_a_cancel_between_results_ends_the_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    acts: list[str] = []
    results = gpu_results(acts, monkeypatch, 5)
    copies = copy_to_host(results)
    next(copies)
    copies.close()
    assert "launch 2" not in acts
