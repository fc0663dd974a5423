"""Conversion between latents (25 Hz) and audio codes (5 Hz).

A code is one of 64,000 (FSQ levels 8, 8, 8, 5, 5, 5) and represents five latent frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from acestep_runtime.errors import InvalidValue
from acestep_runtime.values import CODES

if TYPE_CHECKING:
    from diffusers.pipelines.ace_step.modeling_ace_step import AceStepAudioTokenDetokenizer, AceStepAudioTokenizer

FRAMES_PER_CODE = 5


def semantic_hints(
    tokenizer: AceStepAudioTokenizer, detokenizer: AceStepAudioTokenDetokenizer, latents: Tensor, silence: Tensor
) -> Tensor:
    """Return latents ``[B, T, C]`` quantised to codes and decoded again: what a cover keeps of its source."""
    quantized, _ = tokenizer.tokenize(latents, silence.to(latents))
    hints: Tensor = detokenizer(quantized.to(latents))
    return hints[:, : latents.shape[1]]


def latents_to_codes(tokenizer: AceStepAudioTokenizer, latents: Tensor, silence: Tensor) -> list[int]:
    """Return the codes of latents ``[1, T, C]``: ⌈T / 5⌉ of them."""
    _, indices = tokenizer.tokenize(latents, silence.to(latents))
    return [int(code) for code in indices[0, :, 0]]


def codes_to_latents(
    tokenizer: AceStepAudioTokenizer, detokenizer: AceStepAudioTokenDetokenizer, codes: Sequence[int], like: Tensor
) -> Tensor:
    """Return the latents ``[1, 5 · len(codes), C]`` of codes, with the device and dtype of ``like``.

    Raises `InvalidValue` for a code outside 0 to 63,999.
    """
    for code in codes:
        if not 0 <= code < CODES:
            raise InvalidValue("codes", code, f"0 to {CODES - 1}")
    indices = torch.tensor(codes, device=like.device).reshape(1, -1, 1)
    quantized = tokenizer.quantizer.get_output_from_indices(indices).to(like)
    latents: Tensor = detokenizer(quantized)
    return latents
