"""A model in memory: the modules of a checkpoint, their placement, and the operations on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from acestep_runtime.audio.samples import Samples
from acestep_runtime.conditioning.codes import codes_to_latents, latents_to_codes, semantic_hints
from acestep_runtime.conditioning.condition import encode_condition
from acestep_runtime.conditioning.lyric_tokens import lyrics_warnings
from acestep_runtime.conditioning.prompts import caption_warnings, fit_caption
from acestep_runtime.conditioning.timbre import TimbreCache, content_key, default_timbre
from acestep_runtime.dit.graphs import make_velocity_model
from acestep_runtime.dit.velocity import CrossAttentionKV, VelocityModel
from acestep_runtime.engines.neural.pace import DecodeSpeed
from acestep_runtime.engines.neural.placing import choose_configs
from acestep_runtime.errors import EngineFailure
from acestep_runtime.memory import int8
from acestep_runtime.memory.interrupt import Interrupt
from acestep_runtime.memory.pages import release_all
from acestep_runtime.memory.policy import ComputeConfig, Offload
from acestep_runtime.memory.precision import has_amx
from acestep_runtime.memory.stage import ModulePlacement
from acestep_runtime.memory.widen import convert, widen_late
from acestep_runtime.text.tokens import PromptTokenizer
from acestep_runtime.vae.cache import TileCache
from acestep_runtime.vae.codec import SILENCE_LEVEL, Codec, fingerprint
from acestep_runtime.vae.cpu import prepare_for_cpu
from acestep_runtime.vae.fuse import fuse
from acestep_runtime.vae.parity import with_safe_dtype
from acestep_runtime.values import Adapter, CancelToken
from acestep_runtime.weights.adapters import AdapterFile, find_adapter
from acestep_runtime.weights.layout import Checkpoint
from acestep_runtime.weights.load import Models, load
from acestep_runtime.weights.lora import active_adapters, add_adapter, remove_adapter, scale_adapter
from acestep_runtime.weights.spec import ModelSpec

if TYPE_CHECKING:
    from diffusers.models.transformers.ace_step_transformer import AceStepTransformer1DModel
    from diffusers.pipelines.ace_step.modeling_ace_step import AceStepAudioTokenDetokenizer, AceStepAudioTokenizer

    from acestep_runtime.engines.neural.recipes import Prompt

_PARTS = ("dit", "encoder", "tokenizer", "detokenizer", "text_encoder", "vae")
_CPU = torch.device("cpu")
#: How many times as long as in the transformer an operation takes in the VAE, measured on CPUs: in float32, in bfloat16, in
#: that with AMX, which helps the transformer more, and beside a transformer in int8. What a model takes is measured later.
_FULL_SLOWNESS, _NARROW_SLOWNESS, _AMX_SLOWNESS, _INT8_SLOWNESS = 1.0, 1.65, 2.1, 1.5
#: Conditions that are kept, of 2 to 20 MB.
_CONDITIONS = 4


@dataclass(frozen=True)
class Model:
    """The modules and constants of a model. ``silence`` is ``[1, 15000, C]``, ``timbre`` the default timbre latents."""

    checkpoint: Checkpoint
    spec: ModelSpec
    placement: ModulePlacement
    velocity: VelocityModel
    codec: Codec
    silence: Tensor
    timbre: Tensor
    null_condition: Tensor | None
    text_tokenizer: PromptTokenizer
    has_audio_tokenizers: bool
    modules: Models
    #: Operations of the transformer for a latent frame, and the speed of the VAE.
    frame_operations: float
    decode_speed: DecodeSpeed
    #: The `fingerprint` of the autoencoder.
    vae_id: str
    #: Files of the adapters on the transformer.
    _active_adapters: list[AdapterFile] = field(default_factory=list)
    #: Conditions ``[1, L, D]`` by text, lyrics and timbre, for the takes of a job and for jobs with the same words.
    _conditions: dict[tuple[str, str, bytes], Tensor] = field(default_factory=dict)

    @classmethod
    def load(
        cls,
        checkpoint: Checkpoint,
        device: torch.device | None = None,
        *,
        memory_bytes: int = 0,
        interrupt: Interrupt | None = None,
        part_devices: Mapping[str, str] = MappingProxyType({}),
    ) -> Model:
        """Load a checkpoint to a device, by default the best one, with weights in int8 if the settings enable it.

        ``memory_bytes`` is what this process may take beside mapped files, 0 for any. ``interrupt`` checks before each layer
        that computes on a CPU. ``part_devices`` are those of parts; that of the transformer is ``device``. Raises
        `EngineFailure` for files that do not fit together, and `NotEnoughMemory` for weights that do not fit into memory.
        """
        in_int8 = int8.is_enabled()
        config, others = choose_configs(checkpoint, device, part_devices, own_bytes=memory_bytes, in_int8=in_int8)
        as_stored = in_int8 or config.widens_late or bool(others)  # each part gets the dtype of its device at once
        # Weights are quantised on the CPU: before that they may not fit on the device.
        load_on_device = config.offload is Offload.NONE and not in_int8 and not others
        interrupt = interrupt or Interrupt()
        parts = load(checkpoint, None if as_stored else config.dtype, config.device if load_on_device else _CPU)
        modules = {name: getattr(parts, name) for name in _PARTS if getattr(parts, name) is not None}
        for name, module in modules.items():
            own = others.get(name, config)
            if in_int8 and name in int8.PARTS:
                int8.quantize_linears(module, own.dtype)
            elif own.widens_late:
                widen_late(module, own.dtype)
            elif as_stored:
                convert(module, own.dtype)
            module.eval()
        placement = ModulePlacement(modules, config, others)
        silence = parts.silence.float().to(config.device)
        null_condition = parts.null_condition
        stored = list(parts.vae.state_dict().values())
        vae = fuse(parts.vae)
        release_all(stored)  # the fused weights are copies
        del stored
        if placement.config_of("vae").device != _CPU:
            with placement.on_device("vae"):
                with_safe_dtype(vae)
        elif placement.config_of("vae").dtype == torch.bfloat16:
            prepare_for_cpu(vae, has_amx=has_amx())
        parts.encoder.timbre_encoder = TimbreCache(parts.encoder.timbre_encoder)
        for name, module in modules.items():
            if placement.config_of(name).device == _CPU:
                interrupt.watch(module)
        vae_id = fingerprint(vae)
        codec = Codec(vae, cache=TileCache(), model_id=vae_id)
        velocity = make_velocity_model(
            parts.dit, placement.layer_context, config.device, lambda: placement.is_resident("dit")
        )
        return cls(
            checkpoint, parts.spec, placement, velocity, codec, silence,
            default_timbre(silence), null_condition, PromptTokenizer(parts.text_tokenizer),
            "tokenizer" in modules and "detokenizer" in modules, parts, _frame_operations(parts.dit),
            _decode_speed(
                codec.decode_operations,
                _decode_slowness(placement.config_of("vae"), int8=in_int8),
                str(placement.config_of("vae").device),
            ),
            vae_id,
        )  # fmt: skip

    def set_adapters(self, folder: Path, requested: Sequence[Adapter]) -> bool:
        """Set exactly these adapters on the transformer, from a folder of models. A changed file is read again.

        Returns whether any adapter was added or removed. Raises `InvalidValue` for an unknown adapter and `EngineFailure` for
        one that does not fit; the transformer then has none.
        """
        dit = self.velocity.dit
        files = [find_adapter(folder, adapter.name) for adapter in requested]
        has_changed = files != self._active_adapters
        if has_changed:  # another order also counts: it changes the last bits
            self._clear_adapters()
            try:
                for adapter, file in zip(requested, files, strict=True):
                    add_adapter(dit, file.path, adapter.name, adapter.scale)
                    self._active_adapters.append(file)
            except Exception:
                self._clear_adapters()
                raise
        for adapter in requested:
            if scale_adapter(dit, adapter.name, adapter.scale):
                self.velocity.forget_weights()
        return has_changed

    @property
    def adapter_files(self) -> tuple[AdapterFile, ...]:
        """The files of the adapters on the transformer."""
        return tuple(self._active_adapters)

    def _clear_adapters(self) -> None:
        self._active_adapters.clear()
        self.velocity.forget_weights()
        for name in active_adapters(self.velocity.dit):
            remove_adapter(self.velocity.dit, name)

    @property
    def device(self) -> torch.device:
        """The device of latents."""
        return self.placement.config.device

    def encode_audio(self, samples: Samples, cancel: CancelToken) -> Tensor:
        """Return the latents ``[1, T, C]`` of samples ``[N, 2]``. Silent samples give the model's silence latents."""
        return torch.cat(list(self.encode_tiles(samples, cancel)), 1)

    def encode_tiles(self, samples: Samples, cancel: CancelToken) -> Iterator[Tensor]:
        """Yield the latents of `encode_audio` tile by tile."""
        silent = not samples.size or float(np.abs(samples).max()) < SILENCE_LEVEL
        with self.placement.on_device("vae"):
            tiles = self.codec.encode_tiles(samples, silence=self.silence if silent else None, check=cancel.check)
            yield from (tile.to(self.device) for tile in tiles)

    def fit_captions(self, prompt: Prompt) -> tuple[str, str]:
        """Return the caption of a prompt, and that of its song, as far as they are read; the first has priority."""
        count = self.text_tokenizer.count
        caption = fit_caption(prompt.music.caption, prompt.text, count)
        return caption, fit_caption(prompt.song_caption, lambda song: prompt.text(caption, song), count)

    def prompt_warnings(self, prompt: Prompt) -> list[str]:
        """Return a warning for each text of a prompt that is longer than what is read."""
        music, (caption, song_caption) = prompt.music, self.fit_captions(prompt)
        return [
            *caption_warnings(music.caption, caption),
            *caption_warnings(prompt.song_caption, song_caption, "caption of the song"),
            *lyrics_warnings(music, self.text_tokenizer),
        ]

    def encode_prompt(self, prompt: Prompt, timbre: Tensor) -> CrossAttentionKV:
        """Return the cross-attention KV cache of a prompt and the latents ``[1, 750, C]`` of a timbre reference."""
        key = prompt.text(*self.fit_captions(prompt)), prompt.lyrics, content_key(timbre)
        hidden = self._conditions.pop(key, None)
        if hidden is None:
            modules = self.modules
            with self.placement.on_device("text_encoder"), self.placement.on_device("encoder"):
                hidden = encode_condition(
                    *key[:2], timbre,
                    tokenizer=self.text_tokenizer, text_encoder=modules.text_encoder, encoder=modules.encoder,
                )  # fmt: skip
        self._conditions[key] = hidden  # the latest is last
        if len(self._conditions) > _CONDITIONS:
            del self._conditions[next(iter(self._conditions))]
        with self.placement.on_device("dit"):
            return self.velocity.project_condition(hidden)

    def latents_to_codes(self, latents: Tensor) -> list[int]:
        """Return the codes of latents ``[1, T, C]``. Raises `EngineFailure` for a checkpoint without tokenizers."""
        tokenizer, _ = self._audio_tokenizers("understanding audio")
        with self.placement.on_device("tokenizer"):
            return latents_to_codes(tokenizer, latents.to(self.placement.config.dtype), self.silence)

    def codes_to_latents(self, codes: Sequence[int]) -> Tensor:
        """Return the latents ``[1, 5n, C]`` of codes. Raises as `latents_to_codes` does."""
        tokenizer, detokenizer = self._audio_tokenizers("a plan")
        with self.placement.on_device("tokenizer"), self.placement.on_device("detokenizer"):
            like = self.silence.to(self.placement.config.dtype)
            return codes_to_latents(tokenizer, detokenizer, codes, like).float()

    def semantic_hints(self, latents: Tensor) -> Tensor:
        """Return latents quantised to codes and decoded. Raises `EngineFailure` for a checkpoint without tokenizers."""
        tokenizer, detokenizer = self._audio_tokenizers("a cover")
        with self.placement.on_device("tokenizer"), self.placement.on_device("detokenizer"):
            return semantic_hints(tokenizer, detokenizer, latents.to(self.placement.config.dtype), self.silence).float()

    def _audio_tokenizers(self, what: str) -> tuple[AceStepAudioTokenizer, AceStepAudioTokenDetokenizer]:
        tokenizer, detokenizer = self.modules.tokenizer, self.modules.detokenizer
        if tokenizer is None or detokenizer is None:
            raise EngineFailure(
                f"Model {self.spec.name} has no audio tokenizer, which {what} needs.",
                remedy="Choose another model; a cover also works with --skip-quantiser.",
            )
        return tokenizer, detokenizer


@cache
def _decode_speed(frame_operations: float, slowness: float, _device: str) -> DecodeSpeed:
    """Return the speed of a VAE; what was measured is kept for the next time that a model is loaded."""
    return DecodeSpeed(frame_operations, slowness)


def _decode_slowness(config: ComputeConfig, *, int8: bool = False) -> float:
    if int8 and config.device == _CPU:
        return _INT8_SLOWNESS
    if config.dtype == torch.float32:
        return _FULL_SLOWNESS
    return _AMX_SLOWNESS if config.device == _CPU and has_amx() else _NARROW_SLOWNESS


def _frame_operations(dit: AceStepTransformer1DModel) -> float:
    """Return the operations of a step for a latent frame: two for each number of the linear layers, which see patches."""
    layers = [each for each in dit.modules() if isinstance(each, nn.Linear)]
    return 2.0 * sum(each.in_features * each.out_features for each in layers) / dit.patch_size
