"""The forward pass over the blocks of diffusers' transformer, written out, so that nothing is computed twice.

    keys and values of cross-attention   once for each condition, not once for each step
    unconditional branch                 one key: attention over it is its value, a constant for each layer
    conditional and unconditional        one pass; they differ in nothing but cross-attention
    rotary tables, masks of windows      once for each length
    embeddings of noise levels           once for each level of a run

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

from acestep_runtime.dit.rotary import apply_rotary, rotary_tables
from acestep_runtime.dit.windows import Attend, attend, attend_near

if TYPE_CHECKING:
    from diffusers.models.transformers.ace_step_transformer import (
        AceStepAttention,
        AceStepTransformer1DModel,
        AceStepTransformerBlock,
    )

Rotary = tuple[Tensor, Tensor]
Visiting = Callable[[nn.Module], AbstractContextManager[object]]


@dataclass(frozen=True)
class Keys:
    """What cross-attention needs of a condition: for each layer keys and values ``[B, heads, L, d]``.

    Of a condition of a single token, the same for all items, ``constants`` holds what each layer adds, ``[1, 1, D]``.
    """

    pairs: tuple[tuple[Tensor, Tensor], ...] = ()
    constants: tuple[Tensor, ...] = ()


class Velocity:
    """Velocities by a transformer. ``visiting`` is entered around each block, to bring it where it computes."""

    def __init__(self, dit: AceStepTransformer1DModel, visiting: Visiting = lambda _: nullcontext()) -> None:
        #: The transformer.
        self.dit = dit
        self._blocks = _blocks(dit)
        self._visiting = visiting
        self._tables: tuple[tuple[int, torch.dtype, torch.device], tuple[Rotary, Attend]] | None = None
        self._embedded: dict[tuple[float, ...], tuple[Tensor, Tensor]] = {}

    @property
    def dtype(self) -> torch.dtype:
        """What it computes in."""
        return self.dit.scale_shift_table.dtype

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.dit.scale_shift_table.device

    def condition(self, hidden: Tensor) -> Keys:
        """Return the keys and values of a condition ``[B, L, D]``. A run begins with it: weights may have changed before."""
        self._embedded.clear()
        states = self.dit.condition_embedder(hidden.to(self.device, self.dtype))
        pairs = []
        for block in self._blocks:
            with self._visiting(block):
                pairs.append(_keys_and_values(block.cross_attn, states))
        return Keys(pairs=tuple(pairs))

    def null(self, null_condition: Tensor) -> Keys:
        """Return the constants of the unconditional branch, whose condition is one vector ``[1, 1, D]``, repeated."""
        states = self.dit.condition_embedder(null_condition.to(self.device, self.dtype))
        constants = []
        for block in self._blocks:
            with self._visiting(block):
                attention = block.cross_attn
                value = attention.to_v(states).unflatten(-1, (attention.kv_heads, attention.head_dim))
                every = value.repeat_interleave(attention.heads // attention.kv_heads, 2).flatten(2)
                constants.append(_out(attention, every))
        return Keys(constants=tuple(constants))

    def __call__(self, x: Tensor, t: Tensor, context: Tensor, keys: Keys, null: Keys | None = None) -> Tensor:
        """Return velocities ``[B, T, C]`` of noisy latents ``[B, T, C]`` at noise levels ``[B]``.

        ``context`` is ``[B, T, 2C]``. With ``null`` it returns ``[2B, T, C]``: conditional ones first.
        """
        length, count = x.shape[1], len(x)
        hidden, (temb, modulation) = self._patches(x, context), self._times(t)
        if null is not None:
            hidden, temb, modulation = (torch.cat((each, each)) for each in (hidden, temb, modulation))
        rotary, near = self._positions(hidden)
        for number, block in enumerate(self._blocks):
            with self._visiting(block):
                hidden = _self_attended(block, hidden, modulation, rotary, self._attend_of(number, near))
                hidden = hidden + _cross_attended(block, hidden, number, count, keys, null)
                hidden = _mixed(block, hidden, modulation)
        shift, scale = (self.dit.scale_shift_table + temb.unsqueeze(1)).chunk(2, dim=1)
        hidden = (self.dit.norm_out(hidden) * (1 + scale) + shift).type_as(hidden)
        out: Tensor = self.dit.proj_out_conv(hidden.transpose(1, 2)).transpose(1, 2)
        return out[:, :length]

    def attention(
        self,
        x: Tensor,
        t: Tensor,
        context: Tensor,
        keys: Keys,
        wanted: Mapping[int, Sequence[int]],
        tokens: slice = slice(None),
    ) -> Iterator[tuple[tuple[int, int], Tensor]]:
        """Yield wanted layers and heads, and how condition ``tokens`` are attended to by them, ``[L, P]`` of the first item.

        One pass, which stops at the last layer that is wanted.
        """
        hidden, (_, modulation) = self._patches(x[:1], context[:1]), self._times(t[:1])
        rotary, near = self._positions(hidden)
        first = Keys(pairs=tuple((each[:1], value[:1]) for each, value in keys.pairs))
        last = max(wanted)
        for number, block in enumerate(self._blocks[: last + 1]):
            with self._visiting(block):
                hidden = _self_attended(block, hidden, modulation, rotary, self._attend_of(number, near))
                for head in wanted.get(number, ()):
                    yield (number, head), _weights(block, hidden, first.pairs[number][0], head)[tokens]
                if number < last:
                    hidden = hidden + _cross_attended(block, hidden, number, 1, first, None)
                    hidden = _mixed(block, hidden, modulation)

    def _patches(self, x: Tensor, context: Tensor) -> Tensor:
        joined = torch.cat((context.to(self.device, self.dtype), x.to(self.device, self.dtype)), -1)
        joined = functional.pad(joined, (0, 0, 0, -joined.shape[1] % self.dit.patch_size))
        patches: Tensor = self.dit.proj_in_conv(joined.transpose(1, 2)).transpose(1, 2)
        return patches

    def _times(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return the embeddings of noise levels: for the output ``[B, D]``, and for the blocks ``[B, 6, D]``."""
        levels = tuple(t.tolist())
        if levels not in self._embedded:
            level = t.to(self.device, self.dtype)
            temb, modulation = self.dit.time_embed(level)
            temb_r, modulation_r = self.dit.time_embed_r(torch.zeros_like(level))
            self._embedded[levels] = temb + temb_r, modulation + modulation_r
        return self._embedded[levels]

    def _positions(self, hidden: Tensor) -> tuple[Rotary, Attend]:
        """Return rotary tables and the attention of sliding layers."""
        like = hidden.shape[1], hidden.dtype, hidden.device
        if self._tables is None or self._tables[0] != like:
            cos, sin = rotary_tables(like[0], self.dit.head_dim, self.dit.rope_theta, hidden.device)
            near = attend_near(like[0], self.dit.config["sliding_window"], hidden.device)
            self._tables = like, ((cos.to(hidden.dtype), sin.to(hidden.dtype)), near)
        return self._tables[1]

    def _attend_of(self, layer: int, near: Attend) -> Attend:
        return near if self.dit.layer_types[layer] == "sliding_attention" else attend


