"""Another VAE than the model's own is chosen by its name, in a request or in the settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from safetensors.torch import load_file, save_file

from acestep_runtime.errors import InvalidValue
from acestep_runtime.weights.load import load
from acestep_runtime.weights.selection import select_checkpoint
from acestep_runtime.weights.vaes import VARIABLE, find_vaes, select_vae, with_vae
from tests.support.other_layouts import gguf_models, stable_audio_vae, write_comfy
from tests.support.tiny_models import tiny_checkpoint


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with its VAE, and two more VAEs, whose decoders are louder: a file and a folder."""
    folder = tmp_path_factory.mktemp("models")
    tiny_checkpoint(folder)
    tensors = load_file(folder / "vae" / "diffusion_pytorch_model.safetensors")
    tensors["decoder.conv2.weight_g"] = tensors["decoder.conv2.weight_g"] * 2
    write_comfy(folder / "ScragVAE.safetensors", stable_audio_vae(tensors))
    (folder / "warm-vae").mkdir()
    save_file(tensors, folder / "warm-vae" / "diffusion_pytorch_model.safetensors")
    config = json.loads((folder / "vae" / "config.json").read_text())
    (folder / "warm-vae" / "config.json").write_text(json.dumps({**config, "_class_name": "AutoencoderOobleck"}))
    return folder


@pytest.mark.parametrize("name", ["ScragVAE", "scragvae", "ScragVAE.safetensors", "warm-vae"])
def test_a_model_sounds_through_the_chosen_vae(models: Path, name: str) -> None:
    checkpoint = select_checkpoint(models, "turbo", False)
    own, other = load(checkpoint, torch.float32).vae, load(with_vae(checkpoint, models, name), torch.float32).vae
    latents = torch.randn(1, 8, 2, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert torch.allclose(other.decode(latents).sample, 2 * own.decode(latents).sample, atol=1e-6)


def test_the_settings_choose_where_a_request_does_not(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = select_checkpoint(models, "turbo", False)
    assert with_vae(checkpoint, models) == checkpoint
    monkeypatch.setenv(VARIABLE, "warm-vae")
    assert with_vae(checkpoint, models).vae == models / "warm-vae"
    assert with_vae(checkpoint, models, "vae").vae == models / "vae"
    assert with_vae(checkpoint, models).stamp != checkpoint.stamp


def test_a_vae_that_was_put_there_for_the_option_is_not_the_usual_one(models: Path, tmp_path: Path) -> None:
    gguf_models(tmp_path, models)
    write_comfy(tmp_path / "Another.safetensors", load_file(models / "ScragVAE.safetensors"))
    checkpoint = select_checkpoint(tmp_path, "", False)
    assert checkpoint.vae == tmp_path / "vae-BF16.gguf"
    assert with_vae(checkpoint, tmp_path, "another").vae == tmp_path / "Another.safetensors"


def test_unknown_and_broken_vaes_are_refused_with_the_known_ones(models: Path, tmp_path: Path) -> None:
    assert set(find_vaes(models)) == {"vae", "ScragVAE", "warm-vae"}
    with pytest.raises(
        InvalidValue, match=r"sampling\.vae is 'cold'; allowed: ScragVAE, vae, warm-vae\. Put its file into"
    ):
        select_vae(models, "cold")
    with pytest.raises(InvalidValue, match="none, as there is no VAE"):
        select_vae(tmp_path, "cold")
    tensors = load_file(models / "ScragVAE.safetensors")
    del tensors["decoder.layers.0.weight_v"]
    write_comfy(tmp_path / "half.safetensors", tensors)
    with pytest.raises(
        InvalidValue, match=r"VAE half is not whole: half\.safetensors lacks tensors that tell the sizes"
    ):
        select_vae(tmp_path, "half")
