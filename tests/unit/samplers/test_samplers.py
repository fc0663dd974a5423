"""Schedules against figures computed by hand, steps against fields with known paths, and the parts of the loop."""

from __future__ import annotations

import math
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from torch import Tensor

from acestep_runtime.errors import InvalidValue
from acestep_runtime.samplers import loop, schedule
from acestep_runtime.samplers.steps import STEPS, VelocitySmoother, make_steps
from tests.support.known_flows import KnownField, Mixture, follow, make_mixture, solve
from tests.support.sampling_cases import numbers


def test_schedules_of_turbo_models_follow_any_shift() -> None:
    assert schedule.linear(8, 1.0) == pytest.approx([1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0])
    assert schedule.linear(8, 2.0) == pytest.approx([1, 14 / 15, 6 / 7, 10 / 13, 2 / 3, 6 / 11, 0.4, 2 / 9, 0])
    assert schedule.linear(8, 3.0) == pytest.approx([1, 21 / 22, 0.9, 5 / 6, 0.75, 9 / 14, 0.5, 0.3, 0])
    assert schedule.linear(5, 2.5) == pytest.approx([1, 10 / 11, 15 / 19, 5 / 8, 5 / 13, 0])
    assert len(schedule.TURBO_LEVELS) == 20


@given(st.integers(1, 200), st.floats(0.1, 10))
def test_schedules_fall_from_noise_to_music(steps: int, shift: float) -> None:
    levels = schedule.linear(steps, shift)
    assert (levels[0], levels[-1], len(levels)) == (1.0, 0.0, steps + 1)
    assert all(later < earlier for earlier, later in pairwise(levels))


def test_base_models_keep_custom_levels_and_turbo_models_snap_them() -> None:
    levels = [1.0, 0.8, 0.61, 0.4, 0.2, 0.0]
    assert schedule.custom(levels) == levels
    assert schedule.custom(levels[:-1]) == levels
    snapped = schedule.custom(levels, is_turbo=True)
    assert all(snapped_level in schedule.TURBO_LEVELS for snapped_level in snapped[:-1])
    assert snapped[0] == 1.0
    assert schedule.custom([0.9, 0.899], is_turbo=True) == [pytest.approx(0.9), 0.0]


@settings(deadline=None)
@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=12, unique=True))
def test_snapping_takes_the_nearest_turbo_level(values: list[float]) -> None:
    levels = sorted(values, reverse=True)
    snapped = schedule.custom(levels, is_turbo=True)
    assert snapped[-1] == 0
    for level in levels:
        nearest = min(abs(turbo_level - level) for turbo_level in schedule.TURBO_LEVELS)
        assert any(abs(turbo_level - level) == nearest for turbo_level in snapped[:-1])
    assert schedule.custom(levels) == [*levels, 0.0]


@pytest.mark.parametrize("levels", [[], [0.0], [0.5, 0.7], [1.0, 1.0], [1.2, 0.5], [-0.5]])
def test_levels_that_do_not_decrease_raise(levels: list[float]) -> None:
    with pytest.raises(InvalidValue, match="levels that fall from at most 1 to 0"):
        schedule.custom(levels)


@pytest.mark.parametrize("sampler", ["euler", "heun", "ab3"])
@pytest.mark.parametrize("steps", [1, 3, 8])
def test_samplers_follow_a_straight_path_exactly(sampler: str, steps: int) -> None:
    noise, music = torch.randn(1, 6, 4, dtype=torch.float64), torch.randn(1, 6, 4, dtype=torch.float64)
    result = follow(sampler, schedule.linear(steps, 3.0), noise, KnownField(lambda _x, _t: noise - music))
    assert torch.allclose(result, music, atol=1e-12)


def test_heun_and_ab3_have_second_order_and_euler_first() -> None:
    """dx/dt = x: from 1 at t = 1 to 1/e at t = 0."""

    def error(sampler: str, steps: int) -> float:
        result = follow(
            sampler, schedule.linear(steps), torch.ones(1, 1, 1, dtype=torch.float64), KnownField(lambda x, _t: x)
        )
        return abs(float(result) - math.exp(-1))

    assert error("euler", 40) / error("euler", 80) == pytest.approx(2, abs=0.1)
    assert error("heun", 40) / error("heun", 80) == pytest.approx(4, abs=0.2)
    # its first and last steps are Euler's, which leaves the second order of the whole
    assert error("ab3", 40) / error("ab3", 80) == pytest.approx(4, abs=0.3)
    assert error("ab3", 40) < error("euler", 40) / 10


