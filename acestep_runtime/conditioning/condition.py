"""The condition encoder: texts and timbre become the sequence that cross-attention reads. A batch shares one condition.

Source: the public ACE-Step 1.5 code. The text prompt passes through the whole text encoder, lyrics only through its
embedding table; the condition encoder packs lyrics, timbre and text, in this order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from acestep_runtime.conditioning.prompts import MAX_LYRIC_TOKENS, MAX_TEXT_TOKENS

if TYPE_CHECKING:
    from diffusers.pipelines.ace_step.modeling_ace_step import AceStepConditionEncoder
    from transformers import Qwen3Model

    from acestep_runtime.text.tokens import PromptTokenizer


def encode_condition(
    text: str,
    lyrics: str,
    timbre: Tensor,
    *,
    tokenizer: PromptTokenizer,
    text_encoder: Qwen3Model,
    encoder: AceStepConditionEncoder,
) -> Tensor:
    """Return the packed condition ``[1, L, D]`` of two prompts and the latents ``[1, 750, C]`` of a timbre reference.

    ``tokenizer`` and ``text_encoder`` belong to Qwen3-Embedding. The text is truncated to 256 tokens, the lyrics to 2,048.
    """
    device = encoder.text_projector.weight.device
    text_ids, lyric_ids = (
        torch.tensor([tokenizer.encode_with_frame(prompt, max_length).ids])
        for prompt, max_length in ((text, MAX_TEXT_TOKENS), (lyrics, MAX_LYRIC_TOKENS))
    )
    text_device = text_encoder.embed_tokens.weight.device
    text_states = text_encoder(input_ids=text_ids.to(text_device)).last_hidden_state
    lyric_states = text_encoder.embed_tokens(lyric_ids.to(text_device))
    dtype = encoder.null_condition_emb.dtype
    condition: Tensor
    condition, _ = encoder(
        text_hidden_states=text_states.to(device, dtype),
        text_attention_mask=torch.ones(text_ids.shape, dtype=torch.bool, device=device),
        lyric_hidden_states=lyric_states.to(device, dtype),
        lyric_attention_mask=torch.ones(lyric_ids.shape, dtype=torch.bool, device=device),
        refer_audio_acoustic_hidden_states_packed=timbre.to(device, dtype),
        refer_audio_order_mask=torch.zeros(len(timbre), dtype=torch.long, device=device),
    )
    return condition
