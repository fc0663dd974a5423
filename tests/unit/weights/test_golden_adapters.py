"""Adapters that real packages wrote, against the weights that these packages compute with: see tests/golden/README.md."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import GOLDEN

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from safetensors.torch import load_file

from acestep_runtime.weights.adapted import Magnitude, adaptable_layers, row_factors
from acestep_runtime.weights.keys import diffusers_key
from acestep_runtime.weights.layout import find_checkpoints
from acestep_runtime.weights.load import load_dit
from acestep_runtime.weights.lora import add_adapter, remove_adapter, scale_adapter

ADAPTERS = GOLDEN / "adapters"
EXPECTED = load_file(ADAPTERS / "expected.safetensors")
#: Cases whose expected weights were computed with the eps of bfloat16.
EPS = "_eps_bfloat16"
CASES = sorted({key.split("/")[0] for key in EXPECTED if EPS not in key})
#: Files of the case "lora" under other names.
NAMES = sorted(ADAPTERS.glob("names_*.safetensors"))


@pytest.fixture(scope="module")
def dit() -> Any:
    (checkpoint,) = find_checkpoints(GOLDEN / "acestep-v15-base-tiny")
    return load_dit(checkpoint, torch.float32).dit


def path_of(case: str) -> Path:
    folder = ADAPTERS / case
    return folder if folder.is_dir() else folder.with_suffix(".safetensors")


def effective_weight(dit: Any, layer: str) -> torch.Tensor:
    """Return the weights ``[O, I]`` that a layer with adapters computes with."""
    module = dit.get_submodule(layer)
    size = adaptable_layers(dit)[layer].in_features
    with torch.inference_mode():
        result: torch.Tensor = (module(torch.eye(size)) - module(torch.zeros(1, size))).T
    return result


def worst(dit: Any, case: str, strength: str = "") -> float:
    rows = {
        key.split("/")[1].removesuffix("@0.5"): value
        for key, value in EXPECTED.items()
        if key.split("/")[0] == case and key.endswith("@0.5") == bool(strength)
    }
    return max(
        (
            float((effective_weight(dit, diffusers_key(f"{layer}.").removesuffix(".")) - value).abs().max())
            for layer, value in rows.items()
        ),
        default=2.0,
    )


@pytest.mark.parametrize("case", CASES)
def test_weights_equal_those_of_the_package_that_wrote_the_adapter(dit: Any, case: str) -> None:
    add_adapter(dit, path_of(case), case)
    try:
        assert worst(dit, case) < 1e-5
        scale_adapter(dit, case, 0.5)
        assert worst(dit, case, "@0.5") < 1e-5 or not any(key.startswith(f"{case}/") and "@" in key for key in EXPECTED)
    finally:
        remove_adapter(dit, case)


@pytest.mark.parametrize("file", NAMES, ids=lambda each: each.stem)
def test_every_way_of_writing_names_gives_the_same_weights(dit: Any, file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    shutil.copy(file, folder / "adapter_model.safetensors")
    shutil.copy(ADAPTERS / "lora" / "adapter_config.json", folder)  # one of the files says its alpha only there
    add_adapter(dit, folder, "x")
    try:
        assert worst(dit, "lora") < 1e-5
    finally:
        remove_adapter(dit, "x")


@pytest.mark.parametrize("case", ["lokr_dora", "locon_dora"])
def test_in_bfloat16_the_magnitudes_have_the_eps_of_bfloat16(dit: Any, case: str) -> None:
    add_adapter(dit, path_of(case), "x")
    try:
        for layer in ("layers.0.self_attn.to_q", "layers.1.cross_attn.to_k"):
            (change,) = dit.get_submodule(layer).changes.values()
            weight, delta = adaptable_layers(dit)[layer].weight, change._matrix(adaptable_layers(dit)[layer].weight)
            assert isinstance(change.magnitude, Magnitude)
            factors = row_factors(weight, delta, change.magnitude, 1.0, torch.bfloat16)
            name = layer.replace("to_", "") + "_proj"
            expected = EXPECTED[f"{case}{EPS}/{name}"]
            assert float((factors[:, None] * (weight + delta) - expected).abs().max()) < 1e-5
    finally:
        remove_adapter(dit, "x")
