"""Padding with silence, masking and context latents."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch

from acestep_runtime.conditioning import latents as lat
from acestep_runtime.conditioning.timbre import REFERENCE_FRAMES, default_timbre

SILENCE = torch.arange(10.0).reshape(1, 10, 1).expand(1, 10, 4)


@given(st.integers(1, 10**7))
def test_frames_hold_all_samples_and_none_is_empty(samples: int) -> None:
    frames = lat.samples_to_frames(samples)
    assert (frames - 1) * 1920 < samples <= frames * 1920


@given(st.integers(0, 10**7), st.integers(0, 10**6))
def test_a_span_holds_its_samples_and_no_frame_more(start: int, length: int) -> None:
    first, stop = lat.span_to_frames(start, start + length)
    assert first * 1920 <= start < (first + 1) * 1920
    assert start + length <= stop * 1920 or length == 0
    assert stop == first + 1 or (stop - 1) * 1920 < start + length


def test_silence_repeats_to_the_requested_length() -> None:
    assert lat.silence_latents(SILENCE, 23)[0, :, 0].tolist() == [*range(10), *range(10), 0, 1, 2]


def test_short_latents_are_padded_with_silence() -> None:
    latents = torch.full((2, 3, 4), 7.0)
    longer = lat.pad_with_silence(latents, SILENCE, 12)
    assert longer[1, :, 0].tolist() == [7, 7, 7, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert lat.pad_with_silence(latents, SILENCE, 3) is latents


def test_a_masked_span_is_silent_and_the_rest_unchanged() -> None:
    latents = torch.full((1, 12, 4), -1.0)
    assert lat.mask_span(latents, SILENCE, (8, 11))[0, :, 3].tolist() == [-1] * 8 + [8, 9, 0, -1]
    assert (latents == -1).all()


@pytest.mark.parametrize(
    ("spans", "is_auto", "mask"),
    [([], False, [1] * 5), ([(1, 3)], False, [0, 1, 1, 0, 0]), ([(0, 2), (4, 5)], False, [1, 1, 0, 0, 1]),
     ([(0, 2), (4, 5)], True, [2] * 5), ([], True, [2] * 5)],
)  # fmt: skip
def test_context_is_latents_then_mask(spans: list[lat.Span], is_auto: bool, mask: list[int]) -> None:
    latents = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(1))
    context = lat.context_latents(latents, *spans, is_auto=is_auto)
    assert torch.equal(context[..., :4], latents)
    assert all(torch.equal(context[:, :, c], torch.tensor([mask, mask]).float()) for c in range(4, 8))


def test_the_default_timbre_has_the_frames_of_a_reference() -> None:
    assert default_timbre(SILENCE.expand(1, 10, 4)).shape == (1, REFERENCE_FRAMES, 4)
