"""Adapters against weights merged by hand, in the names of every training program."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import GOLDEN

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from safetensors.torch import save_file

from acestep_runtime.errors import EngineFailure, InvalidValue
from acestep_runtime.weights import lora
from acestep_runtime.weights.layout import find_checkpoints
from acestep_runtime.weights.load import load_dit
from acestep_runtime.weights.lora import active_adapters, add_adapter, remove_adapter, scale_adapter

MODEL = GOLDEN / "acestep-v15-turbo-tiny"
LAYERS = [f"layers.{i}.{attention}.{name}" for i in (0, 3) for attention in ("self_attn", "cross_attn")
          for name in ("to_q", "to_k", "to_v", "to_out.0")] + ["layers.1.mlp.up_proj"]  # fmt: skip


def original(layer: str) -> str:
    return re.sub(r"\.to_([qkv])$", r".\1_proj", layer.replace("to_out.0", "o_proj"))


#: How each program names the matrices of a layer.
NAMES: dict[str, Callable[[str, str], str]] = {
    "peft": lambda layer, ab: f"base_model.model.{original(layer)}.lora_{ab}.weight",
    "peft of the whole model": lambda layer, ab: f"base_model.model.decoder.{original(layer)}.lora_{ab}.default.weight",
    "original": lambda layer, ab: f"decoder.{original(layer)}.lora_{ab}.weight",
    "diffusers": lambda layer, ab: f"transformer.{layer}.lora_{ab}.weight",
    "bare": lambda layer, ab: f"{layer}.lora_{ab}.weight",
    "kohya": lambda layer, ab: f"diffusion_model.{original(layer)}.lora_{'down' if ab == 'A' else 'up'}.weight",
}


@pytest.fixture
def dit() -> Any:
    (checkpoint,) = find_checkpoints(MODEL)
    return load_dit(checkpoint, torch.float32).dit


def noise(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def velocity(dit: Any) -> torch.Tensor:
    t = torch.full((1,), 0.7)
    with torch.inference_mode():
        result: torch.Tensor = dit(
            noise(1, 20, 8, seed=1), t, t, noise(1, 6, 32, seed=2), noise(1, 20, 16, seed=3), return_dict=False
        )[0]
        return result


def matrices(
    dit: Any, seed: int, rank: Callable[[int], int] = lambda _: 4
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Random A and B for some layers; ``rank`` by the number of the layer in the list."""
    weights = {}
    for i, layer in enumerate(LAYERS):
        linear = dit.get_submodule(layer)
        weights[layer] = (
            noise(rank(i), linear.in_features, seed=seed + 2 * i),
            0.3 * noise(linear.out_features, rank(i), seed=seed + 2 * i + 1),
        )
    return weights


