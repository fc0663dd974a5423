"""The loop: from noise down the levels of a schedule to latents.

x ← noise                    or, for a cover, the source with some of it
for t, t' in levels:
    x ← step(velocity, x, t, t')
    x ← kept(x, t')          a repaint puts back what surrounds it
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from acestep_runtime.samplers.fields import GuidedVelocity
from acestep_runtime.samplers.steps import Step, VelocityFn

#: What is done to latents after a step: ``(x, number of the step, next level) → x``.
After = Callable[[Tensor, int, float], Tensor]


def draw_noise(seeds: Sequence[int], frames: int, channels: int) -> Tensor:
    """Draw noise ``[B, T, C]``, each item from a generator of its own, on the processor: the same for every device."""
    return torch.cat([
        torch.randn(1, frames, channels, generator=torch.Generator().manual_seed(seed)) for seed in seeds
    ])  # fmt: skip


def add_noise(clean: Tensor, noise: Tensor, t: float) -> Tensor:
    """Return latents at a noise level."""
    return t * noise + (1 - t) * clean


def start_from(levels: Sequence[float], noise: Tensor, clean: Tensor, strength: float) -> tuple[list[float], Tensor]:
    """Return the levels and latents of a run that starts from ``clean``: at the level nearest to 1 − ``strength``."""
    first = min(range(len(levels) - 1), key=lambda number: abs(levels[number] - (1 - strength)))
    return list(levels[first:]), add_noise(clean, noise, levels[first])


@dataclass(frozen=True)
class Injection:
    """What surrounds a span is put back, as noisy as the rest, after each of the first ``ratio`` of all steps."""

    clean: Tensor
    noise: Tensor
    made: Tensor
    ratio: float
    steps: int

    def __call__(self, x: Tensor, step: int, t_next: float) -> Tensor:
        """See `After`. ``made`` is true ``[1, T, 1]`` inside the span."""
        if step >= round(self.ratio * self.steps):
            return x
        return torch.where(self.made, x, add_noise(self.clean, self.noise, t_next))


def crossfade(x: Tensor, clean: Tensor, span: tuple[int, int], frames: int) -> Tensor:
    """Return what was made inside the span, ``clean`` outside, and a linear crossfade of ``frames`` outside each end."""
    share = torch.zeros(x.shape[1], device=x.device, dtype=torch.float32)
    first, stop = span
    share[first:stop] = 1.0
    rising = torch.linspace(0, 1, frames + 2, device=x.device)[1:-1]
    before, after = min(frames, first), min(frames, x.shape[1] - stop)
    if before:
        share[first - before : first] = rising[frames - before :]
    if after:
        share[stop : stop + after] = rising.flip(0)[:after]
    weight = share[None, :, None].to(x)
    return weight * x + (1 - weight) * clean


def denoise(
    x: Tensor, levels: Sequence[float], steps: Sequence[Step], fields: Sequence[GuidedVelocity], sample_noise: VelocityFn,
    after: After = lambda x, _number, _t: x,
) -> Iterator[Tensor]:  # fmt: skip
    """Yield the latents after every step, the last of them clean: each step with a field of its own."""
    moves = zip(steps, fields, itertools.pairwise(levels), strict=True)
    for number, (step, field, (t, t_next)) in enumerate(moves):
        x = after(step(field, field.memoryless, x, t, t_next, sample_noise), number, t_next)
        yield x
