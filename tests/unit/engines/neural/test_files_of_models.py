"""The neural engine on models in files: the same sound as from folders, with other VAEs and with adapters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from safetensors.torch import load_file, save_file

from acestep_runtime.engines import registry
from acestep_runtime.engines.base import Block, EngineRequest
from acestep_runtime.engines.neural.engine import NeuralEngine
from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks import TASKS
from acestep_runtime.values import Adapter, CancelToken, Music, Sampling
from acestep_runtime.weights.folder import VARIABLE
from tests.support.other_layouts import comfy_tensors, gguf_models, stable_audio_vae, write_comfy
from tests.support.tiny_models import tiny_checkpoint

pytestmark = pytest.mark.slow

REQUEST = EngineRequest(
    TASKS["text2music"], 48_000, 7, Music("warm piano", "la la\nla", "en", bpm=120.0), sampling=Sampling(steps=2)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A turbo model in folders, as GGUF and as an all-in-one checkpoint, and a louder VAE."""
    folder = tmp_path_factory.mktemp("models")
    tiny_checkpoint(folder, window=128)
    gguf_models(folder / "gguf", folder)
    write_comfy(folder / "turbo_aio.safetensors", comfy_tensors(folder))
    vae = load_file(folder / "vae" / "diffusion_pytorch_model.safetensors")
    vae["decoder.conv2.weight_g"] = 0.5 * vae["decoder.conv2.weight_g"]
    write_comfy(folder / "quiet.safetensors", stable_audio_vae(vae))
    (folder / "adapters").mkdir()
    generator = torch.Generator().manual_seed(5)
    kron = {"lokr_w1": torch.randn(4, 4, generator=generator), "lokr_w2": torch.randn(12, 8, generator=generator)}
    name = "lycoris_layers_0_self_attn_q_proj"
    save_file({f"{name}.{each}": value for each, value in kron.items()}, folder / "adapters" / "kron.safetensors")
    return folder


@pytest.fixture(scope="module")
def engine(folder: Path) -> NeuralEngine:
    return NeuralEngine(folder)


def sound(engine: NeuralEngine, **sampling: object) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    job = replace(REQUEST, sampling=replace(REQUEST.sampling, **sampling))
    return np.concatenate([each.samples for each in engine.run(job, CancelToken()) if isinstance(each, Block)])


@pytest.mark.parametrize("name", ["acestep-v15-turbo-BF16", "turbo_aio"])
def test_a_model_in_a_file_sounds_as_in_its_folder(engine: NeuralEngine, name: str) -> None:
    expected = sound(engine, model="acestep-v15-turbo")
    assert np.abs(expected).max() > 0
    np.testing.assert_array_equal(sound(engine, model=name), expected)


def test_another_vae_and_an_adapter_change_the_sound(engine: NeuralEngine) -> None:
    expected = sound(engine, model="acestep-v15-turbo-BF16")
    quiet = sound(engine, model="acestep-v15-turbo-BF16", vae="quiet")
    np.testing.assert_allclose(quiet, 0.5 * expected, atol=1e-5)
    adapted = sound(engine, model="acestep-v15-turbo-BF16", adapters=(Adapter("kron", 0.5),))
    assert np.abs(adapted - expected).max() > 1e-4
    np.testing.assert_array_equal(sound(engine, model="acestep-v15-turbo-BF16"), expected)


def test_a_request_for_an_unknown_vae_is_refused_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(folder))
    with pytest.raises(InvalidValue, match=r"sampling\.vae is 'cold'; allowed: .*quiet"):
        registry.check_sampling(registry.ENGINES["neural"], TASKS["text2music"], Sampling(vae="cold"))
    with pytest.raises(InvalidValue, match="The draft engine has no models, so quiet would have no effect"):
        registry.check_sampling(registry.ENGINES["draft"], TASKS["text2music"], Sampling(vae="quiet"))
