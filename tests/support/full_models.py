"""Models with the shapes of the released ones and random weights, made in memory on a device: no files, seconds on a GPU.

``depth`` and ``width`` below 1 make models of the same structure that a CPU computes in a test.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from acestep_runtime.conditioning.timbre import default_timbre
from acestep_runtime.dit.velocity import VelocityModel
from acestep_runtime.engines.neural.model import Model, _decode_slowness, _frame_operations
from acestep_runtime.engines.neural.pace import DecodeSpeed
from acestep_runtime.memory.policy import ComputeConfig, Offload
from acestep_runtime.memory.stage import ModulePlacement
from acestep_runtime.text.tokens import PromptTokenizer
from acestep_runtime.vae.codec import Codec, fingerprint
from acestep_runtime.vae.fuse import fuse
from acestep_runtime.weights.layout import Checkpoint
from acestep_runtime.weights.load import Models
from acestep_runtime.weights.spec import ModelSpec
from tests.support.tiny_models import SILENCE_FRAMES, text_tokenizer

SEED, CHANNELS = 11, 64
_LYRIC_HEADS = {2: (6,), 3: (10, 11), 4: (3,), 5: (8, 9), 6: (8,)}
M = TypeVar("M", bound=nn.Module)


def build(make: Callable[[], M], device: torch.device, dtype: torch.dtype, *, std: float | None = 0.02) -> M:
    """Return a module with random weights: matrices of that standard deviation, or as the module itself draws them."""
    with (
        torch.random.fork_rng([device] if device.type == "cuda" else []),
        torch.device(device),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        torch.manual_seed(SEED)
        module = make()
        with torch.no_grad():
            for parameter in module.parameters():
                if std is not None and parameter.dim() > 1:
                    parameter.normal_(0, std)
                parameter.data = parameter.data.to(dtype)
    return module.requires_grad_(False).eval()


def widths(width: float = 1.0) -> dict[str, Any]:
    """Return the sizes that the parts of a model share."""
    return {
        "hidden_size": int(2048 * width), "intermediate_size": int(6144 * width), "num_attention_heads": 16,
        "num_key_value_heads": 8, "head_dim": int(128 * width), "rope_theta": 1_000_000, "rms_norm_eps": 1e-6,
        "sliding_window": 128,
    }  # fmt: skip


def build_transformer(
    device: torch.device, dtype: torch.dtype, *, depth: float = 1.0, width: float = 1.0, kind: str = "turbo"
) -> Any:
    """Return a transformer."""
    from diffusers import AceStepTransformer1DModel

    layers = 2 * max(1, round(12 * depth))
    return build(
        lambda: AceStepTransformer1DModel(
            **widths(width), num_hidden_layers=layers, in_channels=3 * CHANNELS, audio_acoustic_hidden_dim=CHANNELS,
            layer_types=["sliding_attention", "full_attention"] * (layers // 2), is_turbo=kind == "turbo", model_version=kind,
        ),
        device, dtype,
    )  # fmt: skip


def build_vae(device: torch.device, dtype: torch.dtype, *, width: float = 1.0) -> Any:
    """Return an autoencoder as it comes from a file: not fused."""
    from diffusers import AutoencoderOobleck

    return build(
        lambda: AutoencoderOobleck(
            encoder_hidden_size=int(128 * width), downsampling_ratios=[2, 4, 4, 6, 10], channel_multiples=[1, 2, 4, 8, 16],
            decoder_channels=int(128 * width), decoder_input_channels=CHANNELS, sampling_rate=48_000,
        ),
        device, dtype, std=None,
    )  # fmt: skip


def build_language_model(device: torch.device, dtype: torch.dtype, *, depth: float = 1.0, width: float = 1.0) -> Any:
    """Return a Qwen3 causal language model of the shape of the 0.6B, with the released vocabulary."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    config = Qwen3Config(
        **_qwen_widths(depth, width), vocab_size=217_204, max_position_embeddings=8192, tie_word_embeddings=True,
        eos_token_id=None, pad_token_id=0, dtype=dtype,
    )  # fmt: skip
    return build(lambda: Qwen3ForCausalLM(config), device, dtype)


