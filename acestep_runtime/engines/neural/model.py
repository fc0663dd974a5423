"""A checkpoint that is loaded: its modules on their stage, and what computes with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from acestep_runtime.audio.samples import Samples
from acestep_runtime.conditioning.codes import codes_of, hints_of, latents_of
from acestep_runtime.conditioning.condition import condition_of
from acestep_runtime.conditioning.timbre import no_reference
from acestep_runtime.dit.velocity import CrossAttentionKV, VelocityModel
from acestep_runtime.errors import EngineFailure
from acestep_runtime.memory import int8
from acestep_runtime.memory.policy import Offload, best_place
from acestep_runtime.memory.stage import Stage
from acestep_runtime.vae.cache import TileCache
from acestep_runtime.vae.codec import SILENT, Codec, fingerprint
from acestep_runtime.vae.fuse import fuse
from acestep_runtime.values import Adapter, CancelToken
from acestep_runtime.weights.adapters import AdapterFile, adapter_called
from acestep_runtime.weights.facts import Facts
from acestep_runtime.weights.layout import Checkpoint
from acestep_runtime.weights.load import Models, load
from acestep_runtime.weights.lora import adapters, add_adapter, remove_adapter, scale_adapter

if TYPE_CHECKING:
    from diffusers.pipelines.ace_step.modeling_ace_step import AceStepAudioTokenDetokenizer, AceStepAudioTokenizer
    from transformers import PreTrainedTokenizerFast

_PARTS = ("dit", "encoder", "tokenizer", "detokenizer", "text_encoder", "vae")
_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Model:
    """Everything that a run needs. ``silence`` is ``[1, 15000, C]``, ``timbre`` the reference where none is given."""

    checkpoint: Checkpoint
    facts: Facts
    stage: Stage
    velocity: VelocityModel
    codec: Codec
    silence: Tensor
    timbre: Tensor
    null_condition: Tensor | None
    text_tokenizer: PreTrainedTokenizerFast
    has_tokenizers: bool
    parts: Models
    #: What was read for the adapters that are on.
    _active_adapters: list[AdapterFile] = field(default_factory=list)

    @classmethod
    def load(cls, checkpoint: Checkpoint, device: torch.device | None = None) -> Model:
        """Load a checkpoint to a device, by default the best one, with weights in int8 where the settings say so.

        Raises `EngineFailure` for files that do not fit.
        """
        in_int8 = int8.wanted()
        place = best_place(checkpoint.size, device, int8=in_int8)
        at_once = place.offload is Offload.NONE and not in_int8  # what becomes smaller would not fit there whole
        models = load(checkpoint, place.dtype, place.device if at_once else _CPU)
        for name in int8.PARTS if in_int8 else ():
            int8.quantised(getattr(models, name))
        modules = {name: getattr(models, name) for name in _PARTS if getattr(models, name) is not None}
        for module in modules.values():
            module.eval()
        stage = Stage(modules, place)
        silence = models.silence.float().to(place.device)
        vae = fuse(models.vae)
        codec = Codec(vae, cache=TileCache(), model_id=fingerprint(vae.encoder))
        return cls(
            checkpoint, models.facts, stage, VelocityModel(models.dit, stage.visiting), codec, silence, no_reference(silence),
            models.null_condition, models.text_tokenizer, "tokenizer" in modules and "detokenizer" in modules,
            models,
        )  # fmt: skip

    def set_adapters(self, folder: Path, wanted: Sequence[Adapter]) -> bool:
        """Have exactly these adapters, of a folder of models, on the transformer; one whose file has changed is read again.

        Returns whether any were put on or taken off. Raises `InvalidValue` for one that there is not and `EngineFailure` for
        one that does not fit; then there are none.
        """
        dit = self.velocity.dit
        files = [adapter_called(folder, adapter.name) for adapter in wanted]
        changes = files != self._active_adapters
        if changes:  # also in another order, which would be heard in the last bits
            self._clear_adapters()
            try:
                for adapter, file in zip(wanted, files, strict=True):
                    add_adapter(dit, file.path, adapter.name, adapter.scale)
                    self._active_adapters.append(file)
            except Exception:
                self._clear_adapters()
                raise
        for adapter in wanted:
            scale_adapter(dit, adapter.name, adapter.scale)
        return changes

    def _clear_adapters(self) -> None:
        self._active_adapters.clear()
        for name in adapters(self.velocity.dit):
            remove_adapter(self.velocity.dit, name)

    @property
    def device(self) -> torch.device:
        """Where latents are."""
        return self.stage.place.device

    def encode_audio(self, samples: Samples, cancel: CancelToken) -> Tensor:
        """Return the latents ``[1, T, C]`` of samples ``[N, 2]``; silence is what the model knows as such."""
        silent = not samples.size or float(np.abs(samples).max()) < SILENT
        with self.stage.using("vae"):
            return self.codec.encode(samples, silence=self.silence if silent else None, check=cancel.check)

    def keys(self, text: str, lyrics: str, timbre: Tensor) -> CrossAttentionKV:
        """Return what cross-attention needs of two prompts, and of a reference's latents ``[1, 750, C]``."""
        parts = self.parts
        with self.stage.using("text_encoder"), self.stage.using("encoder"):
            hidden = condition_of(
                text,
                lyrics,
                timbre,
                tokenizer=parts.text_tokenizer,
                text_encoder=parts.text_encoder,
                encoder=parts.encoder,
            )
        with self.stage.using("dit"):
            return self.velocity.project_condition(hidden)

    def codes(self, latents: Tensor) -> list[int]:
        """Return the codes of latents ``[1, T, C]``. Raises `EngineFailure` for a checkpoint without tokenizers."""
        tokenizer, _ = self._tokenizers("understanding audio")
        with self.stage.using("tokenizer"):
            return codes_of(tokenizer, latents.to(self.stage.place.dtype), self.silence)

    def decode_codes(self, codes: Sequence[int]) -> Tensor:
        """Return the latents ``[1, 5n, C]`` that codes stand for. Raises as `codes` does."""
        tokenizer, detokenizer = self._tokenizers("a plan")
        with self.stage.using("tokenizer"), self.stage.using("detokenizer"):
            like = self.silence.to(self.stage.place.dtype)
            return latents_of(tokenizer, detokenizer, codes, like).float()

    def hints(self, latents: Tensor) -> Tensor:
        """Return latents as their codes have them. Raises `EngineFailure` for a checkpoint without tokenizers."""
        tokenizer, detokenizer = self._tokenizers("a cover")
        with self.stage.using("tokenizer"), self.stage.using("detokenizer"):
            return hints_of(tokenizer, detokenizer, latents.to(self.stage.place.dtype), self.silence).float()

    def _tokenizers(self, what: str) -> tuple[AceStepAudioTokenizer, AceStepAudioTokenDetokenizer]:
        tokenizer, detokenizer = self.parts.tokenizer, self.parts.detokenizer
        if tokenizer is None or detokenizer is None:
            raise EngineFailure(
                f"Model {self.facts.name} has no audio tokenizer, which {what} needs.",
                remedy="Choose another model; a cover also works with --skip-quantiser.",
            )
        return tokenizer, detokenizer
