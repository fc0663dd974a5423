"""The denoising loop: from noise down the levels of a schedule to clean latents.

x ← noise                            or, for a cover, the source with noise added
for t, t' in levels:
    y ← x − velocity·t               the clean latents that the step points at
    x ← step(velocity, x, t, t')
    x ← correction(x, y, t)          see dcw.py
    x ← step_callback(x, t')         a repaint restores the latents around its span
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from acestep_runtime.samplers.dcw import Correction
from acestep_runtime.samplers.fields import GuidedVelocity
from acestep_runtime.samplers.steps import HISTORY, Step, VelocityFn

#: Changes latents after a step: ``(x, number of the step, next level) → x``.
StepCallback = Callable[[Tensor, int, float], Tensor]


def draw_noise(seeds: Sequence[int], frames: int, channels: int) -> Tensor:
    """Draw noise ``[B, T, C]`` on the CPU, one generator per seed, so that it is the same for every device."""
    return torch.cat([
        torch.randn(1, frames, channels, generator=torch.Generator().manual_seed(seed)) for seed in seeds
    ])  # fmt: skip


def add_noise(clean: Tensor, noise: Tensor, t: float) -> Tensor:
    """Return ``clean`` latents with noise added to reach level ``t``."""
    return t * noise + (1 - t) * clean


def start_from(levels: Sequence[float], noise: Tensor, clean: Tensor, strength: float) -> tuple[list[float], Tensor]:
    """Return the levels and the first latents of a run from ``clean``: it starts at the level nearest to 1 − ``strength``."""
    first = min(range(len(levels) - 1), key=lambda number: abs(levels[number] - (1 - strength)))
    return list(levels[first:]), add_noise(clean, noise, levels[first])


def injection_steps(ratio: float, count: int, *, is_turbo: bool = False) -> int:
    """Return after how many of ``count`` steps the surroundings of a span are restored; never after a turbo model's last."""
    return min(round(ratio * count), count - 1 if is_turbo else count)


@dataclass(frozen=True)
class Injection:
    """Restores the latents around a span, at the current noise level, after each of the first ``steps`` steps."""

    clean: Tensor
    noise: Tensor
    span_mask: Tensor
    steps: int

    def __call__(self, x: Tensor, step: int, t_next: float) -> Tensor:
        """See `StepCallback`. ``span_mask`` is true ``[1, T, 1]`` inside the span."""
        if step >= self.steps:
            return x
        return torch.where(self.span_mask, x, add_noise(self.clean, self.noise, t_next))


def crossfade(x: Tensor, clean: Tensor, span: tuple[int, int], frames: int) -> Tensor:
    """Return ``x`` inside the span and ``clean`` outside, with a linear crossfade outside each end.

    It has ``frames`` frames, or all that there are beside the span.
    """
    weights = torch.zeros(x.shape[1], device=x.device, dtype=torch.float32)
    first, stop = span
    before, after = min(frames, first), min(frames, x.shape[1] - stop)
    weights[first - before : first] = torch.linspace(0, 1, before + 2)[1:-1]
    weights[first:stop] = 1.0
    weights[stop : stop + after] = torch.linspace(1, 0, after + 2)[1:-1]
    weight = weights[None, :, None].to(x)
    return weight * x + (1 - weight) * clean


def denoise(
    x: Tensor, levels: Sequence[float], steps: Sequence[Step], fields: Sequence[GuidedVelocity], sample_noise: VelocityFn,
    step_callback: StepCallback = lambda x, _number, _t: x, correction: Correction | None = None,
    ends: Sequence[float] = (),
) -> Iterator[Tensor]:  # fmt: skip
    """Yield the latents after every step, the last of them clean. Each step has its own velocity field.

    ``ends`` are the levels that the steps lead to, where these are not the next of ``levels``: see `schedule.sde_levels`.
    """
    velocities: deque[Tensor] = deque(maxlen=HISTORY)
    last_field = None
    for number, (step, field, t, t_next) in enumerate(zip(steps, fields, levels[:-1], ends or levels[1:], strict=True)):
        if field is not last_field:
            velocities.clear()  # those of another field say nothing about this one
        last_field = field
        velocities.appendleft(field(x, t))
        clean = x - velocities[0] * t
        x = step(velocities, field.memoryless, x, t, t_next, sample_noise)
        if correction is not None:
            x = correction(x, clean, t)
        x = step_callback(x, number, t_next)
        yield x
