"""Between latents (25 Hz) and audio codes (5 Hz), of which the transformer gets the latents that they stand for.

A code is one of 64,000 (FSQ levels 8, 8, 8, 5, 5, 5) and stands for five latent frames.
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

FRAMES_A_CODE = 5


def hints_of(
    tokenizer: AceStepAudioTokenizer, detokenizer: AceStepAudioTokenDetokenizer, latents: Tensor, silence: Tensor
) -> Tensor:
    """Return latents ``[B, T, C]`` as their codes have them: what a cover keeps of its source."""
    quantized, _ = tokenizer.tokenize(latents, silence.to(latents))
    hints: Tensor = detokenizer(quantized.to(latents))
    return hints[:, : latents.shape[1]]


def codes_of(tokenizer: AceStepAudioTokenizer, latents: Tensor, silence: Tensor) -> list[int]:
    """Return the codes of latents ``[1, T, C]``, one for five frames begun."""
    _, indices = tokenizer.tokenize(latents, silence.to(latents))
    return [int(code) for code in indices[0, :, 0]]


def latents_of(
    tokenizer: AceStepAudioTokenizer, detokenizer: AceStepAudioTokenDetokenizer, codes: Sequence[int], like: Tensor
) -> Tensor:
    """Return the latents ``[1, 5 · len(codes), C]`` that codes stand for, on the device and of the dtype of ``like``.

    Raises `InvalidValue` for a code that there is not.
    """
    for code in codes:
        if not 0 <= code < CODES:
            raise InvalidValue("codes", code, f"0 to {CODES - 1}")
    indices = torch.tensor(codes, device=like.device).reshape(1, -1, 1)
    quantized = tokenizer.quantizer.get_output_from_indices(indices).to(like)
    found: Tensor = detokenizer(quantized)
    return found
