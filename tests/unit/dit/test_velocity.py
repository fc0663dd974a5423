"""The forward pass equals that of diffusers and the numbers of the reference."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from diffusers import AceStepTransformer1DModel
from peft import LoraConfig
from torch import Tensor

from acestep_runtime.dit.velocity import VelocityModel
from tests.support.golden_cases import condition, difference, golden_input, numbers, parts

TINY = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 4, "num_attention_heads": 8,
    "num_key_value_heads": 2, "head_dim": 4, "in_channels": 24, "audio_acoustic_hidden_dim": 8, "sliding_window": 6,
}  # fmt: skip


def _model(seed: int = 1, **more: object) -> AceStepTransformer1DModel:
    torch.manual_seed(seed)
    return AceStepTransformer1DModel(**{**TINY, **more}).eval()


def _random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@torch.inference_mode()
def _diffusers_velocity(
    dit: AceStepTransformer1DModel, x: Tensor, t: Tensor, context: Tensor, hidden: Tensor
) -> Tensor:
    velocities: Tensor = dit(x, t, t, hidden, context, return_dict=False)[0]
    return velocities


@pytest.mark.parametrize("frames", [1, 2, 39, 40, 131])
@pytest.mark.parametrize("more", [{}, {"encoder_hidden_size": 20}, {"hidden_size": 40}])
def test_velocity_equals_the_forward_pass_of_diffusers(frames: int, more: dict[str, int]) -> None:
    dit = _model(**more)
    width = more.get("encoder_hidden_size", dit.config.hidden_size)
    x, context, hidden = _random(2, frames, 8), _random(2, frames, 16, seed=1), _random(2, 7, width, seed=2)
    t, null = torch.tensor([0.9, 0.3]), _random(1, 1, width, seed=3)
    velocity = VelocityModel(dit)
    with torch.inference_mode():
        keys = velocity.project_condition(hidden)
        alone = velocity(x, t, context, keys)
        both = velocity(x, t, context, keys, velocity.project_null(null))
    expected = _diffusers_velocity(dit, x, t, context, hidden)
    assert difference(alone, expected) <= 1e-5
    assert difference(both[:2], expected) <= 1e-5
    assert difference(both[2:], _diffusers_velocity(dit, x, t, context, null.expand_as(hidden))) <= 1e-5


MID = {"hidden_size": 256, "intermediate_size": 512, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 32,
       "in_channels": 192, "audio_acoustic_hidden_dim": 64, "sliding_window": 32}  # fmt: skip


@pytest.mark.parametrize("frames", [151, 777])
def test_velocity_equals_the_forward_pass_of_diffusers_at_medium_size(frames: int) -> None:
    """The longer length uses attention in blocks."""
    dit = _model(**MID)
    x, context, hidden = _random(2, frames, 64), _random(2, frames, 128, seed=1), _random(2, 40, 256, seed=2)
    t, null = torch.tensor([0.7, 0.7]), _random(1, 1, 256, seed=3)
    velocity = VelocityModel(dit)
    with torch.inference_mode():
        both = velocity(x, t, context, velocity.project_condition(hidden), velocity.project_null(null))
    assert difference(both[:2], _diffusers_velocity(dit, x, t, context, hidden)) <= 1e-5
    assert difference(both[2:], _diffusers_velocity(dit, x, t, context, null.expand_as(hidden))) <= 1e-5


@pytest.mark.parametrize(("dtype", "digits"), [(torch.bfloat16, 8), (torch.float16, 11)])
@pytest.mark.parametrize("frames", [39, 131])
def test_velocity_has_the_dtype_of_the_transformer(frames: int, dtype: torch.dtype, digits: int) -> None:
    dit = _model().to(dtype)
    x, context, hidden, t = _random(1, frames, 8), _random(1, frames, 16), _random(1, 7, 32), torch.tensor([0.5])
    velocity = VelocityModel(dit)
    with torch.inference_mode():
        velocities = velocity(x, t, context, velocity.project_condition(hidden))
    theirs = _diffusers_velocity(dit, *(each.to(dtype) for each in (x, t, context, hidden)))
    assert velocities.dtype is dtype
    assert difference(velocities.float(), theirs.float()) <= 8 * 2.0**-digits * float(theirs.abs().max())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_every_linear_layer_gets_contiguous_states(dtype: torch.dtype) -> None:
    dit, found = _model().to(dtype), list[bool]()
    for block in dit.layers:
        for name, child in block.named_modules():
            if isinstance(child, torch.nn.Linear) and "to_out" not in name:
                child.register_forward_pre_hook(lambda _, inputs: found.append(inputs[0].is_contiguous()))
    x, context, hidden, t = _random(1, 39, 8), _random(1, 39, 16), _random(1, 7, 32), torch.tensor([0.5])
    velocity = VelocityModel(dit)
    with torch.inference_mode():
        velocity(x, t, context, velocity.project_condition(hidden))
    assert found
    assert all(found)


@pytest.mark.parametrize("t", [0.7, 0.3, 0.123])
@torch.inference_mode()
def test_levels_in_bfloat16_keep_the_phase_of_their_sinusoids(t: float) -> None:
    dit = _model()
    exact = VelocityModel(dit)._embed_levels(torch.tensor([t]))
    rounded = VelocityModel(_model().to(torch.bfloat16))._embed_levels(torch.tensor([t]))
    for one, other in zip(rounded, exact, strict=True):
        assert float((one.float() - other).norm() / other.norm()) < 0.02


def test_adapters_affect_every_wrapped_layer() -> None:
    dit = _model()
    x, context, hidden, t = _random(1, 39, 8), _random(1, 39, 16), _random(1, 7, 32), torch.tensor([0.5])
    without_adapter = _diffusers_velocity(dit, x, t, context, hidden)
    names = ["to_q", "to_k", "to_v", "to_out.0", "gate_proj", "up_proj", "down_proj", "condition_embedder", "time_proj"]
    dit.add_adapter(LoraConfig(r=4, target_modules=names, init_lora_weights=False))
    velocity, null = VelocityModel(dit), _random(1, 1, 32, seed=3)
    with torch.inference_mode():
        both = velocity(x, t, context, velocity.project_condition(hidden), velocity.project_null(null))
    expected = _diffusers_velocity(dit, x, t, context, hidden)
    assert difference(expected, without_adapter) > 0.1
    assert difference(both[:1], expected) <= 1e-5
    assert difference(both[1:], _diffusers_velocity(dit, x, t, context, null.expand_as(hidden))) <= 1e-5


def test_adapter_changes_take_effect_at_the_next_condition() -> None:
    dit = _model()
    velocity = VelocityModel(dit)
    x, context, hidden, t = _random(1, 20, 8), _random(1, 20, 16), _random(1, 7, 32), torch.tensor([0.5])
    dit.add_adapter(LoraConfig(r=4, target_modules=["to_k", "time_proj"], init_lora_weights=False))
    for toggle in (dit.disable_adapters, dit.enable_adapters):
        toggle()
        with torch.inference_mode():
            velocities = velocity(x, t, context, velocity.project_condition(hidden))
        assert difference(velocities, _diffusers_velocity(dit, x, t, context, hidden)) <= 1e-5


def test_each_noise_level_is_embedded_once_per_run() -> None:
    dit, calls = _model(), []
    dit.time_embed.linear_1.register_forward_hook(lambda *_: calls.append(1))
    velocity = VelocityModel(dit)
    with torch.inference_mode():
        keys = velocity.project_condition(_random(1, 5, 32))
        for level in (0.9, 0.5, 0.9, 0.5):
            velocity(_random(1, 8, 8), torch.tensor([level]), _random(1, 8, 16), keys)
    assert len(calls) == 2


def test_keys_and_values_are_computed_once_for_all_steps() -> None:
    dit, calls = _model(), []
    for block in dit.layers:
        block.cross_attn.to_k.register_forward_hook(lambda *_: calls.append(1))
    velocity = VelocityModel(dit)
    with torch.inference_mode():
        keys, null = velocity.project_condition(_random(1, 5, 32)), velocity.project_null(_random(1, 1, 32))
        for level in (0.9, 0.5):
            velocity(_random(1, 8, 8), torch.tensor([level]), _random(1, 8, 16), keys, null)
    assert len(calls) == len(dit.layers)


def test_a_batch_shares_a_condition_of_one_item() -> None:
    dit, t = _model(), torch.tensor([0.5, 0.5, 0.5])
    x, context, hidden = _random(3, 20, 8), _random(3, 20, 16, seed=1), _random(1, 7, 32, seed=2)
    velocity = VelocityModel(dit)
    with torch.inference_mode():
        velocities = velocity(x, t, context, velocity.project_condition(hidden))
    assert difference(velocities, _diffusers_velocity(dit, x, t, context, hidden.expand(3, -1, -1))) <= 1e-5


def test_tables_follow_the_length() -> None:
    dit = _model()
    velocity, hidden = VelocityModel(dit), _random(1, 5, 32)
    with torch.inference_mode():
        keys = velocity.project_condition(hidden)
        for frames in (30, 12, 30):
            x, context, t = _random(1, frames, 8), _random(1, frames, 16), torch.tensor([0.2])
            assert difference(velocity(x, t, context, keys), _diffusers_velocity(dit, x, t, context, hidden)) <= 1e-5


def test_every_block_runs_inside_its_layer_context() -> None:
    dit, blocks = _model(), []

    @contextmanager
    def layer_context(block: torch.nn.Module):
        blocks.append(list(dit.layers).index(block))
        yield

    velocity = VelocityModel(dit, layer_context)
    with torch.inference_mode():
        keys = velocity.project_condition(_random(1, 5, 32))
        velocity(_random(1, 8, 8), torch.tensor([1.0]), _random(1, 8, 16), keys)
    assert blocks == [0, 1, 2, 3] * 2


@pytest.mark.parametrize("kind", ["base", "turbo"])
def test_velocity_and_attention_are_those_of_the_reference(kind: str) -> None:
    velocity, source = VelocityModel(parts(kind).dit), golden_input(kind, "src_latents")
    context = torch.cat((source, torch.ones_like(source)), -1)
    noise, t, hidden = golden_input(kind, "noise"), numbers(kind)["decoder/timestep"], condition(kind)
    with torch.inference_mode():
        velocities = velocity(noise, t, context, velocity.project_condition(hidden))
        heads = {layer: range(12) for layer in range(8)}
        attention = dict(velocity.attention_maps(noise, t, context, velocity.project_condition(hidden), heads))
    assert difference(velocities, numbers(kind)["decoder/velocity"]) <= 1e-5
    for (layer, head), weights in attention.items():
        assert difference(weights.T, numbers(kind)[f"cross_attention/layer{layer}"][0, head]) <= 1e-5
    assert len(attention) == 96


def test_attention_maps_stop_after_the_last_requested_layer() -> None:
    dit, blocks = _model(), []

    @contextmanager
    def layer_context(block: torch.nn.Module):
        blocks.append(block)
        yield

    velocity = VelocityModel(dit, layer_context)
    with torch.inference_mode():
        keys = velocity.project_condition(_random(1, 5, 32))
        inputs = _random(1, 8, 8), torch.tensor([0.1]), _random(1, 8, 16), keys, {1: (3,), 0: (0, 5)}
        maps = dict(velocity.attention_maps(*inputs))
        sliced = dict(velocity.attention_maps(*inputs, slice(1, 3)))
    assert set(maps) == {(1, 3), (0, 0), (0, 5)}
    assert blocks[4:] == list(dit.layers[:2]) * 2
    assert all(torch.equal(sliced[each], maps[each][1:3]) for each in maps)
    assert all(weights.shape == (5, 4) and torch.allclose(weights.sum(0), torch.ones(4)) for weights in maps.values())
