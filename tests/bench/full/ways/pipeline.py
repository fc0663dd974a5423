"""`diffusers.AceStepPipeline`, built from the same files."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path


class Way:
    """See `tests.bench.full.ways`."""

    def load(self, folder: str, model: str) -> Iterator[str]:
        """Load a model."""
        import torch
        from diffusers import AceStepPipeline, FlowMatchEulerDiscreteScheduler
        from transformers import Qwen3Model  # noqa: F401

        from acestep_runtime.memory.policy import native_dtype
        from acestep_runtime.weights.load import load
        from acestep_runtime.weights.selection import select_checkpoint

        yield "import"
        parts = load(select_checkpoint(Path(folder), model, needs_base=False), native_dtype(torch.device("cpu")))
        self.pipe = AceStepPipeline(
            vae=parts.vae, text_encoder=parts.text_encoder, tokenizer=parts.text_tokenizer, transformer=parts.dit,
            condition_encoder=parts.encoder,
            scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0),
        )  # fmt: skip
        self.pipe.set_progress_bar_config(disable=True)
        yield "load"

    def song(self, model: str, words: dict[str, str], seconds: float, steps: int, seed: int) -> Iterator[str]:
        """Generate a song with the model that is loaded."""
        import torch

        del model
        generator = torch.Generator().manual_seed(seed)
        self.pipe(
            prompt=words["caption"], lyrics=words["lyrics"], audio_duration=seconds, num_inference_steps=steps,
            generator=generator,
        )  # fmt: skip
        yield "song"

    def load_vae(self, folder: str, model: str) -> Iterator[str]:
        """Load the autoencoder alone."""
        import torch

        from acestep_runtime.memory.policy import native_dtype
        from acestep_runtime.weights.load import load_vae
        from acestep_runtime.weights.selection import select_checkpoint

        path = select_checkpoint(Path(folder), model, needs_base=False).vae
        assert path is not None
        self.vae = load_vae(path, native_dtype(torch.device("cpu")))
        yield "load"

    def decode(self, seconds: float) -> Iterator[str]:
        """Decode random latents."""
        import torch

        latents = torch.randn(1, math.ceil(seconds * 25), 64, generator=torch.Generator().manual_seed(1))
        with torch.inference_mode():
            self.vae.decode(latents.transpose(1, 2).to(self.vae.dtype))
        yield "all"
