"""Models that are removed: with what, and never with anything else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from filelock import FileLock

from acestep_runtime.errors import EngineFailure, InvalidValue
from acestep_runtime.weights.hub import PULL_LOCK
from acestep_runtime.weights.removal import plan_removal, remove


def part(folder: Path, size: int = 40, **config: object) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(bytes(size))
    return folder


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Two transformers, the parts that they share, a language model, an adapter and a download that was interrupted."""
    where = tmp_path / "models"
    for name in ("acestep-v15-turbo", "acestep-v15-base"):
        part(where / name, 1000, model_type="acestep")
    part(where / "vae")
    part(where / "Qwen3-Embedding-0.6B")
    part(where / "acestep-5Hz-lm-0.6B", model_type="qwen3")
    (where / "adapters").mkdir()
    (where / "adapters" / "soft.safetensors").write_bytes(bytes(7))
    (where / "acestep-v15-sft").mkdir()
    (where / "acestep-v15-sft" / "model.safetensors.0123.part").write_bytes(bytes(5))
    return where


def left(models: Path) -> set[str]:
    return {path.name for path in models.iterdir()} - {PULL_LOCK}


def test_a_model_goes_alone(models: Path) -> None:
    before = left(models)
    removal = plan_removal("turbo", models)
    assert (removal.name, removal.paths) == ("acestep-v15-turbo", (models / "acestep-v15-turbo",))
    assert removal.size_bytes == 1000 + (models / "acestep-v15-turbo" / "config.json").stat().st_size
    assert left(models) == before
    remove(removal, models)
    assert left(models) == before - {"acestep-v15-turbo"}


def test_the_last_transformer_takes_the_shared_parts_along(models: Path) -> None:
    remove(plan_removal("acestep-v15-base", models), models)
    remove(plan_removal("acestep-v15-turbo", models), models)
    assert left(models) == {"acestep-5Hz-lm-0.6B", "adapters", "acestep-v15-sft"}


@pytest.mark.parametrize(
    ("name", "path"),
    [("lm-0.6B", "acestep-5Hz-lm-0.6B"), ("soft", "adapters/soft.safetensors"), ("sft", "acestep-v15-sft")],
)
def test_language_models_adapters_and_interrupted_downloads(models: Path, name: str, path: str) -> None:
    removal = plan_removal(name, models)
    assert removal.paths == (models / path,)
    remove(removal, models)
    assert not (models / path).exists()
    assert (models / "vae").exists()


@pytest.mark.parametrize("name", ["", ".", "..", "../models", "vae", "adapters", "acestep-v15-xl-sft", "/etc"])
def test_other_names_are_refused(models: Path, name: str) -> None:
    before = left(models)
    with pytest.raises(InvalidValue, match="allowed: soft, acestep-v15-"):
        plan_removal(name, models)
    assert left(models) == before


@pytest.mark.parametrize("link", ["my-base", "more"], ids=["the model", "its folder"])
def test_a_link_to_another_place_is_refused(models: Path, tmp_path: Path, link: str) -> None:
    elsewhere = part(tmp_path / "elsewhere" / "my-base", model_type="acestep")
    (models / link).symlink_to(elsewhere if link == elsewhere.name else elsewhere.parent)
    with pytest.raises(InvalidValue, match=r"allowed: files that lie in .* themselves"):
        plan_removal("my-base", models)
    assert (elsewhere / "model.safetensors").exists()


def test_a_model_that_holds_another_is_refused(models: Path) -> None:
    part(models / "acestep-v15-turbo" / "inner", model_type="acestep")
    with pytest.raises(InvalidValue, match="allowed: a model that holds no other"):
        plan_removal("turbo", models)


def test_nothing_is_removed_during_a_download(models: Path) -> None:
    removal = plan_removal("turbo", models)
    with FileLock(models / PULL_LOCK), pytest.raises(EngineFailure, match="A pull is at work"):
        remove(removal, models)
    assert (models / "acestep-v15-turbo" / "model.safetensors").exists()


def test_what_an_earlier_removal_left_goes_too(models: Path) -> None:
    part(models / ".removal-abc" / "0")
    remove(plan_removal("turbo", models), models)
    assert not (models / ".removal-abc").exists()
