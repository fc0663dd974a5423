"""Where the methods agree, the final latents equal those of `diffusers.AceStepPipeline` with the same noise."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from diffusers import AceStepPipeline
from diffusers.models.autoencoders.autoencoder_oobleck import OobleckDiagonalGaussianDistribution
from torch import Tensor

from acestep_runtime.audio import wav
from acestep_runtime.engines.base import EngineRequest
from acestep_runtime.engines.neural import diffusion
from acestep_runtime.engines.neural.model import Model
from acestep_runtime.engines.neural.recipes import RECIPES, TaskInputs
from acestep_runtime.samplers.loop import draw_noise
from acestep_runtime.tasks import TASKS
from acestep_runtime.tasks.base import Source
from acestep_runtime.tasks.reference import load_reference
from acestep_runtime.values import CancelToken, Music, Sampling
from acestep_runtime.weights.layout import find_checkpoints
from tests.support.signals import noise
from tests.support.tiny_models import tiny_checkpoint

pytestmark = pytest.mark.slow

SECONDS = 6
FRAMES = 48_000 * SECONDS
MUSIC = Music("warm piano", "[Verse]\n밤하늘 별빛", "ko", 96.0, "A minor", 3)


@pytest.fixture(scope="module", params=["turbo", "base"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("models"), "diffusers", request.param)


@pytest.fixture(scope="module")
def pipeline(folder: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        output = AceStepPipeline.from_pretrained(folder, torch_dtype=torch.float32)
    output.set_progress_bar_config(disable=True)
    return output


@pytest.fixture(scope="module")
def model(folder: Path) -> Model:
    (checkpoint,) = find_checkpoints(folder)
    return Model.load(checkpoint)


def _timbre(model: Model, engine_request: EngineRequest) -> Tensor:
    return (
        model.timbre
        if engine_request.reference is None
        else model.encode_audio(engine_request.reference, CancelToken())
    )


@torch.inference_mode()
def _engine_latents(model: Model, engine_request: EngineRequest) -> Tensor:
    source = None if engine_request.source is None else model.encode_audio(engine_request.source, CancelToken())
    (spec,) = RECIPES[engine_request.task.name](
        TaskInputs(engine_request, model.silence, source, model.semantic_hints, model.codes_to_latents, False)
    )
    *_, (latents, _, _) = diffusion._denoise(
        model, engine_request, spec, [engine_request.take_seed], _timbre(model, engine_request)
    )
    return latents


def _pipeline_latents(pipeline: Any, model: Model, seed: int, steps: int, **more: Any) -> Tensor:
    output: Tensor = pipeline(
        prompt=MUSIC.caption, lyrics=MUSIC.lyrics, vocal_language=MUSIC.language, bpm=96, keyscale=MUSIC.keyscale,
        timesignature="3", num_inference_steps=steps, guidance_scale=1.0, shift=3.0, output_type="latent",
        audio_duration=float(SECONDS),
        latents=draw_noise([seed], 25 * SECONDS, model.spec.channels), **more,
    ).audios  # fmt: skip
    return output


def test_text_to_music_equals_the_pipeline(pipeline: Any, model: Model) -> None:
    sampling = Sampling(steps=8, guidance=1.0, shift=3.0, dcw="off")
    ours = _engine_latents(model, EngineRequest(TASKS["text2music"], FRAMES, 5, MUSIC, sampling))
    assert (ours - _pipeline_latents(pipeline, model, 5, 8)).abs().max() <= 1e-4


def test_repaint_equals_the_pipeline(pipeline: Any, model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OobleckDiagonalGaussianDistribution, "sample", lambda self, *_, **__: self.mean)
    source = np.ascontiguousarray(0.3 * noise(SECONDS, rate_hz=48_000))
    engine_request = EngineRequest(
        TASKS["repaint"], FRAMES, 6, MUSIC, Sampling(steps=8, guidance=1.0, shift=3.0, dcw="off"), source=source,
        span=(2 * 48_000, 4 * 48_000), known=(0, FRAMES), mode="aggressive",
    )  # fmt: skip
    theirs = _pipeline_latents(
        pipeline, model, 6, 8, task_type="repaint", src_audio=torch.from_numpy(source.T.copy()),
        repainting_start=2.0, repainting_end=4.0,
    )  # fmt: skip
    inside = slice(50, 100)
    assert (_engine_latents(model, engine_request)[:, inside] - theirs[:, inside]).abs().max() <= 1e-4


def test_a_timbre_reference_equals_the_pipeline(
    pipeline: Any, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OobleckDiagonalGaussianDistribution, "sample", lambda self, *_, **__: self.mean)
    recording = np.ascontiguousarray(0.3 * noise(40, rate_hz=48_000))
    wav.write(tmp_path / "reference.wav", recording, 48_000)
    engine_request = EngineRequest(
        TASKS["text2music"], FRAMES, 5, MUSIC, Sampling(steps=8, guidance=1.0, shift=3.0, dcw="off"),
        reference=load_reference(Source(str(tmp_path / "reference.wav"))),
    )  # fmt: skip
    theirs = _pipeline_latents(pipeline, model, 5, 8, reference_audio=torch.from_numpy(recording.T.copy()))
    assert (_engine_latents(model, engine_request) - theirs).abs().max() <= 1e-4
    assert (theirs - _pipeline_latents(pipeline, model, 5, 8)).abs().max() > 1e-3
