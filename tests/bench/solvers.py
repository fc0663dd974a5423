"""How far samplers end from the exact solution, by the number of velocities that they ask for. ``make bench-solvers``.

Fields: mixtures of normal distributions, whose velocity is known, without guidance and with it; and the tiny base model of
tests/golden, random weights in float64. None of them is a trained model: what is measured is the error of the method, not how
music sounds. APG keeps a momentum from step to step, so its limit depends on the number of steps; the model is guided by the
plain method here. Two errors of frames: the median, and the largest one, which says whether a frame ends somewhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from acestep_runtime.dit.velocity import VelocityModel
from acestep_runtime.samplers import schedule
from acestep_runtime.samplers.steps import VelocityFn
from tests.support import sampling_cases
from tests.support.golden_cases import parts
from tests.support.known_flows import KnownField, follow, make_mixture, solve

BUDGETS, SAMPLERS, SHIFTS = (50, 40, 30, 20), ("euler", "heun", "ab3"), (1.0, 3.0)
EXACT_STEPS = 200
GUIDANCE = 7.0


def model_velocity(strength: float) -> VelocityFn:
    """The velocity of the tiny base model in float64, guided by the plain method."""
    kind, case = "base", {"task": "text2music", "length": "even"}
    condition, null = sampling_cases.condition(kind).double(), parts(kind).null_condition
    assert null is not None
    velocity = VelocityModel(parts(kind).dit.double())
    keys, context = velocity.project_condition(condition), sampling_cases.context(kind, case).double()
    free = velocity.project_null(null.double())

    def at(x: Tensor, t: float) -> Tensor:
        levels = torch.full((len(x),), t, dtype=torch.float64)
        if strength == 1:
            return velocity(x, levels, context, keys)
        cond, uncond = velocity(x, levels, context, keys, free).chunk(2)
        return uncond + strength * (cond - uncond)

    return at


def fields() -> Iterator[tuple[str, VelocityFn, Tensor, Sequence[float]]]:
    """Names, velocities, the noise that a run starts from, and shifts: of the model its usual one, as it takes long."""
    mixture = make_mixture()
    noise = torch.randn(4, 64, 16, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    yield "mixture", mixture.velocity, noise, SHIFTS
    yield f"mixture, guidance {GUIDANCE:g}", mixture.guide([0, 1], GUIDANCE), noise, SHIFTS
    own = sampling_cases.inputs("noise_even").double()
    yield "tiny model", model_velocity(1), own, SHIFTS[-1:]
    yield f"tiny model, guidance {GUIDANCE:g}", model_velocity(GUIDANCE), own, SHIFTS[-1:]


def steps_for(sampler: str, budget: int) -> int:
    """Return how many steps ask for that many velocities."""
    return budget // 2 if sampler == "heun" else budget


def errors(x: Tensor, exact: Tensor) -> str:
    """The median and the largest distance of frames ``[B, T, C]``, in parts of the size of the exact ones."""
    frames = (x - exact).square().mean(-1).sqrt() / exact.square().mean().sqrt()
    return f"{100 * float(frames.median()):.1f} / {100 * float(frames.max()):.0f} %"


def measure(velocity: VelocityFn, noise: Tensor, shifts: Sequence[float], show: Callable[[str], None]) -> None:
    """Show a row for each shift and sampler: the errors for each number of velocities."""
    for shift in shifts:
        exact = solve(velocity, noise, schedule.linear(EXACT_STEPS, shift))
        for sampler in SAMPLERS:
            cells = []
            for budget in BUDGETS:
                field = KnownField(velocity)
                ends = follow(sampler, schedule.linear(steps_for(sampler, budget), shift), noise, field)
                assert field.calls == budget
                cells.append(errors(ends, exact))
            show(f"| {shift:g} | {sampler} | {' | '.join(cells)} |")


@torch.inference_mode()
def main() -> None:
    """Print a table for each field."""
    for name, velocity, noise, shifts in fields():
        print(f"\n{name}\n| shift | sampler | {' | '.join(f'{budget} velocities' for budget in BUDGETS)} |")
        print("|---|---|" + "---|" * len(BUDGETS))
        measure(velocity, noise, shifts, print)


if __name__ == "__main__":
    main()
