"""Token sampling: temperature, top-k, top-p, repetition penalty, guidance. All on the device.

Order and meaning are those of `transformers.generate`: penalty, temperature, top-k, top-p. Each row uses uniform random
numbers drawn from its seed beforehand.

Letters: R rows, V tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

#: Numbers of most likely tokens tried first; they nearly always hold top-p of the probability.
_TOP_SIZES = (256, 4096)


#: Temperatures below this are greedy: logits divided by them would overflow.
_GREEDY_BELOW = 1e-3


@dataclass(frozen=True)
class SamplingParams:
    """Parameters of token sampling. ``temperature`` 0 is greedy; ``top_k`` 0 and ``top_p`` 1 sample from all tokens."""

    temperature: float = 0.85
    top_k: int = 0
    top_p: float = 0.9
    repetition_penalty: float = 1.0


def apply_guidance(cond: Tensor, uncond: Tensor, strength: float) -> Tensor:
    """Return logits with classifier-free guidance. Source: Ho and Salimans 2022."""
    return uncond + strength * (cond - uncond)


def apply_repetition_penalty(logits: Tensor, history: Tensor, penalty: float) -> Tensor:
    """Return logits with earlier tokens made less likely. Source: Keskar et al. 2019.

    ``history`` ``[R, n]`` holds the earlier tokens; numbers outside V are ignored.
    """
    if penalty == 1 or not history.shape[1]:
        return logits
    size = logits.shape[1]
    # Numbers outside V go to an extra column.
    is_earlier = torch.zeros(len(logits), size + 1, dtype=torch.bool, device=logits.device)
    is_earlier.scatter_(1, torch.where((history >= 0) & (history < size), history, size), value=True)
    return torch.where(is_earlier[:, :-1], torch.where(logits > 0, logits / penalty, logits * penalty), logits)


def sample_tokens(logits: Tensor, uniform: Tensor, params: SamplingParams) -> Tensor:
    """Sample a token ``[R]`` for each row of logits ``[R, V]``; ``uniform`` ``[R]`` are random numbers in [0, 1).

    Tokens with a logit of −∞ are never sampled, unless all are −∞.
    """
    if params.temperature < _GREEDY_BELOW:
        return logits.argmax(-1)
    probabilities, tokens = _top_probabilities(logits / params.temperature, params)
    preceding = probabilities.cumsum(-1) - probabilities
    # The first token remains in any case.
    probabilities[:, 1:] = torch.where(preceding[:, 1:] < params.top_p, probabilities[:, 1:], 0.0)
    cumulative = probabilities.cumsum(-1)
    index = (cumulative <= uniform[:, None] * cumulative[:, -1:]).sum(-1)
    # Cumulative sums may vary by rounding after the last candidate.
    index = torch.minimum(index, (probabilities > 0).sum(-1) - 1).clamp(min=0)
    return tokens.gather(1, index[:, None])[:, 0]


def _top_probabilities(logits: Tensor, params: SamplingParams) -> tuple[Tensor, Tensor]:
    """Return the probabilities of all candidate tokens in descending order, and the tokens."""
    size = logits.shape[1]
    if params.top_k:
        values, tokens = logits.topk(min(params.top_k, size), -1)
        return values.softmax(-1), tokens
    all_probabilities = logits.softmax(-1)
    for count in _TOP_SIZES:
        probabilities, tokens = all_probabilities.topk(min(count, size), -1)
        if count >= size or float(probabilities.sum(-1).min()) >= params.top_p:
            return probabilities, tokens
    return _sort_descending(all_probabilities)


def _sort_descending(probabilities: Tensor) -> tuple[Tensor, Tensor]:
    """Return probabilities in descending order, and their indices. On a CPU numpy sorts several times as fast as torch."""
    if probabilities.device.type != "cpu":
        return probabilities.sort(-1, descending=True)
    indices = torch.from_numpy((-probabilities.numpy()).argsort(-1))
    return probabilities.gather(1, indices), indices
