"""Names and shapes of weights of the released sizes, from an independent source, without allocating them."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from tests.support.paths import GOLDEN

pytest.importorskip("torch", reason="the neural engine needs torch")

from safetensors import safe_open

from acestep_runtime.errors import EngineFailure
from acestep_runtime.weights import catalogue, keys
from acestep_runtime.weights.files import read_json
from acestep_runtime.weights.load import build_on_meta, split_original_config
from tests.support.model_parts import CLASSES

#: The released configs, as far as they decide sizes.
SIZE_2B: dict[str, Any] = {
    "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 24, "num_attention_heads": 16,
    "num_key_value_heads": 8, "head_dim": 128, "in_channels": 192, "audio_acoustic_hidden_dim": 64, "patch_size": 2,
    "text_hidden_dim": 1024, "timbre_hidden_dim": 64, "num_lyric_encoder_hidden_layers": 8,
    "num_timbre_encoder_hidden_layers": 4, "num_attention_pooler_hidden_layers": 2, "pool_window_size": 5,
    "fsq_dim": 2048, "fsq_input_levels": [8, 8, 8, 5, 5, 5], "fsq_input_num_quantizers": 1, "attention_bias": False,
    "attention_dropout": 0.0, "rms_norm_eps": 1e-6, "rope_theta": 1000000, "sliding_window": 128, "model_type": "acestep",
    "layer_types": ["sliding_attention", "full_attention"] * 12, "max_position_embeddings": 32768, "vocab_size": 64003,
}  # fmt: skip
SIZE_XL = {
    **SIZE_2B, "hidden_size": 2560, "intermediate_size": 9728, "num_hidden_layers": 32, "num_attention_heads": 32,
    "layer_types": ["sliding_attention", "full_attention"] * 16, "encoder_hidden_size": 2048,
    "encoder_intermediate_size": 6144, "encoder_num_attention_heads": 16, "encoder_num_key_value_heads": 8,
}  # fmt: skip
RELEASED = {
    "acestep-v15-turbo": {**SIZE_2B, "is_turbo": True, "model_version": "turbo"},
    "acestep-v15-base": {**SIZE_2B, "is_turbo": False, "model_version": "base"},
    "acestep-v15-sft": {**SIZE_2B, "is_turbo": False, "model_version": "sft"},
    "acestep-v15-xl-turbo": {**SIZE_XL, "is_turbo": True, "model_version": "turbo"},
    "acestep-v15-xl-base": {**SIZE_XL, "is_turbo": False, "model_version": "base"},
}
#: Shapes in the words of the paper: d width, i width inside of the MLP, q and k widths of queries and keys, h of one head,
#: e width of the condition encoder, c latent channels, x channels of text, n levels of the quantiser, p patch, w window.
SHAPES = (
    (r"^decoder\.condition_embedder\.weight$", "d e"),
    (r"^decoder\.proj_in\.1\.weight$", "d z p"),
    (r"^decoder\.proj_out\.1\.weight$", "d c p"),
    (r"^decoder\.proj_out\.1\.bias$", "c"),
    (r"^decoder\.scale_shift_table$", "1 2 d"),
    (r"scale_shift_table$", "1 6 d"),
    (r"time_embed(_r)?\.linear_1\.weight$", "d 256"),
    (r"time_embed(_r)?\.linear_2\.weight$", "d d"),
    (r"time_embed(_r)?\.time_proj\.weight$", "6d d"),
    (r"time_embed(_r)?\.time_proj\.bias$", "6d"),
    (r"\.[qk]_norm\.weight$", "h"),
    (r"\.q_proj\.weight$", "q d"),
    (r"\.[kv]_proj\.weight$", "k d"),
    (r"\.o_proj\.weight$", "d q"),
    (r"\.(gate|up)_proj\.weight$", "i d"),
    (r"\.down_proj\.weight$", "d i"),
    (r"quantizer\.project_in\.weight$", "n f"),
    (r"quantizer\.project_in\.bias$", "n"),
    (r"quantizer\.project_out\.weight$", "f n"),
    (r"quantizer\.project_out\.bias$", "f"),
    (r"text_projector\.weight$|lyric_encoder\.embed_tokens\.weight$", "d x"),
    (r"timbre_encoder\.embed_tokens\.weight$", "d m"),
    (r"audio_acoustic_proj\.weight$", "d c"),
    (r"embed_tokens\.weight$", "d d"),
    (r"detokenizer\.proj_out\.weight$", "c d"),
    (r"detokenizer\.proj_out\.bias$", "c"),
    (r"special_tokens$", "1 w d"),
    (r"(special_token|null_condition_emb)$", "1 1 d"),
    (r"norm(_out)?\.weight$|layernorm\.weight$|\.bias$", "d"),
)
#: Which setting counts the layers of a list.
COUNTS = (
    (r"^decoder\.layers\.", "num_hidden_layers"),
    (r"^encoder\.lyric_encoder\.", "num_lyric_encoder_hidden_layers"),
    (r"^encoder\.timbre_encoder\.", "num_timbre_encoder_hidden_layers"),
    (r"tokenizer\.", "num_attention_pooler_hidden_layers"),
)


def golden_shapes() -> dict[str, tuple[int, ...]]:
    with safe_open(GOLDEN / "acestep-v15-base-tiny" / "model.safetensors", "pt") as file:
        return {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118


def shape_of(key: str, config: dict[str, Any]) -> tuple[int, ...]:
    def size(name: str) -> int:
        return int(config[name] if key.startswith("decoder.") else config.get(f"encoder_{name}", config[name]))

    letters = {
        "d": size("hidden_size"), "i": size("intermediate_size"), "h": config["head_dim"],
        "q": size("num_attention_heads") * config["head_dim"], "k": size("num_key_value_heads") * config["head_dim"],
        "e": config.get("encoder_hidden_size", config["hidden_size"]), "c": config["audio_acoustic_hidden_dim"],
        "z": config["in_channels"], "x": config["text_hidden_dim"], "m": config["timbre_hidden_dim"],
        "f": config["fsq_dim"], "n": len(config["fsq_input_levels"]), "p": config["patch_size"],
        "w": config["pool_window_size"],
    }  # fmt: skip
    words = next(words for pattern, words in SHAPES if re.search(pattern, key)).split()
    return tuple(int(word[:-1] or 1) * letters[word[-1]] if word[-1].isalpha() else int(word) for word in words)


def original_shapes(config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """All names and shapes of an original checkpoint with these settings, from the names in the reference's own file."""
    names: dict[str, None] = {}
    for key in golden_shapes():
        count = next((config[setting] for pattern, setting in COUNTS if re.search(pattern, key)), 1)
        for layer in range(count):
            names[re.sub(r"\.layers\.\d+\.", f".layers.{layer}.", key)] = None
    return {key: shape_of(key, config) for key in names}


