"""Adapters on a transformer: loading, strengths, removal. LoRA, LoKr and LoHa, each also as DoRA; safetensors only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from acestep_runtime.errors import InvalidValue
from acestep_runtime.weights.adapted import adaptable_layers, add_change, remove_changes, set_strength
from acestep_runtime.weights.adapter_files import read_changes
from acestep_runtime.weights.adapters import NAME_PATTERN, NAME_RULE

if TYPE_CHECKING:
    from diffusers.models.transformers.ace_step_transformer import AceStepTransformer1DModel

#: The attribute of the transformer that holds the scale of each adapter.
_SCALES = "_adapter_scales"


def add_adapter(dit: AceStepTransformer1DModel, path: Path, name: str, scale: float = 1.0) -> None:
    """Load the adapter in ``path``, a file or a folder, onto the transformer as ``name``. All adapters are active.

    Raises `InvalidValue` for a name in use and `EngineFailure`, which lists the differences, for files that do not fit this
    transformer; the transformer is then unchanged.
    """
    if not NAME_PATTERN.fullmatch(name):
        raise InvalidValue("adapter", name, NAME_RULE)
    if name in active_adapters(dit):
        raise InvalidValue("adapter", name, "a name that no other adapter has", remedy="Remove that one first.")
    like = next(dit.parameters())
    changes = read_changes(path, adaptable_layers(dit), like.dtype, like.device)
    for layer, change in changes.items():
        add_change(dit, layer, _module_name(name), change)
    _set_scale(dit, name, scale)


def scale_adapter(dit: AceStepTransformer1DModel, name: str, scale: float) -> bool:
    """Set the scale of an adapter: 1 as trained, 0 no effect. Return whether it was another.

    Raises `InvalidValue` for an adapter that is not loaded.
    """
    _check_active(dit, name)
    return _set_scale(dit, name, scale)


def remove_adapter(dit: AceStepTransformer1DModel, name: str) -> None:
    """Remove an adapter. Without adapters the transformer is exactly what it was. Raises as `scale_adapter` does."""
    _check_active(dit, name)
    remove_changes(dit, _module_name(name))
    setattr(dit, _SCALES, {each: scale for each, scale in _get_scales(dit).items() if each != name})


def active_adapters(dit: AceStepTransformer1DModel) -> tuple[str, ...]:
    """Return the names of the adapters on the transformer, in the order in which they were added."""
    return tuple(_get_scales(dit))


def _module_name(name: str) -> str:
    """Return an adapter's name for torch, which uses it as an attribute of layers: no dots, no existing attribute."""
    return f"adapter_{name.encode().hex()}"


def _check_active(dit: AceStepTransformer1DModel, name: str) -> None:
    if name not in active_adapters(dit):
        raise InvalidValue("adapter", name, ", ".join(active_adapters(dit)) or "none, as no adapter is loaded")


def _get_scales(dit: AceStepTransformer1DModel) -> dict[str, float]:
    return dict(getattr(dit, _SCALES, {}))


def _set_scale(dit: AceStepTransformer1DModel, name: str, scale: float) -> bool:
    scales = _get_scales(dit)
    is_other = scales.get(name) != scale
    if is_other:
        set_strength(dit, _module_name(name), scale)
    setattr(dit, _SCALES, {**scales, name: scale})
    return is_other
