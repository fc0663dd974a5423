"""A complete ACE-Step 1.5 checkpoint that is tiny: random weights, but every part, file and name that a released one has.

Latents have 8 channels unless asked for otherwise: the encoder of an Oobleck VAE works at the full rate with twice as many
channels as its latents have, and with the released 64 one second takes seconds.
"""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

SEED = 20260115
SAMPLES_A_FRAME = 1920
SILENCE_FRAMES = 15_000
_DTYPE = torch.bfloat16
_TEXT_WIDTH = 24
_WIDTHS = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_attention_heads": 12,
    "num_key_value_heads": 4,
    "head_dim": 4,
    "rope_theta": 1_000_000,
    "attention_bias": False,
    "attention_dropout": 0.0,
    "rms_norm_eps": 1e-6,
}
_WINDOW = 16
#: The alignment of lyrics looks at layers up to 6, and in them at heads up to 11.
_LAYERS = 8
_LAYER_TYPES = ["sliding_attention", "full_attention"] * (_LAYERS // 2)
_LEVELS = [8, 8, 8, 5, 5, 5]
_POOL = 5
_TEXT = (
    "# Instruction\nFill the audio semantic mask based on the given conditions:\n\n# Caption\nwarm piano and soft strings\n\n"
    "# Metas\n- bpm: 120\n- timesignature: 4\n- keyscale: C major\n- duration: 30 seconds\n",
    "# Languages\nen\n\n# Lyric\n[Verse 1]\nWalking down the river in the morning light\n",
)
_TO_ORIGINAL = (
    (r"\.to_([qkv])\.", r".\1_proj."),
    (r"\.to_out\.0\.", ".o_proj."),
    (r"\.norm_([qk])\.", r".\1_norm."),
    (r"^proj_(in|out)_conv\.", r"proj_\1.1."),
)


def tiny_checkpoint(
    folder: Path, layout: str = "original", kind: str = "turbo", channels: int = 8, window: int = _WINDOW
) -> Path:
    """Write a checkpoint of ``kind`` ("turbo", "base" or "sft") below the models folder ``folder``; return its own folder.

    ``window`` is the width of attention in every second layer.

    ``layout`` "original" writes ``acestep-v15-{kind}/`` with ``vae/`` and ``Qwen3-Embedding-0.6B/`` beside it, "diffusers"
    writes ``acestep-v15-{kind}-diffusers/`` as `AceStepPipeline.save_pretrained` does. Both hold the same values.
    """
    parts = _parts(kind, channels, window)
    folder.mkdir(parents=True, exist_ok=True)
    if layout == "diffusers":
        return _write_diffusers(folder / f"acestep-v15-{kind}-diffusers", parts)
    parts["vae"].save_pretrained(folder / "vae")
    for part in ("text_encoder", "tokenizer"):
        parts[part].save_pretrained(folder / "Qwen3-Embedding-0.6B")
    return _write_original(folder / f"acestep-v15-{kind}", parts, kind, channels, window)


def tiny_models(folder: Path, layout: str = "original") -> Path:
    """Write one of each kind into a folder of models, and return it."""
    for kind in ("turbo", "base"):
        tiny_checkpoint(folder, layout, kind)
    return folder


def _parts(kind: str, channels: int, window: int) -> dict[str, Any]:
    """Return the components of `AceStepPipeline` by its names, with random weights that ``kind`` does not change."""
    from diffusers import AceStepTransformer1DModel, AutoencoderOobleck, FlowMatchEulerDiscreteScheduler
    from diffusers.pipelines.ace_step.modeling_ace_step import (
        AceStepAudioTokenDetokenizer,
        AceStepAudioTokenizer,
        AceStepConditionEncoder,
    )
    from transformers import Qwen3Config, Qwen3Model

    widths = {**_WIDTHS, "sliding_window": window}
    pooled = {**widths, "audio_acoustic_hidden_dim": channels, "pool_window_size": _POOL}
    tokenizer = text_tokenizer()
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # diffusers builds the VAE with the older weight_norm of torch
        torch.manual_seed(SEED)
        modules = {
            "vae": AutoencoderOobleck(
                encoder_hidden_size=2 * channels,
                downsampling_ratios=[2, 4, 4, 6, 10],
                channel_multiples=[1, 1, 1, 1, 1],
                decoder_channels=4,
                decoder_input_channels=channels,
                sampling_rate=48_000,
            ),
            "text_encoder": Qwen3Model(
                Qwen3Config(
                    vocab_size=len(tokenizer),
                    hidden_size=_TEXT_WIDTH,
                    intermediate_size=32,
                    num_hidden_layers=2,
                    num_attention_heads=4,
                    num_key_value_heads=2,
                    head_dim=8,
                    initializer_range=0.3,
                    rope_theta=1_000_000,
                )
            ),
            "transformer": AceStepTransformer1DModel(
                **widths,
                num_hidden_layers=_LAYERS,
                in_channels=3 * channels,
                audio_acoustic_hidden_dim=channels,
                layer_types=_LAYER_TYPES,
                is_turbo=kind == "turbo",
                model_version=kind,
            ),
            "condition_encoder": AceStepConditionEncoder(
                **widths,
                text_hidden_dim=_TEXT_WIDTH,
                timbre_hidden_dim=channels,
                num_lyric_encoder_hidden_layers=2,
                num_timbre_encoder_hidden_layers=2,
            ),
            "audio_tokenizer": AceStepAudioTokenizer(
                **pooled, fsq_dim=_WIDTHS["hidden_size"], fsq_input_levels=_LEVELS
            ),
            "audio_token_detokenizer": AceStepAudioTokenDetokenizer(**pooled),
        }
        modules["condition_encoder"].silence_latent.copy_(0.2 * torch.randn(1, SILENCE_FRAMES, channels))
    for module in modules.values():
        module.to(_DTYPE).eval()
    scheduler = FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0)
    return {**modules, "tokenizer": tokenizer, "scheduler": scheduler}


