"""The list of installed models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from acestep_runtime.weights.installed import InstalledModel, find_installed_models
from tests.support.model_folders import safetensors, write_diffusers, write_language_model, write_original


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """An original turbo without a VAE, a base model in the layout of diffusers, a language model in two shards, and a VAE."""
    write_original(tmp_path / "turbo", is_turbo=True)
    (tmp_path / "turbo" / "README.md").write_text("not counted")
    write_diffusers(tmp_path / "my-base")
    lm = write_language_model(tmp_path / "acestep-5Hz-lm-4B")
    (lm / "model.safetensors").rename(lm / "a.safetensors")
    (lm / "b.safetensors").write_bytes(safetensors("y"))
    index = {"weight_map": {"x": "a.safetensors", "y": "b.safetensors"}}
    (lm / "model.safetensors.index.json").write_text(json.dumps(index))
    return tmp_path


def _size(*paths: Path) -> int:
    return sum(path.stat().st_size for path in paths)


def test_models_of_all_kinds_are_found(models: Path) -> None:
    base, lm, turbo = models / "my-base", models / "acestep-5Hz-lm-4B", models / "turbo"
    pull = "Run `acebridge models pull acestep-v15-turbo`."
    assert find_installed_models(models) == (
        InstalledModel("my-base", "base", base, _size(base / "transformer" / "diffusion_pytorch_model.safetensors")),
        InstalledModel(
            "turbo", "turbo", turbo, _size(turbo / "model.safetensors"),
            ("the VAE is missing", "the text encoder is missing"), pull,
        ),
        InstalledModel("acestep-5Hz-lm-4B", "lm", lm, _size(lm / "a.safetensors", lm / "b.safetensors")),
    )  # fmt: skip
    (lm / "b.safetensors").unlink()
    (lm / "tokenizer.json").unlink()
    language = find_installed_models(models)[-1]
    assert language.faults == (
        "acestep-5Hz-lm-4B/b.safetensors is missing",
        "acestep-5Hz-lm-4B/tokenizer.json is missing",
    )
    assert not language.complete
    assert language.remedy.startswith("Run `acebridge models pull acestep-5Hz-lm-4B`.")


def test_a_complete_model_is_preferred_for_a_name(models: Path) -> None:
    write_original(models / "old" / "my-base")
    (found,) = [model for model in find_installed_models(models) if model.name == "my-base"]
    assert (found.folder, found.complete) == (models / "my-base", True)


def test_without_a_folder_there_are_no_models(tmp_path: Path) -> None:
    assert find_installed_models(tmp_path / "models") == ()
