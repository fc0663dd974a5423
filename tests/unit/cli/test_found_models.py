"""What ``doctor`` and ``models list`` say of a folder of models: which model lacks what, and what is no model."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from acebridge.cli import doctor, main
from acestep_runtime.engines import registry
from acestep_runtime.weights.folder import VARIABLE
from acestep_runtime.weights.hub import verify
from acestep_runtime.weights.strangers import find_strangers
from tests.support.model_folders import safetensors, write_original, write_shared_parts


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A whole turbo, a base model that is cut short, a GGUF file of nothing, and two adapters of which one is a LoKr."""
    monkeypatch.setattr(registry, "_NEURAL_PACKAGES", ("json",))
    folder = tmp_path / "models"
    monkeypatch.setenv(VARIABLE, str(folder))
    monkeypatch.setenv("ACEBRIDGE_HOME", str(tmp_path / "home"))
    write_shared_parts(folder)
    write_original(folder / "acestep-v15-turbo", is_turbo=True)
    (folder / "turbo-Q8_0.gguf").write_bytes(b"GGUF")
    (folder / "adapters").mkdir()
    (folder / "adapters" / "warm.safetensors").write_bytes(safetensors("layers.0.self_attn.q_proj.lora_A.weight"))
    (folder / "adapters" / "kron.safetensors").write_bytes(safetensors("lycoris_layers_0_cross_attn_k_proj.lokr_w1"))
    return folder


def _break_base(models: Path) -> None:
    base = write_original(models / "acestep-v15-base", model_version="base")
    (base / "model.safetensors").rename(base / "model.safetensors.4177f600501a.part")


def test_the_doctor_says_what_is_there_and_what_it_cannot_do(models: Path) -> None:
    engines, found = doctor._engines(None), doctor._models(None)
    assert engines.says == (
        "draft: yes; neural: yes. Not lego, complete, extract: only a base model can do this, and"
        f" {models} has only acestep-v15-turbo (turbo). Run `acebridge models pull acestep-v15-base`."
        f" Not understand, create_sample, format_sample: there is no language model in {models}."
        " Run `acebridge models pull acestep-5Hz-lm-1.7B`."
    )
    assert (found.ok, found.remedy) == (True, "")
    assert found.says == (
        f"{models}: acestep-v15-turbo."
        " turbo-Q8_0.gguf is a GGUF file that is cut short, damaged, or of another model than ACE-Step 1.5"
    )


def test_the_doctor_says_which_model_lacks_what(models: Path) -> None:
    _break_base(models)
    found = doctor._models(None)
    assert not found.ok
    says = "acestep-v15-base/model.safetensors.4177f600501a.part is an unfinished download"
    assert f"acestep-v15-base is not whole: {says}" in found.says
    assert found.remedy == ("Run `acebridge models pull acestep-v15-base`. It fetches only what is missing or damaged.")
    assert says in doctor._engines(None).says
    (models / "vae" / "config.json").unlink()
    assert "neural: no, model acestep-v15-base is not whole" in doctor._engines(None).says


def _run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    monkeypatch.setattr(sys, "argv", ["acebridge", *words])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    return capsys.readouterr().out


def test_the_list_names_what_is_there_in_part_and_what_is_no_model(
    models: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _break_base(models)
    listed = json.loads(_run(capsys, monkeypatch, "models", "list", "--folder", str(models), "--json"))
    rows = {row["name"]: row for row in listed["models"]}
    assert (rows["acestep-v15-turbo"]["there"], rows["acestep-v15-turbo"]["faults"]) == (True, [])
    assert not rows["acestep-v15-base"]["there"]
    assert rows["acestep-v15-base"]["faults"] == [
        "acestep-v15-base/model.safetensors.4177f600501a.part is an unfinished download"
    ]
    assert rows["acestep-v15-sft"]["faults"] == []
    assert {each["name"]: (each["fault"], each["method"]) for each in listed["adapters"]} == {
        "kron": ("", "LoKr adapter of LyCORIS"),
        "warm": ("", "LoRA"),
    }
    (other,) = listed["others"]
    assert (other["name"], other["path"], other["what"]) == (
        "turbo-Q8_0", str(models / "turbo-Q8_0.gguf"),
        "a GGUF file that is cut short, damaged, or of another model than ACE-Step 1.5",
    )  # fmt: skip
    assert other["advice"].startswith("Get one that was made for acestep.cpp, or a model as safetensors.")

    lines = _run(capsys, monkeypatch, "models", "list", "--folder", str(models)).splitlines()
    there = {line.split("\t")[0]: line.split("\t")[3] for line in lines if "\t" in line}
    assert (there["acestep-v15-turbo"], there["acestep-v15-base"], there["acestep-v15-sft"]) == ("yes", "in part", "no")
    assert any(line.startswith("acestep-v15-base is not whole: ") for line in lines)
    assert any(line.startswith("kron (LoKr adapter of LyCORIS, ") and line.endswith(": --lora kron") for line in lines)
    assert any(line.startswith("turbo-Q8_0.gguf is a GGUF file") for line in lines)


def test_models_in_files_are_listed_with_what_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", reason="the files are written from tensors")
    from tests.support.other_layouts import comfy_tensors, gguf_models, write_comfy
    from tests.support.tiny_models import tiny_checkpoint

    tiny_checkpoint(tmp_path / "tiny")
    folder = gguf_models(tmp_path / "models", tmp_path / "tiny")
    write_comfy(folder / "base_aio.safetensors", comfy_tensors(tmp_path / "tiny"))
    monkeypatch.setenv(VARIABLE, str(folder))
    monkeypatch.setenv("ACEBRIDGE_HOME", str(tmp_path / "home"))
    listed = json.loads(_run(capsys, monkeypatch, "models", "list", "--folder", str(folder), "--json"))
    forms = {row["name"]: (row["kind"], row["form"], row["there"]) for row in listed["models"] if row["form"]}
    assert forms == {
        "acestep-v15-turbo-BF16": ("turbo", "GGUF, BF16", True),
        "base_aio": ("base", "ComfyUI, all-in-one", True),
    }
    assert [each["name"] for each in listed["vaes"]] == ["vae-BF16", "base_aio"]
    assert listed["others"] == []
    lines = _run(capsys, monkeypatch, "models", "list", "--folder", str(folder))
    assert f"GGUF, BF16: {folder / 'acestep-v15-turbo-BF16.gguf'}" in lines
    assert f"vae-BF16 (VAE, {folder / 'vae-BF16.gguf'}): --vae vae-BF16" in lines
    assert "acestep-v15-turbo-BF16 (GGUF, BF16), base_aio (ComfyUI, all-in-one)" in doctor._models(None).says
    verdicts = {each.folder.name: each.faults for each in verify(folder)}
    assert verdicts["acestep-v15-turbo-BF16.gguf"] == (
        "not verified: GGUF, BF16, whole by its header, and there is no checksum for it",
    )
    (folder / "vae-BF16.gguf").write_bytes((folder / "vae-BF16.gguf").read_bytes()[:-4096])
    assert "is cut short" in "".join(find_strangers(folder)[0].describe())
