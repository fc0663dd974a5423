"""Scores of how well audio codes fit caption, lyrics and metadata: the likelihood of these texts given the codes.

    codes          ─► KV cache ─► each text separately ─► log-probabilities and ranks of its tokens
    NO USER INPUT  ─► KV cache ─► caption and lyrics   ─► unconditional log-probabilities

    caption, lyrics  sigmoid((mean log p of its tokens given the codes − the same given no input) / 0.1)
    other fields     mean of 1 − (rank − 1) / 10 of its tokens, 0 from rank 11 on
    total            0.5 caption + 0.3 lyrics + 0.2 mean of the others; missing parts do not count

Source: `test_time_scaling.py` of the public ACE-Step 1.5 code, also for the texts: each field in its own thought, lyrics
after an empty thought under a heading. All tokens count, including special tokens and names of fields.

Differences from the source: what looks like special tokens in user text is text, and blank texts are not scored. Sums are
float32 for any dtype of the model, and the rank of a token counts only more likely tokens.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor

from acestep_runtime.errors import InvalidValue
from acestep_runtime.lm import prompts
from acestep_runtime.lm.forward import DecoderRows, compute_logits
from acestep_runtime.lm.grammar import FIELDS, metadata_to_yaml
from acestep_runtime.lm.language import LanguageModel, non_finite_error
from acestep_runtime.lm.planning import TokenCount
from acestep_runtime.text.tokens import guard_text

#: Weights of the texts scored by their gain over the unconditional likelihood; other fields together have ``_FIELDS_WEIGHT``.
_GAIN_WEIGHTS = {"caption": 0.5, "lyrics": 0.3}
_FIELDS_WEIGHT = 0.2
#: Difference of mean log-probabilities that takes a score from 0.5 to 0.73.
_SCALE = 0.1
#: Ranks beyond this score 0.
_MAX_RANK = 10
#: Memory limit for the logits of a chunk of text, and bytes per logit: bfloat16, float32, its exponential, a comparison.
_PIECE_BYTES, _LOGIT_BYTES = 256 * 2**20, 2 + 4 + 4 + 1
#: Larger exponents overflow.
_MAX_NATS = 700.0


@dataclass(frozen=True)
class CodesScore:
    """Scores from 0 to 1: ``parts`` by the names of `grammar.FIELDS` and "lyrics", only of non-blank texts; ``total`` of all.

    ``perplexities``: exp(−mean log p) of the tokens of each part's text given the codes; ``perplexity``: of all tokens.
    Both are limited to e^700.
    """

    total: float
    parts: Mapping[str, float]
    perplexity: float
    perplexities: Mapping[str, float]


@dataclass(frozen=True)
class _TokenScores:
    """Log-probabilities (natural) and ranks, from 1, of the tokens of a text."""

    log_probs: list[float]
    ranks: list[int]


def score_codes(
    language: LanguageModel,
    codes: Sequence[int],
    *,
    caption: str,
    lyrics: str,
    metadata: Mapping[str, str | int | None],
) -> Generator[TokenCount, None, CodesScore | None]:
    """Yield progress and return how well ``codes`` fit the texts; ``None`` where all are blank or ``None``.

    Fields of ``metadata`` are those of `grammar.FIELDS`, with integers for bpm, duration in seconds and timesignature. Its
    caption is scored only where ``caption`` is blank.

    Raises `InvalidValue` for empty codes and for an unknown field, `EngineFailure` for inputs beyond the context length and
    for a model that computes NaN or infinity.
    """
    texts = {
        name: language.vocabulary.encode(text) for name, text in _texts_to_score(caption, lyrics, metadata).items()
    }
    if not texts:
        return None
    if len(codes) == 0:
        raise InvalidValue("codes", "empty", "at least one code of audio")
    gain_texts = {name: texts[name] for name in texts if name in _GAIN_WEIGHTS}
    conditional_prompt = language.vocabulary.encode(prompts.describe_prompt(codes))
    count = len(conditional_prompt) + sum(map(len, texts.values()))
    if not gain_texts:
        conditional, unconditional = (yield from _score_texts(language, conditional_prompt, texts, 0, count)), {}
    else:
        unconditional_prompt = language.vocabulary.encode(prompts.describe_negative_prompt(prompts.NO_INPUT))
        total = count + len(unconditional_prompt) + sum(map(len, gain_texts.values()))
        conditional = yield from _score_texts(language, conditional_prompt, texts, 0, total)
        unconditional = yield from _score_texts(language, unconditional_prompt, gain_texts, count, total)
    means = {name: _mean_log_prob(name, each) for name, each in conditional.items()}
    parts = {
        name: _likelihood_gain(means[name] - _mean_log_prob(name, unconditional[name]))
        if name in gain_texts
        else rank_recall(each.ranks)
        for name, each in conditional.items()
    }
    mean_of_all = fmean(log_prob for each in conditional.values() for log_prob in each.log_probs)
    return CodesScore(
        total_score(parts), parts, _perplexity(mean_of_all), {name: _perplexity(means[name]) for name in means}
    )


def total_score(parts: Mapping[str, float]) -> float:
    """Return the weighted score of ``parts``, at least one; missing parts do not count."""
    scores = {name: (parts[name], weight) for name, weight in _GAIN_WEIGHTS.items() if name in parts}
    others = [score for name, score in parts.items() if name not in _GAIN_WEIGHTS]
    if others:
        scores["others"] = fmean(others), _FIELDS_WEIGHT
    return sum(score * weight for score, weight in scores.values()) / sum(weight for _, weight in scores.values())


def rank_recall(ranks: Sequence[int]) -> float:
    """Return 1 where every token is the most likely, less for later ranks, 0 for ranks after the tenth."""
    return fmean(max(0.0, 1 - (rank - 1) / _MAX_RANK) for rank in ranks)


def _texts_to_score(caption: str, lyrics: str, metadata: Mapping[str, str | int | None]) -> dict[str, str]:
    """Return the texts to score by name, in the form in which the model would write them after the codes."""
    for name in metadata:
        if name not in FIELDS:
            raise InvalidValue("metadata", name, ", ".join(FIELDS))
    fields = {name: value.strip() if isinstance(value, str) else value for name, value in metadata.items()}
    fields["caption"] = caption.strip() or fields.get("caption")
    texts = {
        name: f"{prompts.THINK_BEGIN}\n{guard_text(metadata_to_yaml({name: fields[name]})).strip()}\n{prompts.THINK_END}\n"
        for name in FIELDS
        if fields.get(name) not in (None, "")
    }
    if lyrics.strip():
        texts["lyrics"] = f"{prompts.THINK_BEGIN}\n{prompts.THINK_END}\n# Lyric\n{guard_text(lyrics)}\n"
    return texts


def _score_texts(
    language: LanguageModel, prompt: Sequence[int], texts: Mapping[str, Sequence[int]], done: int, total: int
) -> Generator[TokenCount, None, dict[str, _TokenScores]]:
    """Yield the tokens read, from ``done`` on, of ``total``; return the token scores of each text after ``prompt``.

    The prompt is read once, the texts after it in chunks limited by the memory of their logits.
    """
    head = language.head
    rows = DecoderRows(language.core, [prompt], max(map(len, texts.values())), language.interrupt)
    yield (done := done + len(prompt)), total
    chunk = max(1, _PIECE_BYTES // (_LOGIT_BYTES * len(head)))
    scores: dict[str, _TokenScores] = {}
    for name, text in texts.items():
        scores[name] = score = _TokenScores([], [])
        last_state = rows.hidden  # a token is predicted from the state after the one before it
        for start in range(0, len(text), chunk):
            tokens = torch.tensor(text[start : start + chunk], device=last_state.device)
            states = torch.cat((last_state, rows.lookahead(tokens[None], start)[0]))
            log_probs, ranks = _score_tokens(head, states[:-1], tokens)
            score.log_probs.extend(log_probs.tolist())
            score.ranks.extend(ranks.tolist())
            last_state = states[-1:]
            yield (done := done + len(tokens)), total
    return scores


def _score_tokens(head: Tensor, states: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Return log-probabilities and ranks ``[n]`` of ``tokens`` ``[n]``, each after one of ``states`` ``[n, D]``."""
    logits = compute_logits(head, states, slice(None))
    token_logits = logits.gather(1, tokens[:, None])
    return token_logits[:, 0] - logits.logsumexp(-1), 1 + (logits > token_logits).sum(-1)


def _mean_log_prob(name: str, text: _TokenScores) -> float:
    mean = fmean(text.log_probs)
    if not math.isfinite(mean):
        raise non_finite_error(f" when it judges {name}")
    return mean


def _likelihood_gain(nats: float) -> float:
    """Return the sigmoid of the gain in nats, in a form that never overflows."""
    return 0.5 + 0.5 * math.tanh(nats / _SCALE / 2)


def _perplexity(mean: float) -> float:
    return math.exp(min(-mean, _MAX_NATS))
