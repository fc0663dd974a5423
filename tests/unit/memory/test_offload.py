"""Levels of offload: chosen by what is free, one lower when memory runs out, and never with another result."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from torch import nn

from acestep_runtime.errors import EngineFailure
from acestep_runtime.memory.policy import Offload, Place, best_place, native_dtype, offload_for, takes_at_once
from acestep_runtime.memory.stage import Stage, retried

#: Stands for a GPU: a device of its own, on which nothing is computed.
ELSEWHERE = torch.device("meta")
NAMES = ("dit", "encoder", "tokenizer", "detokenizer", "text_encoder", "vae")


def _stage(level: Offload, device: torch.device = ELSEWHERE) -> Stage:
    modules = {name: nn.Linear(2, 2) for name in NAMES}
    return Stage(modules, Place(device, torch.float32, level))


def _there(stage: Stage) -> set[str]:
    return {name for name, module in stage._modules.items() if module.weight.device == ELSEWHERE}


@pytest.mark.parametrize("size", ["2B", "XL"])
def test_less_memory_means_more_offload(size: str) -> None:
    levels = [offload_for(size, free) for free in (80, 24, 16, 12, 11, 8, 7, 6, 5, 4, 2, 0)]
    assert levels == sorted(levels)
    assert (levels[0], levels[-1]) == (Offload.NONE, Offload.LAYERS)
    assert offload_for("XL", 9.0) > offload_for("2B", 9.0)
    assert offload_for(size, 13.0, torch.float32) >= offload_for(size, 13.0)


def test_the_processor_computes_in_float32_and_keeps_everything() -> None:
    assert offload_for("XL", None) is Offload.NONE
    assert native_dtype(torch.device("cpu")) is torch.float32
    if not torch.cuda.is_available() and not torch.backends.mps.is_available():
        assert best_place("2B") == Place(torch.device("cpu"), torch.float32, Offload.NONE)


@pytest.mark.parametrize(
    ("level", "resident"),
    [
        (Offload.NONE, set(NAMES)),
        (Offload.IDLE, {"dit", "encoder", "tokenizer", "detokenizer"}),
        (Offload.ONE_AT_A_TIME, set()),
        (Offload.LAYERS, set()),
    ],
)
def test_a_level_says_what_stays(level: Offload, resident: set[str]) -> None:
    stage = _stage(level)
    assert _there(stage) == resident


def test_what_is_used_is_there_and_goes_again() -> None:
    stage = Stage({"vae": nn.Linear(2, 2)}, Place(torch.device("cpu"), torch.float32, Offload.ONE_AT_A_TIME))
    moves = []
    stage._modules["vae"].to = lambda device: moves.append(device)  # type: ignore[method-assign,assignment]
    with pytest.raises(KeyError), stage.using("vae"):
        raise KeyError
    assert moves == [torch.device("cpu")] * 2
    assert len(moves) == 2


def test_layers_come_one_at_a_time() -> None:
    stage = _stage(Offload.LAYERS)
    with stage.using("dit"):
        assert stage._modules["dit"].weight.device.type == "cpu"
    layer, moves = nn.Linear(2, 2), []
    layer.to = lambda device: moves.append(device.type)  # type: ignore[method-assign,assignment]
    with stage.visiting(layer):
        assert moves == ["meta"]
    assert moves == ["meta", "cpu"]
    with _stage(Offload.NONE).visiting(layer):
        assert len(moves) == 2


def _fitting(stage: Stage, level: Offload, calls: list[Offload], before: str = "") -> Iterator[str]:
    """Work that fits at a level; it says ``before`` what it says when memory runs out."""
    calls.append(stage.place.offload)
    yield "step"
    if before:
        yield before
    if stage.place.offload < level:
        raise torch.OutOfMemoryError("CUDA out of memory")
    yield "audio"


def test_when_memory_runs_out_one_level_is_given_up_once() -> None:
    stage, calls = Stage({}, Place(ELSEWHERE, torch.float32, Offload.NONE)), list[Offload]()
    told = list(retried(stage, lambda: _fitting(stage, Offload.IDLE, calls), lambda item: item == "audio"))
    assert told == ["step", "step", "audio"]
    assert calls == [Offload.NONE, Offload.IDLE]
    with pytest.raises(EngineFailure, match=r"is not enough for this job\. Ask for a shorter region"):
        list(retried(stage, lambda: _fitting(stage, Offload.LAYERS, calls), lambda _: False))
    assert calls == [Offload.NONE, Offload.IDLE, Offload.IDLE, Offload.ONE_AT_A_TIME]


def test_what_was_given_out_is_not_made_again() -> None:
    stage, calls = Stage({}, Place(ELSEWHERE, torch.float32, Offload.NONE)), list[Offload]()
    with pytest.raises(EngineFailure):
        list(retried(stage, lambda: _fitting(stage, Offload.IDLE, calls, "audio"), lambda item: item == "audio"))
    assert calls == [Offload.NONE]


def test_other_errors_are_not_taken_for_it() -> None:
    def work() -> Iterator[str]:
        yield "step"
        raise RuntimeError("shapes")

    with pytest.raises(RuntimeError, match="shapes"):
        list(retried(_stage(Offload.NONE), work, lambda _: False))


def test_there_is_nothing_to_give_up_on_the_processor() -> None:
    stage = _stage(Offload.NONE, torch.device("cpu"))
    assert not stage.drop_one_level()


def test_more_memory_makes_more_takes_at_once() -> None:
    assert takes_at_once(6000, None, guided=True) == 1
    assert takes_at_once(6000, 0.1, guided=True) == 1
    counts = [takes_at_once(6000, free, guided=False) for free in (4, 16, 80)]
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]
    assert takes_at_once(6000, 80, guided=True) <= counts[-1]
    assert takes_at_once(1500, 16, guided=False) >= takes_at_once(6000, 16, guided=False)
