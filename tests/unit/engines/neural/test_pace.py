"""The rest of a generation is known within 25 % from the second step on, whatever the speeds of transformer and VAE."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

from acestep_runtime.engines.base import Progress
from acestep_runtime.engines.neural.model import _decode_speed
from acestep_runtime.engines.neural.pace import DecodeSpeed, Pace

STEPS, FRAMES, TILE = 8, 750, 32
STEP_OPERATIONS, FRAME_OPERATIONS = 1.2e12, 3.6e11


class Clock:
    """Time that passes only when a part takes it."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def generate(speed: DecodeSpeed, step_s: float, frame_s: float, outputs: int = 1) -> list[tuple[Progress, float]]:
    """Progress with the time at which it came, the last one at the end."""
    clock = Clock()
    pace, seen = Pace(outputs, FRAMES, STEP_OPERATIONS, speed, 0.02, clock), list[tuple[Progress, float]]()
    for output in range(outputs):
        pace.begin(output)
        for step in range(1, STEPS + 1):
            clock.now_s += step_s + (5 * step_s if step == 1 else 0)  # the words are encoded first
            seen.append((pace.finish_step(f"step {step} of {STEPS}", step, STEPS), clock.now_s))
        clock.now_s += 3 * step_s
        pace.skip()
        for done in range(TILE, FRAMES + TILE, TILE):
            done = min(done, FRAMES)
            clock.now_s += frame_s * (done if done == TILE else TILE if done < FRAMES else FRAMES % TILE or TILE)
            seen.append((pace.finish_tile("decoding", done, STEPS), clock.now_s))
    return seen


def left_s(progress: Progress) -> float:
    assert progress.whole_s is not None
    return (1 - progress.fraction) * progress.whole_s


@pytest.mark.parametrize("step_s", [0.5, 20.0])
@pytest.mark.parametrize("slower", [0.8, 1.0, 1.25])
def test_the_rest_is_known_from_the_second_step_on(step_s: float, slower: float) -> None:
    speed = DecodeSpeed(FRAME_OPERATIONS / 25, 1.0)
    frame_s = slower * speed.frame_operations * step_s / STEP_OPERATIONS
    seen = generate(speed, step_s, frame_s)
    assert seen[0][0].whole_s is None  # nobody can know
    truth = [FRAMES * frame_s + (STEPS - step) * step_s for step in range(2, STEPS + 1)]
    for (progress, _), rest_s in zip(seen[1:STEPS], truth, strict=True):
        assert left_s(progress) == pytest.approx(rest_s, rel=0.25)
    end_s = seen[-1][1]
    for progress, now_s in seen[STEPS:-1]:
        assert left_s(progress) == pytest.approx(end_s - now_s, rel=0.25)
    fractions = [progress.fraction for progress, _ in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)


def test_the_speed_of_the_vae_is_measured_and_kept() -> None:
    speed = DecodeSpeed(FRAME_OPERATIONS / 25, 1.0)
    frame_s = 7 * speed.frame_operations * 0.5 / STEP_OPERATIONS  # far from what operations tell
    generate(speed, 0.5, frame_s)
    assert speed.slowness == pytest.approx(7)
    progress, _ = generate(speed, 0.5, frame_s)[1]
    assert left_s(progress) == pytest.approx(FRAMES * frame_s + 6 * 0.5, rel=0.01)


def test_a_machine_that_is_busier_now_slows_all() -> None:
    speed = DecodeSpeed(FRAME_OPERATIONS / 25, 1.0)
    generate(speed, 0.5, 0.02)
    progress, _ = generate(speed, 3 * 0.5, 3 * 0.02)[1]
    assert left_s(progress) == pytest.approx(3 * (FRAMES * 0.02 + 6 * 0.5), rel=0.01)


def test_one_output_beside_other_programs_does_not_mislead_the_next() -> None:
    speed = DecodeSpeed(FRAME_OPERATIONS / 25, 1.0)
    for busier in (1, 1, 4, 1):
        generate(speed, 0.5, busier * 0.02)
    progress, _ = generate(speed, 0.5, 0.02)[1]
    assert left_s(progress) == pytest.approx(FRAMES * 0.02 + 6 * 0.5, rel=0.01)


def test_the_rest_is_known_again_soon_after_other_programs_end() -> None:
    speed = DecodeSpeed(FRAME_OPERATIONS / 25, 1.0)
    clock = Clock()
    pace = Pace(1, FRAMES, STEP_OPERATIONS, speed, 0.02, clock)
    pace.begin(0)
    for step in range(1, STEPS + 1):
        clock.now_s += 0.5
        pace.finish_step("", step, STEPS)
    for tile in range(1, 19):
        clock.now_s += TILE * (0.08 if tile <= 10 else 0.02)
        progress = pace.finish_tile("", tile * TILE, STEPS)
    assert left_s(progress) == pytest.approx((FRAMES - 18 * TILE) * 0.02, rel=0.01)


def test_a_model_that_is_loaded_again_knows_the_speed_of_its_vae() -> None:
    speed = _decode_speed(FRAME_OPERATIONS / 25, 7.5, "cpu")
    generate(speed, 0.5, 0.2)
    assert _decode_speed(FRAME_OPERATIONS / 25, 7.5, "cpu") is speed
    assert _decode_speed(FRAME_OPERATIONS / 25, 7.5, "cuda:0").slowness == 7.5


def test_other_outputs_count() -> None:
    speed = DecodeSpeed(FRAME_OPERATIONS / 25, 1.0)
    speed.measure(0.1, 2.0 / STEP_OPERATIONS)
    progress, _ = generate(speed, 2.0, 0.1, outputs=3)[1]
    assert left_s(progress) == pytest.approx(6 * 2 + 75 + 2 * (16 + 75), rel=0.01)
