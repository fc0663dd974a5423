"""Adapters (LoRA) on a transformer: loaded by name, weighed, taken off again. Files of safetensors only.

Adapters are trained in several programs, which name the same weights differently; all come down to the names of `diffusers`.
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
from acestep_runtime.weights.adapters import NAME, NAMES

if TYPE_CHECKING:
    from diffusers.models.transformers.ace_step_transformer import AceStepTransformer1DModel

#: Beginnings that training programs put before the names inside of the transformer.
_PREFIX = re.compile(r"^(base_model\.model\.|transformer\.|diffusion_model\.|model\.|decoder\.)+")
#: Other words for the two matrices, and the name of the adapter that some programs leave in between.
_MATRIX = re.compile(r"\.(lora_[AB]|lora_down|lora_up)(?:\.default)?(?:\.weight)?$")
_WORDS = {"lora_down": "lora_A", "lora_up": "lora_B"}
_ALPHA = re.compile(r"\.alpha$")
_AGAIN = "Get the adapter's files again, or export them again."
#: The attribute of the transformer that holds the scale of each adapter.
_SCALES = "_adapter_scales"
_FILES = ("adapter_model.safetensors", "pytorch_lora_weights.safetensors")


def add_adapter(dit: AceStepTransformer1DModel, path: Path, name: str, scale: float = 1.0) -> None:
    """Load the adapter in ``path``, a file or a folder, onto the transformer as ``name``, and put all adapters to work.

    Raises `InvalidValue` for a name that is taken and `EngineFailure` for files that are no adapter of this transformer,
    listing what does not fit; the transformer is then as it was.
    """
    _check_name(name)
    if name in adapters(dit):
        raise InvalidValue("adapter", name, "a name that no other adapter has", remedy="Remove that one first.")
    file, config = _found(path)
    weights = _read(file, config)
    _check_fits(dit, weights, file)
    like = next(dit.parameters())
    state = {f"transformer.{key}": files.cast(value, like.dtype, like.device) for key, value in weights.items()}
    scales = _scales(dit)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Already found a `peft_config`", UserWarning)  # several are wanted here
        warnings.filterwarnings("ignore", "TorchaoLoraLinear", UserWarning)  # merging into int8 weights is not wanted
        dit.load_lora_adapter(state, prefix="transformer", adapter_name=_attribute(name), low_cpu_mem_usage=True)
    _weigh(dit, {**scales, name: scale})


def scale_adapter(dit: AceStepTransformer1DModel, name: str, scale: float) -> None:
    """Set how strongly an adapter works: 1 as trained, 0 not at all. Raises `InvalidValue` for one that is not there."""
    _check_there(dit, name)
    _weigh(dit, {**_scales(dit), name: scale})


def remove_adapter(dit: AceStepTransformer1DModel, name: str) -> None:
    """Take an adapter off; without any, the transformer is again exactly what it was. Raises as `scale_adapter` does."""
    _check_there(dit, name)
    scales = _scales(dit)
    del scales[name]
    if scales:
        dit.delete_adapters(_attribute(name))
        _weigh(dit, scales)
    else:
        dit.unload_lora()
        setattr(dit, _SCALES, {})


def adapters(dit: AceStepTransformer1DModel) -> tuple[str, ...]:
    """Return the names of the adapters on the transformer, in the order in which they came."""
    return tuple(_scales(dit))


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise InvalidValue("adapter", name, NAMES)


def _attribute(name: str) -> str:
    """Return an adapter's name for PEFT, which has it as an attribute of layers: no dots, nothing that is taken."""
    return f"adapter_{name.encode().hex()}"


def _check_there(dit: AceStepTransformer1DModel, name: str) -> None:
    if name not in adapters(dit):
        raise InvalidValue("adapter", name, ", ".join(adapters(dit)) or "none, as no adapter is loaded")


def _scales(dit: AceStepTransformer1DModel) -> dict[str, float]:
    """Return the scale of each adapter. It is kept on the transformer: the layers know it times alpha / rank only."""
    return dict(getattr(dit, _SCALES, {}))


def _weigh(dit: AceStepTransformer1DModel, scales: Mapping[str, float]) -> None:
    dit.set_adapters([_attribute(name) for name in scales], list(scales.values()))
    dit.requires_grad_(False)  # which choosing adapters turns on
    setattr(dit, _SCALES, dict(scales))


# ---- reading ----


def _found(path: Path) -> tuple[Path, JsonObject]:
    """Return the file of an adapter, and its settings where it is a folder that has some."""
    if path.is_file() and path.suffix == ".safetensors":
        file = path
    elif path.is_dir():
        singles = sorted(path.glob("*.safetensors"))
        named = [path / name for name in _FILES if (path / name).is_file()] or singles
        if not named or (len(singles) > 1 and named is singles):
            raise EngineFailure(
                f"{path} holds no adapter, or several.", remedy=f"Name the file, or call it {_FILES[0]}."
            )
        file = named[0]
    else:
        raise EngineFailure(
            f"{path} is no adapter in safetensors.", remedy="Files of other kinds can hold programs; convert it first."
        )
    beside = file.parent / "adapter_config.json"
    return file, files.read_json(beside, _AGAIN) if beside.is_file() else {}


