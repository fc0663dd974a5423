"""Layers with packed weights compute what they computed before."""

from __future__ import annotations

import logging

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from torch import nn

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
    if dtype != torch.float32 and not packed.can_pack(dtype):
        return  # such a CPU has no operation for it, and the engine uses none
    assert _difference(packed.PackedLinear(weight)(states), exact) < ROUNDING[dtype]
    assert _difference(packed.PackedLinear(weight, bias)(states), exact + bias.double()) < ROUNDING[dtype]


@torch.inference_mode()
def test_a_packed_language_model_reads_the_same_states() -> None:
    plain, other = (model(4).model for _ in range(2))
    packed.pack_linears(other)
    assert not any(isinstance(each, nn.Linear) for each in other.modules())
    assert any(isinstance(each, packed.PackedLinear) for each in other.modules())
    rows = [DecoderRows(core, [[5, 6, 7], [8]], 4) for core in (plain, other)]
    for token in (3, 4):
        for each in rows:
            each.append(torch.tensor([token, token + 1]))
    assert _difference(rows[1].hidden, rows[0].hidden) < 1e-5


@pytest.mark.parametrize("fault", ["missing", "wrong"])
def test_what_computes_something_else_is_not_used(
    fault: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Faulty(packed.PackedLinear):
        def forward(self, states: torch.Tensor) -> torch.Tensor:
            if fault == "missing":
                raise AttributeError("no such operation")
            return super().forward(states) * 1.5

    monkeypatch.setattr(packed, "PackedLinear", Faulty)
    with caplog.at_level(logging.INFO):
        assert not packed.can_pack.__wrapped__(torch.float32)
    assert "not packed" in caplog.text
    assert not packed.can_pack.__wrapped__(torch.float16)
