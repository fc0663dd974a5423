"""Weights in int8: their size, their error, and adapters and offload with them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from torch import Tensor, nn

from acestep_runtime.dit.velocity import VelocityModel
from acestep_runtime.errors import EngineFailure, InvalidValue
from acestep_runtime.installation import install_remedy
from acestep_runtime.memory import heap, int8
from acestep_runtime.memory.policy import ComputeConfig, Offload, choose_offload, memory_requirement_gib
from acestep_runtime.memory.stage import ModulePlacement
from acestep_runtime.weights.load import Models, build_on_meta, load
from acestep_runtime.weights.lora import add_adapter, remove_adapter
from acestep_runtime.weights.selection import select_checkpoint
from tests.support.model_parts import CLASSES
from tests.support.tiny_models import tiny_checkpoint

WIDE = {
    "hidden_size": 256, "intermediate_size": 768, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 64,
    "rope_theta": 1e6, "sliding_window": 16, "num_hidden_layers": 4, "in_channels": 24, "audio_acoustic_hidden_dim": 8,
}  # fmt: skip


def noise(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def wide_dit() -> Any:
    """A transformer an eighth as wide as the released one, with random weights that all affect the output."""
    dit = build_on_meta("dit", CLASSES["dit"], WIDE)
    state = {}
    for i, (name, value) in enumerate(dit.state_dict().items()):
        drawn = noise(*value.shape, seed=i)
        if name.endswith("scale_shift_table"):
            state[name] = 0.5 * drawn
        elif value.ndim > 1:
            state[name] = drawn / value[0].numel() ** 0.5
        else:
            state[name] = 0.1 * drawn + ("norm" in name)
    dit.load_state_dict(state, assign=True)
    return dit.requires_grad_(False).eval()


def linears(module: Any) -> dict[str, nn.Linear]:
    return {name: child for name, child in module.named_modules() if isinstance(child, nn.Linear)}


def repeating_linears(module: Any) -> list[nn.Linear]:
    return [linear for name, linear in linears(module).items() if "layers" in name.split(".")]


def size(tensor: Any) -> int:
    """Bytes of a tensor, including the inner tensors of torchao's."""
    if hasattr(tensor, "__tensor_flatten__"):
        return sum(size(getattr(tensor, name)) for name in tensor.__tensor_flatten__()[0])
    return int(tensor.nbytes)


def velocity(dit: Any) -> Tensor:
    of = VelocityModel(dit)
    with torch.inference_mode():
        keys = of.project_condition(noise(1, 9, WIDE["hidden_size"], seed=90))  # type: ignore[arg-type]
        return of(noise(1, 50, 8, seed=91), torch.tensor([0.7]), noise(1, 50, 16, seed=92), keys)


def relative(output: Tensor, expected: Tensor) -> float:
    return float((output - expected).norm() / expected.norm())


@pytest.fixture
def models(tmp_path: Path) -> Models:
    tiny_checkpoint(tmp_path)
    return load(select_checkpoint(tmp_path, "", needs_base=False), torch.float32)


def test_repeating_layers_shrink_to_a_quarter_and_others_stay() -> None:
    dit = wide_dit()
    before = sum(size(linear.weight) for linear in repeating_linears(dit))
    others = {name: value.clone() for name, value in dit.state_dict().items() if not name.startswith("layers")}
    share = before / sum(size(value) for value in dit.parameters())
    int8.quantize_linears(dit)
    after = sum(size(linear.weight) for linear in repeating_linears(dit))
    assert 0.25 < after / before < 0.26
    assert sum(size(value) for value in dit.parameters()) < (0.26 * share + 1 - share) * 4 * sum(
        value.numel() for value in dit.parameters()
    )
    assert all(torch.equal(dit.state_dict()[name], value) for name, value in others.items())


