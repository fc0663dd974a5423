"""AceBridge as it is here."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def stages(events: Any) -> Iterator[str]:
    """Yield the first word of each stage."""
    from acestep_runtime.engines.base import Progress

    for event in events:
        if isinstance(event, Progress):
            yield event.stage.split(" ")[0]
    yield "end"


class Way:
    """See `tests.bench.full.ways`."""

    def load(self, folder: str, model: str) -> Iterator[str]:
        """Load a model."""
        import torch  # noqa: F401
        from diffusers import AceStepPipeline  # noqa: F401
        from transformers import Qwen3Model  # noqa: F401

        from acestep_runtime.engines.neural.engine import NeuralEngine

        yield "import"
        self.engine = NeuralEngine(Path(folder))
        self.engine.load(model)
        yield "load"

    def unload(self) -> Iterator[str]:
        """Release all models."""
        for model in self.engine.resident_models:
            self.engine.unload(model)
        yield "unload"

    def song(self, model: str, words: dict[str, str], seconds: float, steps: int, seed: int) -> Iterator[str]:
        """Generate a song."""
        from acestep_runtime.engines.base import EngineRequest
        from acestep_runtime.tasks import TASKS
        from acestep_runtime.values import CancelToken, Music, Sampling

        sampling, frames = Sampling(model=model, steps=steps), int(seconds * 48_000)
        request = EngineRequest(TASKS["text2music"], frames, seed, Music(**words), sampling=sampling)
        yield from stages(self.engine.run(request, CancelToken()))

    def repaint(
        self, model: str, words: dict[str, str], file: str, start_s: float, end_s: float, seed: int
    ) -> Iterator[str]:
        """Repaint a region of a song."""
        from acestep_runtime.tasks.base import Output, Source
        from acestep_runtime.tasks.repaint import Repaint
        from acestep_runtime.values import CancelToken, Music, Sampling

        task = Repaint(
            Source(file), Music(**words), start_s, end_s, mode="aggressive", scope="region",
            sampling=Sampling(model=model), output=Output(seeds=(seed,)),
        )  # fmt: skip
        yield from stages(task.run(self.engine, CancelToken()))

    def load_vae(self, folder: str, model: str) -> Iterator[str]:
        """Load the autoencoder alone."""
        import torch

        from acestep_runtime.memory.policy import native_dtype
        from acestep_runtime.memory.precision import has_amx
        from acestep_runtime.vae.codec import Codec
        from acestep_runtime.vae.cpu import prepare_for_cpu
        from acestep_runtime.vae.fuse import fuse
        from acestep_runtime.weights.load import load_vae
        from acestep_runtime.weights.selection import select_checkpoint

        path = select_checkpoint(Path(folder), model, needs_base=False).vae
        assert path is not None
        vae = fuse(load_vae(path, dtype := native_dtype(torch.device("cpu"))))
        if dtype == torch.bfloat16:
            prepare_for_cpu(vae, has_amx=has_amx())
        self.codec = Codec(vae)
        yield "load"

    def decode(self, seconds: float) -> Iterator[str]:
        """Decode random latents."""
        import torch

        latents = torch.randn(1, math.ceil(seconds * 25), 64, generator=torch.Generator().manual_seed(1))
        with torch.inference_mode():
            for _ in self.codec.decode(latents):
                yield "tile"

    def load_language(self, folder: str, model: str) -> Iterator[str]:
        """Load a language model."""
        import torch
        from transformers import Qwen3Model  # noqa: F401

        from acestep_runtime.engines.neural.language import LanguageModelCache

        yield "import"
        self.languages = LanguageModelCache(torch.device("cpu"))
        self.languages.load(Path(folder), model)
        yield "load"

    def codes(self, words: dict[str, str], count: int, guidance: float) -> Iterator[str]:
        """Write codes of one song."""
        import torch

        from acestep_runtime.lm import planning
        from acestep_runtime.lm.sampling import SamplingParams

        metadata = [{"bpm": 92, "duration": count // 5, "keyscale": "C major", "timesignature": "4"}]
        with torch.inference_mode():
            for _ in self.languages.use(
                lambda language: planning.plan_codes(
                    language, words["caption"], words["lyrics"], metadata, count, [1], SamplingParams(), guidance
                )
            ):
                yield "code"