@pytest.mark.parametrize("shift", ["1.0", "3.0"])
def test_ab3_takes_the_steps_of_its_reference(shift: str) -> None:
    """See tests/golden/README.md. The reference's loop, unlike these figures, ends with a step of Euler, as ours does."""
    levels, given, expected = (
        numbers()[f"ab3/shift{shift}/{name}"] for name in ("timesteps", "velocity", "x_after_step")
    )
    velocities = iter(given)
    steps = [STEPS["ab3"]] * len(given)
    field = KnownField(lambda _x, _t: next(velocities))
    states = loop.denoise(numbers()["ab3/x0"], levels.tolist(), steps, [field] * len(given), lambda x, _t: x)
    for state, theirs in zip(states, expected, strict=True):
        assert torch.allclose(state, theirs, atol=1e-6)


def test_ab3_asks_for_one_velocity_a_step_and_starts_again_with_another_field() -> None:
    levels, calls = schedule.linear(5), []

    def velocity(x: Tensor, t: float) -> Tensor:
        calls.append(t)
        return torch.full_like(x, t)

    one, other = KnownField(velocity), KnownField(velocity)
    states = [
        float(x)
        for x in loop.denoise(
            torch.zeros(1, 1, 1), levels, [STEPS["ab3"]] * 5, [one, one, other, other, other], lambda x, _t: x
        )
    ]
    assert calls == levels[:-1]
    lengths = [-0.2 * each for each in (1.0, 1.5 * 0.8 - 0.5, 0.6, 1.5 * 0.4 - 0.5 * 0.6,
                                        23 / 12 * 0.2 - 16 / 12 * 0.4 + 5 / 12 * 0.6)]  # fmt: skip
    assert states == pytest.approx(list(accumulate(lengths)), abs=1e-6)


def test_the_known_flow_leads_where_it_must() -> None:
    """One component: x is m + s·noise in the end. Two: the velocity by a sum over a grid of data."""
    one = make_mixture().only([3])
    noise = torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    exact = one.means + one.deviations * noise
    assert torch.allclose(solve(one.velocity, noise, schedule.linear(400)), exact, atol=1e-7)
    two = Mixture(
        *(torch.tensor(each, dtype=torch.float64) for each in ([[-1.0], [0.5]], [[0.3], [0.6]], [0.25, 0.75]))
    )
    data = torch.linspace(-6, 6, 20_001, dtype=torch.float64)
    density = sum(
        weight * torch.exp(-((data - mean) / deviation).square() / 2) / deviation
        for mean, deviation, weight in ((-1.0, 0.3, 0.25), (0.5, 0.6, 0.75))
    )
    for t, x in ((0.9, 0.4), (0.5, -0.7), (0.1, 1.1)):
        drawn = (x - (1 - t) * data) / t
        share = density * torch.exp(-drawn.square() / 2)
        expected = float((share * (drawn - data)).sum() / share.sum())
        assert float(two.velocity(torch.full((1, 1, 1), x, dtype=torch.float64), t)) == pytest.approx(
            expected, abs=1e-6
        )


