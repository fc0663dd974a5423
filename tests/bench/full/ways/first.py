"""The first version of AceBridge, in a worktree with packages of its own. It computes in float32, unless told bfloat16."""

from __future__ import annotations

import math
import os
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

    def _set_dtype(self) -> None:
        """Have it compute in the dtype of this environment: it has no setting for it."""
        import torch

        from acestep_runtime.engines import neural_language
        from acestep_runtime.memory import policy

        self.dtype = {"bfloat16": torch.bfloat16, "float32": torch.float32}[os.environ["ACEBRIDGE_PRECISION"]]
        policy.native_dtype = neural_language.native_dtype = lambda _: self.dtype

    def load(self, folder: str, model: str) -> Iterator[str]:
        """Load a model."""
        from diffusers import AceStepPipeline  # noqa: F401
        from transformers import Qwen3Model  # noqa: F401

        from acestep_runtime.engines.neural import NeuralEngine

        self._set_dtype()
        yield "import"
        self.engine = NeuralEngine(Path(folder))
        self.engine.load(model)
        yield "load"

    def unload(self) -> Iterator[str]:
        """Release all models."""
        for model in self.engine.loaded:
            self.engine.unload(model)
        yield "unload"

    def song(self, model: str, words: dict[str, str], seconds: float, steps: int, seed: int) -> Iterator[str]:
        """Generate a song."""
        from acestep_runtime.engines.base import EngineRequest
        from acestep_runtime.values import CancelToken, Music, Sampling

        sampling, frames = Sampling(model=model, steps=steps), int(seconds * 48_000)
        request = EngineRequest("text2music", frames, seed, Music(**words), sampling=sampling)
        yield from stages(self.engine.run(request, CancelToken()))

    def repaint(
        self, model: str, words: dict[str, str], file: str, start_s: float, end_s: float, seed: int
    ) -> Iterator[str]:
        """Repaint a region of a song."""
        from acestep_runtime.tasks.base import Output, Source
        from acestep_runtime.tasks.repaint import Repaint
        from acestep_runtime.values import CancelToken, Music, Sampling

        task = Repaint(
            Source(file), Music(**words), start_s, end_s, mode="aggressive", scope="region", sampling=Sampling(model=model),
            output=Output(seeds=(seed,)),
        )  # fmt: skip
        yield from stages(task.perform(self.engine, CancelToken()))

    def load_vae(self, folder: str, model: str) -> Iterator[str]:
        """Load the autoencoder alone."""
        from acestep_runtime.vae.codec import Codec
        from acestep_runtime.vae.fuse import fused
        from acestep_runtime.weights.layout import chosen
        from acestep_runtime.weights.load import load_vae

        self._set_dtype()
        path = chosen(Path(folder), model, needs_base=False).vae
        self.codec = Codec(fused(load_vae(path, self.dtype)))
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
        from acestep_runtime.engines.neural_language import LanguageKeeper
        from transformers import Qwen3Model  # noqa: F401

        self._set_dtype()
        yield "import"
        self.languages = LanguageKeeper()
        self.languages.load(Path(folder), model)
        yield "load"

    def codes(self, words: dict[str, str], count: int, guidance: float) -> Iterator[str]:
        """Write codes of one song."""
        import torch

        from acestep_runtime.lm import planning
        from acestep_runtime.lm.sampling import Choice

        metadata = [{"bpm": 92, "duration": count // 5, "keyscale": "C major", "timesignature": "4"}]
        with torch.inference_mode():
            for _ in self.languages.use(
                lambda language: planning.compose(
                    language, words["caption"], words["lyrics"], metadata, count, [1], Choice(), guidance
                )
            ):
                yield "code"