def test_original_shapes_equal_those_of_the_reference() -> None:
    config = read_json(GOLDEN / "acestep-v15-base-tiny" / "config.json")
    assert original_shapes(config) == golden_shapes()


@pytest.mark.parametrize("name", RELEASED)
def test_released_models_map_key_by_key(name: str) -> None:
    config, shapes = RELEASED[name], original_shapes(RELEASED[name])
    configs = split_original_config(config)
    parts: dict[str, dict[str, tuple[int, ...]]] = {part: {} for part in keys.PREFIXES}
    for key, shape in shapes.items():
        part, own = keys.split_key(key) or ("", "")
        parts[part][own] = shape
    for part, expected in parts.items():
        module = build_on_meta(part, CLASSES[part], configs[part])
        state = {key: tuple(value.shape) for key, value in module.state_dict().items() if key != keys.SILENCE}
        assert state == expected
        assert all(parameter.is_meta for parameter in module.parameters())
        assert not any(buffer.is_meta for buffer in module.buffers())
    # What the catalogue says of the size, at two bytes a weight.
    assert catalogue.RELEASES[name].about_bytes == pytest.approx(2 * sum(map(math.prod, shapes.values())), rel=0.02)


def test_diffusers_reads_the_kind_of_the_transformer() -> None:
    dit = build_on_meta("dit", CLASSES["dit"], split_original_config(RELEASED["acestep-v15-xl-turbo"])["dit"])
    assert (dit.config.is_turbo, dit.config.encoder_hidden_size, dit.config.hidden_size) == (True, 2048, 2560)
    assert dit.layer_types == SIZE_XL["layer_types"]


def test_diffusers_names_are_unchanged() -> None:
    for key in (
        "layers.0.self_attn.to_q.weight",
        "proj_in_conv.bias",
        "norm_out.weight",
        "layers.1.mlp.down_proj.weight",
    ):
        assert keys.diffusers_key(key) == key
    assert keys.split_key("vocoder.weight") is None


def test_the_error_lists_differences() -> None:
    expected = {f"layers.{i}.weight": (4, 4) for i in range(20)}
    found = {**{f"layers.{i}.weight": (4, 4) for i in range(1, 6)}, "layers.6.weight": (4, 8), "extra": (1,)}
    with pytest.raises(EngineFailure) as caught:
        keys.check_shapes("turbo", expected, found, "Pull it again.")
    assert str(caught.value) == (
        "The weights of turbo do not fit the model; 14 missing: layers.0.weight, layers.10.weight, layers.11.weight,"
        " layers.12.weight, layers.13.weight, layers.14.weight, layers.15.weight, layers.16.weight, layers.17.weight,"
        " layers.18.weight and 4 more; 1 unexpected: extra; 1 of another shape: layers.6.weight is [4, 8] instead of"
        " [4, 4]. Pull it again."
    )
    keys.check_shapes("turbo", expected, expected, "")