def save_adapter(
    path: Path, weights: dict[str, tuple[torch.Tensor, torch.Tensor]], name: Callable[[str, str], str]
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(
        {name(layer, ab): value for layer, pair in weights.items() for ab, value in zip("AB", pair, strict=True)}, path
    )
    return path


def merge_adapters(dit: Any, *adapters: tuple[dict[str, tuple[torch.Tensor, torch.Tensor]], float]) -> torch.Tensor:
    """Return the velocity with scale · BA added to the weights; restore the weights."""
    before = {layer: dit.get_submodule(layer).weight.detach().clone() for layer in LAYERS}
    for weights, scale in adapters:
        for layer, (a, b) in weights.items():
            dit.get_submodule(layer).weight.data += scale * (b @ a)
    try:
        return velocity(dit)
    finally:
        for layer, weight in before.items():
            dit.get_submodule(layer).weight.data.copy_(weight)


@pytest.mark.parametrize("name", NAMES)
def test_an_adapter_equals_merged_weights(dit: Any, tmp_path: Path, name: str) -> None:
    weights, plain = matrices(dit, 100), velocity(dit)
    expected = merge_adapters(dit, (weights, 1.0))
    assert (expected - plain).abs().max() > 0.05
    add_adapter(dit, save_adapter(tmp_path / "adapter_model.safetensors", weights, NAMES[name]), "warm")
    assert (velocity(dit) - expected).abs().max() < 1e-5
    assert active_adapters(dit) == ("warm",)


def test_scale_and_removal(dit: Any, tmp_path: Path) -> None:
    weights, plain = matrices(dit, 100), velocity(dit)
    half = merge_adapters(dit, (weights, 0.5))
    add_adapter(dit, save_adapter(tmp_path / "a.safetensors", weights, NAMES["bare"]), "warm", scale=0.5)
    assert (velocity(dit) - half).abs().max() < 1e-5
    scale_adapter(dit, "warm", 0.0)
    assert torch.equal(velocity(dit), plain)
    scale_adapter(dit, "warm", 0.5)
    assert (velocity(dit) - half).abs().max() < 1e-5
    remove_adapter(dit, "warm")
    assert torch.equal(velocity(dit), plain)
    assert active_adapters(dit) == ()
    assert not [name for name, _ in dit.named_modules() if "lora" in name]
    add_adapter(dit, tmp_path / "a.safetensors", "other", scale=0.5)
    assert (velocity(dit) - half).abs().max() < 1e-5
    assert lora._get_scales(dit) == {"other": 0.5}


def test_two_adapters_at_once(dit: Any, tmp_path: Path) -> None:
    one, two, plain = matrices(dit, 100), matrices(dit, 900, lambda i: 2 + i % 3), velocity(dit)
    del one[LAYERS[4]], two[LAYERS[5]]
    both, second = merge_adapters(dit, (one, 0.5), (two, -1.5)), merge_adapters(dit, (two, -1.5))
    add_adapter(dit, save_adapter(tmp_path / "1.safetensors", one, NAMES["diffusers"]), "one", scale=0.5)
    add_adapter(dit, save_adapter(tmp_path / "2.safetensors", two, NAMES["peft"]), "two", scale=-1.5)
    assert (velocity(dit) - both).abs().max() < 2e-5
    assert not any(parameter.requires_grad for parameter in dit.parameters())
    remove_adapter(dit, "one")
    assert (velocity(dit) - second).abs().max() < 2e-5
    remove_adapter(dit, "two")
    assert torch.equal(velocity(dit), plain)


def test_alpha_from_the_settings_and_from_the_file(dit: Any, tmp_path: Path) -> None:
    weights = matrices(dit, 100)
    eighth, special = LAYERS[0], LAYERS[2]
    expected = merge_adapters(
        dit, ({layer: (a, b * {special: 3.0}.get(layer, 2.0)) for layer, (a, b) in weights.items()}, 1.0)
    )
    folder = save_adapter(tmp_path / "settings" / "adapter_model.safetensors", weights, NAMES["peft"]).parent
    settings = {"r": 4, "lora_alpha": 8, "alpha_pattern": {original(special): 12}}
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    add_adapter(dit, folder, "settings")
    assert (velocity(dit) - expected).abs().max() < 1e-5
    remove_adapter(dit, "settings")

    tensors = {
        NAMES["kohya"](layer, ab): v for layer, pair in weights.items() for ab, v in zip("AB", pair, strict=True)
    }
    tensors[f"diffusion_model.{original(eighth)}.alpha"] = torch.tensor(0.5)
    save_file(tensors, tmp_path / "own.safetensors")
    expected = merge_adapters(
        dit, ({layer: (a, b / 8 if layer == eighth else b) for layer, (a, b) in weights.items()}, 1.0)
    )
    add_adapter(dit, tmp_path / "own.safetensors", "own")
    assert (velocity(dit) - expected).abs().max() < 1e-5


def test_adapters_saved_by_diffusers_load(dit: Any, tmp_path: Path) -> None:
    from peft import LoraConfig

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        dit.add_adapter(
            LoraConfig(r=4, lora_alpha=2, target_modules=["to_q", "to_out.0"], init_lora_weights=False), "x"
        )
    expected = velocity(dit)
    dit.save_lora_adapter(tmp_path, adapter_name="x")
    dit.unload_lora()
    add_adapter(dit, tmp_path, "again")
    assert (velocity(dit) - expected).abs().max() < 1e-5


def test_an_adapter_that_does_not_fit_raises_with_its_keys(dit: Any, tmp_path: Path) -> None:
    plain = velocity(dit)
    wrong = {f"transformer.blocks.{i}.to_q.lora_A.weight": torch.zeros(4, 32) for i in range(14)}
    save_file(wrong, tmp_path / "other.safetensors")
    with pytest.raises(
        EngineFailure, match=r"14 unexpected: blocks\.0\.to_q\.lora_A\.weight, .* and 4 more\. Use an adapter"
    ):
        add_adapter(dit, tmp_path / "other.safetensors", "x")

    weights = matrices(dit, 100)
    wide = {layer: (torch.zeros(4, 64), b) for layer, (_, b) in weights.items()}
    with pytest.raises(EngineFailure, match=r"17 of another shape: .*lora_A\.weight is \[4, 64\] instead of \[4, 32\]"):
        add_adapter(dit, save_adapter(tmp_path / "wide.safetensors", wide, NAMES["bare"]), "x")

    save_file({"layers.0.self_attn.to_q.lora_A.weight": torch.zeros(4, 32)}, tmp_path / "half.safetensors")
    with pytest.raises(EngineFailure, match=r"1 missing: layers\.0\.self_attn\.to_q\.lora_B\.weight"):
        add_adapter(dit, tmp_path / "half.safetensors", "x")

    save_file({"layers.0.self_attn.to_q.lora_magnitude_vector": torch.zeros(4)}, tmp_path / "dora.safetensors")
    with pytest.raises(EngineFailure, match=r"unexpected: layers\.0\.self_attn\.to_q\.lora_magnitude_vector"):
        add_adapter(dit, tmp_path / "dora.safetensors", "x")
    assert active_adapters(dit) == ()
    assert torch.equal(velocity(dit), plain)


def test_other_files_and_unknown_names_raise(dit: Any, tmp_path: Path) -> None:
    torch.save({"layers.0.self_attn.to_q.lora_A.weight": torch.zeros(4, 32)}, tmp_path / "adapter_model.bin")
    save_file({"lora_unet_layers_0_self_attn_q_proj.hada_w1_a": torch.zeros(4, 32)}, tmp_path / "loha.safetensors")
    (tmp_path / "page.safetensors").write_text("<!DOCTYPE html>")
    pickle_folder = tmp_path / "pickled"
    pickle_folder.mkdir()
    (tmp_path / "adapter_model.bin").rename(pickle_folder / "adapter_model.bin")
    for path, says in (
        (pickle_folder / "adapter_model.bin", r"is a pickle, which may hold programs, and is not opened\."),
        (pickle_folder, r"is a LoRA as a pickle, which may hold programs, and is not opened\."),
        (tmp_path / "none.safetensors", r"is no adapter in safetensors\."),
        (
            tmp_path / "loha.safetensors",
            r"do not fit the model; 3 missing: layers\.0\.self_attn\.to_q\.hada_w1_b, .* Use an adapter trained for",
        ),
        (tmp_path / "page.safetensors", r"is a web page, not the file itself\. Download it again"),
    ):
        with pytest.raises(EngineFailure, match=says):
            add_adapter(dit, path, "x")
    with pytest.raises(InvalidValue, match="adapter is 'x'; allowed: none, as no adapter is loaded"):
        scale_adapter(dit, "x", 1.0)
    with pytest.raises(InvalidValue, match=r"adapter is .a/b.; allowed: up to 64"):
        add_adapter(dit, tmp_path, "a/b")
    file = save_adapter(tmp_path / "a.safetensors", matrices(dit, 100), NAMES["bare"])
    add_adapter(dit, file, "warm")
    with pytest.raises(InvalidValue, match="adapter is 'warm'; allowed: a name that no other adapter has"):
        add_adapter(dit, file, "warm")
    with pytest.raises(InvalidValue, match="adapter is 'cold'; allowed: warm"):
        remove_adapter(dit, "cold")


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        (torch.ones(2, 32, dtype=torch.int32), "int32, [2, 32]"),
        (torch.ones(2, 32, dtype=torch.complex64), "complex64, [2, 32]"),
        (torch.ones(0, 32), "float32, [0, 32]"),
        (torch.ones(()), "float32, []"),
    ],
)
def test_invalid_matrices_raise(dit: Any, tmp_path: Path, matrix: torch.Tensor, said: str) -> None:
    save_file({"layers.0.mlp.up_proj.lora_A.weight": matrix}, tmp_path / "odd.safetensors")
    with pytest.raises(EngineFailure, match=re.escape(f"up_proj.lora_A.weight (torch.{said})")):
        add_adapter(dit, tmp_path / "odd.safetensors", "odd")
    assert active_adapters(dit) == ()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ('{"lora_alpha": "x"}', "make no sense"),
        ('{"alpha_pattern": [1]}', "make no sense"),
        ("{", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
    ],
)
def test_invalid_settings_raise(dit: Any, tmp_path: Path, settings: str, said: str) -> None:
    weights = {"layers.0.mlp.up_proj": (torch.ones(2, 32), torch.ones(48, 2))}
    save_adapter(tmp_path / "adapter_model.safetensors", weights, NAMES["peft"])
    (tmp_path / "adapter_config.json").write_text(settings)
    with pytest.raises(EngineFailure, match=rf"{said}.* Get the adapter's files again, or export them again\."):
        add_adapter(dit, tmp_path, "odd")
    assert active_adapters(dit) == ()


@pytest.mark.parametrize(
    "name", ["keys", "train", "half", "to", "lora_A", "base_layer", "default", "한국어", "style v1.5"]
)
def test_any_valid_name_loads(dit: Any, tmp_path: Path, name: str) -> None:
    """Also names of attributes of every torch module."""
    plain, weights = velocity(dit), matrices(dit, 1)
    path = save_adapter(tmp_path / "a.safetensors", weights, NAMES["peft"])
    add_adapter(dit, path, name, 0.5)
    add_adapter(dit, save_adapter(tmp_path / "b.safetensors", matrices(dit, 2), NAMES["bare"]), "other", 0.0)
    assert active_adapters(dit) == (name, "other")
    with_it = velocity(dit)
    remove_adapter(dit, "other")
    assert torch.equal(velocity(dit), with_it)
    remove_adapter(dit, name)
    torch.testing.assert_close(with_it, merge_adapters(dit, (weights, 0.5)))
    assert torch.equal(velocity(dit), plain)
