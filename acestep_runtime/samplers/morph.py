"""Morphing: from the latents of a source towards other words or another style, while its arrangement stays.

Source: Kulikov et al., FlowEdit (2024), and the public ACE-Step 1.5 code. With s the source's latents, e the edited ones (at
first s):

for t, t' in levels of the window:
    z ← (1 − t)·s + t·noise                  for each draw of noise
    V ← mean of velocity(e + z − s | new words) − mean of velocity(z | words of the source)
    e ← e + V·(t' − t)
after the window, with x ← e + z − s:        steps of Euler with the new words
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from acestep_runtime.guidance import ProjectedGuidance
from acestep_runtime.samplers.fields import GuidedVelocity
from acestep_runtime.samplers.loop import add_noise


def window_steps(start: float, end: float, count: int) -> tuple[int, int]:
    """Return the first step of a window and the one after its last, from its shares of ``count`` steps."""
    return int(count * start), int(count * end)


def morph(
    source: Tensor, levels: Sequence[float], window: tuple[int, int], draws: int,
    source_fields: Sequence[GuidedVelocity], target_fields: Sequence[GuidedVelocity], sample_noise: Callable[[], Tensor],
) -> Iterator[Tensor]:  # fmt: skip
    """Yield the latents after every step from the window's first on, the last of them clean.

    ``source`` is ``[B, T, C]``. ``window`` is as `window_steps` returns it. Each step has a field with the words of the source,
    and one with the new words; the guidance of both is `ProjectedGuidance`, each with a momentum of its own.
    """
    edited, first, stop = source, *window
    x: Tensor | None = None
    for number, (t, t_next) in enumerate(itertools.pairwise(levels)):
        if number < first:
            continue
        if number < stop:
            noisy = [add_noise(source, sample_noise(), t) for _ in range(draws)]
            old = _mean_velocity(source_fields[number], noisy, t)
            new = _mean_velocity(target_fields[number], [edited + each - source for each in noisy], t)
            edited = edited + (t_next - t) * (new - old)
            yield edited
        else:
            x = edited + add_noise(source, sample_noise(), t) - source if x is None else x
            x = x - _mean_velocity(target_fields[number], [x], t) * (t - t_next)
            yield x


def _mean_velocity(field: GuidedVelocity, points: Sequence[Tensor], t: float) -> Tensor:
    """Return the mean of the velocities at some points, guided each with the momentum of the step, smoothed once."""
    guided, differences = [], []
    for x in points:
        cond, uncond = field.predict(x, t)
        if uncond is not None and field.guidance is not None:
            assert isinstance(field.guidance.method, ProjectedGuidance)
            differences.append(cond - uncond)
            cond = field.guidance.method.guide(cond, uncond)
        guided.append(field.smoother.clamp(cond, x))
    if differences and field.guidance is not None and isinstance(field.guidance.method, ProjectedGuidance):
        field.guidance.method.advance(torch.stack(differences).mean(0))
    return field.smoother.blend(torch.stack(guided).mean(0))
