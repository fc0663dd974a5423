"""LoRA adapters on a transformer: loading, scaling, removing. Files of safetensors only.

Training programs name the same weights differently; all names are mapped to those of `diffusers`.
Method: low-rank adaptation, Hu et al. 2021, y = Wx + scale · (alpha / rank) · B(Ax).
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from acestep_runtime.errors import EngineFailure, InvalidValue, printable
from acestep_runtime.json_values import JsonObject, to_number, to_object
from acestep_runtime.values import Json
from acestep_runtime.weights import files, keys
from acestep_runtime.weights.adapters import NAME_PATTERN, NAME_RULE
from acestep_runtime.weights.signatures import identify

if TYPE_CHECKING:
    from diffusers.models.transformers.ace_step_transformer import AceStepTransformer1DModel

#: Prefixes that training programs put before names inside the transformer.
_PREFIX = re.compile(r"^(base_model\.model\.|transformer\.|diffusion_model\.|model\.|decoder\.)+")
#: Names of the two matrices, and the adapter name that some programs leave in between.
_MATRIX = re.compile(r"\.(lora_[AB]|lora_down|lora_up)(?:\.default)?(?:\.weight)?$")
_MATRIX_NAMES = {"lora_down": "lora_A", "lora_up": "lora_B"}
_ALPHA = re.compile(r"\.alpha$")
_GET_AGAIN = "Get the adapter's files again, or export them again."
#: The attribute of the transformer that holds the scale of each adapter.
_SCALES = "_adapter_scales"
_FILES = ("adapter_model.safetensors", "pytorch_lora_weights.safetensors")


def add_adapter(dit: AceStepTransformer1DModel, path: Path, name: str, scale: float = 1.0) -> None:
    """Load the adapter in ``path``, a file or a folder, onto the transformer as ``name``. All adapters are active.

    Raises `InvalidValue` for a name in use and `EngineFailure`, which lists the differences, for files that do not fit this
    transformer; the transformer is then unchanged.
    """
    _check_name(name)
    if name in active_adapters(dit):
        raise InvalidValue("adapter", name, "a name that no other adapter has", remedy="Remove that one first.")
    file, config = _find_file(path)
    weights = _read_matrices(file, config)
    _check_fits(dit, weights, file)
    like = next(dit.parameters())
    state = {f"transformer.{key}": files.cast(value, like.dtype, like.device) for key, value in weights.items()}
    scales = _get_scales(dit)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Already found a `peft_config`", UserWarning)  # several adapters are intended
        warnings.filterwarnings("ignore", "TorchaoLoraLinear", UserWarning)  # nothing is merged into int8 weights
        dit.load_lora_adapter(state, prefix="transformer", adapter_name=_peft_name(name), low_cpu_mem_usage=True)
    _set_scales(dit, {**scales, name: scale})


def scale_adapter(dit: AceStepTransformer1DModel, name: str, scale: float) -> None:
    """Set the scale of an adapter: 1 as trained, 0 no effect. Raises `InvalidValue` for one that is not loaded."""
    _check_active(dit, name)
    _set_scales(dit, {**_get_scales(dit), name: scale})


def remove_adapter(dit: AceStepTransformer1DModel, name: str) -> None:
    """Remove an adapter. Without adapters the transformer is exactly what it was. Raises as `scale_adapter` does."""
    _check_active(dit, name)
    scales = _get_scales(dit)
    del scales[name]
    if scales:
        dit.delete_adapters(_peft_name(name))
        _set_scales(dit, scales)
    else:
        dit.unload_lora()
        setattr(dit, _SCALES, {})


def active_adapters(dit: AceStepTransformer1DModel) -> tuple[str, ...]:
    """Return the names of the adapters on the transformer, in the order in which they were added."""
    return tuple(_get_scales(dit))


def _check_name(name: str) -> None:
    if not NAME_PATTERN.fullmatch(name):
        raise InvalidValue("adapter", name, NAME_RULE)


def _peft_name(name: str) -> str:
    """Return an adapter's name for PEFT, which uses it as an attribute of layers: no dots, no existing attribute."""
    return f"adapter_{name.encode().hex()}"


def _check_active(dit: AceStepTransformer1DModel, name: str) -> None:
    if name not in active_adapters(dit):
        raise InvalidValue("adapter", name, ", ".join(active_adapters(dit)) or "none, as no adapter is loaded")


def _get_scales(dit: AceStepTransformer1DModel) -> dict[str, float]:
    """Return the scale of each adapter. It is stored on the transformer, as layers only hold it times alpha / rank."""
    return dict(getattr(dit, _SCALES, {}))


def _set_scales(dit: AceStepTransformer1DModel, scales: Mapping[str, float]) -> None:
    dit.set_adapters([_peft_name(name) for name in scales], list(scales.values()))
    dit.requires_grad_(False)  # set_adapters turns it on
    setattr(dit, _SCALES, dict(scales))


# ---- reading ----


def _find_file(path: Path) -> tuple[Path, JsonObject]:
    """Return the file of an adapter and its settings, empty where there are none."""
    if path.is_file() and path.suffix == ".safetensors":
        file = path
    elif path.is_dir():
        singles = sorted(path.glob("*.safetensors"))
        candidates = [path / name for name in _FILES if (path / name).is_file()] or singles
        if not candidates or (len(singles) > 1 and candidates is singles):
            raise _other_error(path) or EngineFailure(
                f"{path} holds no adapter, or several.", remedy=f"Name the file, or call it {_FILES[0]}."
            )
        file = candidates[0]
    else:
        raise _other_error(path) or EngineFailure(
            f"{path} is no adapter in safetensors.", remedy="Files of other kinds can hold programs; convert it first."
        )
    config_file = file.parent / "adapter_config.json"
    return file, files.read_json(config_file, _GET_AGAIN) if config_file.is_file() else {}


