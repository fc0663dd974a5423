"""Files of adapters: what trainers and ComfyUI users have loads; what is almost right is refused with what is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import GOLDEN

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from safetensors.torch import save_file

from acestep_runtime.errors import EngineFailure
from acestep_runtime.weights.adapted import adaptable_layers
from acestep_runtime.weights.adapters import find_adapters, find_weights
from acestep_runtime.weights.layout import find_checkpoints
from acestep_runtime.weights.load import load_dit
from acestep_runtime.weights.lora import active_adapters, add_adapter, remove_adapter

LAYER, ORIGINAL = "layers.0.self_attn.to_q", "layers.0.self_attn.q_proj"
FLAT = ORIGINAL.replace(".", "_")
OUT, IN, RANK = 48, 32, 4


def noise(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


A, B, ALPHA = noise(RANK, IN), noise(OUT, RANK, seed=2), torch.tensor(8.0)
MAGNITUDE, W1, W2 = noise(OUT, seed=3).abs() + 0.5, noise(4, 4, seed=4), noise(OUT // 4, IN // 4, seed=5)


@pytest.fixture(scope="module")
def dit() -> Any:
    (checkpoint,) = find_checkpoints(GOLDEN / "acestep-v15-turbo-tiny")
    return load_dit(checkpoint, torch.float32).dit


def effective(dit: Any) -> torch.Tensor:
    with torch.inference_mode():
        result: torch.Tensor = dit.get_submodule(LAYER)(torch.eye(IN)).T
    return result


def pair(
    prefix: str, a: str = "lora_A.weight", b: str = "lora_B.weight", **more: torch.Tensor
) -> dict[str, torch.Tensor]:
    return {f"{prefix}.{a}": A, f"{prefix}.{b}": B, **{f"{prefix}.{name}": value for name, value in more.items()}}


def save(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str] | None = None) -> Path:
    save_file({name: value.contiguous().clone() for name, value in tensors.items()}, path, metadata)
    return path


def low_rank(weight: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
    return weight + scale * B @ A


def dora(weight: torch.Tensor, eps: float = 0.0) -> torch.Tensor:
    changed = low_rank(weight)
    return changed * (MAGNITUDE / (changed.norm(dim=1) + eps))[:, None]


#: Tensors of a file, its metadata, and the weights that it gives.
LOADED: dict[str, tuple[dict[str, torch.Tensor], dict[str, str], Any]] = {
    "kohya": (
        pair(f"lora_unet_{FLAT}", "lora_down.weight", "lora_up.weight", alpha=ALPHA),
        {},
        lambda w: low_rank(w, 2.0),
    ),
    "kohya, decoder": (pair(f"lora_unet_decoder_{FLAT}", "lora_down.weight", "lora_up.weight"), {}, low_rank),
    "flattened names of diffusers": (pair(f"lora_transformer_{LAYER.replace('.', '_')}"), {}, low_rank),
    "lycoris": (pair(f"lycoris_{FLAT}", "lora_down.weight", "lora_up.weight"), {}, low_rank),
    "named": (pair(f"base_model.model.{ORIGINAL}", "lora_A.mine.weight", "lora_B.mine.weight"), {}, low_rank),
    "compiled": (pair(f"base_model.model._orig_mod.{ORIGINAL}"), {}, low_rank),
    "compiled inside": (pair(f"base_model.model._orig_mod.layers.0._orig_mod.{ORIGINAL[9:]}"), {}, low_rank),
    "comfy": (pair(f"diffusion_model.decoder.{ORIGINAL}", "lora_down.weight", "lora_up.weight"), {}, low_rank),
    "dora of peft": (pair(f"base_model.model.{ORIGINAL}", lora_magnitude_vector=MAGNITUDE), {}, dora),
    "dora of peft, named": (
        {
            **pair(ORIGINAL, "lora_A.x.weight", "lora_B.x.weight"),
            f"{ORIGINAL}.lora_magnitude_vector.x.weight": MAGNITUDE,
        },
        {},
        dora,
    ),
    "dora of lycoris": (
        pair(f"lycoris_{FLAT}", "lora_down.weight", "lora_up.weight", dora_scale=MAGNITUDE[:, None]),
        {},
        lambda w: dora(w, 2**-23),
    ),
    "whole lokr": (
        {f"lycoris_{FLAT}.lokr_w1": W1, f"lycoris_{FLAT}.lokr_w2": W2},
        {},
        lambda w: w + torch.kron(W1, W2),
    ),
    "whole lokr with the rank in the settings": (
        {f"lycoris_{FLAT}.lokr_w1": W1, f"lycoris_{FLAT}.lokr_w2": W2, f"lycoris_{FLAT}.alpha": ALPHA},
        {"lokr_config": json.dumps({"linear_dim": 16})},
        lambda w: w + 0.5 * torch.kron(W1, W2),
    ),
}


@pytest.mark.parametrize("name", LOADED)
def test_what_people_have_loads(dit: Any, tmp_path: Path, name: str) -> None:
    tensors, metadata, expected = LOADED[name]
    weight = adaptable_layers(dit)[LAYER].weight.detach().clone()
    add_adapter(dit, save(tmp_path / "x.safetensors", tensors, metadata), "x")
    try:
        assert (effective(dit) - expected(weight)).abs().max() < 1e-5
    finally:
        remove_adapter(dit, "x")
    assert torch.equal(effective(dit), weight)


def test_adapters_of_several_methods_add_up_in_any_order(dit: Any, tmp_path: Path) -> None:
    weight = adaptable_layers(dit)[LAYER].weight.detach().clone()
    files = {name: save(tmp_path / f"{n}.safetensors", *LOADED[name][:2]) for n, name in enumerate(LOADED)}
    chosen = {"kohya": 0.5, "dora of peft": 1.0, "whole lokr": -1.0}
    expected = low_rank(weight, 1.0) + (dora(weight) - weight) - torch.kron(W1, W2)
    for order in (list(chosen), list(chosen)[::-1]):
        for name in order:
            add_adapter(dit, files[name], name, chosen[name])
        assert (effective(dit) - expected).abs().max() < 1e-5
        for name in order:
            remove_adapter(dit, name)
    assert torch.equal(effective(dit), weight)


def test_dora_at_strength_0_is_off(dit: Any, tmp_path: Path) -> None:
    weight = adaptable_layers(dit)[LAYER].weight.detach().clone()
    for name in ("dora of peft", "dora of lycoris"):
        add_adapter(dit, save(tmp_path / "x.safetensors", LOADED[name][0]), "x", 0.0)
        assert torch.equal(effective(dit), weight)
        remove_adapter(dit, "x")


KOHYA, PEFT, LOKR = f"lora_unet_{FLAT}", f"base_model.model.{ORIGINAL}", f"lycoris_{FLAT}"
#: Tensors of a file that is almost right, and what is said of it.
REFUSED: dict[str, tuple[dict[str, torch.Tensor], str]] = {
    "no such layer": (pair("lora_unet_layers_99_self_attn_q_proj"), "unexpected: lora_unet_layers_99_self_attn_q_proj.lora_A"),
    "two adapters": (
        {**pair(PEFT, "lora_A.a.weight", "lora_B.a.weight"), **pair("layers.1.mlp", "lora_A.b.weight", "lora_B.b.weight")},
        "holds 2 adapters: a, b. Save each into a file of its own.",
    ),
    "half a pair": ({f"{KOHYA}.lora_down.weight": A}, f"1 missing: {LAYER}.lora_B.weight"),
    "half of w2": (
        {f"{LOKR}.lokr_w1": W1, f"{LOKR}.lokr_w2_a": noise(OUT // 4, 2)},
        f"1 missing: {LAYER}.lokr_w2_b",
    ),
    "no w1": ({f"{LOKR}.lokr_w2": W2}, f"missing: {LAYER}.lokr_w1"),
    "w1 that does not divide": ({f"{LOKR}.lokr_w1": noise(5, 4), f"{LOKR}.lokr_w2": W2}, "of another shape:"),
    "w2 of another size": (
        {f"{LOKR}.lokr_w1": W1, f"{LOKR}.lokr_w2": noise(3, 8)},
        f"{LAYER}.lokr_w2 is [3, 8] instead of [12, 8]",
    ),
    "three of four of LoHa": (
        {f"{LOKR}.hada_w1_a": B, f"{LOKR}.hada_w1_b": A, f"{LOKR}.hada_w2_a": B},
        f"1 missing: {LAYER}.hada_w2_b",
    ),
    "two methods in a layer": ({**pair(LOKR), f"{LOKR}.lokr_w1": W1}, f"1 unexpected: {LAYER}.lokr_w1"),
    "magnitudes alone": ({f"{PEFT}.lora_magnitude_vector": MAGNITUDE}, f"unexpected: {LAYER}.lora_magnitude_vector"),
    "too few magnitudes": (pair(PEFT, lora_magnitude_vector=MAGNITUDE[:3]), "lora_magnitude_vector is [3] instead of [48]"),
    "magnitudes of columns": (pair(LOKR, dora_scale=noise(1, IN)), "dora_scale is [1, 32] instead of [48, 1]"),
    "a trained bias": (pair(PEFT, **{"lora_B.bias": noise(OUT)}), "lora_B.bias"),
    "Tucker factors": ({f"{LOKR}.lokr_w1": W1, f"{LOKR}.lokr_t2": noise(2, 2)}, "is a LoKr adapter with Tucker factors"),
    "another method": (
        {f"{ORIGINAL}.oft_blocks": noise(2, 2)},
        "is an adapter of another method than LoRA, LoKr, LoHa and DoRA",
    ),
    "another model": (pair("transformer_blocks.0.attn.to_q"), "2 unexpected: transformer_blocks.0.attn.to_q.lora_A.weight"),
    "numbers that are whole": ({**pair(PEFT), f"{PEFT}.lora_A.weight": A.int()}, "lora_A.weight (torch.int32, [4, 32])"),
    "ranks that differ": (
        {**pair(PEFT), f"{PEFT}.lora_B.weight": noise(OUT, 3)},
        "lora_B.weight is [48, 3] instead of [48, 4]",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_almost_right_is_refused_with_what_is_wrong(dit: Any, tmp_path: Path, name: str) -> None:
    tensors, said = REFUSED[name]
    before = effective(dit)
    with pytest.raises(EngineFailure, match=re.escape(said)) as caught:
        add_adapter(dit, save(tmp_path / "x.safetensors", tensors), "x")
    assert caught.value.remedy
    assert "\n" not in str(caught.value)
    assert active_adapters(dit) == ()
    assert torch.equal(effective(dit), before)


def test_trainers_folders_are_read_as_they_are(dit: Any, tmp_path: Path) -> None:
    """PEFT's checkpoints with the optimizer beside, ACE-Step's with a folder ``adapter``, LyCORIS's by its own name."""
    folder = tmp_path / "adapters"
    for place, name in (("one", "adapter_model"), ("two/adapter", "adapter_model"), ("three", "lokr_weights")):
        (folder / place).mkdir(parents=True)
        tensors = LOADED["whole lokr" if place == "three" else "named"][0]
        save(folder / place / f"{name}.safetensors", tensors)
        (folder / place / "optimizer.pt").write_bytes(b"PK")
    (folder / "one" / "adapter_config.json").write_text(json.dumps({"lora_alpha": 4, "use_rslora": True}))
    found = {each.name: each.path for each in find_adapters(tmp_path)}
    assert set(found) == {"one", "two", "three"}
    weight = adaptable_layers(dit)[LAYER].weight.detach().clone()
    expected = {"one": low_rank(weight, 2.0), "two": low_rank(weight), "three": weight + torch.kron(W1, W2)}
    for name, path in found.items():
        add_adapter(dit, path, name)
        assert (effective(dit) - expected[name]).abs().max() < 1e-5
        remove_adapter(dit, name)
    save(folder / "one" / "other.safetensors", LOADED["named"][0])
    assert find_weights(folder / "one") == folder / "one" / "adapter_model.safetensors"
    save(folder / "three" / "other.safetensors", LOADED["named"][0])
    (folder / "three" / "lokr_weights.safetensors").rename(folder / "three" / "more.safetensors")
    assert find_weights(folder / "three") is None


def test_adapters_change_weights_in_int8_too(tmp_path: Path) -> None:
    pytest.importorskip("torchao", reason="weights in int8 need torchao")
    from acestep_runtime.memory.int8 import quantize_linears

    (checkpoint,) = find_checkpoints(GOLDEN / "acestep-v15-turbo-tiny")
    dit = load_dit(checkpoint, torch.float32).dit
    quantize_linears(dit)
    weight = effective(dit)
    add_adapter(dit, save(tmp_path / "x.safetensors", LOADED["dora of peft"][0]), "x")
    assert (effective(dit) - dora(weight)).abs().max() < 1e-4
