"""A graphed transformer predicts the same velocities through runs, lengths and guidance."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from diffusers import AceStepTransformer1DModel
from torch import Tensor

from acestep_runtime.dit.graphs import GraphedVelocityModel, make_velocity_model
from acestep_runtime.dit.velocity import VelocityModel
from acestep_runtime.gpu.settings import VARIABLE
from tests.support.golden_cases import difference
from tests.support.rerun_recorder import RerunRecorder

TINY = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 4, "num_attention_heads": 8,
    "num_key_value_heads": 2, "head_dim": 4, "in_channels": 24, "audio_acoustic_hidden_dim": 8, "sliding_window": 6,
}  # fmt: skip


def _random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _models(*, is_resident: bool = True) -> tuple[VelocityModel, GraphedVelocityModel, RerunRecorder]:
    torch.manual_seed(1)
    dit, recorder = AceStepTransformer1DModel(**TINY).eval(), RerunRecorder()
    plain = VelocityModel(dit)
    return plain, GraphedVelocityModel(dit, plain._layer_context, recorder, lambda: is_resident), recorder


@torch.inference_mode()
def _compare_run(plain: VelocityModel, graphed: VelocityModel, frames: int, seed: int, *, guided: bool) -> None:
    """Compare four steps of a run with a condition of its own."""
    context, hidden = _random(2, frames, 16, seed=seed), _random(1, 7, 32, seed=seed + 1)
    null = _random(1, 1, 32, seed=seed + 2)
    conditions = [
        (model.project_condition(hidden), model.project_null(null) if guided else None) for model in (plain, graphed)
    ]
    for step in range(4):
        x, t = _random(2, frames, 8, seed=seed + 10 + step), torch.full((2,), 1 - step / 4)
        expected, found = (
            model(x, t, context, *condition) for model, condition in zip((plain, graphed), conditions, strict=True)
        )
        assert difference(found, expected) <= 1e-6


@pytest.mark.parametrize("guided", [False, True])
def test_every_step_of_every_run_equals_that_without_graphs(guided: bool) -> None:
    plain, graphed, recorder = _models()
    for seed, frames in ((100, 40), (200, 131), (300, 40), (400, 131), (500, 41)):
        _compare_run(plain, graphed, frames, seed, guided=guided)
    assert recorder.recordings == 3
    assert recorder.replays == 17


def test_steps_outside_the_interval_of_guidance_have_a_graph_of_their_own() -> None:
    plain, graphed, recorder = _models()
    for seed, guided in ((100, True), (200, False), (300, True), (400, False)):
        _compare_run(plain, graphed, 40, seed, guided=guided)
    assert recorder.recordings == 2


def test_after_weights_have_changed_steps_are_recorded_again() -> None:
    plain, graphed, recorder = _models()
    _compare_run(plain, graphed, 40, 100, guided=False)
    with torch.no_grad():
        for parameter in plain.dit.parameters():
            parameter.mul_(1.1)
    for model in (plain, graphed):
        model.forget_weights()
    _compare_run(plain, graphed, 40, 100, guided=False)
    assert recorder.recordings == 2


def test_a_recording_keeps_the_tables_of_its_length() -> None:
    plain, graphed, recorder = _models()
    _compare_run(plain, graphed, 40, 100, guided=False)
    (entry,) = graphed._graphs._entries.values()
    tables = graphed._position_cache[1]
    _compare_run(plain, graphed, 131, 200, guided=False)
    assert entry is not None
    assert entry.keep is tables
    assert graphed._position_cache[1] is not tables
    assert recorder.recordings == 2


def test_a_transformer_that_is_moved_for_use_is_not_recorded() -> None:
    plain, graphed, recorder = _models(is_resident=False)
    _compare_run(plain, graphed, 40, 100, guided=True)
    assert recorder.recordings == 0


def test_there_are_no_graphs_where_there_is_no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "true")
    plain, _, _ = _models()
    model = make_velocity_model(plain.dit, plain._layer_context, torch.device("cpu"), lambda: True)
    assert type(model) is VelocityModel
