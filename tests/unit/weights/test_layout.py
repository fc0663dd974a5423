"""Finding and selecting checkpoints on the disk, and the errors for missing ones."""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from acestep_runtime.errors import EngineFailure, InvalidValue
from acestep_runtime.weights.layout import find_checkpoints, select_checkpoint, weights_file
from acestep_runtime.weights.spec import read_model_spec


def part(folder: Path, config: dict[str, Any] | None = None, weights: str = "model.safetensors") -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config or {}))
    (folder / weights).write_bytes(b"")
    return folder


def original(folder: Path, **config: Any) -> Path:
    return part(folder, {"model_type": "acestep", "hidden_size": 2048, "num_hidden_layers": 24,
                         "audio_acoustic_hidden_dim": 64, **config})  # fmt: skip


def write_shared_parts(folder: Path) -> None:
    part(folder / "vae", weights="diffusion_pytorch_model.safetensors")
    part(folder / "Qwen3-Embedding-0.6B")


def diffusers(folder: Path, **config: Any) -> Path:
    part(folder / "transformer", {"hidden_size": 2048, **config}, "diffusion_pytorch_model.safetensors")
    for name in ("vae", "text_encoder", "condition_encoder"):
        part(folder / name)
    (folder / "model_index.json").write_text('{"_class_name": "AceStepPipeline"}')
    return folder


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder of models: several kinds and sizes, both layouts, and folders that are not checkpoints."""
    write_shared_parts(tmp_path)
    original(tmp_path / "acestep-v15-turbo", is_turbo=True, model_version="turbo")
    original(tmp_path / "acestep-v15-base", is_turbo=False, model_version="base")
    original(tmp_path / "acestep-v15-xl-sft", is_turbo=False, model_version="base", hidden_size=2560)
    diffusers(tmp_path / "acestep-v15-xl-turbo-diffusers", is_turbo=True, hidden_size=2560)
    part(tmp_path / "acestep-5Hz-lm-1.7B", {"model_type": "qwen3"})
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "config.json").write_text("no json")
    return tmp_path


def test_checkpoints_of_both_layouts_are_found(models: Path) -> None:
    assert [(c.name, c.kind, c.size, c.layout, c.is_complete) for c in find_checkpoints(models)] == [
        ("acestep-v15-base", "base", "2B", "original", True),
        ("acestep-v15-turbo", "turbo", "2B", "original", True),
        ("acestep-v15-xl-sft", "sft", "XL", "original", True),
        ("acestep-v15-xl-turbo-diffusers", "turbo", "XL", "diffusers", True),
    ]
    base, *_, packed = find_checkpoints(models)
    assert (base.vae, base.text_encoder, base.text_tokenizer) == (
        models / "vae", models / "Qwen3-Embedding-0.6B", models / "Qwen3-Embedding-0.6B",
    )  # fmt: skip
    assert (packed.folder, packed.text_tokenizer) == (
        models / "acestep-v15-xl-turbo-diffusers", models / "acestep-v15-xl-turbo-diffusers" / "tokenizer",
    )  # fmt: skip


def test_a_transformer_uses_the_shared_parts_beside_it(models: Path) -> None:
    (checkpoint,) = find_checkpoints(models / "acestep-v15-base")
    assert (checkpoint.vae, checkpoint.is_complete) == (models / "vae", True)
    assert find_checkpoints(models / "acestep-v15-xl-turbo-diffusers")[0].layout == "diffusers"


def test_shared_parts_may_be_in_another_folder(tmp_path: Path) -> None:
    write_shared_parts(tmp_path / "Ace-Step1.5")
    original(tmp_path / "Ace-Step1.5" / "acestep-v15-turbo", is_turbo=True)
    original(tmp_path / "tuned" / "my-song-style", model_version="base")
    original(tmp_path / "alone" / "whole")
    write_shared_parts(tmp_path / "alone" / "whole")
    found = {checkpoint.name: checkpoint for checkpoint in find_checkpoints(tmp_path)}
    assert {name: checkpoint.vae for name, checkpoint in found.items()} == {
        "acestep-v15-turbo": tmp_path / "Ace-Step1.5" / "vae",
        "my-song-style": tmp_path / "Ace-Step1.5" / "vae",
        "whole": tmp_path / "alone" / "whole" / "vae",
    }
    assert select_checkpoint(tmp_path, "my-song-style", True).kind == "base"


def test_an_empty_folder_has_no_checkpoints(tmp_path: Path) -> None:
    assert find_checkpoints(tmp_path / "absent") == ()
    (tmp_path / "acestep-v15-turbo").mkdir()
    assert find_checkpoints(tmp_path) == ()
    original(tmp_path / "half")
    (tmp_path / "half" / "model.safetensors").unlink()
    assert find_checkpoints(tmp_path) == ()


def test_an_invalid_folder_hides_no_other(models: Path) -> None:
    names = [each.name for each in find_checkpoints(models)]
    original(models / "odd-width", hidden_size="wide")
    part(models / "odd-names", {"architectures": None})
    part(models / "odd-kind", {"architectures": 5})
    (part(models / "deep") / "config.json").write_text("[" * 100_000)
    for name in ("config.json", "model_index.json"):
        (models / f"pipe-{name}").mkdir()
        os.mkfifo(models / f"pipe-{name}" / name)  # opening it would wait for ever
    split = part(models / "odd-shards", weights="model.safetensors.index.json")
    for files in ({"x": [1]}, {"x": "a" * 5000}, {"x": "\0"}, [1]):
        (split / "model.safetensors.index.json").write_text(json.dumps({"weight_map": files}))
        assert [each.name for each in find_checkpoints(models)] == [*names, "odd-width"]


def test_an_unreadable_folder_hides_no_other(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names, stat, locked = [each.name for each in find_checkpoints(models)], os.stat, str(part(models / "locked"))

    def refusing(path: Any, **more: Any) -> os.stat_result:
        if str(path).startswith(locked + os.sep):
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, **more)

    monkeypatch.setattr(os, "stat", refusing)
    assert [each.name for each in find_checkpoints(models)] == names


@pytest.mark.parametrize("name", ["acestep-v15-turbo", "acestep-v15-xl-turbo-diffusers"])
def test_a_changed_file_changes_the_checkpoint(models: Path, name: str) -> None:
    before = select_checkpoint(models, name, False)
    assert select_checkpoint(models, name, False) == before
    for part in filter(None, (before.dit, before.vae, before.text_encoder)):
        weights = weights_file(part)
        assert weights is not None
        weights.write_bytes(b"changed")
        after = select_checkpoint(models, name, False)
        assert after != before
        before = after


def test_shards_count_when_all_are_there(tmp_path: Path) -> None:
    folder = original(tmp_path / "mine")
    (folder / "model.safetensors").rename(folder / "model-1.safetensors")
    assert find_checkpoints(tmp_path) == ()
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}})
    )
    assert find_checkpoints(tmp_path) == ()
    (folder / "model-2.safetensors").touch()
    assert [checkpoint.name for checkpoint in find_checkpoints(tmp_path)] == ["mine"]


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


def test_a_missing_model_raises_with_the_pull_command(models: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    for model, needs_base, name in (("", False, "acestep-v15-turbo"), ("", True, "acestep-v15-base"),
                                    ("turbo-shift3", False, "acestep-v15-turbo-shift3")):  # fmt: skip
        with pytest.raises(EngineFailure) as caught:
            select_checkpoint(empty, model, needs_base)
        assert str(caught.value) == f"Model {name} is not in {empty}. Run `acebridge models pull {name}`."
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
    original(models / "acestep-v15-base", model_version="base")
    (models / "vae" / "config.json").unlink()
    with pytest.raises(EngineFailure, match=r"Model acestep-v15-base lacks the VAE in .* Run `acebridge models pull"):
        select_checkpoint(models, "base", False)
    # The one that is whole is taken before the ones that are not.
    assert select_checkpoint(models, "", False).name == "acestep-v15-xl-turbo-diffusers"


def test_model_specs_have_their_defaults(models: Path) -> None:
    base, turbo, sft = map(read_model_spec, find_checkpoints(models)[:3])
    assert (base.steps, base.guidance, base.shift, base.sample_rate, base.channels) == (50, 7.0, 3.0, 48_000, 64)
    assert (turbo.steps, turbo.guidance, turbo.is_lego_sft) == (8, 1.0, False)
    assert base.lyric_heads == {2: (6,), 3: (10, 11), 4: (3,), 5: (8, 9), 6: (8,)}
    assert sft.lyric_heads == {3: (18, 27), 4: (22,), 5: (5, 6, 7), 6: (2, 12, 13), 7: (20, 21)}
    own = {"generation": {"infer_steps": 32, "guidance_scale": 4.5, "shift": 1.0}, "is_lego_sft": True,
           "lyric_alignment_layers_config": {"1": [2, 3]}}  # fmt: skip
    (tuned,) = find_checkpoints(original(models / "tuned-base-sft", **own))
    facts = read_model_spec(tuned)
    assert (facts.kind, facts.steps, facts.guidance, facts.shift, facts.is_lego_sft) == ("sft", 32, 4.5, 1.0, True)
    assert facts.lyric_heads == {1: (2, 3)}
    (broken,) = find_checkpoints(original(models / "broken", num_hidden_layers="many"))
    with pytest.raises(EngineFailure, match=r"config\.json does not describe a model"):
        read_model_spec(broken)
    for name, value in (("steps", 0), ("guidance_scale", math.nan), ("shift", math.inf)):
        (odd,) = find_checkpoints(original(models / f"odd-{name}", generation={name: value}))
        with pytest.raises(EngineFailure, match=rf"does not describe a model: .*{name[:8]} is {value}; it should be"):
            read_model_spec(odd)


def test_finding_needs_no_torch() -> None:
    import subprocess

    code = (
        "import sys; import acestep_runtime.weights.layout, acestep_runtime.weights.hub, acestep_runtime.weights.spec;"
        "sys.exit(any(name in sys.modules for name in ('torch', 'diffusers', 'transformers', 'huggingface_hub')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
