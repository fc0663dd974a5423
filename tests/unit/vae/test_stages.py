"""Receptive fields, measured by changing the input, and partial forward passes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from torch import Tensor, nn

from acestep_runtime.vae.fuse import fuse
from acestep_runtime.vae.stages import ConvStage, partial_forward, receptive_field
from tests.support.small_vae import small

KERNELS = st.integers(1, 9)
LENGTH = 24
#: The real layers, with equally few channels in all of them.
NARROW = (1, 1, 1, 1, 1)


def _random(*shape: int, seed: int = 1, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def _positive(module: nn.Module) -> nn.Module:
    """With positive weights and no activation, every input in the receptive field affects the output."""
    for weight in module.parameters():
        weight.data = weight.data.abs() + 0.1
    return module.double().requires_grad_(False)


@st.composite
def convolutions(draw: st.DrawFn) -> nn.Module:
    kernel, dilation = draw(KERNELS), draw(st.integers(1, 4))
    padding = draw(st.integers(0, (kernel - 1) * dilation // 2))
    stride = draw(st.integers(1, 5))
    if draw(st.booleans()):
        return nn.ConvTranspose1d(1, 1, kernel, stride, padding, dilation=dilation, bias=False)
    return nn.Conv1d(1, 1, min(kernel, 5), stride, min(padding, 2), dilation=min(dilation, 2), bias=False)


@settings(deadline=None, max_examples=60)
@given(conv=convolutions(), data=st.data())
def test_input_span_of_one_convolution_is_exact(conv: nn.Module, data: st.DataObject) -> None:
    stage = ConvStage.of(_positive(conv))
    length = stage.length(LENGTH)
    assert stage.run(torch.zeros(1, 1, LENGTH, dtype=torch.float64)).shape[-1] == length
    start = data.draw(st.integers(0, length - 1))
    stop = data.draw(st.integers(start + 1, length))
    changed = []
    for at in range(LENGTH):
        signal = torch.zeros(1, 1, LENGTH, dtype=torch.float64)
        signal[..., at] = 1
        if stage.run(signal)[..., start:stop].any():
            changed.append(at)
    first, last = stage.input_span((start, stop))
    # With gaps between taps, a span may hold points that nothing hears; it never lacks one that something does.
    assert not changed or (first <= changed[0] and changed[-1] < last)
    if conv.dilation == (1,) and changed:
        assert (max(0, first), min(LENGTH, last)) == (changed[0], changed[-1] + 1)


def test_the_receptive_field_of_the_encoder_is_exact() -> None:
    encoder = fuse(small(8, NARROW).double()).encoder
    stage = ConvStage.of(encoder)
    frames, mine = 17, 8
    signal = _random(1, 2, frames * 1920) * 0.3
    start, stop = stage.input_span((mine, mine + 1))
    whole = encoder(signal)[..., mine]

    def output_changes(at: int) -> bool:
        other = signal.clone()
        other[..., at] += 100.0
        return not torch.equal(encoder(other)[..., mine], whole)

    assert output_changes(start)
    assert output_changes(stop - 1)
    assert not output_changes(start - 1)
    assert not output_changes(stop)
    assert (stage.downsampling, stage.upsampling, stage.length(frames * 1920)) == (1920, 1, frames)


def test_the_receptive_field_of_the_decoder_is_exact() -> None:
    decoder = fuse(small(8, NARROW).double()).decoder
    stage = ConvStage.of(decoder)
    latents = _random(1, 4, 25)
    span = 12 * 1920, 13 * 1920
    start, stop = stage.input_span(span)
    whole = decoder(latents)[..., slice(*span)]

    def output_changes(at: int) -> bool:
        other = latents.clone()
        other[..., at] += 100.0
        return not torch.equal(decoder(other)[..., slice(*span)], whole)

    assert [output_changes(at) for at in (start - 1, start, stop - 1, stop)] == [False, True, True, False]
    assert (stage.downsampling, stage.upsampling, stage.length(25)) == (1, 1920, 25 * 1920)


def _stages(vae: object) -> list[ConvStage]:
    decoder = vae.decoder  # type: ignore[attr-defined]
    return [ConvStage.of(decoder.conv1), *map(ConvStage.of, decoder.block), ConvStage.of(decoder.snake1, decoder.conv2)]


@pytest.fixture(scope="module")
def decoder_output() -> tuple[list[ConvStage], Tensor, Tensor]:
    vae, latents = fuse(small(8, NARROW)), _random(1, 4, 24, dtype=torch.float32)
    return _stages(vae), latents, vae.decoder(latents)


@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_a_partial_forward_equals_the_whole_at_any_sample(
    decoder_output: tuple[list[ConvStage], Tensor, Tensor], data: st.DataObject
) -> None:
    stages, latents, whole = decoder_output
    start = data.draw(st.integers(0, whole.shape[-1] - 1))
    stop = data.draw(st.integers(start + 1, whole.shape[-1]))
    alone = partial_forward(stages, latents.shape[-1], (start, stop), lambda a, b: latents[..., a:b])
    assert alone.shape == (1, 2, stop - start)
    assert (alone - whole[..., start:stop]).abs().max() <= 1e-5 * whole.abs().max()


def test_late_stages_compute_little_more_than_the_span() -> None:
    stages = _stages(small(8, NARROW))
    for count in range(len(stages)):
        start, stop = receptive_field(stages[count:], (20 * 1920, 30 * 1920))
        points = 1
        for stage in stages[:count]:
            points *= stage.upsampling
        # The first two hear 9 frames to either side, all others less than one and a bit.
        assert (stop - start) / points < (10 + 19 if count < 2 else 10 + 2.1)


def test_padding_other_than_zeros_raises() -> None:
    with pytest.raises(ValueError, match="zeros"):
        ConvStage.of(nn.Conv1d(1, 1, 3, padding=1, padding_mode="reflect")).input_span((0, 1))
    with pytest.raises(ValueError, match="zeros"):
        ConvStage.of(nn.Conv1d(1, 1, 3, padding="same")).input_span((0, 1))
