"""The loop's logits are those of transformers without a cache, at every step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch

from acestep_runtime.errors import EngineFailure
from acestep_runtime.lm import decode
from acestep_runtime.lm.forward import SPAN, Rows, logits_of
from acestep_runtime.lm.sampling import Choice
from tests.support.lm_vocabularies import language, whole
from tests.support.tiny_lm import model

EVERY = slice(0, 4000)


@pytest.fixture(autouse=True)
def _inference() -> Iterator[None]:
    with torch.inference_mode():
        yield


def _prompts(*lengths: int) -> list[list[int]]:
    draw = torch.Generator().manual_seed(7)
    return [torch.randint(0, 4000, (length,), generator=draw).tolist() for length in lengths]


def _without_cache(whole: Any, text: list[int], tokens: slice) -> torch.Tensor:
    logits: torch.Tensor = whole(torch.tensor([text]), use_cache=False, logits_to_keep=1).logits[0, -1, tokens]
    return logits


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_logits_of_unequal_texts_at_every_step(heads: int) -> None:
    tall = model(3, num_key_value_heads=heads)
    short, middle, long = _prompts(1, 40, SPAN - 3)  # the longest goes over the end of a span
    texts = [list(text) for text in (short, middle, short, long)]
    rows, draw = Rows(tall.model, texts, 8), torch.Generator().manual_seed(1)
    for step in range(9):
        found = logits_of(tall.lm_head.weight, rows.hidden, EVERY)
        expected = torch.stack([_without_cache(tall, text, EVERY) for text in texts])
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-5)
        if step < 8:
            tokens = torch.randint(0, 4000, (len(texts),), generator=draw)
            rows.add(tokens)
            for text, token in zip(texts, tokens.tolist(), strict=True):
                text.append(token)


@pytest.mark.parametrize("strength", [None, 1.0, 2.0])
def test_guided_logits_of_the_codes(strength: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.Tensor] = []

    def watched(logits: torch.Tensor, uniform: torch.Tensor, choice: Choice) -> torch.Tensor:
        seen.append(logits.clone())
        return chosen(logits, uniform, choice)

    chosen = decode.chosen
    monkeypatch.setattr(decode, "chosen", watched)
    first, second, without, other = _prompts(12, 31, 7, 19)
    guidance = None if strength is None else decode.Guidance([without, other], strength)
    codes = language().vocabulary.codes
    *_, made = decode.codes(language(), [first, second], 10, [5, 6], Choice(), guidance)
    assert len(seen) == 10
    for row, (asked, unasked) in enumerate(((first, without), (second, other))):
        for step, logits in enumerate(seen):
            so_far = (made[row, :step] + codes.start).tolist()
            expected = _without_cache(whole(), asked + so_far, codes)
            if guidance is not None:
                apart = _without_cache(whole(), unasked + so_far, codes)
                expected = apart + guidance.strength * (expected - apart)
            torch.testing.assert_close(logits[row], expected, atol=1e-4, rtol=1e-5)


def test_a_prompt_is_read_once_whoever_has_it() -> None:
    shared, own = _prompts(9, 6)
    read: list[tuple[int, ...]] = []
    hook = whole().model.embed_tokens.register_forward_pre_hook(lambda _, given: read.append(tuple(given[0].shape)))
    rows = Rows(whole().model, [shared, own, shared, shared, own], 2)
    assert read == [(1, 9), (1, 6)]
    rows.add(torch.arange(5))
    hook.remove()
    assert read[2:] == [(5, 1)]


def test_one_pass_a_token_with_guidance_or_without() -> None:
    asked, without = _prompts(9, 6)
    read: list[tuple[int, ...]] = []
    hook = whole().model.embed_tokens.register_forward_pre_hook(lambda _, given: read.append(tuple(given[0].shape)))
    for _ in decode.codes(language(), [asked] * 4, 5, [1, 2, 3, 4], Choice(), decode.Guidance([without] * 4, 2.0)):
        pass
    hook.remove()
    assert read == [(1, 9), (1, 6), *[(8, 1)] * 4]


def test_what_does_not_fit_is_refused_before_anything_is_read() -> None:
    limit = int(whole().config.max_position_embeddings)
    with pytest.raises(EngineFailure, match=f"read and write {limit + 1} tokens; it can hold {limit}") as caught:
        next(decode.codes(language(), [[5], [5] * 100], limit - 99, [1, 2], Choice()))
    assert "Shorten" in caught.value.remedy
    assert Rows(model(1, max_position_embeddings=40).model, [[5] * 30], 10).hidden.shape == (1, 32)


def test_numbers_that_a_gpu_works_with() -> None:
    """In bfloat16 too the loop is as close to exact arithmetic as transformers is."""
    exact, rough = model(4), model(4).to(torch.bfloat16)
    (text,) = _prompts(20)
    rows = Rows(rough.model, [text[:10]], 10)
    for token in text[10:]:
        rows.add(torch.tensor([token]))
    truth = _without_cache(exact, text, EVERY)
    mine = (logits_of(rough.lm_head.weight, rows.hidden, EVERY)[0] - truth).square().mean()
    theirs = (_without_cache(rough, text, EVERY).float() - truth).square().mean()
    assert mine < 2 * theirs
