"""Receptive fields and partial forward passes of a chain of convolutions.

Everything between two convolutions of an Oobleck works on single points, so the convolutions alone define the receptive
field. Each pads its input with zeros. A part of the output is exact if it sees such padding only where the whole does:

    input   0 |--------[=====================]--------| end      the receptive field
    stage 1 0 |----------[=================]----------| end      cropped to what stage 2 needs, and so on
    output  0 |-------------[===========]-------------| end      start to stop

Letters: B items, n points of a signal. All spans are first point and the one after the last.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn

Span = tuple[int, int]
Convolution = nn.Conv1d | nn.ConvTranspose1d


@dataclass(frozen=True)
class ConvStage:
    """Consecutive layers on ``[B, channels, n]``, and their convolutions in this order.

    The convolutions of one stage either downsample or upsample, not both.
    """

    run: Callable[[Tensor], Tensor]
    convolutions: tuple[Convolution, ...]

    @classmethod
    def of(cls, *modules: nn.Module) -> ConvStage:
        """Return the stage of these modules, whose submodules must be registered in the order in which they run."""
        return cls(nn.Sequential(*modules), tuple(conv for module in modules for conv in _convolutions(module)))

    @property
    def downsampling(self) -> int:
        """Input points per output point."""
        return math.prod(c.stride[0] for c in self.convolutions if isinstance(c, nn.Conv1d))

    @property
    def upsampling(self) -> int:
        """Output points per input point."""
        return math.prod(c.stride[0] for c in self.convolutions if isinstance(c, nn.ConvTranspose1d))

    def length(self, points: int) -> int:
        """Return the output length for an input of ``points`` points."""
        for conv in self.convolutions:
            points = _length(conv, points)
        return points

    def input_span(self, span: Span) -> Span:
        """Return the span of the input that affects this span of the output. It may reach past the ends of the input."""
        for conv in reversed(self.convolutions):
            span = _input_span(conv, span)
        return span


def receptive_field(stages: Sequence[ConvStage], span: Span) -> Span:
    """Return the span of the first stage's input that affects this span of the last stage's output."""
    for stage in reversed(stages):
        span = stage.input_span(span)
    return span


def partial_forward(stages: Sequence[ConvStage], points: int, span: Span, read: Callable[[int, int], Tensor]) -> Tensor:
    """Return a span of the output of the stages, ``[B, channels, n]``, equal to that for an input of all ``points``.

    ``read`` returns the input from a point to another; it is called once, for the receptive field. Each stage computes no
    more than the next one needs, so late stages with long signals compute little margin.
    """
    lengths = [points]
    for stage in stages:
        lengths.append(stage.length(lengths[-1]))
    spans = [span]
    for stage, length in zip(reversed(stages), reversed(lengths[:-1]), strict=True):
        start, stop = stage.input_span(spans[0])
        # Starts are multiples of the stride, so that a strided convolution keeps its phase.
        spans.insert(0, (max(0, start) // stage.downsampling * stage.downsampling, min(length, stop)))
    signal = read(*spans[0])
    for stage, ((start, _), output_span) in zip(stages, pairwise(spans), strict=True):
        offset = start * stage.upsampling // stage.downsampling
        signal = stage.run(signal)[..., output_span[0] - offset : output_span[1] - offset]
    return signal


def _convolutions(module: nn.Module) -> tuple[Convolution, ...]:
    return tuple(m for m in module.modules() if isinstance(m, nn.Conv1d | nn.ConvTranspose1d))


def _length(conv: Convolution, points: int) -> int:
    (kernel,), (stride,), (dilation,), padding = conv.kernel_size, conv.stride, conv.dilation, _padding(conv)
    if isinstance(conv, nn.ConvTranspose1d):
        return (points - 1) * stride - 2 * padding + (kernel - 1) * dilation + conv.output_padding[0] + 1
    return (points + 2 * padding - (kernel - 1) * dilation - 1) // stride + 1


def _input_span(conv: Convolution, span: Span) -> Span:
    """Output i of a convolution depends on inputs i·stride − padding + m·dilation, for each tap m of the kernel.

    Output i of a transposed one depends on each input j with i = j·stride − padding + m·dilation.
    """
    (kernel,), (stride,), (dilation,), padding = conv.kernel_size, conv.stride, conv.dilation, _padding(conv)
    first, last, width = span[0], span[1] - 1, (kernel - 1) * dilation
    if isinstance(conv, nn.ConvTranspose1d):
        return -((width - first - padding) // stride), (last + padding) // stride + 1
    return first * stride - padding, last * stride - padding + width + 1


def _padding(conv: Convolution) -> int:
    if isinstance(conv.padding, str) or conv.padding_mode != "zeros":
        raise ValueError(f"{conv} does not pad with a given number of zeros")
    return conv.padding[0]
