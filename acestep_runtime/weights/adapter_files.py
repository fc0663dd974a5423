"""Reads files of adapters: LoRA, LoKr and LoHa, each also with magnitudes (DoRA), as what they change in each layer.

Files of safetensors only. What is missing, superfluous or of another shape is named, and nothing is used of such a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from acestep_runtime.errors import EngineFailure, printable
from acestep_runtime.json_values import JsonObject, to_number, to_object
from acestep_runtime.values import Json
from acestep_runtime.weights import files, keys
from acestep_runtime.weights.adapted import Change, Hadamard, Kronecker, LowRank, Magnitude
from acestep_runtime.weights.adapter_names import TensorName, flat_names, layer_name, read_name
from acestep_runtime.weights.adapters import find_weights
from acestep_runtime.weights.signatures import identify
from acestep_runtime.weights.small_json import parse_object

_GET_AGAIN = "Get the adapter's files again, or export them again."
_ANOTHER_MODEL = "Use an adapter trained for this model and size."
_CPU = torch.device("cpu")

#: The tensors of one layer by their roles.
Roles = Mapping[str, Tensor]


@dataclass(frozen=True)
class Method:
    """A method of adapters: the roles of its tensors, their shapes for a layer ``[O, I]``, and the change they make.

    ``shapes`` gets the tensors and the layer; ``build`` the tensors, and the factor alpha / rank of `_rank`'s rank.
    """

    roles: tuple[str, ...]
    shapes: Callable[[Roles, nn.Linear], dict[str, keys.Shape]]
    build: Callable[[Roles, float], nn.Module]


@dataclass(frozen=True)
class Settings:
    """What stands beside an adapter's tensors: the settings of PEFT, and those of LyCORIS's LoKr."""

    config: JsonObject = field(default_factory=dict)
    lokr: JsonObject = field(default_factory=dict)


def read_changes(
    path: Path, layers: Mapping[str, nn.Linear], dtype: torch.dtype, device: torch.device
) -> dict[str, Change]:
    """Return what the adapter in ``path``, a file or a folder, changes in each of these layers of a transformer.

    Raises `EngineFailure`, which lists the differences, for a file that does not fit.
    """
    file = _find_file(path)
    settings = _read_settings(file)
    tensors = _read_tensors(file, layers)
    _check_fits(tensors, layers, file)
    try:
        return {layer: _build_change(layer, roles, settings, dtype, device) for layer, roles in tensors.items()}
    except (TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        raise EngineFailure(f"The settings of the adapter {file} make no sense: {error}.", remedy=_GET_AGAIN) from error


# ---- methods ----


def _low_rank_shapes(roles: Roles, layer: nn.Linear) -> dict[str, keys.Shape]:
    rank = _inner(roles, "down", "up")
    return {"down": (rank, layer.in_features), "up": (layer.out_features, rank)}


def _hadamard_shapes(roles: Roles, layer: nn.Linear) -> dict[str, keys.Shape]:
    return {
        name: shape
        for place in ("h1", "h2")
        for rank in (_inner(roles, f"{place}_b", f"{place}_a"),)
        for name, shape in ((f"{place}_a", (layer.out_features, rank)), (f"{place}_b", (rank, layer.in_features)))
    }


def _kronecker_shapes(roles: Roles, layer: nn.Linear) -> dict[str, keys.Shape]:
    """Return the shapes of w1 ``[A, B]`` and w2 ``[O / A, I / B]``, whole or as pairs."""
    rows, columns = _outer(roles, "w1")
    shape = (rows, columns) if _divides(rows, layer.out_features) and _divides(columns, layer.in_features) else (1, 1)
    other = (layer.out_features // shape[0], layer.in_features // shape[1])
    return {**_pair_shapes(roles, "w1", shape), **_pair_shapes(roles, "w2", other)}


def _pair_shapes(roles: Roles, name: str, shape: keys.Shape) -> dict[str, keys.Shape]:
    if name in roles or not {f"{name}_a", f"{name}_b"} & roles.keys():
        return {name: shape}
    rank = _inner(roles, f"{name}_b", f"{name}_a")
    return {f"{name}_a": (shape[0], rank), f"{name}_b": (rank, shape[1])}


def _outer(roles: Roles, name: str) -> keys.Shape:
    """Return the shape of a matrix that is whole or the product of a pair; a part that is missing counts as 1."""
    if name in roles:
        return tuple(roles[name].shape)[:2]
    first, second = roles.get(f"{name}_a"), roles.get(f"{name}_b")
    return (1 if first is None else first.shape[0], 1 if second is None else second.shape[-1])


def _inner(roles: Roles, first: str, second: str) -> int:
    """Return the rank of a pair: the rows of its right matrix, or else the columns of its left one, or else 1."""
    if first in roles:
        return roles[first].shape[0]
    return roles[second].shape[-1] if second in roles else 1


def _divides(part: int, whole: int) -> bool:
    return 0 < part <= whole and whole % part == 0


def _product(roles: Roles, name: str) -> Tensor:
    return roles[name] if name in roles else roles[f"{name}_a"] @ roles[f"{name}_b"]


METHODS = (
    Method(("down", "up"), _low_rank_shapes, lambda roles, factor: LowRank(roles["down"], roles["up"] * factor)),
    Method(("w1", "w1_a", "w1_b", "w2", "w2_a", "w2_b"), _kronecker_shapes,
           lambda roles, factor: Kronecker(_product(roles, "w1") * factor, _product(roles, "w2"))),
    Method(("h1_a", "h1_b", "h2_a", "h2_b"), _hadamard_shapes,
           lambda roles, factor: Hadamard(roles["h1_a"] * factor, roles["h1_b"], roles["h2_a"], roles["h2_b"])),
)  # fmt: skip
#: Roles that stand beside those of any method, with their shapes.
_BESIDE: dict[str, Callable[[nn.Linear], keys.Shape]] = {
    "magnitude": lambda layer: (layer.out_features,),
    "dora_scale": lambda layer: (layer.out_features, 1),
    "alpha": lambda _: (),
}
#: Roles in messages, where they are not the endings of names.
_ENDINGS = {"down": "lora_A.weight", "up": "lora_B.weight", "magnitude": "lora_magnitude_vector"}
_PREFIXES = {"w": "lokr_", "h": "hada_"}


def _find_method(roles: Roles) -> Method | None:
    return next((each for each in METHODS if roles.keys() & set(each.roles)), None)


def _ending(role: str) -> str:
    if role in _ENDINGS:
        return _ENDINGS[role]
    prefix = _PREFIXES.get(role[0], "") if role[1:2].isdigit() else ""
    return prefix + role.replace("h", "w", 1) if prefix else role


def _build_change(layer: str, roles: Roles, settings: Settings, dtype: torch.dtype, device: torch.device) -> Change:
    method = _find_method(roles)
    assert method is not None
    delta = method.build(roles, _scale_factor(layer, roles, settings)).to(device=device, dtype=dtype)
    role = next((each for each in ("magnitude", "dora_scale") if each in roles), None)
    return Change(delta, None if role is None else Magnitude(roles[role].flatten(), role == "dora_scale"))


def _scale_factor(layer: str, roles: Roles, settings: Settings) -> float:
    """Return alpha / rank, or alpha / √rank where PEFT's settings say so.

    Alpha is the layer's own, else that of the settings, else the rank. Where both matrices of LoKr are whole, only the settings
    in the file know the rank; without them the factor is 1.
    """
    rank = _rank(roles)
    if rank is None:
        rank = to_number(settings.lokr.get("linear_dim") or 0)
        return float(roles["alpha"]) / rank if rank and "alpha" in roles else 1.0
    patterns = to_object(settings.config.get("alpha_pattern") or {})
    pattern_alpha = next(
        (alpha for name, alpha in patterns.items() if f".{layer}".endswith(f".{layer_name(name)}")), None
    )
    own = float(roles["alpha"]) if "alpha" in roles else None
    candidates: tuple[Json, ...] = (own, pattern_alpha, settings.config.get("lora_alpha"), rank)
    alpha = next(each for each in candidates if each is not None)
    return to_number(alpha) / (rank**0.5 if settings.config.get("use_rslora") else rank)


def _rank(roles: Roles) -> float | None:
    right = next((each for each in ("down", "w2_b", "w1_b", "h1_b") if each in roles), None)
    return None if right is None else float(roles[right].shape[0])


# ---- files ----


def _find_file(path: Path) -> Path:
    file = find_weights(path)
    if file is not None:
        return file
    if path.is_dir():
        raise other_error(path) or EngineFailure(
            f"{path} holds no adapter, or several.", remedy="Name the file, or call it adapter_model.safetensors."
        )
    raise other_error(path) or EngineFailure(
        f"{path} is no adapter in safetensors.", remedy="Files of other kinds can hold programs; convert it first."
    )


def other_error(path: Path, details: str = "") -> EngineFailure | None:
    """Return the error that names what a file or a folder is instead of an adapter, if that is known."""
    found = identify(path)
    if found is None or found.signature.is_usable:
        return None
    return EngineFailure(f"{path} is {found.signature.what}{details}.", remedy=found.signature.advice)


def _read_settings(file: Path) -> Settings:
    """Return the settings beside the file, and those that diffusers and LyCORIS write into it."""
    beside = file.parent / "adapter_config.json"
    files.index_file(file, _GET_AGAIN)
    metadata = files.read_file_metadata(file)
    inside = parse_object(metadata.get("lora_adapter_metadata", "")) or {}
    config = {name.removeprefix("transformer."): each for name, each in inside.items()}
    if beside.is_file():
        config.update(files.read_json(beside, _GET_AGAIN))
    return Settings(config, parse_object(metadata.get("lokr_config", "")) or {})


def _read_tensors(file: Path, layers: Mapping[str, nn.Linear]) -> dict[str, dict[str, Tensor]]:
    """Return the tensors of a file in float32, by layer and role."""
    index, flat = files.index_file(file, _GET_AGAIN), flat_names(layers)
    tensors: dict[str, dict[str, Tensor]] = {}
    unexpected: list[str] = []
    names: set[str] = set()
    same_names = {key: key for key in index.files}
    for key, value in files.read_tensors(index, same_names, torch.float32, _CPU):
        place = read_name(key, flat)
        if place is None or not _is_valid(place, value):
            unexpected.append(key if place is None else f"{key} ({value.dtype}, {list(value.shape)})")
            continue
        names.add(place.adapter)
        tensors.setdefault(place.layer, {})[place.role] = value.float().reshape(()) if place.role == "alpha" else value
    if len(named := sorted(names - {""})) > 1:
        raise EngineFailure(
            f"{file} holds {len(named)} adapters: {keys.summarize_names(map(printable, named))}.",
            remedy="Save each into a file of its own.",
        )
    alone = [
        f"{layer}.{_ending(role)}" for layer, roles in tensors.items() if not _find_method(roles) for role in roles
    ]
    if unexpected or alone or not tensors:
        said = keys.summarize_names([*unexpected, *alone]) or "nothing is in it"
        raise other_error(file, f"; unexpected: {said}") or EngineFailure(
            f"{file} is no adapter that can be used; unexpected: {said}.",
            remedy="Export it as a LoRA of the transformer, in the format of PEFT or diffusers.",
        )
    return tensors


def _is_valid(place: TensorName, value: Tensor) -> bool:
    if place.role == "alpha":
        return value.numel() == 1 and not value.is_complex()
    dimensions = 1 if place.role == "magnitude" else 2
    return value.dtype == torch.float32 and value.ndim == dimensions and bool(value.numel())


def _check_fits(tensors: Mapping[str, Roles], layers: Mapping[str, nn.Linear], file: Path) -> None:
    """Raise `EngineFailure` unless every tensor belongs to a linear layer of the transformer, and none is missing."""
    expected: dict[str, keys.Shape] = {}
    found: dict[str, keys.Shape] = {}
    for layer, roles in tensors.items():
        found.update({f"{layer}.{_ending(role)}": tuple(value.shape) for role, value in roles.items()})
        method = _find_method(roles)
        if layer in layers and method is not None:
            shapes = method.shapes(roles, layers[layer])
            shapes.update({role: shape(layers[layer]) for role, shape in _BESIDE.items() if role in roles})
            expected.update({f"{layer}.{_ending(role)}": shape for role, shape in shapes.items()})
    keys.check_shapes(f"the adapter {printable(file.name)}", expected, found, _ANOTHER_MODEL)
