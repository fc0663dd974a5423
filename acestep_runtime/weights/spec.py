"""The specification of a checkpoint: sampling defaults and the attention heads that follow the lyrics. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acestep_runtime.errors import EngineFailure
from acestep_runtime.json_values import JsonObject, to_list, to_number, to_object
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import Json
from acestep_runtime.weights import part_files
from acestep_runtime.weights.catalogue import pull_hint
from acestep_runtime.weights.layout import Checkpoint
from acestep_runtime.weights.part_configs import config_place, read_part_config

#: Default steps and guidance for checkpoints without their own; the default shift is 3.
_STEPS = {"turbo": 8, "base": 50, "sft": 50}
_GUIDANCE = {"turbo": 1.0, "base": 7.0, "sft": 7.0}
_SHIFT = 3.0
#: Names of each default in configs.
_ALIASES = {
    "steps": ("infer_steps", "num_inference_steps", "steps"),
    "guidance": ("guidance_scale",),
    "shift": ("shift",),
}

#: Layers and heads of the transformer whose attention follows the lyrics. XL checkpoints name their own in the config.
_LYRIC_HEADS = {
    "2B": {2: (6,), 3: (10, 11), 4: (3,), 5: (8, 9), 6: (8,)},
    "XL": {3: (18, 27), 4: (22,), 5: (5, 6, 7), 6: (2, 12, 13), 7: (20, 21)},
}


@dataclass(frozen=True)
class ModelSpec:
    """``steps``, ``guidance`` and ``shift`` are the checkpoint's own, else the defaults of its kind.

    ``channels`` counts those of a latent, ``layers`` those of the transformer. ``is_lego_sft``: the caption must describe the
    song and one track. ``lyric_heads``: layer → heads.
    """

    name: str
    kind: str
    size: str
    sample_rate: int
    channels: int
    layers: int
    steps: int
    guidance: float
    shift: float
    is_lego_sft: bool
    lyric_heads: Mapping[int, tuple[int, ...]]


def read_model_spec(checkpoint: Checkpoint) -> ModelSpec:
    """Read the specification from the small files of a checkpoint. Raises `EngineFailure` for invalid values."""
    config = read_part_config(checkpoint.dit, part_files.TRANSFORMER)
    defaults = config.get("generation")
    defaults = defaults if isinstance(defaults, Mapping) else {}
    try:
        return ModelSpec(
            name=checkpoint.name,
            kind=checkpoint.kind,
            size=checkpoint.size,
            sample_rate=_sample_rate(checkpoint),
            channels=int(to_number(config["audio_acoustic_hidden_dim"])),
            layers=int(to_number(config["num_hidden_layers"])),
            steps=int(_default(defaults, "steps", _STEPS[checkpoint.kind], low=1, high=1000)),
            # Guidance is distilled into turbo models, whatever their config says.
            guidance=1.0
            if checkpoint.kind == "turbo"
            else _default(defaults, "guidance", _GUIDANCE[checkpoint.kind], low=0, high=100),
            shift=_default(defaults, "shift", _SHIFT, low=0.01, high=100),
            is_lego_sft=checkpoint.is_lego_sft,
            lyric_heads=_lyric_heads(config.get("lyric_alignment_layers_config")) or _LYRIC_HEADS[checkpoint.size],
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise EngineFailure(
            f"{config_place(checkpoint.dit)} does not describe a model: {error!r}.", remedy=pull_hint(checkpoint.name)
        ) from error


def _lyric_heads(config: Json) -> dict[int, tuple[int, ...]]:
    """Return the heads of each layer in a config, or an empty dict."""
    return {
        int(layer): tuple(int(to_number(head)) for head in to_list(heads))
        for layer, heads in to_object(config or {}).items()
    }


def _default(defaults: JsonObject, name: str, fallback: float, *, low: float, high: float) -> float:
    value = next((defaults[each] for each in _ALIASES[name] if defaults.get(each) is not None), fallback)
    if not low <= to_number(value) <= high:
        raise ValueError(f"{name} is {value}; it should be {low} to {high}")
    return to_number(value)


def _sample_rate(checkpoint: Checkpoint) -> int:
    config = read_part_config(checkpoint.vae, part_files.VAE)
    return int(to_number(config.get("sampling_rate", ENGINE_RATE_HZ)))
