"""Folders of models that have all names and files that loading looks for, and no numbers: they are found, and never loaded."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def safetensors(*keys: str, metadata: dict[str, str] | None = None) -> bytes:
    """Return a file with one float of zero for each key, written by the book: length, header, data."""
    header: dict[str, Any] = {
        key: {"dtype": "F32", "shape": [1], "data_offsets": [4 * place, 4 * place + 4]}
        for place, key in enumerate(keys)
    }
    if metadata:
        header["__metadata__"] = metadata
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(4 * len(keys))


def safetensors_of(data: bytes) -> bytes:
    """Return a file with one tensor of these bytes."""
    header = {"weight": {"dtype": "U8", "shape": [len(data)], "data_offsets": [0, len(data)]}}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def gguf(key: str, architecture: str) -> bytes:
    """Return a GGUF file with one float of zero, written by the book: counts, metadata, names, data from a multiple of 32."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    metadata = text("general.architecture") + struct.pack("<I", 8) + text(architecture)
    tensor = text(key) + struct.pack("<IQIQ", 1, 1, 0, 0)
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + metadata + tensor
    return head + bytes(-len(head) % 32) + bytes(4)


def write_part(
    folder: Path,
    config: dict[str, Any] | None = None,
    weights: str = "model.safetensors",
    keys: Sequence[str] = ("weight",),
) -> Path:
    """Write a part of a model: its config and its weights."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config or {}))
    (folder / weights).write_bytes(safetensors(*keys))
    return folder


def write_tokenizer(folder: Path) -> None:
    """Write the files of a tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_text("{}")


def write_original(folder: Path, **config: Any) -> Path:
    """Write a transformer in the original layout, without the parts that all share."""
    write_part(folder, {"model_type": "acestep", "hidden_size": 2048, "num_hidden_layers": 24,
                        "audio_acoustic_hidden_dim": 64, **config}, keys=("decoder.norm_out.weight",))  # fmt: skip
    (folder / "silence_latent.pt").write_bytes(b"PK")
    return folder


def write_shared_parts(folder: Path) -> None:
    """Write the VAE and the text encoder of the original layout."""
    write_part(folder / "vae", weights="diffusion_pytorch_model.safetensors")
    write_tokenizer(write_part(folder / "Qwen3-Embedding-0.6B", {"model_type": "qwen3"}))


def write_diffusers(folder: Path, **config: Any) -> Path:
    """Write a whole model in the layout of diffusers."""
    settings = {"hidden_size": 2048, "num_hidden_layers": 24, "audio_acoustic_hidden_dim": 64, **config}
    write_part(folder / "transformer", settings, "diffusion_pytorch_model.safetensors")
    for name in ("vae", "text_encoder"):
        write_part(folder / name)
    write_part(folder / "condition_encoder", keys=("silence_latent", "null_condition_emb"))
    write_tokenizer(folder / "tokenizer")
    (folder / "model_index.json").write_text('{"_class_name": "AceStepPipeline"}')
    return folder


def write_language_model(folder: Path) -> Path:
    """Write a language model."""
    write_tokenizer(write_part(folder, {"model_type": "qwen3"}))
    return folder


def write_models(folder: Path) -> Path:
    """Write a folder of models: several kinds and sizes, both layouts, and folders that are not checkpoints."""
    write_shared_parts(folder)
    write_original(folder / "acestep-v15-turbo", is_turbo=True, model_version="turbo")
    write_original(folder / "acestep-v15-base", is_turbo=False, model_version="base")
    write_original(folder / "acestep-v15-xl-sft", is_turbo=False, model_version="base", hidden_size=2560)
    write_diffusers(folder / "acestep-v15-xl-turbo-diffusers", is_turbo=True, hidden_size=2560)
    write_language_model(folder / "acestep-5Hz-lm-1.7B")
    (folder / "notes").mkdir()
    (folder / "notes" / "config.json").write_text("no json")
    return folder
