"""Tiny checkpoints as other programs write them: GGUF by acestep.cpp's rules, files of ComfyUI, VAEs of stable-audio-tools."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as QuantType
from safetensors.torch import load_file, save_file

COMFY_DIT, COMFY_TEXT, COMFY_VAE = "model.diffusion_model.", "text_encoders.qwen3_06b.transformer.model.", "vae."
_UNITS = {"snake1": "0", "conv1": "1", "snake2": "2", "conv2": "3"}
_BLOCKS = {
    "encoder": {"res_unit1": "0", "res_unit2": "1", "res_unit3": "2", "snake1": "3", "conv1": "4"},
    "decoder": {"snake1": "0", "conv_t1": "1", "res_unit1": "2", "res_unit2": "3", "res_unit3": "4"},
}


def write_gguf(
    path: Path,
    architecture: str,
    tensors: Mapping[str, torch.Tensor],
    quant: QuantType = QuantType.BF16,
    config: Mapping[str, Any] | None = None,
    tokenizer: Path | None = None,
    vocabulary: int | None = None,
) -> Path:
    """Write a GGUF file: matrices as ``quant`` where their rows allow it, else as BF16; vectors as F32, like silence.

    Of the tokens only the first ``vocabulary`` are written: acestep.cpp leaves out those that were added behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_name(path.stem)
    if config is not None:
        writer.add_string("acestep.config_json", json.dumps(config))
    if tokenizer is not None:
        content = json.loads((tokenizer / "tokenizer.json").read_text())
        ids = {**content["model"]["vocab"], **{each["content"]: each["id"] for each in content["added_tokens"]}}
        merges = content["model"]["merges"]
        writer.add_tokenizer_model("gpt2")
        writer.add_token_list(sorted(ids, key=ids.__getitem__)[: None if vocabulary is None else vocabulary])
        writer.add_token_merges([each if isinstance(each, str) else " ".join(each) for each in merges])
    for name, value in tensors.items():
        numbers, kind = value.float().numpy(), _quant_of(name, value, quant)
        if kind == QuantType.F32:
            writer.add_tensor(name, numbers)
        else:
            writer.add_tensor(name, gguf.quants.quantize(numbers, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _quant_of(name: str, value: torch.Tensor, quant: QuantType) -> QuantType:
    block, _ = gguf.GGML_QUANT_SIZES[quant]
    if value.ndim < 2 or name == "silence_latent":
        return QuantType.F32
    return quant if value.shape[-1] % block == 0 and value.ndim == 2 else QuantType.BF16


def gguf_models(folder: Path, models: Path, quant: QuantType = QuantType.BF16, kind: str = "turbo") -> Path:
    """Write the tiny models of the folder ``models``, in the original layout, as three GGUF files into ``folder``."""
    source, text, vae = models / f"acestep-v15-{kind}", models / "Qwen3-Embedding-0.6B", models / "vae"
    silence = torch.load(source / "silence_latent.pt", weights_only=True)[0].T.contiguous()
    dit = {**load_file(source / "model.safetensors"), "silence_latent": silence}
    write_gguf(folder / f"acestep-v15-{kind}-{quant.name}.gguf", "acestep-dit", dit, quant, _config(source))
    embedding = load_file(text / "model.safetensors")
    write_gguf(
        folder / f"Qwen3-Embedding-0.6B-{quant.name}.gguf", "acestep-text-enc", embedding, quant, _config(text), text
    )
    decoder = load_file(vae / "diffusion_pytorch_model.safetensors")
    write_gguf(folder / "vae-BF16.gguf", "acestep-vae", decoder, QuantType.BF16, _config(vae))
    return folder


def comfy_tensors(models: Path, kind: str = "turbo", *, stable_audio: bool = True) -> dict[str, torch.Tensor]:
    """Return the tensors of the tiny models in ``models`` under the names of ComfyUI's all-in-one checkpoints."""
    dit = load_file(models / f"acestep-v15-{kind}" / "model.safetensors")
    text = load_file(models / "Qwen3-Embedding-0.6B" / "model.safetensors")
    vae = load_file(models / "vae" / "diffusion_pytorch_model.safetensors")
    return {
        **{COMFY_DIT + name: value for name, value in dit.items()},
        **{COMFY_TEXT + name: value for name, value in text.items()},
        **{COMFY_VAE + name: value for name, value in (stable_audio_vae(vae) if stable_audio else vae).items()},
    }


def write_comfy(path: Path, tensors: Mapping[str, torch.Tensor]) -> Path:
    """Write a file of ComfyUI."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in tensors.items()}, path)
    return path


def stable_audio_vae(tensors: Mapping[str, torch.Tensor], *, parametrized: bool = False) -> dict[str, torch.Tensor]:
    """Return the tensors of a VAE in diffusers' layout under the names and shapes of stable-audio-tools."""
    blocks = 1 + max(int(found[1]) for name in tensors if (found := re.match(r"encoder\.block\.(\d+)\.", name)))
    renamed = {_stable_audio_name(name, blocks): value for name, value in tensors.items()}
    flat = {name: value.flatten() if name.endswith(("alpha", "beta")) else value for name, value in renamed.items()}
    if not parametrized:
        return flat
    return {
        name.replace("weight_g", "parametrizations.weight.original0").replace(
            "weight_v", "parametrizations.weight.original1"
        ): value
        for name, value in flat.items()
    }


def _stable_audio_name(name: str, blocks: int) -> str:
    half, place, *rest = name.split(".")
    if place != "block":
        number = {"conv1": 0, "snake1": blocks + 1, "conv2": blocks + 2}[place]
        return ".".join([half, "layers", str(number), *rest])
    index, layer, *rest = rest
    path = [half, "layers", str(int(index) + 1), "layers", _BLOCKS[half][layer]]
    if layer.startswith("res_unit"):
        unit, *rest = rest
        path += ["layers", _UNITS[unit]]
    return ".".join([*path, *rest])


def random_blocks(quant: QuantType, rows: int, columns: int, seed: int = 0) -> np.ndarray[Any, Any]:
    """Return valid quantised numbers ``[rows, bytes]``: random bytes, with scales that are small numbers."""
    block, size = gguf.GGML_QUANT_SIZES[quant]
    random = np.random.default_rng(seed)
    data = random.integers(0, 256, (rows, columns // block, size), np.uint8)
    scales = {QuantType.Q4_K: (0, 2), QuantType.Q5_K: (0, 2), QuantType.Q6_K: (208,), QuantType.Q8_0: (0,)}[quant]
    for place in scales:
        values = random.uniform(1e-4, 2e-3, (rows, columns // block, 1)).astype(np.float16)
        data[:, :, place : place + 2] = values.view(np.uint8)
    return data.reshape(rows, -1)


def _config(folder: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((folder / "config.json").read_text())
    return config
