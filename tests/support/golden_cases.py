"""The reference's numbers, see tests/golden/README.md, and the tiny models that they were made with."""

from __future__ import annotations

import json
import os
from functools import cache
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from acestep_runtime.weights.layout import find_checkpoints
from acestep_runtime.weights.load import DitParts, load_dit
from tests.support.paths import GOLDEN as FOLDER

#: The device of the tests: "cuda" where somebody asks for it.
DEVICE = os.environ.get("ACEBRIDGE_TEST_DEVICE", "cpu")
if DEVICE != "cpu":
    torch.backends.cudnn.allow_tf32 = False  # it would round what these tests compare


@cache
def parts(kind: str) -> DitParts:
    """The tiny model of a kind, "base" or "turbo", in float32."""
    (checkpoint,) = (each for each in find_checkpoints(FOLDER) if each.kind == kind)
    return load_dit(checkpoint, torch.float32, DEVICE)


@cache
def numbers(kind: str) -> dict[str, Tensor]:
    return load_file(FOLDER / f"{kind}_golden.safetensors", DEVICE)


def golden_input(kind: str, name: str) -> Tensor:
    return numbers(kind)[f"in/{name}"]


@cache
def cases(kind: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads((FOLDER / f"{kind}_cases.json").read_text())
    return found


@cache
def condition(kind: str, texts: str = "text") -> Tensor:
    """The condition of "text", or of "non_cover_text": what a cover is told once it no longer follows its source."""
    with torch.inference_mode():
        packed, _ = parts(kind).encoder(
            text_hidden_states=golden_input(kind, f"{texts}_hidden_states"),
            text_attention_mask=golden_input(kind, f"{texts}_attention_mask"),
            lyric_hidden_states=golden_input(kind, "lyric_hidden_states"),
            lyric_attention_mask=golden_input(kind, "lyric_attention_mask"),
            refer_audio_acoustic_hidden_states_packed=golden_input(kind, "refer_audio_acoustic_hidden_states_packed"),
            refer_audio_order_mask=golden_input(kind, "refer_audio_order_mask"),
        )
        return packed.clone()


def difference(one: Tensor, other: Tensor) -> float:
    assert one.shape == other.shape
    return float((one - other).abs().max())