def _other_error(path: Path, details: str = "") -> EngineFailure | None:
    """Return the error that names what a file or a folder is instead of a LoRA, if that is known."""
    found = identify(path)
    if found is None or found.signature.is_usable:
        return None
    return EngineFailure(f"{path} is {found.signature.what}{details}.", remedy=found.signature.advice)


def _read_matrices(file: Path, config: JsonObject) -> dict[str, torch.Tensor]:
    """Return the matrices of an adapter in float32 as ``{layer}.lora_A.weight`` and ``{layer}.lora_B.weight``.

    Each B is multiplied by alpha / rank, or alpha / √rank where the settings say so.
    """
    tensors = files.index_file(file, _GET_AGAIN)
    matrices: dict[tuple[str, str], torch.Tensor] = {}
    alphas: dict[str, float] = {}
    unexpected: list[str] = []
    for key, value in files.read_tensors(
        tensors, {key: key for key in tensors.files}, torch.float32, torch.device("cpu")
    ):
        matrix, alpha = _MATRIX.search(key), _ALPHA.search(key)
        if matrix and (value.dtype != torch.float32 or value.ndim < 2 or not value.numel()):
            unexpected.append(f"{key} ({value.dtype}, {list(value.shape)})")
        elif matrix:
            matrices[_layer_name(key[: matrix.start()]), _MATRIX_NAMES.get(matrix[1], matrix[1])] = value
        elif alpha and value.numel() == 1:
            alphas[_layer_name(key[: alpha.start()])] = float(value)
        else:
            unexpected.append(key)
    if unexpected or not matrices:
        names = keys.summarize_names(unexpected) or "nothing is in it"
        raise _other_error(file, f"; unexpected: {names}") or EngineFailure(
            f"{file} is no LoRA adapter that can be used; unexpected: {names}.",
            remedy="Export it as a plain LoRA of the transformer, in the format of PEFT or diffusers.",
        )
    settings = {**_read_settings(file), **config}
    try:
        factors = {layer: _scale_factor(layer, value.shape[0], alphas, settings)
                   for (layer, matrix), value in matrices.items() if matrix == "lora_A"}  # fmt: skip
    except (TypeError, ValueError, AttributeError) as error:
        raise EngineFailure(f"The settings of the adapter {file} make no sense: {error}.", remedy=_GET_AGAIN) from error
    return {
        f"{layer}.{matrix}.weight": value * factors.get(layer, 1.0) if matrix == "lora_B" else value
        for (layer, matrix), value in matrices.items()
    }


def _layer_name(key: str) -> str:
    return keys.diffusers_key(f"{_PREFIX.sub('', key)}.").removesuffix(".")


def _read_settings(file: Path) -> dict[str, Json]:
    """Return the settings that diffusers writes into the file, empty where there are none."""
    try:
        value: Json = json.loads(files.read_file_metadata(file).get("lora_adapter_metadata", "{}"))
    except (ValueError, RecursionError):
        return {}
    return (
        {str(name).removeprefix("transformer."): each for name, each in value.items()}
        if isinstance(value, dict)
        else {}
    )


def _scale_factor(layer: str, rank: int, alphas: Mapping[str, float], settings: JsonObject) -> float:
    """Return alpha / rank, or alpha / √rank; alpha is the layer's own, else that of the settings, else the rank."""
    patterns = to_object(settings.get("alpha_pattern") or {})
    pattern_alpha = next(
        (alpha for name, alpha in patterns.items() if f".{layer}".endswith(f".{_layer_name(name)}")), None
    )
    alpha = next(
        each for each in (alphas.get(layer), pattern_alpha, settings.get("lora_alpha"), rank) if each is not None
    )
    return to_number(alpha) / (float(rank) ** 0.5 if settings.get("use_rslora") else float(rank))


def _check_fits(dit: nn.Module, weights: Mapping[str, torch.Tensor], file: Path) -> None:
    """Raise `EngineFailure` unless every matrix belongs to a linear layer of the transformer and has its pair."""
    layers = {name: module for name, module in dit.named_modules() if isinstance(module, nn.Linear)}
    # On a layer with an adapter the linear layer is one level down, beside those of the adapter.
    layers = {
        name.removesuffix(".base_layer"): module for name, module in layers.items() if ".lora_" not in f".{name}."
    }
    expected: dict[str, keys.Shape] = {}
    shapes = {key: tuple(value.shape) for key, value in weights.items()}
    for key, shape in shapes.items():
        layer = re.sub(r"\.lora_[AB]\.weight$", "", key)
        if layer in layers:
            rank = shape[0] if ".lora_A." in key else shape[-1]
            rank_shape = shapes.get(f"{layer}.lora_A.weight", (rank,))
            expected[f"{layer}.lora_A.weight"] = (rank_shape[0], layers[layer].in_features)
            expected[f"{layer}.lora_B.weight"] = (layers[layer].out_features, rank_shape[0])
    keys.check_shapes(
        f"the adapter {printable(file.name)}", expected, shapes, "Use an adapter trained for this model and size."
    )
