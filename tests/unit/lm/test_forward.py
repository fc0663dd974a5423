"""Cached logits equal those of transformers without a cache, at every step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch

from acestep_runtime.errors import EngineFailure
from acestep_runtime.lm import decode, forward
from acestep_runtime.lm.forward import CACHE_BLOCK, DecoderRows, compute_logits
from acestep_runtime.lm.sampling import SamplingParams
from acestep_runtime.memory.interrupt import Interrupt
from tests.support.lm_vocabularies import language, whole
from tests.support.rerun_recorder import RerunRecorder
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
def test_cached_logits_equal_those_without_a_cache(heads: int) -> None:
    tall = model(3, num_key_value_heads=heads)
    short, middle, long = _prompts(1, 40, CACHE_BLOCK - 3)  # the longest goes over the end of a span
    texts = [list(text) for text in (short, middle, short, long)]
    rows, draw = DecoderRows(tall.model, texts, 8), torch.Generator().manual_seed(1)
    for step in range(9):
        found = compute_logits(tall.lm_head.weight, rows.hidden, EVERY)
        expected = torch.stack([_without_cache(tall, text, EVERY) for text in texts])
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-5)
        if step < 8:
            tokens = torch.randint(0, 4000, (len(texts),), generator=draw)
            rows.append(tokens)
            for text, token in zip(texts, tokens.tolist(), strict=True):
                text.append(token)


def test_replayed_steps_write_the_same_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder, prompts = RerunRecorder(), _prompts(12, CACHE_BLOCK - 5)
    guidance = decode.Guidance(_prompts(7, 19), 2.0)

    def write() -> torch.Tensor:
        *_, codes = decode.generate_codes(language(), prompts, 12, [5, 6], SamplingParams(), guidance)
        return codes

    expected = write()
    monkeypatch.setattr(forward, "find_recorder", lambda _: recorder)
    assert torch.equal(write(), expected)
    assert (recorder.recordings, recorder.replays) == (2, 9)  # one for each span, after its first step


@pytest.mark.parametrize("strength", [None, 1.0, 2.0])
def test_guided_logits_equal_those_of_transformers(strength: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    logits_seen: list[torch.Tensor] = []

    def record(logits: torch.Tensor, uniform: torch.Tensor, params: SamplingParams) -> torch.Tensor:
        logits_seen.append(logits.clone())
        return sample_tokens(logits, uniform, params)

    sample_tokens = decode.sample_tokens
    monkeypatch.setattr(decode, "sample_tokens", record)
    first, second, negative_prompt, other = _prompts(12, 31, 7, 19)
    guidance = None if strength is None else decode.Guidance([negative_prompt, other], strength)
    code_ids = language().vocabulary.code_ids
    *_, codes = decode.generate_codes(language(), [first, second], 10, [5, 6], SamplingParams(), guidance)
    assert len(logits_seen) == 10
    for row, (prompt, negative) in enumerate(((first, negative_prompt), (second, other))):
        for step, logits in enumerate(logits_seen):
            so_far = (codes[row, :step] + code_ids.start).tolist()
            expected = _without_cache(whole(), prompt + so_far, code_ids)
            if guidance is not None:
                uncond = _without_cache(whole(), negative + so_far, code_ids)
                expected = uncond + guidance.strength * (expected - uncond)
            torch.testing.assert_close(logits[row], expected, atol=1e-4, rtol=1e-5)


def test_equal_prompts_are_prefilled_once() -> None:
    shared, own = _prompts(9, 6)
    read: list[tuple[int, ...]] = []
    hook = whole().model.embed_tokens.register_forward_pre_hook(lambda _, given: read.append(tuple(given[0].shape)))
    rows = DecoderRows(whole().model, [shared, own, shared, shared, own], 2)
    assert read == [(1, 9), (1, 6)]
    rows.append(torch.arange(5))
    hook.remove()
    assert read[2:] == [(5, 1)]


def test_each_token_takes_one_pass_with_or_without_guidance() -> None:
    prompt, negative_prompt = _prompts(9, 6)
    read: list[tuple[int, ...]] = []
    hook = whole().model.embed_tokens.register_forward_pre_hook(lambda _, given: read.append(tuple(given[0].shape)))
    for _ in decode.generate_codes(
        language(), [prompt] * 4, 5, [1, 2, 3, 4], SamplingParams(), decode.Guidance([negative_prompt] * 4, 2.0)
    ):
        pass
    hook.remove()
    assert read == [(1, 9), (1, 6), *[(8, 1)] * 4]


def test_prompts_beyond_the_limit_raise_before_prefill() -> None:
    limit = int(whole().config.max_position_embeddings)
    with pytest.raises(EngineFailure, match=f"read and write {limit + 1} tokens; it can hold {limit}") as caught:
        next(decode.generate_codes(language(), [[5], [5] * 100], limit - 99, [1, 2], SamplingParams()))
    assert "Shorten" in caught.value.remedy
    assert DecoderRows(model(1, max_position_embeddings=40).model, [[5] * 30], 10).hidden.shape == (1, 32)


def test_bfloat16_is_as_exact_as_transformers() -> None:
    """In bfloat16 too the loop is as close to exact arithmetic as transformers is."""
    exact, rough = model(4), model(4).to(torch.bfloat16)
    (text,) = _prompts(20)
    rows = DecoderRows(rough.model, [text[:10]], 10)
    for token in text[10:]:
        rows.append(torch.tensor([token]))
    truth = _without_cache(exact, text, EVERY)
    mine = (compute_logits(rough.lm_head.weight, rows.hidden, EVERY)[0] - truth).square().mean()
    theirs = (_without_cache(rough, text, EVERY).float() - truth).square().mean()
    assert mine < 2 * theirs


def test_the_cache_grows_as_it_fills_and_extends_like_appending() -> None:
    draw, core = torch.Generator().manual_seed(2), whole().model
    text = torch.randint(50, (2, 700), generator=draw)
    prompts = [text[0, :5].tolist(), text[1, :9].tolist()]
    one, many = (DecoderRows(core, prompts, 800) for _ in range(2))
    assert one._keys.shape[3] == CACHE_BLOCK
    with torch.inference_mode():
        for token in text[:, 9:].T:
            one.append(token)
        for piece in text[:, 9:].split(250, 1):
            many.extend(piece)
    assert float((one.hidden - many.hidden).abs().max()) < 1e-4
    assert 700 <= one._keys.shape[3] < 1024 + CACHE_BLOCK


def test_each_layer_is_checked() -> None:
    interrupt, checks, core = Interrupt(), list[int](), whole().model
    with interrupt.during(lambda: checks.append(1)):
        rows = DecoderRows(core, [[5, 6]], 8, interrupt)
        rows.append(torch.tensor([1]))
    assert len(checks) == 2 * len(core.layers)