def test_weights_are_rounded_to_nearest_per_row() -> None:
    linear = nn.Sequential(nn.ModuleDict({"layers": nn.Linear(96, 40)})).requires_grad_(False)
    child: Any = linear[0]["layers"]  # type: ignore[index]
    true, bias = child.weight.detach().clone() * torch.logspace(-3, 3, 40)[:, None], child.bias.detach()
    child.weight.copy_(true)
    int8.quantize_linears(linear)
    near = child.weight.dequantize()
    assert ((near - true).abs().amax(1) <= true.abs().amax(1) / 254).all()
    x = noise(3, 5, 96, seed=1)
    assert torch.allclose(child(x), x @ near.T + bias, rtol=1e-5, atol=1e-3)


def test_velocities_in_int8_are_close() -> None:
    dit = wide_dit()
    true = velocity(dit)
    int8.quantize_linears(dit)
    assert true.std() > 0.01
    assert 0 < relative(velocity(dit), true) < 0.02


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_activations_stay_in_half_precision(dtype: torch.dtype) -> None:
    dit = wide_dit().to(dtype)
    true = velocity(dit).float()
    int8.quantize_linears(dit)
    assert VelocityModel(dit).dtype == dtype
    assert relative(velocity(dit).float(), true) < 0.03


def test_only_repeating_layers_of_each_part_are_quantized(models: Models) -> None:
    from torchao.utils import TorchAOBaseTensor

    for name in int8.PARTS:
        part = getattr(models, name)
        int8.quantize_linears(part)
        of_int8 = [isinstance(linear.weight, TorchAOBaseTensor) for linear in repeating_linears(part)]
        assert of_int8
        assert all(of_int8)
        assert sum(of_int8) == sum(isinstance(p, TorchAOBaseTensor) for p in part.parameters())
    assert not any(isinstance(p, TorchAOBaseTensor) for p in models.vae.parameters())


def test_int8_weights_move_with_their_module() -> None:
    dit, elsewhere = wide_dit(), torch.device("meta")
    int8.quantize_linears(dit)
    weight = dit.layers[1].mlp.up_proj.weight
    kept = weight.dequantize()
    ModulePlacement({"dit": dit}, ComputeConfig(torch.device("cpu"), torch.float32, Offload.ONE_AT_A_TIME))
    assert torch.equal(dit.layers[1].mlp.up_proj.weight.dequantize(), kept)
    stage = ModulePlacement({"dit": dit}, ComputeConfig(elsewhere, torch.float32, Offload.LAYERS))
    assert torch.equal(dit.layers[1].mlp.up_proj.weight.dequantize(), kept)
    dit.layers[0].to(stage.config.device)
    moved = dit.layers[0].mlp.up_proj.weight
    assert {tensor.device for tensor in (moved, moved.qdata, moved.scale)} == {elsewhere}


