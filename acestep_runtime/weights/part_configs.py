"""The settings of a part: its config.json, the one inside a GGUF file, or what the shapes of its tensors say.

Files of ComfyUI hold no settings. All sizes follow from shapes; what does not is the same in every release. Needs no torch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from acestep_runtime.json_values import JsonObject
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import Json
from acestep_runtime.weights import part_files
from acestep_runtime.weights.headers import read_header
from acestep_runtime.weights.keys import Shape
from acestep_runtime.weights.parts import CONFIG_FILE, read_config
from acestep_runtime.weights.small_json import parse_object

_CONFIG_JSON = "acestep.config_json"
Shapes = Mapping[str, Shape]

_SAME: Mapping[str, Json] = {
    "attention_bias": False,
    "attention_dropout": 0.0,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1_000_000,
}


def read_part_config(path: Path | None, part: str) -> JsonObject:
    """Return the settings of a part in a folder or a file, empty where there are none. Raises nothing."""
    if path is None:
        return {}
    found = part_files.read_parts(path).get(part) if path.suffix.lower() in part_files.ENDINGS else None
    if found is None:
        return read_config(path)
    inside = parse_object(read_header(path).metadata.get(_CONFIG_JSON, ""))
    return inside or infer_config(part, found.shapes)


def config_place(path: Path) -> Path:
    """Return where the settings of a part are, for messages: its config.json, or the file that holds or implies them."""
    return path / CONFIG_FILE if path.is_dir() else path


def infer_config(part: str, shapes: Shapes) -> JsonObject:
    """Return the settings that the shapes of a part's tensors say, empty where tensors that decide are missing."""
    try:
        return _INFER[part](shapes)
    except (KeyError, IndexError, ZeroDivisionError):
        return {}


def _widths(shapes: Shapes, prefix: str) -> dict[str, Json]:
    """Return the sizes of transformer layers whose first one begins with ``prefix``."""
    head = shapes[f"{prefix}self_attn.q_norm.weight"][0]
    (queries, width), keys = shapes[f"{prefix}self_attn.q_proj.weight"], shapes[f"{prefix}self_attn.k_proj.weight"][0]
    return {
        "hidden_size": width,
        "intermediate_size": shapes[f"{prefix}mlp.gate_proj.weight"][0],
        "num_attention_heads": queries // head,
        "num_key_value_heads": keys // head,
        "head_dim": head,
    }


def _count(names: Iterable[str], pattern: str) -> int:
    """Return how many numbered layers there are."""
    search = re.compile(pattern).match
    return 1 + max((int(found[1]) for name in names if (found := search(name))), default=-1)


def _transformer(shapes: Shapes) -> JsonObject:
    own, encoder = _widths(shapes, "decoder.layers.0."), _widths(shapes, "encoder.lyric_encoder.layers.0.")
    layers = _count(shapes, r"decoder\.layers\.(\d+)\.")
    _, in_channels, patch = shapes["decoder.proj_in.1.weight"]
    pooler = shapes["detokenizer.special_tokens"]
    return {
        **_SAME,
        **own,
        **{f"encoder_{name}": value for name, value in encoder.items() if value != own[name]},
        "model_type": "acestep",
        "num_hidden_layers": layers,
        "layer_types": ["sliding_attention" if number % 2 == 0 else "full_attention" for number in range(layers)],
        "use_sliding_window": True,
        "sliding_window": 128,
        "patch_size": patch,
        "in_channels": in_channels,
        "audio_acoustic_hidden_dim": shapes["decoder.proj_out.1.weight"][1],
        "timbre_hidden_dim": shapes["encoder.timbre_encoder.embed_tokens.weight"][1],
        "text_hidden_dim": shapes["encoder.text_projector.weight"][1],
        "num_lyric_encoder_hidden_layers": _count(shapes, r"encoder\.lyric_encoder\.layers\.(\d+)\."),
        "num_timbre_encoder_hidden_layers": _count(shapes, r"encoder\.timbre_encoder\.layers\.(\d+)\."),
        "num_attention_pooler_hidden_layers": _count(shapes, r"detokenizer\.layers\.(\d+)\."),
        "pool_window_size": pooler[1],
        "fsq_dim": shapes["tokenizer.quantizer.project_in.weight"][1],
        "fsq_input_levels": [8, 8, 8, 5, 5, 5],
        "fsq_input_num_quantizers": 1,
    }


def _text(shapes: Shapes) -> JsonObject:
    words, _ = shapes["embed_tokens.weight"]
    return {
        **_SAME,
        **_widths(shapes, "layers.0."),
        "model_type": "qwen3",
        "vocab_size": words,
        "num_hidden_layers": _count(shapes, r"layers\.(\d+)\."),
        "tie_word_embeddings": part_files.HEAD not in shapes,
    }


def _vae(shapes: Shapes) -> JsonObject:
    width, channels, _ = shapes["encoder.conv1.weight_v"]
    blocks = _count(shapes, r"encoder\.block\.(\d+)\.")
    convolutions = [shapes[f"encoder.block.{number}.conv1.weight_v"] for number in range(blocks)]
    deepest = shapes["decoder.conv1.weight_v"]
    return {
        "encoder_hidden_size": width,
        "downsampling_ratios": [taps // 2 for _, _, taps in convolutions],  # a kernel covers two steps
        "channel_multiples": [out // width for out, _, _ in convolutions],
        "decoder_channels": shapes["decoder.conv2.weight_v"][1],
        "decoder_input_channels": deepest[1],
        "audio_channels": channels,
        "sampling_rate": ENGINE_RATE_HZ,
    }


_INFER: Mapping[str, Callable[[Shapes], JsonObject]] = {
    part_files.TRANSFORMER: _transformer,
    part_files.VAE: _vae,
    part_files.TEXT_ENCODER: _text,
    part_files.LANGUAGE: _text,
}