def _blocks(dit: AceStepTransformer1DModel) -> tuple[AceStepTransformerBlock, ...]:
    from diffusers.models.transformers.ace_step_transformer import AceStepTransformerBlock

    blocks = tuple(layer for layer in dit.layers if isinstance(layer, AceStepTransformerBlock))
    assert len(blocks) == len(dit.layers)
    return blocks


def _keys_and_values(attention: AceStepAttention, states: Tensor) -> tuple[Tensor, Tensor]:
    shape = attention.kv_heads, attention.head_dim
    keys = attention.norm_k(attention.to_k(states).unflatten(-1, shape))
    return keys.transpose(1, 2), attention.to_v(states).unflatten(-1, shape).transpose(1, 2)


def _out(attention: AceStepAttention, states: Tensor) -> Tensor:
    out: Tensor = attention.to_out[0](states)
    return out


def _attended(attention: AceStepAttention, query: Tensor, keys: Tensor, values: Tensor, how: Attend = attend) -> Tensor:
    """Return the attention of queries ``[B, P, heads, d]`` to keys and values ``[B, heads, L, d]``, projected."""
    return _out(attention, how(query.transpose(1, 2), keys, values, attention.scaling).transpose(1, 2).flatten(2))


def _query(attention: AceStepAttention, states: Tensor) -> Tensor:
    query: Tensor = attention.norm_q(attention.to_q(states).unflatten(-1, (attention.heads, attention.head_dim)))
    return query


def _self_attended(
    block: AceStepTransformerBlock, hidden: Tensor, modulation: Tensor, rotary: Rotary, how: Attend
) -> Tensor:
    shift, scale, gate, *_ = (block.scale_shift_table + modulation).chunk(6, dim=1)
    states = (block.self_attn_norm(hidden) * (1 + scale) + shift).type_as(hidden)
    attention = block.self_attn
    keys, values = _keys_and_values(attention, states)
    query = apply_rotary(_query(attention, states), rotary)
    keys = apply_rotary(keys.transpose(1, 2), rotary).transpose(1, 2)
    attended: Tensor = hidden + _attended(attention, query, keys, values, how) * gate
    return attended.type_as(hidden)


def _cross_attended(
    block: AceStepTransformerBlock, hidden: Tensor, layer: int, count: int, keys: Keys, null: Keys | None
) -> Tensor:
    attention = block.cross_attn
    states = block.cross_attn_norm(hidden[:count]).type_as(hidden)
    own, values = (each.expand(count, -1, -1, -1) for each in keys.pairs[layer])
    attended = _attended(attention, _query(attention, states), own, values)
    if null is None:
        return attended
    return torch.cat((attended, null.constants[layer].expand_as(attended)))


def _mixed(block: AceStepTransformerBlock, hidden: Tensor, modulation: Tensor) -> Tensor:
    *_, shift, scale, gate = (block.scale_shift_table + modulation).chunk(6, dim=1)
    states = (block.mlp_norm(hidden) * (1 + scale) + shift).type_as(hidden)
    mixed: Tensor = hidden + block.mlp(states) * gate
    return mixed.type_as(hidden)


def _weights(block: AceStepTransformerBlock, hidden: Tensor, keys: Tensor, head: int) -> Tensor:
    """Return how tokens are attended to, ``[L, P]``, by one head: over the tokens of a patch they add up to 1."""
    attention = block.cross_attn
    query = _query(attention, block.cross_attn_norm(hidden).type_as(hidden))[0, :, head]
    key = keys[0, head * attention.kv_heads // attention.heads]
    return torch.softmax((key @ query.T).float() * attention.scaling, 0)
