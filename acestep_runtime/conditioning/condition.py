"""From texts and timbre to the sequence that the transformer attends to. Items of a batch share it.

Source: the public ACE-Step 1.5 code. The prompt passes through all of the text encoder, lyrics only through its embedding
table; the condition encoder packs lyrics, timbre and text, in this order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from acestep_runtime.conditioning.prompts import MAX_LYRIC_TOKENS, MAX_TEXT_TOKENS

if TYPE_CHECKING:
    from diffusers.pipelines.ace_step.modeling_ace_step import AceStepConditionEncoder
    from transformers import PreTrainedTokenizerFast, Qwen3Model


def condition_of(
    text: str,
    lyrics: str,
    timbre: Tensor,
    *,
    tokenizer: PreTrainedTokenizerFast,
    text_encoder: Qwen3Model,
    encoder: AceStepConditionEncoder,
) -> Tensor:
    """Return the packed condition ``[1, L, D]`` of two prompts and a reference's latents ``[1, 750, C]``.

    ``tokenizer`` and ``text_encoder`` are those of Qwen3-Embedding. Texts beyond 256 and 2,048 tokens are cut.
    """
    device = encoder.text_projector.weight.device
    text_ids, lyric_ids = (
        tokenizer(prompt, truncation=True, max_length=longest, return_tensors="pt").input_ids
        for prompt, longest in ((text, MAX_TEXT_TOKENS), (lyrics, MAX_LYRIC_TOKENS))
    )
    home = text_encoder.embed_tokens.weight.device
    text_states = text_encoder(input_ids=text_ids.to(home)).last_hidden_state
    lyric_states = text_encoder.embed_tokens(lyric_ids.to(home))
    dtype = encoder.text_projector.weight.dtype
    packed: Tensor
    packed, _ = encoder(
        text_hidden_states=text_states.to(device, dtype),
        text_attention_mask=torch.ones(text_ids.shape, dtype=torch.bool, device=device),
        lyric_hidden_states=lyric_states.to(device, dtype),
        lyric_attention_mask=torch.ones(lyric_ids.shape, dtype=torch.bool, device=device),
        refer_audio_acoustic_hidden_states_packed=timbre.to(device, dtype),
        refer_audio_order_mask=torch.zeros(len(timbre), dtype=torch.long, device=device),
    )
    return packed