def test_adapters_on_int8_weights_can_be_added_and_removed(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    dit, name = wide_dit(), "layers.2.mlp.up_proj"
    a, b = noise(4, 256, seed=5), 0.1 * noise(768, 4, seed=6)
    save_file({f"{name}.lora_A.weight": a, f"{name}.lora_B.weight": b}, tmp_path / "a.safetensors")
    plain = dit.get_submodule(name).weight.detach().clone()
    dit.get_submodule(name).weight += 0.5 * b @ a
    merged = velocity(dit)
    dit.get_submodule(name).weight.copy_(plain)
    whole = velocity(dit)
    int8.quantize_linears(dit)
    bare = velocity(dit)
    add_adapter(dit, tmp_path / "a.safetensors", "warm", scale=0.5)
    assert relative(merged, whole) > 0.1
    assert relative(velocity(dit), merged) < 0.02
    remove_adapter(dit, "warm")
    assert torch.equal(velocity(dit), bare)


def test_without_torchao_the_error_names_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchao.quantization", None)
    with pytest.raises(EngineFailure, match=re.escape(f"torchao is not installed. {install_remedy('neural-gpu')}")):
        int8.quantize_linears(nn.Linear(2, 2))


@pytest.mark.parametrize(
    ("word", "says"), [("", False), ("0", False), ("False", False), ("off", False), ("1", True), (" TRUE ", True)]
)
def test_the_environment_variable_enables_int8(monkeypatch: pytest.MonkeyPatch, word: str, says: bool) -> None:
    monkeypatch.delenv(int8.VARIABLE, raising=False)
    assert not int8.is_enabled()
    monkeypatch.setenv(int8.VARIABLE, word)
    assert int8.is_enabled() is says


def test_invalid_values_of_the_variable_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(int8.VARIABLE, "maybe")
    with pytest.raises(InvalidValue, match=r"ACEBRIDGE_INT8_WEIGHTS is 'maybe'; allowed: true or false"):
        int8.is_enabled()


# ---- the table of memory ----


def module_sizes() -> Iterator[tuple[str, dict[Offload, list[tuple[str, dict[str, Any]]]]]]:
    """The parts of the released sizes that are on the device at each level, and their settings."""
    common = {"head_dim": 128, "num_key_value_heads": 8, "sliding_window": 128}
    usual = {"hidden_size": 2048, "intermediate_size": 6144, "num_attention_heads": 16, **common}
    wider = {"hidden_size": 2560, "intermediate_size": 9728, "num_attention_heads": 32, **common}
    text = {
        "hidden_size": 1024, "intermediate_size": 3072, "num_attention_heads": 16, "num_hidden_layers": 28,
        "vocab_size": 1000, **common,
    }  # fmt: skip
    for name, widths, layers in (("2B", usual, 24), ("XL", wider, 32)):
        dit = "dit", {**widths, "num_hidden_layers": layers, "encoder_hidden_size": 2048}
        encoder = "encoder", {**usual, "text_hidden_dim": 1024}
        yield (
            name,
            {
                Offload.NONE: [dit, encoder, ("text_encoder", text)],
                Offload.IDLE: [dit, encoder],
                Offload.ONE_AT_A_TIME: [dit],
                Offload.LAYERS: [],
            },
        )


def test_the_table_of_int8_savings_matches_released_models() -> None:
    for name, levels in module_sizes():
        for level, parts in levels.items():
            weights = (
                sum(
                    linear.weight.numel()
                    for part, config in parts
                    for linear in repeating_linears(build_on_meta(part, CLASSES[part], config))
                )
                / 2**30
            )
            for dtype, others in ((torch.bfloat16, 1), (torch.float32, 3)):
                spared = memory_requirement_gib(name, level, dtype) - memory_requirement_gib(
                    name, level, dtype, int8=True
                )
                assert spared == pytest.approx(others * weights, abs=0.02)
                assert memory_requirement_gib(name, level, dtype, int8=True) >= 0


@pytest.mark.parametrize("size", ["2B", "XL"])
def test_int8_never_needs_more_offload(size: str) -> None:
    frees = [0.0, 2.0, 3.5, 4.0, 4.5, 6.0, 7.9, 9.0, 10.0, 12.0, 13.9, 24.0]
    for dtype in (torch.bfloat16, torch.float32):
        pairs = [(choose_offload(size, free, dtype, int8=True), choose_offload(size, free, dtype)) for free in frees]
        assert all(small <= whole for small, whole in pairs)
        assert any(small < whole for small, whole in pairs)
    assert choose_offload(size, None, int8=True) is Offload.NONE
    needed = [memory_requirement_gib(size, level, int8=True) for level in Offload]
    assert needed == sorted(needed, reverse=True)


def test_memory_is_given_back_while_layers_are_quantised(monkeypatch: pytest.MonkeyPatch) -> None:
    returned: list[int] = []
    module = nn.ModuleDict({"layers": nn.ModuleList(nn.Linear(8, 8) for _ in range(5))})

    def count() -> None:
        returned.append(sum(type(each.weight) is not nn.Parameter for each in linears(module).values()))

    monkeypatch.setattr(heap, "return_free_heap", count)
    monkeypatch.setattr(int8, "_LAYERS_A_RETURN", 2)
    int8.quantize_linears(module)
    assert returned == [2, 4, 5]


@pytest.mark.skipif(sys.platform != "linux", reason="nothing is given back elsewhere")
def test_the_heap_can_be_given_back() -> None:
    heap.return_free_heap()
