"""Which checkpoint does a task, and the errors where none does."""

from __future__ import annotations

from pathlib import Path

import pytest

from acestep_runtime.errors import EngineFailure, InvalidValue
from acestep_runtime.weights.layout import find_checkpoints
from acestep_runtime.weights.selection import can_do, missing_checkpoint, select_checkpoint
from tests.support.model_folders import safetensors, write_models, write_original, write_shared_parts


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder of models: several kinds and sizes, both layouts, and folders that are not checkpoints."""
    return write_models(tmp_path)


@pytest.mark.parametrize(
    ("model", "needs_base", "name"),
    [
        ("", False, "acestep-v15-turbo"), ("", True, "acestep-v15-base"), ("base", False, "acestep-v15-base"),
        ("XL-SFT", False, "acestep-v15-xl-sft"), ("xl-turbo", False, "acestep-v15-xl-turbo-diffusers"),
        ("acestep-v15-turbo", False, "acestep-v15-turbo"),
    ],
)  # fmt: skip
def test_select_checkpoint_prefers_by_kind_and_size(models: Path, model: str, needs_base: bool, name: str) -> None:
    assert select_checkpoint(models, model, needs_base).name == name


def test_a_model_that_was_trained_for_layers_makes_them_whatever_its_name(models: Path) -> None:
    name = write_original(models / "layers-sft", is_lego_sft=True).name
    assert select_checkpoint(models, name, True).name == name
    assert select_checkpoint(models, name, False).kind == "sft"
    assert select_checkpoint(models, "", True).name == "acestep-v15-base"
    with pytest.raises(InvalidValue, match="is a sft model; this task needs a base model"):
        select_checkpoint(models, "xl-sft", True)


def test_a_missing_model_raises_with_the_pull_command(models: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    for model, needs_base, name in (("", False, "acestep-v15-turbo"), ("", True, "acestep-v15-base"),
                                    ("turbo-shift3", False, "acestep-v15-turbo-shift3")):  # fmt: skip
        with pytest.raises(EngineFailure) as caught:
            select_checkpoint(empty, model, needs_base)
        says = f"Model {name} is not in {empty}; no model is there." if model else f"There are no weights in {empty}."
        assert str(caught.value) == f"{says} Run `acebridge models pull {name}`."
    with pytest.raises(EngineFailure, match=r"is not in .*; there is acestep-v15-base, acestep-v15-turbo, .* Run `"):
        select_checkpoint(models, "turbo-shift3", False)
    with pytest.raises(
        InvalidValue, match=r"model is 'trubo'; allowed: acestep-v15-base, .*\. Run `acebridge models pull"
    ):
        select_checkpoint(models, "trubo", False)
    with pytest.raises(InvalidValue) as caught:
        select_checkpoint(models, "turbo", True)
    assert str(caught.value) == (
        "Model acestep-v15-turbo is a turbo model; this task needs a base model. Choose acestep-v15-base."
    )
    (models / "acestep-v15-base" / "config.json").unlink()
    with pytest.raises(InvalidValue, match=r"needs a base model\. Run `acebridge models pull acestep-v15-base`\."):
        select_checkpoint(models, "turbo", True)
    (models / "acestep-v15-base").rename(models / "without")
    write_original(models / "acestep-v15-base", model_version="base")
    (models / "vae" / "config.json").unlink()
    with pytest.raises(EngineFailure) as failed:
        select_checkpoint(models, "base", False)
    assert str(failed.value) == (
        "Model acestep-v15-base is not whole: vae/config.json is missing."
        " Run `acebridge models pull acestep-v15-base`. It fetches only what is missing or damaged."
    )
    # The one that is whole is taken before the ones that are not.
    assert select_checkpoint(models, "", False).name == "acestep-v15-xl-turbo-diffusers"


def test_a_task_that_needs_a_base_model_is_not_done_by_others(models: Path) -> None:
    able = {each.name for each in find_checkpoints(models) if can_do(each, needs_base=True)}
    assert able == {"acestep-v15-base"}
    assert all(can_do(each, needs_base=False) for each in find_checkpoints(models))
    assert missing_checkpoint(models, needs_base=True) is None


def test_what_is_missing_names_the_models_that_are_there_and_the_one_to_get(tmp_path: Path) -> None:
    assert missing_checkpoint(tmp_path) is not None
    write_shared_parts(tmp_path)
    write_original(tmp_path / "acestep-v15-turbo", is_turbo=True)
    assert missing_checkpoint(tmp_path, needs_base=False) is None
    missing = missing_checkpoint(tmp_path, needs_base=True)
    assert missing is not None
    assert missing.reason == f"only a base model can do this, and {tmp_path} has only acestep-v15-turbo (turbo)"
    assert missing.remedy == "Run `acebridge models pull acestep-v15-base`."
    base = write_original(tmp_path / "acestep-v15-base", model_version="base")
    assert missing_checkpoint(tmp_path, needs_base=True) is None
    whole = (base / "model.safetensors").read_bytes()
    (base / "model.safetensors").write_bytes(whole[:-2])
    missing = missing_checkpoint(tmp_path, needs_base=True)
    assert missing is not None
    size = f"{len(whole) - 2} of {len(whole)} bytes"
    assert missing.reason == (
        f"model acestep-v15-base is not whole: acestep-v15-base/model.safetensors is cut short ({size})"
    )
    assert "acebridge models pull acestep-v15-base" in missing.remedy


def test_what_lies_there_instead_is_named(tmp_path: Path) -> None:
    (tmp_path / "acestep-v15-turbo-Q8_0.gguf").write_bytes(b"GGUF\x03\0\0\0")
    missing = missing_checkpoint(tmp_path)
    assert missing is not None
    assert "acestep-v15-turbo-Q8_0.gguf is a GGUF file" in missing.reason
    (tmp_path / "ace_step_1.5_turbo_aio.safetensors").write_bytes(
        safetensors("model.diffusion_model.encoder.lyric_encoder.norm.weight", "vae.decoder.conv1.bias")
    )
    for name in ("ace_step_1.5_turbo_aio", "ace_step_1.5_turbo_aio.safetensors"):
        with pytest.raises(InvalidValue, match=r"turbo_aio\.safetensors is an all-in-one checkpoint of ComfyUI"):
            select_checkpoint(tmp_path, name, False)


def test_parts_that_all_share_are_fetched_for_a_model_of_ones_own(tmp_path: Path) -> None:
    write_original(tmp_path / "my-style", is_turbo=True)
    with pytest.raises(EngineFailure) as caught:
        select_checkpoint(tmp_path, "my-style", False)
    assert str(caught.value) == (
        "Model my-style is not whole: the VAE is missing; the text encoder is missing."
        " Run `acebridge models pull acestep-v15-turbo`."
    )
    (tmp_path / "my-style" / "model.safetensors").unlink()
    with pytest.raises(EngineFailure, match=r"my-style has no weights.* Mend or remove "):
        select_checkpoint(tmp_path, "my-style", False)
