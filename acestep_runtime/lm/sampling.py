"""Choosing tokens: temperature, the most likely ones (top-k, top-p), repetition penalty, guidance. All on the device.

Order and meaning are those of `transformers.generate`: penalty, temperature, top-k, top-p. Every row has uniform numbers of
its own, drawn from its seed beforehand.

Letters: R rows, V tokens to choose from.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

#: So many of the most likely tokens are looked at first; they hold top-p of the probability nearly always.
_FEW = (256, 4096)


#: Temperatures below it are none: logits over them are more than numbers hold.
_COLD = 1e-3


@dataclass(frozen=True)
class Choice:
    """How to choose. ``temperature`` 0 takes the most likely token; ``top_k`` 0 and ``top_p`` 1 take from all."""

    temperature: float = 0.85
    top_k: int = 0
    top_p: float = 0.9
    repetition_penalty: float = 1.0


def guided(cond: Tensor, uncond: Tensor, strength: float) -> Tensor:
    """Return logits moved away from those without what was asked for. Source: Ho and Salimans 2022."""
    return uncond + strength * (cond - uncond)


def penalised(logits: Tensor, said: Tensor, penalty: float) -> Tensor:
    """Return logits with those of tokens that were said before made less likely. Source: Keskar et al. 2019.

    ``said`` ``[R, n]`` holds their numbers within V; what is outside of it counts as nothing.
    """
    if penalty == 1 or not said.shape[1]:
        return logits
    there = torch.zeros(len(logits), logits.shape[1] + 1, dtype=torch.bool, device=logits.device)
    inside = (said >= 0) & (said < logits.shape[1])
    there.scatter_(1, torch.where(inside, said, logits.shape[1]), value=True)  # a column more for what is outside
    return torch.where(there[:, :-1], torch.where(logits > 0, logits / penalty, logits * penalty), logits)


def chosen(logits: Tensor, uniform: Tensor, choice: Choice) -> Tensor:
    """Return a token ``[R]`` for each row of logits ``[R, V]``; ``uniform`` ``[R]`` are numbers from 0 to below 1.

    Tokens of a logit of minus infinity are never chosen, unless all are.
    """
    if choice.temperature < _COLD:
        return logits.argmax(-1)
    likely, tokens = _most_likely(logits / choice.temperature, choice)
    before = likely.cumsum(-1) - likely
    likely[:, 1:] = torch.where(before[:, 1:] < choice.top_p, likely[:, 1:], 0.0)  # one is left in any case
    reached = likely.cumsum(-1)
    place = (reached <= uniform[:, None] * reached[:, -1:]).sum(-1)
    place = torch.minimum(place, (likely > 0).sum(-1) - 1).clamp(
        min=0
    )  # sums may waver where nothing is added any more
    return tokens.gather(1, place[:, None])[:, 0]


def _most_likely(logits: Tensor, choice: Choice) -> tuple[Tensor, Tensor]:
    """Return the probabilities of all tokens that may be chosen, the greatest first, and the tokens."""
    size = logits.shape[1]
    if choice.top_k:
        values, tokens = logits.topk(min(choice.top_k, size), -1)
        return values.softmax(-1), tokens
    all_likely = logits.softmax(-1)
    for few in _FEW:
        likely, tokens = all_likely.topk(min(few, size), -1)
        if few >= size or float(likely.sum(-1).min()) >= choice.top_p:
            return likely, tokens
    return _sorted(all_likely)


def _sorted(likely: Tensor) -> tuple[Tensor, Tensor]:
    """Return numbers with the greatest first, and where they were. On a CPU numpy is several times as fast as torch."""
    if likely.device.type != "cpu":
        return likely.sort(-1, descending=True)
    places = torch.from_numpy((-likely.numpy()).argsort(-1))
    return likely.gather(1, places), places