def text_tokenizer() -> Any:
    """Return a byte-level BPE tokenizer, learnt from a few prompts, that ends every text like the released one."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    end = "<|endoftext|>"
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.train_from_iterator(
        _TEXT,
        trainers.BpeTrainer(
            vocab_size=320,
            special_tokens=[end, "<|im_start|>", "<|im_end|>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    backend.post_processor = processors.TemplateProcessing(
        single=f"$A {end}", special_tokens=[(end, backend.token_to_id(end))]
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend, pad_token=end, eos_token="<|im_end|>")


def _write_diffusers(folder: Path, parts: dict[str, Any]) -> Path:
    from diffusers import AceStepPipeline

    AceStepPipeline(**parts).save_pretrained(folder)
    return folder


def _write_original(folder: Path, parts: dict[str, Any], kind: str, channels: int, window: int) -> Path:
    prefixes = {
        "transformer": "decoder.",
        "condition_encoder": "encoder.",
        "audio_tokenizer": "tokenizer.",
        "audio_token_detokenizer": "detokenizer.",
    }
    weights = {
        prefix + _original(key): value.contiguous()
        for part, prefix in prefixes.items()
        for key, value in parts[part].state_dict().items()
    }
    weights["null_condition_emb"] = weights.pop("encoder.null_condition_emb")
    silence = weights.pop("encoder.silence_latent").transpose(1, 2).contiguous()
    config = {
        **_WIDTHS,
        "num_hidden_layers": _LAYERS,
        "layer_types": _LAYER_TYPES,
        "use_sliding_window": True,
        "sliding_window": window,
        "patch_size": 2,
        "in_channels": 3 * channels,
        "audio_acoustic_hidden_dim": channels,
        "timbre_hidden_dim": channels,
        "text_hidden_dim": _TEXT_WIDTH,
        "num_lyric_encoder_hidden_layers": 2,
        "num_timbre_encoder_hidden_layers": 2,
        "num_attention_pooler_hidden_layers": 2,
        "pool_window_size": _POOL,
        "fsq_dim": _WIDTHS["hidden_size"],
        "fsq_input_levels": _LEVELS,
        "fsq_input_num_quantizers": 1,
        "model_version": kind,
        "is_turbo": kind == "turbo",
        "model_type": "acestep",
        "architectures": ["AceStepConditionGenerationModel"],
    }
    folder.mkdir(exist_ok=True)
    save_file(weights, folder / "model.safetensors")
    torch.save(silence, folder / "silence_latent.pt")
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def _original(key: str) -> str:
    for pattern, name in _TO_ORIGINAL:
        key = re.sub(pattern, name, key)
    return key
