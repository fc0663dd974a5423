"""A model in memory: what loading it leaves there."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch

from acestep_runtime.engines.neural import model as model_module
from acestep_runtime.engines.neural.model import Model
from acestep_runtime.weights.layout import find_checkpoints
from acestep_runtime.weights.load import load_vae
from tests.support.tiny_models import tiny_checkpoint

pytestmark = pytest.mark.slow


def test_pages_of_the_vae_s_file_are_given_back_once_its_weights_are_fused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_checkpoint(tmp_path)
    (checkpoint,) = find_checkpoints(tmp_path)
    assert checkpoint.vae is not None
    given_back: list[torch.Tensor] = []
    monkeypatch.setattr(model_module, "release_all", given_back.extend)
    model = Model.load(checkpoint)
    of_file = load_vae(checkpoint.vae, None).state_dict()
    assert [tuple(each.shape) for each in given_back] == [tuple(each.shape) for each in of_file.values()]
    fused = {each.data_ptr() for name, each in model.modules.vae.state_dict().items() if name.endswith("weight")}
    assert fused.isdisjoint(each.data_ptr() for each in given_back)
