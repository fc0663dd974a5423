"""Rotary embedding equals that of diffusers, to the bit."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from diffusers.models import embeddings

from acestep_runtime.dit.rotary import apply_rotary, rotary_tables


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("patches", "head_dim"), [(1, 4), (300, 128)])
def test_rotary_embedding_equals_that_of_diffusers(patches: int, head_dim: int, dtype: torch.dtype) -> None:
    tables = rotary_tables(patches, head_dim, 1e6, torch.device("cpu"))
    expected = embeddings.get_1d_rotary_pos_embed(
        head_dim, torch.arange(patches).float(), theta=1e6, use_real=True, repeat_interleave_real=False
    )
    assert all(torch.equal(ours.repeat(1, 2), theirs) for ours, theirs in zip(tables, expected, strict=True))
    states = torch.randn(2, patches, 3, head_dim, generator=torch.Generator().manual_seed(1)).to(dtype)
    cast = tuple(table.to(dtype) for table in tables)
    whole = tuple(table.repeat(1, 2) for table in cast)
    theirs = embeddings.apply_rotary_emb(states, whole, use_real=True, use_real_unbind_dim=-2, sequence_dim=1)
    ours = apply_rotary(states, cast)
    assert ours.dtype is dtype
    assert torch.equal(ours, theirs)
