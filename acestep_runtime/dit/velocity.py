"""The forward pass of diffusers' transformer, with constant parts computed once.

    keys and values of cross-attention   once per condition, not per step
    unconditional branch                 one key: attention over it is its value, a constant per layer
    conditional and unconditional        one pass; only cross-attention differs
    rotary tables, window masks          once per length
    embeddings of noise levels           once per level of a run

Letters: B items, T latent frames, C channels, P = T / 2 patches, L condition tokens, D width, d channels of a head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from acestep_runtime.dit.norms import normalize
from acestep_runtime.dit.rotary import apply_rotary, rotary_tables
from acestep_runtime.dit.windows import AttentionFn, dot_product_attention, sliding_window_attention

if TYPE_CHECKING:
    from diffusers.models.transformers.ace_step_transformer import (
        AceStepAttention,
        AceStepTimestepEmbedding,
        AceStepTransformer1DModel,
        AceStepTransformerBlock,
    )

Rotary = tuple[Tensor, Tensor]
LayerContext = Callable[[nn.Module], AbstractContextManager[object]]


@dataclass(frozen=True)
class CrossAttentionKV:
    """The cross-attention KV cache of a condition: keys and values ``[B, heads, L, d]`` for each layer.

    For a condition of one token, ``constants`` holds the output of each layer instead, ``[1, 1, D]``.
    """

    pairs: tuple[tuple[Tensor, Tensor], ...] = ()
    constants: tuple[Tensor, ...] = ()


class VelocityModel:
    """Predicts velocities with a transformer. ``layer_context`` is entered around each block, to move it to the device."""

    def __init__(self, dit: AceStepTransformer1DModel, layer_context: LayerContext = lambda _: nullcontext()) -> None:
        #: The transformer.
        self.dit = dit
        self._blocks = _blocks(dit)
        self._layer_context = layer_context
        self._position_cache: tuple[tuple[int, torch.dtype, torch.device], tuple[Rotary, AttentionFn]] | None = None
        self._level_embeddings: dict[tuple[float, ...], tuple[Tensor, Tensor]] = {}

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the computation."""
        return self.dit.scale_shift_table.dtype

    @property
    def device(self) -> torch.device:
        """The device of the computation."""
        return self.dit.scale_shift_table.device

    def forget_weights(self) -> None:
        """Drop what was computed from weights that have changed since."""
        self._level_embeddings.clear()

    def project_condition(self, hidden: Tensor) -> CrossAttentionKV:
        """Return the keys and values of a condition ``[B, L, D]``. Each run starts here, so weights may change before it."""
        self._level_embeddings.clear()
        states = self.dit.condition_embedder(hidden.to(self.device, self.dtype))
        pairs = []
        for block in self._blocks:
            with self._layer_context(block):
                pairs.append(_project_keys_values(block.cross_attn, states))
        return CrossAttentionKV(pairs=tuple(pairs))

    def project_null(self, null_condition: Tensor) -> CrossAttentionKV:
        """Return the constants of the unconditional branch, whose condition is one vector ``[1, 1, D]``."""
        states = self.dit.condition_embedder(null_condition.to(self.device, self.dtype))
        constants = []
        for block in self._blocks:
            with self._layer_context(block):
                attention = block.cross_attn
                value = attention.to_v(states).unflatten(-1, (attention.kv_heads, attention.head_dim))
                expanded = value.repeat_interleave(attention.heads // attention.kv_heads, 2).flatten(2)
                constants.append(_project_out(attention, expanded))
        return CrossAttentionKV(constants=tuple(constants))

    def __call__(
        self, x: Tensor, t: Tensor, context: Tensor, condition: CrossAttentionKV, null: CrossAttentionKV | None = None
    ) -> Tensor:
        """Return velocities ``[B, T, C]`` of noisy latents ``[B, T, C]`` at noise levels ``[B]``.

        ``context`` is ``[B, T, 2C]``. With ``null`` it returns ``[2B, T, C]``: first conditional, then unconditional.
        """
        return self._predict(x, self._embed_levels(t), context, condition, null)

    def _predict(
        self,
        x: Tensor,
        levels: tuple[Tensor, Tensor],
        context: Tensor,
        condition: CrossAttentionKV,
        null: CrossAttentionKV | None,
    ) -> Tensor:
        """Return velocities as `__call__` does, from what `_embed_levels` returns."""
        length, count = x.shape[1], len(x)
        hidden, (temb, modulation) = self._embed_patches(x, context), levels
        if null is not None:
            hidden, temb, modulation = (torch.cat((each, each)) for each in (hidden, temb, modulation))
        rotary, sliding_window = self._position_tables(hidden)
        for number, block in enumerate(self._blocks):
            with self._layer_context(block):
                hidden = _self_attention(block, hidden, modulation, rotary, self._attention_fn(number, sliding_window))
                hidden = hidden + _cross_attention(block, hidden, number, count, condition, null)
                hidden = _feed_forward(block, hidden, modulation)
        shift, scale = (self.dit.scale_shift_table + temb.unsqueeze(1)).chunk(2, dim=1)
        hidden = torch.addcmul(shift, normalize(self.dit.norm_out, hidden), 1 + scale).type_as(hidden)
        out: Tensor = self.dit.proj_out_conv(hidden.transpose(1, 2)).transpose(1, 2)
        return out[:, :length]

    def attention_maps(
        self,
        x: Tensor,
        t: Tensor,
        context: Tensor,
        condition: CrossAttentionKV,
        heads: Mapping[int, Sequence[int]],
        tokens: slice = slice(None),
    ) -> Iterator[tuple[tuple[int, int], Tensor]]:
        """Yield each layer and head of ``heads`` with its attention to ``tokens``, ``[L, P]`` of the first item.

        The pass stops at the last of these layers.
        """
        hidden, (_, modulation) = self._embed_patches(x[:1], context[:1]), self._embed_levels(t[:1])
        rotary, sliding_window = self._position_tables(hidden)
        first_item = CrossAttentionKV(pairs=tuple((keys[:1], values[:1]) for keys, values in condition.pairs))
        last = max(heads)
        for number, block in enumerate(self._blocks[: last + 1]):
            with self._layer_context(block):
                hidden = _self_attention(block, hidden, modulation, rotary, self._attention_fn(number, sliding_window))
                for head in heads.get(number, ()):
                    yield (number, head), _attention_weights(block, hidden, first_item.pairs[number][0], head)[tokens]
                if number < last:
                    hidden = hidden + _cross_attention(block, hidden, number, 1, first_item, None)
                    hidden = _feed_forward(block, hidden, modulation)

    def _embed_patches(self, x: Tensor, context: Tensor) -> Tensor:
        inputs = torch.cat((context.to(self.device, self.dtype), x.to(self.device, self.dtype)), -1)
        inputs = functional.pad(inputs, (0, 0, 0, -inputs.shape[1] % self.dit.patch_size))
        patches: Tensor = self.dit.proj_in_conv(inputs.transpose(1, 2)).transpose(1, 2)
        return patches.contiguous()  # or every linear layer in bfloat16 copies its weights

    def _embed_levels(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return the embeddings of noise levels: ``[B, D]`` for the output, ``[B, 6, D]`` for the blocks."""
        levels = tuple(t.tolist())
        if levels not in self._level_embeddings:
            level = t.to(self.device, torch.float32)
            temb, modulation = _embed_level(self.dit.time_embed, level, self.dtype)
            temb_r, modulation_r = _embed_level(self.dit.time_embed_r, torch.zeros_like(level), self.dtype)
            self._level_embeddings[levels] = temb + temb_r, modulation + modulation_r
        return self._level_embeddings[levels]

    def _position_tables(self, hidden: Tensor) -> tuple[Rotary, AttentionFn]:
        """Return the rotary tables and the attention function of sliding layers."""
        key = hidden.shape[1], hidden.dtype, hidden.device
        if self._position_cache is None or self._position_cache[0] != key:
            cos, sin = rotary_tables(key[0], self.dit.head_dim, self.dit.rope_theta, hidden.device)
            sliding_window = sliding_window_attention(key[0], self.dit.config["sliding_window"], hidden.device)
            self._position_cache = key, ((cos, sin), sliding_window)
        return self._position_cache[1]

    def _attention_fn(self, layer: int, sliding_window: AttentionFn) -> AttentionFn:
        return sliding_window if self.dit.layer_types[layer] == "sliding_attention" else dot_product_attention


def _blocks(dit: AceStepTransformer1DModel) -> tuple[AceStepTransformerBlock, ...]:
    from diffusers.models.transformers.ace_step_transformer import AceStepTransformerBlock

    blocks = tuple(layer for layer in dit.layers if isinstance(layer, AceStepTransformerBlock))
    assert len(blocks) == len(dit.layers)
    return blocks


def _embed_level(embedding: AceStepTimestepEmbedding, level: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return the two embeddings of levels ``[B]``. Their sinusoids are those of float32: of 1000·t, 8 bits keep no phase."""
    sinusoid = embedding.time_sinusoid(level * embedding.scale).to(dtype)
    temb = embedding.linear_2(embedding.act1(embedding.linear_1(sinusoid)))
    return temb, embedding.time_proj(embedding.act2(temb)).unflatten(1, (6, -1))


def _project_keys_values(attention: AceStepAttention, states: Tensor) -> tuple[Tensor, Tensor]:
    shape = attention.kv_heads, attention.head_dim
    keys = normalize(attention.norm_k, attention.to_k(states).unflatten(-1, shape))
    return keys.transpose(1, 2), attention.to_v(states).unflatten(-1, shape).transpose(1, 2)


def _project_out(attention: AceStepAttention, states: Tensor) -> Tensor:
    out: Tensor = attention.to_out[0](states)
    return out


def _attention(
    attention: AceStepAttention,
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    attention_fn: AttentionFn = dot_product_attention,
) -> Tensor:
    """Return the attention of queries ``[B, P, heads, d]`` to keys and values ``[B, heads, L, d]``, projected."""
    return _project_out(
        attention, attention_fn(query.transpose(1, 2), keys, values, attention.scaling).transpose(1, 2).flatten(2)
    )


def _project_query(attention: AceStepAttention, states: Tensor) -> Tensor:
    return normalize(attention.norm_q, attention.to_q(states).unflatten(-1, (attention.heads, attention.head_dim)))


def _self_attention(
    block: AceStepTransformerBlock, hidden: Tensor, modulation: Tensor, rotary: Rotary, attention_fn: AttentionFn
) -> Tensor:
    shift, scale, gate, *_ = (block.scale_shift_table + modulation).chunk(6, dim=1)
    states = torch.addcmul(shift, normalize(block.self_attn_norm, hidden), 1 + scale).type_as(hidden)
    attention = block.self_attn
    keys, values = _project_keys_values(attention, states)
    query = apply_rotary(_project_query(attention, states), rotary)
    keys = apply_rotary(keys.transpose(1, 2), rotary).transpose(1, 2)
    return torch.addcmul(hidden, _attention(attention, query, keys, values, attention_fn), gate).type_as(hidden)


def _cross_attention(
    block: AceStepTransformerBlock,
    hidden: Tensor,
    layer: int,
    count: int,
    condition: CrossAttentionKV,
    null: CrossAttentionKV | None,
) -> Tensor:
    attention = block.cross_attn
    states = normalize(block.cross_attn_norm, hidden[:count]).type_as(hidden)
    keys, values = (each.expand(count, -1, -1, -1) for each in condition.pairs[layer])
    output = _attention(attention, _project_query(attention, states), keys, values)
    if null is None:
        return output
    return torch.cat((output, null.constants[layer].expand_as(output)))


def _feed_forward(block: AceStepTransformerBlock, hidden: Tensor, modulation: Tensor) -> Tensor:
    *_, shift, scale, gate = (block.scale_shift_table + modulation).chunk(6, dim=1)
    states = torch.addcmul(shift, normalize(block.mlp_norm, hidden), 1 + scale).type_as(hidden)
    return torch.addcmul(hidden, block.mlp(states), gate).type_as(hidden)


def _attention_weights(block: AceStepTransformerBlock, hidden: Tensor, keys: Tensor, head: int) -> Tensor:
    """Return the attention weights of one head, ``[L, P]``. Over the tokens of a patch they add up to 1."""
    attention = block.cross_attn
    query = _project_query(attention, normalize(block.cross_attn_norm, hidden).type_as(hidden))[0, :, head]
    key = keys[0, head * attention.kv_heads // attention.heads]
    return torch.softmax((key @ query.T).float() * attention.scaling, 0)
