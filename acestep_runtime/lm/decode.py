"""The two decoding loops of the language model: text that follows a grammar, and a fixed number of audio codes.

logits = uncond + strength · (cond − uncond)        only of the allowed tokens
token  = sampled by temperature, top-k and top-p, with random numbers of the row's seed
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from acestep_runtime.lm.forward import DecoderRows, compute_logits
from acestep_runtime.lm.language import LanguageModel, non_finite_error
from acestep_runtime.lm.sampling import SamplingParams, apply_guidance, apply_repetition_penalty, sample_tokens
from acestep_runtime.lm.vocabulary import Matcher

#: More tokens than any text has.
_MIN_DRAWS = 8192


@dataclass(frozen=True)
class Guidance:
    """Classifier-free guidance: one negative prompt for each text, and the strength; 1 disables it."""

    prompts: Sequence[Sequence[int]]
    strength: float


def generate_text(
    language: LanguageModel, prompts: Sequence[Sequence[int]], grammar: str, seeds: Sequence[int],
    params: SamplingParams, max_tokens: int, guidance: Guidance | None = None,
) -> Iterator[list[list[int]]]:  # fmt: skip
    """Yield the texts so far, as tokens, after every pass: one text for each prompt and its seed.

    Texts follow ``grammar`` and are cut off after ``max_tokens`` tokens. Tokens that the grammar forces in all texts are read
    in one pass, without logits.
    """
    matcher = language.vocabulary.matcher(grammar)
    matchers = [matcher.copy() for _ in prompts]
    uniform = _draw_uniform(seeds, max_tokens)
    texts: list[list[int]] = [[] for _ in prompts]
    rows = _GuidedRows(language, prompts, guidance, max_tokens)
    history = torch.zeros(len(prompts), max_tokens, dtype=torch.long, device=rows.device)
    step = 0
    while True:
        forced = _find_forced_tokens(matchers, max_tokens - step)
        if forced.shape[1]:
            forced = forced.to(rows.device)
            count = forced.shape[1]
            history[:, step : step + count] = forced
            _consume(texts, matchers, forced)
            yield texts
            step += count
            if step == max_tokens or all(each.is_complete for each in matchers):
                return
            rows.extend(forced)
            continue
        logits = apply_repetition_penalty(
            rows.logits(language.text_logits), history[:, :step], params.repetition_penalty
        )
        mask = torch.stack([each.token_mask() for each in matchers]).to(rows.device)
        tokens = sample_tokens(logits.masked_fill(~mask, -torch.inf), uniform[:, step].to(rows.device), params)
        history[:, step] = tokens
        _consume(texts, matchers, tokens[:, None])
        yield texts
        step += 1
        if step == max_tokens or all(each.is_complete for each in matchers):
            return
        rows.append(tokens)  # complete texts get tokens too, which are ignored


def _find_forced_tokens(matchers: Sequence[Matcher], limit: int) -> Tensor:
    """Return the tokens that a grammar forces next in each text ``[R, n]``, as many as in all; any in complete texts."""
    forced = [None if each.is_complete else each.find_forced_tokens() for each in matchers]
    count = min([limit, *(len(each) for each in forced if each is not None)])
    return torch.tensor([[0] * count if each is None else each[:count] for each in forced], dtype=torch.long)


def _consume(texts: Sequence[list[int]], matchers: Sequence[Matcher], tokens: Tensor) -> None:
    """Append tokens ``[R, n]`` to the texts that are not complete."""
    for text, each, new in zip(texts, matchers, tokens.tolist(), strict=True):
        for token in new:
            if not each.is_complete:
                text.append(token)
                each.consume(token)


def generate_codes(
    language: LanguageModel, prompts: Sequence[Sequence[int]], count: int, seeds: Sequence[int], params: SamplingParams,
    guidance: Guidance | None = None,
) -> Iterator[Tensor]:  # fmt: skip
    """Yield the codes so far ``[R, n]`` after every code, up to ``count``: one row for each prompt and seed."""
    rows = _GuidedRows(language, prompts, guidance, count)
    device = rows.device
    uniform = _draw_uniform(seeds, count).to(device)
    codes = torch.zeros(len(prompts), count, dtype=torch.long, device=device)
    for step in range(count):
        logits = apply_repetition_penalty(rows.logits(language.code_logits), codes[:, :step], params.repetition_penalty)
        codes[:, step] = sample_tokens(logits, uniform[:, step], params)
        yield codes[:, : step + 1]
        if step + 1 < count:
            rows.append(codes[:, step] + language.vocabulary.code_ids.start)


class _GuidedRows:
    """Rows of the texts followed by rows of their negative prompts; both get the same tokens."""

    def __init__(
        self,
        language: LanguageModel,
        prompts: Sequence[Sequence[int]],
        guidance: Guidance | None,
        max_new_tokens: int,
    ) -> None:
        self._guidance = guidance if guidance is not None and guidance.strength != 1 else None
        self._rows = DecoderRows(
            language.core,
            [*prompts, *(self._guidance.prompts if self._guidance else ())],
            max_new_tokens,
            language.interrupt,
        )
        states = self._rows.hidden
        all_logits = compute_logits(language.head, states[:1], slice(None))
        # Sampling from NaN would return arbitrary tokens without an error.
        if not (states.isfinite().all() and all_logits.isfinite().all()):
            raise non_finite_error()

    @property
    def device(self) -> torch.device:
        return self._rows.hidden.device

    def logits(self, compute: Callable[[Tensor], Tensor]) -> Tensor:
        logits = compute(self._rows.hidden)
        if self._guidance is None:
            return logits
        cond, uncond = logits.chunk(2)
        return apply_guidance(cond, uncond, self._guidance.strength)

    def append(self, tokens: Tensor) -> None:
        self._rows.append(tokens if self._guidance is None else tokens.repeat(2))

    def extend(self, tokens: Tensor) -> None:
        self._rows.extend(tokens if self._guidance is None else tokens.repeat(2, 1))


def _draw_uniform(seeds: Sequence[int], count: int) -> Tensor:
    """Return random numbers in [0, 1) ``[R, count]``. The first numbers of a seed do not depend on the count."""
    size = max(count, _MIN_DRAWS)  # torch draws short arrays in another way than long ones
    return torch.stack([torch.rand(size, generator=torch.Generator().manual_seed(seed)) for seed in seeds])[:, :count]