def _read(file: Path, config: JsonObject) -> dict[str, torch.Tensor]:
    """Return the matrices of an adapter in float32 as ``{layer}.lora_A.weight`` and ``{layer}.lora_B.weight``.

    Each B is multiplied by what the training program would: alpha / rank, or alpha / √rank where it says so.
    """
    tensors = files.opened_file(file, _AGAIN)
    matrices: dict[tuple[str, str], torch.Tensor] = {}
    alphas: dict[str, float] = {}
    strange: list[str] = []
    for key, value in files.read(tensors, {key: key for key in tensors.files}, torch.float32, torch.device("cpu")):
        matrix, alpha = _MATRIX.search(key), _ALPHA.search(key)
        if matrix and (value.dtype != torch.float32 or value.ndim < 2 or not value.numel()):
            strange.append(f"{key} ({value.dtype}, {list(value.shape)})")
        elif matrix:
            matrices[_layer(key[: matrix.start()]), _WORDS.get(matrix[1], matrix[1])] = value
        elif alpha and value.numel() == 1:
            alphas[_layer(key[: alpha.start()])] = float(value)
        else:
            strange.append(key)
    if strange or not matrices:
        raise EngineFailure(
            f"{file} is no LoRA adapter that can be used; unexpected: {keys.some(strange) or 'nothing is in it'}.",
            remedy="Export it as a plain LoRA of the transformer, in the format of PEFT or diffusers.",
        )
    settings = {**_settings_in(file), **config}
    try:
        factors = {layer: _factor(layer, value.shape[0], alphas, settings)
                   for (layer, matrix), value in matrices.items() if matrix == "lora_A"}  # fmt: skip
    except (TypeError, ValueError, AttributeError) as error:
        raise EngineFailure(f"The settings of the adapter {file} make no sense: {error}.", remedy=_AGAIN) from error
    return {
        f"{layer}.{matrix}.weight": value * factors.get(layer, 1.0) if matrix == "lora_B" else value
        for (layer, matrix), value in matrices.items()
    }


def _layer(key: str) -> str:
    return keys.renamed(f"{_PREFIX.sub('', key)}.").removesuffix(".")


def _settings_in(file: Path) -> dict[str, Json]:
    """Return the settings that diffusers writes into the file itself, if it did."""
    try:
        value: Json = json.loads(files.metadata(file).get("lora_adapter_metadata", "{}"))
    except (ValueError, RecursionError):
        return {}
    return (
        {str(name).removeprefix("transformer."): each for name, each in value.items()}
        if isinstance(value, dict)
        else {}
    )


def _factor(layer: str, rank: int, own: Mapping[str, float], settings: JsonObject) -> float:
    """Return alpha / rank, or alpha / √rank; alpha is the layer's own, else that of the settings, else the rank itself."""
    patterns = to_object(settings.get("alpha_pattern") or {})
    named = next((alpha for name, alpha in patterns.items() if f".{layer}".endswith(f".{_layer(name)}")), None)
    alpha = next(each for each in (own.get(layer), named, settings.get("lora_alpha"), rank) if each is not None)
    return to_number(alpha) / (float(rank) ** 0.5 if settings.get("use_rslora") else float(rank))


def _check_fits(dit: nn.Module, weights: Mapping[str, torch.Tensor], file: Path) -> None:
    """Raise `EngineFailure` unless every matrix belongs to a linear layer of the transformer and comes in a pair."""
    layers = {name: module for name, module in dit.named_modules() if isinstance(module, nn.Linear)}
    # On a layer that has an adapter already the linear layer is one level down, and others are beside it.
    layers = {
        name.removesuffix(".base_layer"): module for name, module in layers.items() if ".lora_" not in f".{name}."
    }
    expected: dict[str, keys.Shape] = {}
    found = {key: tuple(value.shape) for key, value in weights.items()}
    for key, shape in found.items():
        layer = re.sub(r"\.lora_[AB]\.weight$", "", key)
        if layer in layers:
            rank = shape[0] if ".lora_A." in key else shape[-1]
            other = found.get(f"{layer}.lora_A.weight", (rank,))
            expected[f"{layer}.lora_A.weight"] = (other[0], layers[layer].in_features)
            expected[f"{layer}.lora_B.weight"] = (layers[layer].out_features, other[0])
    keys.check(
        f"the adapter {printable(file.name)}", expected, found, "Use an adapter trained for this model and size."
    )
