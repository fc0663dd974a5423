"""Decoding with a KV cache on the modules of `transformers.Qwen3Model`.

    prefill      each different prompt once; rows with the same prompt get a copy of its keys and values
    append       one token per row in one pass, each row at its own position
    extend       several tokens per row that are known before, in one causal pass
    lookahead    several tokens per row in one causal pass; the rows do not advance

Rows are takes, with and without their condition (for guidance). Each row starts at position 0 of the cache, so prompts of
different lengths need no padding, and no row attends beyond its own end.

Query heads that share a key-value head are computed as extra tokens of that head, so that keys and values are not copied.

Letters: R rows, n tokens, S cache positions, H key-value heads, d channels of a head, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from acestep_runtime.errors import EngineFailure
from acestep_runtime.gpu.graphs import GraphCache, find_recorder
from acestep_runtime.memory.interrupt import Interrupt

if TYPE_CHECKING:
    from transformers import Qwen3Model
    from transformers.models.qwen3.modeling_qwen3 import Qwen3DecoderLayer, Qwen3RMSNorm

#: The cache holds a multiple of this many positions. With graphs attention covers one too, so that shapes change seldom.
CACHE_BLOCK = 256
#: Attention covers a multiple of this many positions where there are no graphs.
_ATTENTION_BLOCK = 32


class DecoderRows:
    """A batch of texts with their KV cache. ``hidden`` ``[R, D]`` holds the states after the last token of each row."""

    def __init__(
        self,
        core: Qwen3Model,
        prompts: Sequence[Sequence[int]],
        max_new_tokens: int,
        interrupt: Interrupt | None = None,
    ) -> None:
        """Prefill ``prompts``, one for each row. Each row has room for ``max_new_tokens`` more tokens.

        On a GPU, whose graphs need fixed addresses, the cache has that size from the start; elsewhere it grows as it fills.
        ``interrupt`` checks before each layer. Raises `EngineFailure` where that exceeds the model's context length.
        """
        self._core, self._layers, config = core, _decoder_layers(core), core.config
        device, dtype = core.embed_tokens.weight.device, core.embed_tokens.weight.dtype
        longest, limit = max(map(len, prompts)) + max_new_tokens, config.max_position_embeddings
        if longest > limit:
            raise EngineFailure(
                f"The language model would have to read and write {longest} tokens; it can hold {limit}.",
                remedy="Shorten the lyrics or the song.",
            )
        heads = config.num_key_value_heads or config.num_attention_heads
        channels = self._layers[0].self_attn.head_dim
        self._interrupt = interrupt or Interrupt()
        self._capacity = _round_up(longest)
        size = self._capacity if device.type == "cuda" else _round_up(max(map(len, prompts)) + 1)
        shape = len(self._layers), len(prompts), heads, size, channels
        self._keys, self._values = (torch.zeros(shape, device=device, dtype=dtype) for _ in range(2))
        self._lengths = torch.tensor([len(prompt) for prompt in prompts], device=device)
        self._max_length = max(map(len, prompts))
        recorder = find_recorder(device)
        self._attention_block = _ATTENTION_BLOCK if recorder is None else CACHE_BLOCK
        self._decode_step = GraphCache(self._forward_token, recorder)
        self.hidden = torch.zeros(len(prompts), config.hidden_size, device=device, dtype=dtype)
        self._prefill(prompts)

    def _prefill(self, prompts: Sequence[Sequence[int]]) -> None:
        first: dict[tuple[int, ...], int] = {}
        for row, prompt in enumerate(prompts):
            source = first.setdefault(tuple(prompt), row)
            if source == row:
                ids = torch.tensor([list(prompt)], device=self.hidden.device)
                positions = torch.arange(len(prompt), device=self.hidden.device)[None]
                states = self._forward(ids, positions, slice(row, row + 1), len(prompt), None)
                self.hidden[row] = _rms_norm(self._core.norm, states[0, -1])
            else:
                for cache in (self._keys, self._values):
                    cache[:, row, :, : len(prompt)] = cache[:, source, :, : len(prompt)]
                self.hidden[row] = self.hidden[source]

    def append(self, tokens: Tensor) -> None:
        """Append a token ``[R]`` to each row."""
        self._max_length += 1
        span = self._reach(self._max_length)
        self.hidden = self._decode_step(span, (tokens, self._lengths))
        self._lengths = self._lengths + 1

    def extend(self, tokens: Tensor) -> None:
        """Append tokens ``[R, n]`` to each row in one pass."""
        self.hidden = self.lookahead(tokens)[:, -1]
        self._max_length += tokens.shape[1]
        self._lengths = self._lengths + tokens.shape[1]

    def _reach(self, length: int) -> int:
        """Return the positions that attention covers for rows of this length, and have room for them in the cache."""
        span = min(_round_up(length, self._attention_block), self._capacity)
        if span > self._keys.shape[3]:
            size = min(self._capacity, max(_round_up(span), 2 * self._keys.shape[3]))
            self._keys, self._values = (
                functional.pad(each, (0, 0, 0, size - each.shape[3])) for each in (self._keys, self._values)
            )
        return span

    def lookahead(self, tokens: Tensor, past: int = 0) -> Tensor:
        """Return the states ``[R, n, D]`` after each of ``tokens`` ``[R, n]`` without advancing the rows.

        The tokens follow the rows and ``past`` tokens of earlier lookaheads, so a long text can be read in chunks. The next
        call overwrites them in the cache. No row may exceed the room given to the constructor.
        """
        count = tokens.shape[1]
        span = self._reach(self._max_length + past + count)
        positions = self._lengths[:, None] + past + torch.arange(count, device=self._lengths.device)
        mask = _causal_mask(positions, span, self.hidden.dtype)
        groups = self._core.config.num_attention_heads // self._keys.shape[2]
        mask = mask.repeat(1, 1, groups, 1)  # for the query heads that share a key-value head
        return _rms_norm(self._core.norm, self._forward(tokens, positions, slice(0, len(tokens)), span, mask))

    def _forward_token(self, span: int, tokens: Tensor, lengths: Tensor) -> Tensor:
        positions = lengths[:, None]
        mask = _causal_mask(positions, span, self.hidden.dtype)
        states = self._forward(tokens[:, None], positions, slice(0, len(tokens)), span, mask)
        return _rms_norm(self._core.norm, states[:, -1])

    def _forward(self, ids: Tensor, positions: Tensor, rows: slice, span: int, mask: Tensor | None) -> Tensor:
        """Return the states ``[R, n, D]`` after each of ``ids`` ``[R, n]`` at ``positions``, before the final norm.

        ``mask`` is that of `_attend_with_cache`. Without it, ids are whole prompts of length ``span``.
        """
        core = self._core
        hidden: Tensor = core.embed_tokens(ids)
        rotary = core.rotary_emb(hidden, positions)
        for number, block in enumerate(self._layers):
            self._interrupt.check()
            keys, values = self._keys[number, rows], self._values[number, rows]
            hidden = hidden + _attend_with_cache(block, hidden, rotary, positions, keys, values, mask, span)
            hidden = hidden + block.mlp(_rms_norm(block.post_attention_layernorm, hidden))
        return hidden


def compute_logits(head: Tensor, hidden: Tensor, tokens: slice) -> Tensor:
    """Return the logits ``[R, V]`` in float32 of a range of tokens."""
    return functional.linear(hidden, head[tokens]).float()


def _decoder_layers(core: Qwen3Model) -> tuple[Qwen3DecoderLayer, ...]:
    from transformers.models.qwen3.modeling_qwen3 import Qwen3DecoderLayer

    blocks = tuple(layer for layer in core.layers if isinstance(layer, Qwen3DecoderLayer))
    assert len(blocks) == len(core.layers)
    return blocks


def _round_up(positions: int, block: int = CACHE_BLOCK) -> int:
    return -(-positions // block) * block


def _attend_with_cache(
    block: Qwen3DecoderLayer,
    hidden: Tensor,
    rotary: tuple[Tensor, Tensor],
    positions: Tensor,
    keys: Tensor,
    values: Tensor,
    mask: Tensor | None,
    span: int,
) -> Tensor:
    """Write keys and values of states ``[R, n, D]`` to the cache ``[R, H, S, d]``; return the attention of the states.

    ``mask`` is added to the attention scores: ``[R, 1, 1, S]`` for one token, else ``[R, 1, group · n, S]``, the heads of a
    group one after the other. Without it, attention is causal.
    """
    attention = block.self_attn
    states = _rms_norm(block.input_layernorm, hidden)
    heads = (*states.shape[:2], -1, attention.head_dim)
    query = _apply_rope(_rms_norm(attention.q_norm, attention.q_proj(states).view(heads)), rotary)
    rows = torch.arange(len(states), device=states.device)[:, None]
    keys.transpose(1, 2)[rows, positions] = _apply_rope(
        _rms_norm(attention.k_norm, attention.k_proj(states).view(heads)), rotary
    )
    values.transpose(1, 2)[rows, positions] = attention.v_proj(states).view(heads)
    keys, values = keys[:, :, :span], values[:, :, :span]
    if mask is None:
        output = functional.scaled_dot_product_attention(
            query.transpose(1, 2), keys, values, is_causal=True, scale=attention.scaling,
            enable_gqa=query.shape[2] != keys.shape[1],
        ).transpose(1, 2)  # fmt: skip
    else:
        size, count = states.shape[:2]
        query = query.view(size, count, keys.shape[1], -1, attention.head_dim).permute(0, 2, 3, 1, 4)
        grouped = query.reshape(size, keys.shape[1], -1, attention.head_dim)
        output = functional.scaled_dot_product_attention(grouped, keys, values, mask, scale=attention.scaling)
        output = output.view(query.shape).permute(0, 3, 1, 2, 4)
    projected: Tensor = attention.o_proj(output.reshape(*states.shape[:2], -1))
    return projected


def _causal_mask(positions: Tensor, span: int, dtype: torch.dtype) -> Tensor:
    """Return the additive mask ``[R, 1, n, S]`` of tokens at ``positions`` ``[R, n]``: 0 up to there, then −∞."""
    later = torch.arange(span, device=positions.device) > positions[:, :, None]
    return torch.zeros(later.shape, device=positions.device, dtype=dtype).masked_fill(later, -torch.inf)[:, None]


def _rms_norm(norm: Qwen3RMSNorm, states: Tensor) -> Tensor:
    """Return the result of a norm of transformers, in one kernel instead of six."""
    return functional.rms_norm(states, states.shape[-1:], norm.weight, norm.variance_epsilon)


def _apply_rope(states: Tensor, rotary: tuple[Tensor, Tensor]) -> Tensor:
    """Return ``[R, n, heads, d]`` rotated by position (Su et al. 2021), with split halves as in Llama."""
    cos, sin = (table[:, :, None] for table in rotary)
    first, second = states.chunk(2, -1)
    return states * cos + torch.cat((-second, first), -1) * sin
