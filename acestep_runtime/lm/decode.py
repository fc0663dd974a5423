"""The two loops of the language model: words along a grammar, and codes, a given number of them. Both tell every token.

logits = uncond + strength · (cond − uncond)        of the tokens that can come, not of all
token  = chosen by temperature, top-k and top-p, with the row's own numbers
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from acestep_runtime.lm.forward import Rows, logits_of
from acestep_runtime.lm.language import Language, no_numbers
from acestep_runtime.lm.sampling import Choice, chosen, guided, penalised

#: More than any text has tokens.
_DRAWN = 8192


@dataclass(frozen=True)
class Guidance:
    """How far to go away from ``prompts``, one for each text, which lack what was asked for. 1 is not at all."""

    prompts: Sequence[Sequence[int]]
    strength: float


def words(
    language: Language, prompts: Sequence[Sequence[int]], grammar: str, seeds: Sequence[int], choice: Choice, most: int,
    guidance: Guidance | None = None,
) -> Iterator[list[list[int]]]:  # fmt: skip
    """Yield the texts so far after every token, as tokens: one for each prompt, each with a seed of its own.

    They follow ``grammar``; after ``most`` tokens they end where they are.
    """
    matcher = language.vocabulary.matcher(grammar)
    matchers = [matcher.copy() for _ in prompts]
    uniform = _uniform(seeds, most)
    texts: list[list[int]] = [[] for _ in prompts]
    rows = _Guided(language, prompts, guidance, most)
    said = torch.zeros(len(prompts), most, dtype=torch.long, device=rows.device)
    for step in range(most):
        logits = penalised(rows.logits(language.vocabulary.words), said[:, :step], choice.repetition_penalty)
        allowed = torch.stack([each.allowed() for each in matchers]).to(rows.device)
        tokens = chosen(logits.masked_fill(~allowed, -torch.inf), uniform[:, step].to(rows.device), choice)
        said[:, step] = tokens
        for text, each, token in zip(texts, matchers, tokens.tolist(), strict=True):
            if not each.ended:
                text.append(token)
                each.take(token)
        yield texts
        if step + 1 == most or all(each.ended for each in matchers):
            return
        rows.add(tokens)  # also to those that are complete, where nobody looks at them any more


def codes(
    language: Language, prompts: Sequence[Sequence[int]], count: int, seeds: Sequence[int], choice: Choice,
    guidance: Guidance | None = None,
) -> Iterator[Tensor]:  # fmt: skip
    """Yield the codes so far ``[R, n]`` after every code, up to ``count`` of them: a row for each prompt and seed."""
    rows = _Guided(language, prompts, guidance, count)
    device = rows.device
    uniform = _uniform(seeds, count).to(device)
    made = torch.zeros(len(prompts), count, dtype=torch.long, device=device)
    for step in range(count):
        logits = penalised(rows.logits(language.vocabulary.codes), made[:, :step], choice.repetition_penalty)
        made[:, step] = chosen(logits, uniform[:, step], choice)
        yield made[:, : step + 1]
        if step + 1 < count:
            rows.add(made[:, step] + language.vocabulary.codes.start)


class _Guided:
    """Rows of texts and, behind them, those that guidance goes away from; both get the same tokens."""

    def __init__(
        self, language: Language, prompts: Sequence[Sequence[int]], guidance: Guidance | None, more: int
    ) -> None:
        self._head = language.head
        self._guidance = guidance if guidance is not None and guidance.strength != 1 else None
        self._rows = Rows(language.core, [*prompts, *(self._guidance.prompts if self._guidance else ())], more)
        states = self._rows.hidden
        every_token = logits_of(self._head, states[:1], slice(None))
        # Or else anything would be chosen, and nobody would know.
        if not (states.isfinite().all() and every_token.isfinite().all()):
            raise no_numbers()

    @property
    def device(self) -> torch.device:
        return self._rows.hidden.device

    def logits(self, tokens: slice) -> Tensor:
        logits = logits_of(self._head, self._rows.hidden, tokens)
        if self._guidance is None:
            return logits
        cond, uncond = logits.chunk(2)
        return guided(cond, uncond, self._guidance.strength)

    def add(self, tokens: Tensor) -> None:
        self._rows.add(tokens if self._guidance is None else tokens.repeat(2))


def _uniform(seeds: Sequence[int], count: int) -> Tensor:
    """Return numbers from 0 to below 1 ``[R, count]``; the first ones of a seed are the same whatever the count."""
    drawn = max(count, _DRAWN)  # how a few numbers are drawn depends on how many
    return torch.stack([torch.rand(drawn, generator=torch.Generator().manual_seed(seed)) for seed in seeds])[:, :count]
