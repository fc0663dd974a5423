"""Finding and selecting checkpoints on the disk, and the errors for missing ones."""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from acestep_runtime.errors import EngineFailure
from acestep_runtime.weights.layout import find_checkpoints
from acestep_runtime.weights.parts import weights_file
from acestep_runtime.weights.selection import select_checkpoint
from acestep_runtime.weights.spec import read_model_spec
from acestep_runtime.weights.wholeness import checkpoint_faults
from tests.support.model_folders import (
    safetensors,
    write_models,
    write_original,
    write_part,
    write_shared_parts,
)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder of models: several kinds and sizes, both layouts, and folders that are not checkpoints."""
    return write_models(tmp_path)


def test_checkpoints_of_both_layouts_are_found(models: Path) -> None:
    assert [(c.name, c.kind, c.size, c.layout, not checkpoint_faults(c)) for c in find_checkpoints(models)] == [
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
    assert (checkpoint.vae, checkpoint_faults(checkpoint)) == (models / "vae", ())
    assert find_checkpoints(models / "acestep-v15-xl-turbo-diffusers")[0].layout == "diffusers"


def test_shared_parts_may_be_in_another_folder(tmp_path: Path) -> None:
    write_shared_parts(tmp_path / "Ace-Step1.5")
    write_original(tmp_path / "Ace-Step1.5" / "acestep-v15-turbo", is_turbo=True)
    write_original(tmp_path / "tuned" / "my-song-style", model_version="base")
    write_original(tmp_path / "alone" / "whole")
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


def test_an_invalid_folder_hides_no_other(models: Path) -> None:
    names = [each.name for each in find_checkpoints(models)]
    write_original(models / "odd-width", hidden_size="wide")
    write_part(models / "odd-names", {"architectures": None})
    write_part(models / "odd-kind", {"architectures": 5})
    (write_part(models / "deep") / "config.json").write_text("[" * 100_000)
    for name in ("config.json", "model_index.json"):
        (models / f"pipe-{name}").mkdir()
        os.mkfifo(models / f"pipe-{name}" / name)  # opening it would wait for ever
    split = write_part(models / "odd-shards", weights="model.safetensors.index.json")
    for files in ({"x": [1]}, {"x": "a" * 5000}, {"x": "\0"}, [1]):
        (split / "model.safetensors.index.json").write_text(json.dumps({"weight_map": files}))
        assert [each.name for each in find_checkpoints(models)] == [*names, "odd-width"]
    # A part that is not whole hides no whole one.
    write_part(models / "a" / "vae", weights="model.safetensors.index.json")
    assert {each.vae for each in find_checkpoints(models) if each.layout == "original"} == {models / "vae"}


def test_an_unreadable_folder_hides_no_other(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names, stat, locked = [each.name for each in find_checkpoints(models)], os.stat, str(write_part(models / "locked"))

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
        weights.write_bytes(safetensors("another"))
        after = select_checkpoint(models, name, False)
        assert after != before
        before = after


def test_model_specs_have_their_defaults(models: Path) -> None:
    base, turbo, sft = map(read_model_spec, find_checkpoints(models)[:3])
    assert (base.steps, base.guidance, base.shift, base.sample_rate, base.channels) == (50, 7.0, 3.0, 48_000, 64)
    assert (turbo.steps, turbo.guidance, turbo.is_lego_sft) == (8, 1.0, False)
    assert base.lyric_heads == {2: (6,), 3: (10, 11), 4: (3,), 5: (8, 9), 6: (8,)}
    assert sft.lyric_heads == {3: (18, 27), 4: (22,), 5: (5, 6, 7), 6: (2, 12, 13), 7: (20, 21)}
    own = {"generation": {"infer_steps": 32, "guidance_scale": 4.5, "shift": 1.0}, "is_lego_sft": True,
           "lyric_alignment_layers_config": {"1": [2, 3]}}  # fmt: skip
    (tuned,) = find_checkpoints(write_original(models / "tuned-base-sft", **own))
    facts = read_model_spec(tuned)
    assert (facts.kind, facts.steps, facts.guidance, facts.shift, facts.is_lego_sft) == ("sft", 32, 4.5, 1.0, True)
    assert facts.lyric_heads == {1: (2, 3)}
    (broken,) = find_checkpoints(write_original(models / "broken", num_hidden_layers="many"))
    with pytest.raises(EngineFailure, match=r"config\.json does not describe a model"):
        read_model_spec(broken)
    for name, value in (("steps", 0), ("guidance_scale", math.nan), ("shift", math.inf)):
        (odd,) = find_checkpoints(write_original(models / f"odd-{name}", generation={name: value}))
        with pytest.raises(EngineFailure, match=rf"does not describe a model: .*{name[:8]} is {value}; it should be"):
            read_model_spec(odd)


def test_finding_needs_no_torch() -> None:
    import subprocess

    code = (
        "import sys; import acestep_runtime.weights.layout, acestep_runtime.weights.hub, acestep_runtime.weights.spec;"
        "sys.exit(any(name in sys.modules for name in ('torch', 'diffusers', 'transformers', 'huggingface_hub')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
