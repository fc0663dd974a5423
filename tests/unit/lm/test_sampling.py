"""Tokens are sampled with the probabilities of transformers' logits processors."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from acestep_runtime.lm.sampling import SamplingParams, apply_guidance, apply_repetition_penalty, sample_tokens

#: Uniform numbers this close together find each token as often as it is likely, to one of them.
GRID = 2000


def _reference_probabilities(logits: torch.Tensor, params: SamplingParams, history: torch.Tensor) -> torch.Tensor:
    """Return the probabilities ``[V]`` of one row of logits, by transformers."""
    scores = logits[None]
    if params.repetition_penalty != 1:
        scores = RepetitionPenaltyLogitsProcessor(params.repetition_penalty)(history, scores)
    scores = TemperatureLogitsWarper(params.temperature)(history, scores)
    if params.top_k:
        scores = TopKLogitsWarper(params.top_k)(history, scores)
    if params.top_p < 1:
        scores = TopPLogitsWarper(params.top_p)(history, scores)
    return scores.double().softmax(-1)[0]


def _sample_frequencies(
    logits: torch.Tensor, params: SamplingParams, history: torch.Tensor, grid: int = GRID
) -> torch.Tensor:
    """Return the frequency of each token, ``[V]``, over evenly spaced random numbers."""
    uniform = (torch.arange(grid) + 0.5) / grid
    scores = apply_repetition_penalty(logits[None], history, params.repetition_penalty)
    return torch.bincount(sample_tokens(scores.expand(grid, -1), uniform, params), minlength=len(logits)) / grid


def _check_agreement(logits: torch.Tensor, params: SamplingParams, history: torch.Tensor, grid: int = GRID) -> None:
    likely, found = (
        _reference_probabilities(logits, params, history),
        _sample_frequencies(logits, params, history, grid),
    )
    assert (found - likely).abs().max() <= 1.01 / grid
    assert not found[likely == 0].any()


def _logits(seed: int, size: int, spread: float, refused: float) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    logits = spread * torch.randn(size, generator=draw)
    away = torch.rand(size, generator=draw) < refused
    away[seed % size] = False
    return logits.masked_fill(away, -torch.inf)


@settings(deadline=None, max_examples=100)
@given(
    st.integers(0, 2**32), st.integers(1, 400), st.floats(0.1, 20), st.sampled_from([0.0, 0.3, 0.99]),
    st.builds(
        SamplingParams, st.floats(0.05, 2), st.sampled_from([0, 1, 2, 5, 40, 1000]),
        st.sampled_from([0.0, 0.1, 0.5, 0.9, 0.999, 1.0]), st.sampled_from([1.0, 1.1, 2.0]),
    ),
    st.integers(0, 20),
)  # fmt: skip
def test_token_frequencies_equal_those_of_transformers(
    seed: int, size: int, spread: float, refused: float, params: SamplingParams, before: int
) -> None:
    history = torch.randint(0, size, (1, before), generator=torch.Generator().manual_seed(seed + 1))
    _check_agreement(_logits(seed, size, spread, refused), params, history)


@pytest.mark.parametrize(("size", "spread"), [(3000, 0.1), (9000, 0.1), (9000, 1.0), (9000, 4.0)])
@pytest.mark.parametrize("top_p", [0.3, 0.95, 1.0])
def test_flat_logits_with_many_candidates(size: int, spread: float, top_p: float) -> None:
    _check_agreement(
        _logits(3, size, spread, 0.1), SamplingParams(1.0, 0, top_p), torch.zeros(1, 0, dtype=torch.long), 400
    )


@settings(deadline=None, max_examples=100)
@given(
    st.integers(0, 2**32), st.integers(1, 600), st.sampled_from([0.0, 0.5, 0.995]),
    st.builds(SamplingParams, st.floats(0, 2), st.sampled_from([0, 3, 10_000]), st.sampled_from([0.0, 0.9, 1.0])),
)  # fmt: skip
def test_masked_tokens_are_never_sampled(seed: int, size: int, refused: float, params: SamplingParams) -> None:
    logits = _logits(seed, size, 5.0, refused).expand(3, -1)
    tokens = sample_tokens(logits, torch.tensor([0.0, 0.5, 1 - 2**-24]), params)
    assert torch.isfinite(logits.gather(1, tokens[:, None])).all()


def test_zero_temperature_takes_the_most_likely_token() -> None:
    logits = torch.randn(50, 700, generator=torch.Generator().manual_seed(1))
    for params in (
        SamplingParams(0.0),
        SamplingParams(0.0, 5, 0.5),
        SamplingParams(1.0, 1),
        SamplingParams(1.0, 0, 0.0),
    ):
        assert sample_tokens(logits, torch.rand(50), params).equal(logits.argmax(-1))


def test_rows_are_sampled_independently() -> None:
    """A flat row widens the candidates of all rows; their tokens do not change."""
    peaked, flat = _logits(1, 5000, 6.0, 0.0), _logits(2, 5000, 0.01, 0.0)
    uniform, params = (torch.arange(200) + 0.5) / 200, SamplingParams()
    alone = sample_tokens(peaked.expand(200, -1), uniform, params)
    together = sample_tokens(
        torch.cat((peaked.expand(200, -1), flat[None])), torch.cat((uniform, torch.tensor([0.3]))), params
    )
    assert together[:-1].equal(alone)


def test_the_penalty_ignores_tokens_outside_the_vocabulary() -> None:
    logits = torch.tensor([[2.0, -2.0, 1.0], [2.0, -2.0, 1.0]])
    found = apply_repetition_penalty(logits, torch.tensor([[0, 1, -1], [3, 900, -5]]), 2.0)
    assert found.tolist() == [[1.0, -4.0, 1.0], [2.0, -2.0, 1.0]]
    assert apply_repetition_penalty(logits, torch.zeros(2, 0, dtype=torch.long), 2.0) is logits


def test_guidance_equals_that_of_transformers() -> None:
    """transformers first takes log-probabilities, which shifts all logits of a row equally."""
    cond, uncond = torch.randn(2, 3, 100, generator=torch.Generator().manual_seed(1))
    theirs = uncond.log_softmax(-1) + 2.5 * (cond.log_softmax(-1) - uncond.log_softmax(-1))
    torch.testing.assert_close(apply_guidance(cond, uncond, 2.5).softmax(-1), theirs.softmax(-1))
