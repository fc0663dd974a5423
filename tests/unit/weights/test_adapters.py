"""The folder of adapters: valid and invalid files, and the error for a missing adapter. Needs no torch."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from acestep_runtime.errors import InvalidValue
from acestep_runtime.weights.adapters import find_adapter, find_adapters
from acestep_runtime.weights.layout import find_checkpoints


def write(path: Path, size: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    return path


@pytest.fixture
def models(tmp_path: Path) -> Path:
    write(tmp_path / "adapters" / "warm.safetensors", 7)
    write(tmp_path / "adapters" / "어쿠스틱" / "adapter_model.safetensors", 11)
    write(tmp_path / "adapters" / "어쿠스틱" / "adapter_config.json", 2)
    write(tmp_path / "adapters" / "bright-2" / "pytorch_lora_weights.safetensors", 13)
    return tmp_path


def test_adapter_files_and_folders_have_their_sizes(models: Path) -> None:
    found = [(each.name, each.size_bytes, each.path.name) for each in find_adapters(models)]
    assert found == [
        ("bright-2", 13, "bright-2"),
        ("warm", 7, "warm.safetensors"),
        ("어쿠스틱", 13, "어쿠스틱"),
    ]


def test_other_files_are_not_adapters(models: Path) -> None:
    before = find_adapters(models)
    folder = models / "adapters"
    for stray in (
        "notes.txt",
        "old.pt",
        ".hidden.safetensors",
        "a:b.safetensors",
        "x" * 65 + ".safetensors",
    ):
        write(folder / stray, 3)
    (folder / "empty").mkdir()
    write(folder / "half" / "adapter_config.json", 2)
    (folder / "gone.safetensors").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "pipe.safetensors")
    write(models / "beside.safetensors", 3)
    assert find_adapters(models) == before


@pytest.mark.parametrize("there", [None, "file"])
def test_without_a_folder_there_are_no_adapters(tmp_path: Path, there: str | None) -> None:
    if there:
        write(tmp_path / "adapters", 3)
    assert find_adapters(tmp_path) == ()
    assert find_adapters(tmp_path / "nowhere") == ()


def test_a_changed_file_changes_the_adapter(models: Path) -> None:
    for name in ("warm.safetensors", "어쿠스틱/adapter_config.json"):
        before = find_adapters(models)
        path = models / "adapters" / name
        os.utime(path, ns=(0, path.stat().st_mtime_ns + 10**9))
        assert find_adapters(models) != before
    before = find_adapter(models, "warm")
    now = before.path.stat().st_mtime_ns
    write(before.path, 8)
    os.utime(before.path, ns=(now, now))
    assert find_adapter(models, "warm") != before


@pytest.mark.parametrize("name", ["", "cold", "../warm", "adapters/warm", "warm.safetensors", "/etc/passwd", "warm\0"])
def test_unknown_names_raise_with_the_known_ones(models: Path, name: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        find_adapter(models, name)
    assert caught.value.allowed == "bright-2, warm, 어쿠스틱"
    assert str(models / "adapters") in caught.value.remedy
    assert "NAME.safetensors" in caught.value.remedy


def test_the_error_says_where_there_are_no_adapters(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="there are no adapters"):
        find_adapter(tmp_path, "warm")


def test_adapters_are_not_listed_as_models(models: Path) -> None:
    """Even with the config of their base model beside them."""
    write(models / "adapters" / "full" / "adapter_model.safetensors", 5)
    config = {"model_type": "acestep", "architectures": ["AceStepConditionGenerationModel"]}
    (models / "adapters" / "full" / "config.json").write_text(json.dumps(config), "utf-8")
    write(models / "adapters" / "vae" / "adapter_model.safetensors", 5)
    assert find_checkpoints(models) == ()
    assert "full" in {each.name for each in find_adapters(models)}
