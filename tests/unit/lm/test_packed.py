"""Layers with packed weights compute what they computed before."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from torch import nn
from torch.nn import functional

from acestep_runtime.lm import packed
from acestep_runtime.lm.forward import DecoderRows
from tests.support.tiny_lm import model

#: Relative difference (L2) by dtype: of rounding alone.
ROUNDING = {torch.float32: 1e-6, torch.bfloat16: 4e-3}


def _difference(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found.float() - expected.float()).norm() / expected.float().norm())


@pytest.mark.parametrize("rows", [(2,), (1,), (9,), (2, 3), (1, 150)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.inference_mode()
def test_a_packed_layer_computes_what_the_layer_does(rows: tuple[int, ...], dtype: torch.dtype) -> None:
    draw = torch.Generator().manual_seed(2)
    weight, bias, states = (torch.randn(*shape, generator=draw) for shape in ((200, 96), (200,), (*rows, 96)))
    weight, bias, states = (each.to(dtype) for each in (weight, bias, states))
    exact = states.double() @ weight.double().T
    if not packed.can_pack(dtype):  # such a CPU or torch has no operation for it: the layer stays as it is
        assert _difference(functional.linear(states, weight), exact) < ROUNDING[dtype]
        return
    assert _difference(packed.PackedLinear(weight)(states), exact) < ROUNDING[dtype]
    assert _difference(packed.PackedLinear(weight, bias)(states), exact + bias.double()) < ROUNDING[dtype]


@torch.inference_mode()
def test_a_packed_language_model_reads_the_same_states() -> None:
    plain, other = (model(4).model for _ in range(2))
    linears = [each for each in other.modules() if isinstance(each, nn.Linear)]
    assert packed.linear_bytes(other) == sum(4 * each.in_features * each.out_features for each in linears) > 0
    if packed.can_pack(torch.float32):
        packed.pack_linears(other)
        assert packed.linear_bytes(other) == 0
        assert sum(isinstance(each, packed.PackedLinear) for each in other.modules()) == len(linears)
    rows = [DecoderRows(core, [[5, 6, 7], [8]], 4) for core in (plain, other)]
    for token in (3, 4):
        for each in rows:
            each.append(torch.tensor([token, token + 1]))
    assert _difference(rows[1].hidden, rows[0].hidden) < 1e-5


@pytest.mark.parametrize("fault", ["no operation", "not on this CPU", "wrong", "no number"])
def test_what_computes_something_else_is_not_used(
    fault: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def make(weight: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
        if fault == "no operation":
            raise AttributeError("no such operation")
        if fault == "not on this CPU":
            raise NotImplementedError("no such kernel")
        return lambda states: functional.linear(states, weight) * (1.5 if fault == "wrong" else torch.nan)

    monkeypatch.setattr(packed, "PackedLinear", make)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    with caplog.at_level(logging.INFO):
        assert not packed.can_pack.__wrapped__(torch.float32)
    assert "not packed" in caplog.text
    assert not packed.can_pack.__wrapped__(torch.float16)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert not packed.can_pack.__wrapped__(torch.float32)
