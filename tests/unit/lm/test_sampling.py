"""Tokens are chosen as the logits processors of transformers say: the same ones, as often."""

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

from acestep_runtime.lm.sampling import Choice, chosen, guided, penalised

#: Uniform numbers this close together find each token as often as it is likely, to one of them.
GRID = 2000


def _likely(logits: torch.Tensor, choice: Choice, said: torch.Tensor) -> torch.Tensor:
    """Return the probabilities ``[V]`` of one row of logits, by transformers."""
    scores = logits[None]
    if choice.repetition_penalty != 1:
        scores = RepetitionPenaltyLogitsProcessor(choice.repetition_penalty)(said, scores)
    scores = TemperatureLogitsWarper(choice.temperature)(said, scores)
    if choice.top_k:
        scores = TopKLogitsWarper(choice.top_k)(said, scores)
    if choice.top_p < 1:
        scores = TopPLogitsWarper(choice.top_p)(said, scores)
    return scores.double().softmax(-1)[0]


def _found(logits: torch.Tensor, choice: Choice, said: torch.Tensor, grid: int = GRID) -> torch.Tensor:
    """Return how often each token is chosen, ``[V]``, over numbers as far apart from each other."""
    uniform = (torch.arange(grid) + 0.5) / grid
    scores = penalised(logits[None], said, choice.repetition_penalty)
    return torch.bincount(chosen(scores.expand(grid, -1), uniform, choice), minlength=len(logits)) / grid


def _agree(logits: torch.Tensor, choice: Choice, said: torch.Tensor, grid: int = GRID) -> None:
    likely, found = _likely(logits, choice, said), _found(logits, choice, said, grid)
    assert (found - likely).abs().max() <= 1.01 / grid
    assert not found[likely == 0].any()


def _logits(seed: int, size: int, spread: float, refused: float) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    logits = spread * torch.randn(size, generator=draw)
    away = torch.rand(size, generator=draw) < refused
    away[seed % size] = False
    return logits.masked_fill(away, -torch.inf)


@settings(deadline=None, max_examples=150)
@given(
    st.integers(0, 2**32), st.integers(1, 400), st.floats(0.1, 20), st.sampled_from([0.0, 0.3, 0.99]),
    st.builds(
        Choice, st.floats(0.05, 2), st.sampled_from([0, 1, 2, 5, 40, 1000]), st.sampled_from([0.0, 0.1, 0.5, 0.9, 0.999, 1.0]),
        st.sampled_from([1.0, 1.1, 2.0]),
    ),
    st.integers(0, 20),
)  # fmt: skip
def test_tokens_come_as_often_as_transformers_says(
    seed: int, size: int, spread: float, refused: float, choice: Choice, before: int
) -> None:
    said = torch.randint(0, size, (1, before), generator=torch.Generator().manual_seed(seed + 1))
    _agree(_logits(seed, size, spread, refused), choice, said)


@pytest.mark.parametrize(("size", "spread"), [(3000, 0.1), (9000, 0.1), (9000, 1.0), (9000, 4.0)])
@pytest.mark.parametrize("top_p", [0.3, 0.95, 1.0])
def test_flat_logits_of_which_many_may_come(size: int, spread: float, top_p: float) -> None:
    _agree(_logits(3, size, spread, 0.1), Choice(1.0, 0, top_p), torch.zeros(1, 0, dtype=torch.long), 400)


@settings(deadline=None, max_examples=100)
@given(
    st.integers(0, 2**32), st.integers(1, 600), st.sampled_from([0.0, 0.5, 0.995]),
    st.builds(Choice, st.floats(0, 2), st.sampled_from([0, 3, 10_000]), st.sampled_from([0.0, 0.9, 1.0])),
)  # fmt: skip
def test_what_is_refused_never_comes(seed: int, size: int, refused: float, choice: Choice) -> None:
    logits = _logits(seed, size, 5.0, refused).expand(3, -1)
    tokens = chosen(logits, torch.tensor([0.0, 0.5, 1 - 2**-24]), choice)
    assert torch.isfinite(logits.gather(1, tokens[:, None])).all()


def test_no_temperature_takes_the_most_likely() -> None:
    logits = torch.randn(50, 700, generator=torch.Generator().manual_seed(1))
    for choice in (Choice(0.0), Choice(0.0, 5, 0.5), Choice(1.0, 1), Choice(1.0, 0, 0.0)):
        assert chosen(logits, torch.rand(50), choice).equal(logits.argmax(-1))


def test_rows_are_chosen_each_by_itself() -> None:
    """A row that is flat makes more tokens be looked at for all rows; they come out the same."""
    peaked, flat = _logits(1, 5000, 6.0, 0.0), _logits(2, 5000, 0.01, 0.0)
    uniform, choice = (torch.arange(200) + 0.5) / 200, Choice()
    alone = chosen(peaked.expand(200, -1), uniform, choice)
    together = chosen(
        torch.cat((peaked.expand(200, -1), flat[None])), torch.cat((uniform, torch.tensor([0.3]))), choice
    )
    assert together[:-1].equal(alone)


def test_penalty_leaves_alone_what_is_outside() -> None:
    logits = torch.tensor([[2.0, -2.0, 1.0], [2.0, -2.0, 1.0]])
    found = penalised(logits, torch.tensor([[0, 1, -1], [3, 900, -5]]), 2.0)
    assert found.tolist() == [[1.0, -4.0, 1.0], [2.0, -2.0, 1.0]]
    assert penalised(logits, torch.zeros(2, 0, dtype=torch.long), 2.0) is logits


def test_guidance_is_that_of_transformers() -> None:
    """Which takes logarithms of probabilities first; that moves all logits of a row alike."""
    cond, uncond = torch.randn(2, 3, 100, generator=torch.Generator().manual_seed(1))
    theirs = uncond.log_softmax(-1) + 2.5 * (cond.log_softmax(-1) - uncond.log_softmax(-1))
    torch.testing.assert_close(guided(cond, uncond, 2.5).softmax(-1), theirs.softmax(-1))
