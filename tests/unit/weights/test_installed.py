"""The list of installed models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from acestep_runtime.weights.installed import InstalledModel, find_installed_models

SIZES = {"turbo": 300, "base": 500, "lm": 700}


def _part(folder: Path, weights: str, size: int, **config: object) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "README.md").write_text("not counted")
    (folder / weights).write_bytes(bytes(size))
    return folder


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """An original turbo without a VAE, a base model in the layout of diffusers, a language model in two shards, and a VAE."""
    _part(tmp_path / "turbo", "model.safetensors", SIZES["turbo"], model_type="acestep", is_turbo=True)
    base = tmp_path / "my-base"
    _part(base / "transformer", "diffusion_pytorch_model.safetensors", SIZES["base"])
    for name in ("vae", "text_encoder"):
        _part(base / name, "model.safetensors", 40)
    (base / "model_index.json").write_text('{"_class_name": "AceStepPipeline"}')
    lm = _part(tmp_path / "acestep-5Hz-lm-4B", "a.safetensors", SIZES["lm"] - 100, model_type="qwen3")
    (lm / "b.safetensors").write_bytes(bytes(100))
    index = {"weight_map": {"x": "a.safetensors", "y": "b.safetensors"}}
    (lm / "model.safetensors.index.json").write_text(json.dumps(index))
    return tmp_path


def test_models_of_all_kinds_are_found(models: Path) -> None:
    assert find_installed_models(models) == (
        InstalledModel("my-base", "base", models / "my-base", SIZES["base"], True),
        InstalledModel("turbo", "turbo", models / "turbo", SIZES["turbo"], False),
        InstalledModel("acestep-5Hz-lm-4B", "lm", models / "acestep-5Hz-lm-4B", SIZES["lm"], True),
    )


def test_a_complete_model_is_preferred_for_a_name(models: Path) -> None:
    _part(models / "old" / "my-base", "model.safetensors", 1, model_type="acestep")
    (found,) = [model for model in find_installed_models(models) if model.name == "my-base"]
    assert (found.folder, found.complete) == (models / "my-base", True)


def test_without_a_folder_there_are_no_models(tmp_path: Path) -> None:
    assert find_installed_models(tmp_path / "models") == ()
