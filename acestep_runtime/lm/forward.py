"""The language model's forward pass, a token at a time, on the modules of `transformers.Qwen3Model`.

    prompts, each once ─► keys and values, copied to every row that has that prompt
    one token a row    ─► one pass for all rows, each at its own position
    several of a text  ─► one pass in which each token sees those before, too; the rows go on as if it had not been read

Rows are takes, with and without what they were asked for. Each begins at position 0 of its row of the cache, so unequal
prompts need no filling up, and no row attends beyond its own end.

Heads of queries that share a head of keys and values are asked as if they were tokens of that head, so that nothing is copied.

Letters: R rows, n tokens, S positions that are looked at, H heads of keys and values, d channels of a head, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from acestep_runtime.errors import EngineFailure
from acestep_runtime.lm.graphs import replayed

if TYPE_CHECKING:
    from transformers import Qwen3Model
    from transformers.models.qwen3.modeling_qwen3 import Qwen3DecoderLayer, Qwen3RMSNorm

#: Positions are looked at in so many at once, so that shapes change seldom.
SPAN = 256


class Rows:
    """Texts in the making. ``hidden`` ``[R, D]`` are the states after the last token of each."""

    def __init__(self, core: Qwen3Model, prompts: Sequence[Sequence[int]], more: int) -> None:
        """Read ``prompts``, of which there is one for each row; up to ``more`` tokens may be added to each.

        Raises `EngineFailure` for what is longer than the model can hold.
        """
        self._core, self._blocks, config = core, _blocks(core), core.config
        device, dtype = core.embed_tokens.weight.device, core.embed_tokens.weight.dtype
        longest, limit = max(map(len, prompts)) + more, config.max_position_embeddings
        if longest > limit:
            raise EngineFailure(
                f"The language model would have to read and write {longest} tokens; it can hold {limit}.",
                remedy="Shorten the lyrics or the song.",
            )
        heads = config.num_key_value_heads or config.num_attention_heads
        channels = self._blocks[0].self_attn.head_dim
        shape = len(self._blocks), len(prompts), heads, _rounded(longest), channels
        self._keys, self._values = (torch.zeros(shape, device=device, dtype=dtype) for _ in range(2))
        self._at = torch.tensor([len(prompt) for prompt in prompts], device=device)
        self._longest = max(map(len, prompts))
        self._step = replayed(self._forward_one, device)
        self.hidden = torch.zeros(len(prompts), config.hidden_size, device=device, dtype=dtype)
        self._read(prompts)

    def _read(self, prompts: Sequence[Sequence[int]]) -> None:
        first: dict[tuple[int, ...], int] = {}
        for row, prompt in enumerate(prompts):
            known = first.setdefault(tuple(prompt), row)
            if known == row:
                ids = torch.tensor([list(prompt)], device=self.hidden.device)
                at = torch.arange(len(prompt), device=self.hidden.device)[None]
                states = self._forward(ids, at, slice(row, row + 1), len(prompt), None)
                self.hidden[row] = _normed(self._core.norm, states[0, -1])
            else:
                for held in (self._keys, self._values):
                    held[:, row, :, : len(prompt)] = held[:, known, :, : len(prompt)]
                self.hidden[row] = self.hidden[known]

    def add(self, tokens: Tensor) -> None:
        """Add a token ``[R]`` to each row."""
        self._longest += 1
        span = min(_rounded(self._longest), self._keys.shape[3])
        self.hidden = self._step(span, tokens, self._at)
        self._at = self._at + 1

    def read_on(self, tokens: Tensor, past: int = 0) -> Tensor:
        """Return the states ``[R, n, D]`` after each of ``tokens`` ``[R, n]``, and leave the rows where they are.

        They follow ``past`` tokens that were read so before, which may be one piece of a text after another. What is read
        or added next takes their place. No row may become longer than was said when it was begun.
        """
        count = tokens.shape[1]
        span = min(_rounded(self._longest + past + count), self._keys.shape[3])
        positions = self._at[:, None] + past + torch.arange(count, device=self._at.device)
        seen = _seen(positions, span, self.hidden.dtype)
        groups = self._core.config.num_attention_heads // self._keys.shape[2]
        seen = seen.repeat(1, 1, groups, 1)  # for all heads of queries that are asked together
        return _normed(self._core.norm, self._forward(tokens, positions, slice(0, len(tokens)), span, seen))

    def _forward_one(self, span: int, tokens: Tensor, at: Tensor) -> Tensor:
        positions = at[:, None]
        seen = _seen(positions, span, self.hidden.dtype)
        states = self._forward(tokens[:, None], positions, slice(0, len(tokens)), span, seen)
        return _normed(self._core.norm, states[:, -1])

    def _forward(self, ids: Tensor, positions: Tensor, rows: slice, span: int, seen: Tensor | None) -> Tensor:
        """Return the states ``[R, n, D]`` after each of ``ids`` ``[R, n]`` at ``positions``, before they are normed.

        ``seen`` is as `_attended` has it; without it ids are whole prompts, of which ``span`` is the length.
        """
        core = self._core
        hidden: Tensor = core.embed_tokens(ids)
        rotary = core.rotary_emb(hidden, positions)
        for number, block in enumerate(self._blocks):
            keys, values = self._keys[number, rows], self._values[number, rows]
            hidden = hidden + _attended(block, hidden, rotary, positions, keys, values, seen, span)
            hidden = hidden + block.mlp(_normed(block.post_attention_layernorm, hidden))
        return hidden


def logits_of(head: Tensor, hidden: Tensor, tokens: slice) -> Tensor:
    """Return the logits ``[R, V]`` in float32 of some tokens, which follow one another in the vocabulary."""
    return functional.linear(hidden, head[tokens]).float()


def _blocks(core: Qwen3Model) -> tuple[Qwen3DecoderLayer, ...]:
    from transformers.models.qwen3.modeling_qwen3 import Qwen3DecoderLayer

    blocks = tuple(layer for layer in core.layers if isinstance(layer, Qwen3DecoderLayer))
    assert len(blocks) == len(core.layers)
    return blocks


def _rounded(positions: int) -> int:
    return -(-positions // SPAN) * SPAN


def _attended(
    block: Qwen3DecoderLayer,
    hidden: Tensor,
    rotary: tuple[Tensor, Tensor],
    positions: Tensor,
    keys: Tensor,
    values: Tensor,
    seen: Tensor | None,
    span: int,
) -> Tensor:
    """Return the attention of states ``[R, n, D]``, whose keys and values are written to ``[R, H, S, d]`` first.

    ``seen`` is added to what queries see, those of a group of heads behind one another: ``[R, 1, 1, S]`` for one token, else
    ``[R, 1, group · n, S]``. Without it each token sees itself and those before.
    """
    attention = block.self_attn
    states = _normed(block.input_layernorm, hidden)
    heads = (*states.shape[:2], -1, attention.head_dim)
    query = _turned(_normed(attention.q_norm, attention.q_proj(states).view(heads)), rotary)
    rows = torch.arange(len(states), device=states.device)[:, None]
    keys.transpose(1, 2)[rows, positions] = _turned(
        _normed(attention.k_norm, attention.k_proj(states).view(heads)), rotary
    )
    values.transpose(1, 2)[rows, positions] = attention.v_proj(states).view(heads)
    keys, values = keys[:, :, :span], values[:, :, :span]
    if seen is None:
        mixed = functional.scaled_dot_product_attention(
            query.transpose(1, 2), keys, values, is_causal=True, scale=attention.scaling,
            enable_gqa=query.shape[2] != keys.shape[1],
        ).transpose(1, 2)  # fmt: skip
    else:
        size, count = states.shape[:2]
        query = query.view(size, count, keys.shape[1], -1, attention.head_dim).permute(0, 2, 3, 1, 4)
        grouped = query.reshape(size, keys.shape[1], -1, attention.head_dim)
        mixed = functional.scaled_dot_product_attention(grouped, keys, values, seen, scale=attention.scaling)
        mixed = mixed.view(query.shape).permute(0, 3, 1, 2, 4)
    out: Tensor = attention.o_proj(mixed.reshape(*states.shape[:2], -1))
    return out


def _seen(at: Tensor, span: int, dtype: torch.dtype) -> Tensor:
    """Return what is added to the attention of tokens at positions ``at`` ``[R, n]``, ``[R, 1, n, S]``: nothing up to there."""
    later = torch.arange(span, device=at.device) > at[:, :, None]
    return torch.zeros(later.shape, device=at.device, dtype=dtype).masked_fill(later, -torch.inf)[:, None]


def _normed(norm: Qwen3RMSNorm, states: Tensor) -> Tensor:
    """Return states as a norm of transformers makes them, in one piece of work rather than six."""
    return functional.rms_norm(states, states.shape[-1:], norm.weight, norm.variance_epsilon)


def _turned(states: Tensor, rotary: tuple[Tensor, Tensor]) -> Tensor:
    """Return ``[R, n, heads, d]`` turned by the position, Su et al. 2021, whose halves are apart as in Llama."""
    cos, sin = (table[:, :, None] for table in rotary)
    first, second = states.chunk(2, -1)
    return states * cos + torch.cat((-second, first), -1) * sin