def _qwen_widths(depth: float, width: float) -> dict[str, Any]:
    return {
        "hidden_size": int(1024 * width), "intermediate_size": int(3072 * width), "head_dim": 128,
        "num_hidden_layers": max(1, round(28 * depth)), "num_attention_heads": 16, "num_key_value_heads": 8,
    }  # fmt: skip


def build_model(
    device: torch.device, dtype: torch.dtype, *, kind: str = "turbo", depth: float = 1.0, width: float = 1.0
) -> Model:
    """Return a whole model, as `Model.load` returns it from files. Its tokenizer is a small one."""
    from diffusers.pipelines.ace_step.modeling_ace_step import (
        AceStepAudioTokenDetokenizer,
        AceStepAudioTokenizer,
        AceStepConditionEncoder,
    )
    from transformers import Qwen3Config, Qwen3Model

    shared = widths(width)
    pooled = {
        **shared,
        "audio_acoustic_hidden_dim": CHANNELS,
        "pool_window_size": 5,
        "num_attention_pooler_hidden_layers": 2,
    }
    qwen = Qwen3Config(**_qwen_widths(depth, width), vocab_size=151_669)
    dit = build_transformer(device, dtype, depth=depth, width=width, kind=kind)
    encoder = build(
        lambda: AceStepConditionEncoder(
            **shared, text_hidden_dim=qwen.hidden_size, timbre_hidden_dim=CHANNELS, num_lyric_encoder_hidden_layers=8,
            num_timbre_encoder_hidden_layers=4,
        ),
        device, dtype,
    )  # fmt: skip
    quantiser = {"fsq_dim": shared["hidden_size"], "fsq_input_levels": [8, 8, 8, 5, 5, 5]}
    tokenizer = build(lambda: AceStepAudioTokenizer(**pooled, **quantiser), device, dtype)
    detokenizer = build(lambda: AceStepAudioTokenDetokenizer(**pooled), device, dtype)
    text_encoder = build(lambda: Qwen3Model(qwen), device, dtype)
    vae = fuse(build_vae(device, dtype, width=width))
    generator = torch.Generator().manual_seed(SEED)
    silence = (0.2 * torch.randn(1, SILENCE_FRAMES, CHANNELS, generator=generator)).to(device)
    null = torch.randn(1, 1, shared["hidden_size"], generator=generator).to(device, dtype) if kind != "turbo" else None
    spec = ModelSpec(
        f"acestep-v15-{kind}", kind, "2B", 48_000, CHANNELS, len(dit.layers), 8 if kind == "turbo" else 50,
        1.0 if kind == "turbo" else 7.0, 3.0, False, _LYRIC_HEADS,
    )  # fmt: skip
    parts = Models(
        spec=spec, dit=dit, encoder=encoder, tokenizer=tokenizer, detokenizer=detokenizer, null_condition=null,
        silence=silence, vae=vae, text_encoder=text_encoder, text_tokenizer=text_tokenizer(),
    )  # fmt: skip
    names = ("dit", "encoder", "tokenizer", "detokenizer", "text_encoder", "vae")
    config = ComputeConfig(device, dtype, Offload.NONE)
    placement, codec = ModulePlacement({name: getattr(parts, name) for name in names}, config), Codec(vae)
    return Model(
        Checkpoint(spec.name, kind, "2B", "original", Path(), None, None), spec, placement,
        VelocityModel(dit, placement.layer_context), codec, silence, default_timbre(silence), null,
        PromptTokenizer(parts.text_tokenizer), True, parts, _frame_operations(dit),
        DecodeSpeed(codec.decode_operations, _decode_slowness(config)), fingerprint(vae),
    )  # fmt: skip
