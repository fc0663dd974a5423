"""Levels of offload: selected by free memory, raised once when memory runs out, never with another result."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from torch import nn

from acebridge.workers.memory import memory_of
from acestep_runtime.errors import EngineFailure
from acestep_runtime.memory import policy, stage
from acestep_runtime.memory.policy import (
    ComputeConfig,
    Offload,
    choose_compute_config,
    choose_offload,
    max_batch_takes,
    native_dtype,
)
from acestep_runtime.memory.stage import ModulePlacement, empty_device_cache, retry_with_offload

#: Stands for a GPU: a device of its own, on which nothing is computed.
ELSEWHERE = torch.device("meta")
NAMES = ("dit", "encoder", "tokenizer", "detokenizer", "text_encoder", "vae")


def _placement(level: Offload, device: torch.device = ELSEWHERE) -> ModulePlacement:
    modules = {name: nn.Linear(2, 2) for name in NAMES}
    return ModulePlacement(modules, ComputeConfig(device, torch.float32, level))


def _modules_on_device(placement: ModulePlacement) -> set[str]:
    return {name for name, module in placement._modules.items() if module.weight.device == ELSEWHERE}


@pytest.mark.parametrize("size", ["2B", "XL"])
def test_less_memory_means_more_offload(size: str) -> None:
    levels = [choose_offload(size, free) for free in (80, 24, 16, 12, 11, 8, 7, 6, 5, 4, 2, 0)]
    assert levels == sorted(levels)
    assert (levels[0], levels[-1]) == (Offload.NONE, Offload.LAYERS)
    assert choose_offload("XL", 9.0) > choose_offload("2B", 9.0)
    assert choose_offload(size, 13.0, torch.float32) >= choose_offload(size, 13.0)


def test_the_cpu_computes_in_float32_without_offload() -> None:
    assert choose_offload("XL", None) is Offload.NONE
    assert native_dtype(torch.device("cpu")) is torch.float32  # as the tests set it
    if not torch.cuda.is_available() and not torch.backends.mps.is_available():
        assert choose_compute_config("2B") == ComputeConfig(torch.device("cpu"), torch.float32, Offload.NONE)


@pytest.mark.parametrize(
    ("level", "resident"),
    [
        (Offload.NONE, set(NAMES)),
        (Offload.IDLE, {"dit", "encoder", "tokenizer", "detokenizer"}),
        (Offload.ONE_AT_A_TIME, set()),
        (Offload.LAYERS, set()),
    ],
)
def test_each_level_keeps_its_resident_modules(level: Offload, resident: set[str]) -> None:
    placement = _placement(level)
    assert _modules_on_device(placement) == resident


def test_a_module_is_on_the_device_only_inside_the_context() -> None:
    placement = ModulePlacement(
        {"vae": nn.Linear(2, 2)}, ComputeConfig(torch.device("cpu"), torch.float32, Offload.ONE_AT_A_TIME)
    )
    moves = []
    placement._modules["vae"].to = lambda device: moves.append(device)  # type: ignore[method-assign,assignment]
    with pytest.raises(KeyError), placement.on_device("vae"):
        raise KeyError
    assert moves == [torch.device("cpu")] * 2
    assert len(moves) == 2


def test_the_heap_gives_back_what_another_module_left_free(monkeypatch: pytest.MonkeyPatch) -> None:
    returns: list[int] = []
    monkeypatch.setattr(stage, "return_free_heap", lambda: returns.append(1))
    modules = {name: nn.Linear(2, 2) for name in ("dit", "vae")}
    placement = ModulePlacement(modules, ComputeConfig(torch.device("cpu"), torch.float32, Offload.NONE))
    counts = []
    for name in ("dit", "dit", "vae", "dit"):
        with placement.on_device(name):
            counts.append(len(returns))
    assert counts == [1, 1, 2, 3]
    for name in ("dit", "vae"):
        with _placement(Offload.NONE).on_device(name):  # a GPU has no part in the heap
            assert len(returns) == 3


def test_layers_are_moved_one_at_a_time() -> None:
    placement = _placement(Offload.LAYERS)
    with placement.on_device("dit"):
        assert placement._modules["dit"].weight.device.type == "cpu"
    layer, moves = nn.Linear(2, 2), []
    layer.to = lambda device: moves.append(device.type)  # type: ignore[method-assign,assignment]
    with placement.layer_context(layer):
        assert moves == ["meta"]
    assert moves == ["meta", "cpu"]
    with _placement(Offload.NONE).layer_context(layer):
        assert len(moves) == 2


def _work_that_fits(
    placement: ModulePlacement, level: Offload, calls: list[Offload], before: str = ""
) -> Iterator[str]:
    """Work that fits at a level; it yields ``before`` and then runs out of memory at lower levels."""
    calls.append(placement.config.offload)
    yield "step"
    if before:
        yield before
    if placement.config.offload < level:
        raise torch.OutOfMemoryError("CUDA out of memory")
    yield "audio"


def test_out_of_memory_raises_the_level_once() -> None:
    placement, calls = ModulePlacement({}, ComputeConfig(ELSEWHERE, torch.float32, Offload.NONE)), list[Offload]()
    items = list(
        retry_with_offload(
            placement, lambda: _work_that_fits(placement, Offload.IDLE, calls), lambda item: item == "audio"
        )
    )
    assert items == ["step", "step", "audio"]
    assert calls == [Offload.NONE, Offload.IDLE]
    with pytest.raises(EngineFailure, match=r"is not enough for this job\. Ask for a shorter region"):
        list(retry_with_offload(placement, lambda: _work_that_fits(placement, Offload.LAYERS, calls), lambda _: False))
    assert calls == [Offload.NONE, Offload.IDLE, Offload.IDLE, Offload.ONE_AT_A_TIME]


def test_there_is_no_retry_after_a_final_item() -> None:
    placement, calls = ModulePlacement({}, ComputeConfig(ELSEWHERE, torch.float32, Offload.NONE)), list[Offload]()
    with pytest.raises(EngineFailure):
        list(
            retry_with_offload(
                placement,
                lambda: _work_that_fits(placement, Offload.IDLE, calls, "audio"),
                lambda item: item == "audio",
            )
        )
    assert calls == [Offload.NONE]


def test_other_errors_are_not_retried() -> None:
    def work() -> Iterator[str]:
        yield "step"
        raise RuntimeError("shapes")

    with pytest.raises(RuntimeError, match="shapes"):
        list(retry_with_offload(_placement(Offload.NONE), work, lambda _: False))


def test_the_cpu_has_no_level_to_raise() -> None:
    placement = _placement(Offload.NONE, torch.device("cpu"))
    assert not placement.raise_offload_level()


def test_more_memory_allows_more_takes_per_batch() -> None:
    assert max_batch_takes(6000, None, with_guidance=True) == 1
    assert max_batch_takes(6000, 0.1, with_guidance=True) == 1
    counts = [max_batch_takes(6000, free, with_guidance=False) for free in (4, 16, 80)]
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]
    assert max_batch_takes(6000, 80, with_guidance=True) <= counts[-1]
    assert max_batch_takes(1500, 16, with_guidance=False) >= max_batch_takes(6000, 16, with_guidance=False)


@pytest.mark.parametrize("frames", [250, 1500, 6000])
@pytest.mark.parametrize(("with_guidance", "takes"), [(False, 10), (True, 5)])
def test_a_batch_fills_half_of_the_free_memory(frames: int, with_guidance: bool, takes: int) -> None:
    take_gib = policy._TAKE_GIB * frames / 1000
    assert max_batch_takes(frames, 20.5 * take_gib, with_guidance=with_guidance) == takes


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the C library has no such function")
def test_what_is_free_in_this_process_goes_back_to_the_system() -> None:
    kept = [bytes(bytearray(40_000)) for _ in range(5000)]  # 200 MB, each piece too small for a mapping of its own
    full, top = memory_of(os.getpid()), kept[-1]
    kept.clear()
    empty_device_cache(torch.device("cpu"))
    assert full - memory_of(os.getpid()) > 0.9 * 200e6
    assert len(top) == 40_000