@pytest.mark.parametrize(("shift", "steps"), [(1.0, 30), (3.0, 40)])
@pytest.mark.parametrize("strength", [1.0, 7.0])
def test_ab3_needs_fewer_velocities_than_euler_with_50_on_a_known_flow(
    shift: float, steps: int, strength: float
) -> None:
    velocity = make_mixture().guide([0, 1], strength)
    noise = torch.randn(1, 64, 16, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    exact = solve(velocity, noise, schedule.linear(200, shift))

    def errors(sampler: str, count: int) -> Tensor:
        ends = follow(sampler, schedule.linear(count, shift), noise, KnownField(velocity))
        return (ends - exact).square().mean(-1).sqrt()

    assert errors("ab3", steps).median() < errors("euler", 50).median()
    assert errors("ab3", steps).max() < 0.1, "a frame ends elsewhere"
    assert errors("ab3", steps).median() < errors("heun", steps // 2).median()


def test_sde_does_not_depend_on_the_start() -> None:
    music = torch.randn(1, 6, 4)
    for start in (torch.zeros(1, 6, 4), torch.full((1, 6, 4), 9.0)):
        result = follow("sde", schedule.linear(4), start, KnownField(lambda x, t: (x - music) / t))
        assert torch.allclose(result, music, atol=1e-5)


def test_turbo_models_end_with_an_euler_step() -> None:
    assert make_steps("heun", 3, is_turbo=True) == [STEPS["heun"], STEPS["heun"], STEPS["euler"]]
    assert make_steps("heun", 2) == [STEPS["heun"]] * 2
    assert make_steps("ab3", 2) == [STEPS["ab3"], STEPS["euler"]]


def test_the_smoother_clamps_and_averages_velocities() -> None:
    x, velocity = torch.ones(2, 3, 4), torch.stack([torch.full((3, 4), 8.0), torch.full((3, 4), 0.5)])
    clamped = VelocitySmoother(clamp=2.0)(velocity, x)
    assert torch.allclose(clamped[0], torch.full((3, 4), 2.0))
    assert torch.allclose(clamped[1], velocity[1])
    smoother = VelocitySmoother(ema=0.25)
    assert torch.equal(smoother(velocity, x), velocity)
    assert torch.allclose(smoother(torch.zeros_like(velocity), x), 0.25 * velocity)


def test_after_a_correction_the_average_uses_the_mean_velocity() -> None:
    x, smoother = torch.ones(1, 1, 1), VelocitySmoother(ema=0.25)
    predicted, corrected = smoother(8 * x, x), smoother.corrector_velocity(4 * x, x)
    assert (float(predicted), float(corrected)) == (8.0, 0.75 * 4 + 0.25 * 8)
    assert float(smoother(0 * x, x)) == 0.25 * (8 + 5) / 2


def test_noise_depends_only_on_its_seed() -> None:
    together, alone = loop.draw_noise([7, 8, 7], 5, 4), loop.draw_noise([8], 5, 4)
    assert torch.equal(together[1:2], alone)
    assert torch.equal(together[0], together[2])
    assert not torch.equal(together[0], together[1])


@pytest.mark.parametrize(("strength", "first"), [(0.0, 1.0), (0.3, 0.75), (0.5, 0.5), (0.99, 0.25)])
def test_start_from_begins_at_the_nearest_level(strength: float, first: float) -> None:
    levels, noise, clean = schedule.linear(4), torch.full((1, 2, 2), 10.0), torch.zeros(1, 2, 2)
    rest, x = loop.start_from(levels, noise, clean, strength)
    assert rest == levels[levels.index(first) :]
    assert torch.equal(x, torch.full_like(x, 10 * first))


def test_injection_restores_the_surroundings_for_a_share_of_the_steps() -> None:
    span_mask = torch.tensor([False, True, False]).reshape(1, 3, 1)
    injection = loop.Injection(torch.zeros(1, 3, 2), torch.ones(1, 3, 2), span_mask, loop.injection_steps(0.5, 4))
    x = torch.full((1, 3, 2), 7.0)
    assert injection(x, 1, 0.25)[0, :, 0].tolist() == [0.25, 7.0, 0.25]
    assert injection(x, 2, 0.25) is x


@pytest.mark.parametrize(("ratio", "base", "turbo"), [(0.0, 0, 0), (0.3, 2, 2), (0.5, 4, 4), (0.9, 7, 7), (1.0, 8, 7)])
def test_the_last_step_of_a_turbo_model_is_not_followed_by_an_injection(ratio: float, base: int, turbo: int) -> None:
    assert loop.injection_steps(ratio, 8) == base
    assert loop.injection_steps(ratio, 8, is_turbo=True) == turbo


@given(st.integers(1, 60), st.floats(0.1, 10))
def test_stochastic_steps_of_base_models_lead_to_levels_without_shift(steps: int, shift: float) -> None:
    ends = schedule.sde_levels(schedule.linear(steps, shift), shift)
    assert ends == pytest.approx([1 - (step + 1) / steps for step in range(steps)], abs=1e-5)
    assert ends[-1] == 0


def test_steps_end_at_the_levels_that_the_loop_is_given() -> None:
    """Noise of 1 is added to music of 0: after each step the latents are the level that it ended at."""
    music = torch.zeros(1, 6, 4)
    field = KnownField(lambda x, t: (x - music) / t)
    states = loop.denoise(torch.ones(1, 6, 4), [1.0, 0.9, 0.6, 0.0], make_steps("sde", 3), [field] * 3,
                          lambda x, _t: torch.ones_like(x), ends=[0.7, 0.3, 0.0])  # fmt: skip
    assert [float(x[0, 0, 0]) for x in states] == pytest.approx([0.7, 0.3, 0.0])


@settings(deadline=None)
@given(st.integers(0, 11), st.integers(1, 12), st.integers(0, 30))
def test_crossfade_blends_outside_the_span_only(first: int, length: int, frames: int) -> None:
    stop = min(12, first + length)
    generated, clean = torch.ones(1, 12, 2), torch.zeros(1, 12, 2)
    weights = loop.crossfade(generated, clean, (first, stop), frames)[0, :, 0]
    assert (weights[first:stop] == 1).all()
    assert (weights[: max(0, first - frames)] == 0).all()
    assert (weights[stop + frames :] == 0).all()
    assert (weights[:first].diff() >= 0).all()
    assert (weights[stop:].diff() <= 0).all()
    if before := min(frames, first):
        assert weights[first - 1] == pytest.approx(before / (before + 1))
    if after := min(frames, 12 - stop):
        assert weights[stop] == pytest.approx(after / (after + 1))
