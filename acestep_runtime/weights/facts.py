"""What a checkpoint says of itself: how it wants to be sampled, which attention follows the lyrics. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acestep_runtime.errors import EngineFailure
from acestep_runtime.json_values import JsonObject, to_list, to_number, to_object
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import Json
from acestep_runtime.weights.catalogue import pull_hint
from acestep_runtime.weights.layout import Checkpoint, config_in

#: Steps and guidance where a checkpoint does not say; shift is then 3 for all.
_STEPS = {"turbo": 8, "base": 50, "sft": 50}
_GUIDANCE = {"turbo": 1.0, "base": 7.0, "sft": 7.0}
_SHIFT = 3.0
#: Names that the same default goes by.
_ALSO = {"steps": ("infer_steps", "num_inference_steps", "steps"), "guidance": ("guidance_scale",), "shift": ("shift",)}

#: Layers and heads of the transformer whose attention follows the lyrics. XL checkpoints name their own in the config.
_LYRIC_HEADS = {
    "2B": {2: (6,), 3: (10, 11), 4: (3,), 5: (8, 9), 6: (8,)},
    "XL": {3: (18, 27), 4: (22,), 5: (5, 6, 7), 6: (2, 12, 13), 7: (20, 21)},
}


@dataclass(frozen=True)
class Facts:
    """``steps``, ``guidance`` and ``shift`` are the checkpoint's own, else the usual ones for its kind.

    ``channels`` are those of a latent, ``layers`` those of the transformer. ``lego_sft``: it wants captions of a song and of
    one track. ``lyric_heads``: layer → heads.
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
    lego_sft: bool
    lyric_heads: Mapping[int, tuple[int, ...]]


def facts_of(checkpoint: Checkpoint) -> Facts:
    """Read the facts from the small files of a checkpoint. Raises `EngineFailure` where they make no sense."""
    config = config_in(checkpoint.dit)
    own = config.get("generation")
    own = own if isinstance(own, Mapping) else {}
    try:
        return Facts(
            name=checkpoint.name,
            kind=checkpoint.kind,
            size=checkpoint.size,
            sample_rate=_sample_rate(checkpoint),
            channels=int(to_number(config["audio_acoustic_hidden_dim"])),
            layers=int(to_number(config["num_hidden_layers"])),
            steps=int(_default(own, "steps", _STEPS[checkpoint.kind], low=1, high=1000)),
            # A turbo model has its guidance inside, whatever its defaults say.
            guidance=1.0
            if checkpoint.kind == "turbo"
            else _default(own, "guidance", _GUIDANCE[checkpoint.kind], low=0, high=100),
            shift=_default(own, "shift", _SHIFT, low=0.01, high=100),
            lego_sft=bool(config.get("is_lego_sft", False)),
            lyric_heads=_lyric_heads(config.get("lyric_alignment_layers_config")) or _LYRIC_HEADS[checkpoint.size],
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise EngineFailure(
            f"{checkpoint.dit / 'config.json'} does not describe a model: {error!r}.", remedy=pull_hint(checkpoint.name)
        ) from error


def _lyric_heads(named: Json) -> dict[int, tuple[int, ...]]:
    """Return the heads of each layer that a config names, none where it names none."""
    return {
        int(layer): tuple(int(to_number(head)) for head in to_list(heads))
        for layer, heads in to_object(named or {}).items()
    }


def _default(own: JsonObject, name: str, usual: float, *, low: float, high: float) -> float:
    given = next((own[each] for each in _ALSO[name] if own.get(each) is not None), usual)
    if not low <= to_number(given) <= high:
        raise ValueError(f"{name} is {given}; it should be {low} to {high}")
    return to_number(given)


def _sample_rate(checkpoint: Checkpoint) -> int:
    config = config_in(checkpoint.vae) if checkpoint.vae else {}
    return int(to_number(config.get("sampling_rate", ENGINE_RATE_HZ)))
