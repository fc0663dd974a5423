"""What ``doctor`` and ``models list`` say of a folder of models: which model lacks what, and what is no model."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from acebridge.cli import doctor, main
from acestep_runtime.engines import registry
from acestep_runtime.weights.folder import VARIABLE
from tests.support.model_folders import safetensors, write_original, write_shared_parts


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A whole turbo, a base model that is cut short, a GGUF file, and two adapters of which one is a LoKr."""
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
        f"{models}: acestep-v15-turbo. kron in adapters is a LoKr adapter of LyCORIS."
        " turbo-Q8_0.gguf is a GGUF file, for llama.cpp and acestep.cpp"
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
    assert {each["name"]: each["fault"] for each in listed["adapters"]} == {
        "kron": "is a LoKr adapter of LyCORIS",
        "warm": "",
    }
    (other,) = listed["others"]
    assert (other["name"], other["path"], other["what"]) == (
        "turbo-Q8_0", str(models / "turbo-Q8_0.gguf"), "a GGUF file, for llama.cpp and acestep.cpp",
    )  # fmt: skip
    assert other["advice"].startswith("Get the model as safetensors.")

    lines = _run(capsys, monkeypatch, "models", "list", "--folder", str(models)).splitlines()
    there = {line.split("\t")[0]: line.split("\t")[3] for line in lines if "\t" in line}
    assert (there["acestep-v15-turbo"], there["acestep-v15-base"], there["acestep-v15-sft"]) == ("yes", "in part", "no")
    assert any(line.startswith("acestep-v15-base is not whole: ") for line in lines)
    assert any(
        line.startswith("kron (adapter, ") and line.endswith(": it is a LoKr adapter of LyCORIS") for line in lines
    )
    assert any(line.startswith("turbo-Q8_0.gguf is a GGUF file") for line in lines)
