"""Tensor files: safetensors, as one file or shards with an index, and GGUF.

Nothing in a checkpoint folder is ever executed. Pickles are refused but for one: a released tensor that torch reads as such.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from acestep_runtime.errors import EngineFailure, printable
from acestep_runtime.values import Json
from acestep_runtime.weights.gguf_headers import MAGIC
from acestep_runtime.weights.gguf_tensors import GgufFile
from acestep_runtime.weights.keys import Shape
from acestep_runtime.weights.part_files import ENDINGS
from acestep_runtime.weights.parts import find_pickle, pickle_error, weights_file
from acestep_runtime.weights.signatures import identify

if TYPE_CHECKING:
    from safetensors import safe_open

_MAX_JSON_BYTES = 64 << 20
_PULL_AGAIN = "Pull the model again."


@dataclass(frozen=True)
class TensorIndex:
    """The file and shape of each tensor. No tensor is in memory."""

    files: Mapping[str, Path]
    shapes: Mapping[str, Shape]


def read_json(path: Path, remedy: str = _PULL_AGAIN) -> dict[str, Json]:
    """Return the object in a JSON file. Raises `EngineFailure` with ``remedy`` where there is none."""
    try:
        if path.stat().st_size > _MAX_JSON_BYTES or not path.is_file():
            raise ValueError("it is too large, or no file")
        value: Json = json.loads(path.read_text("utf-8"))
        if not isinstance(value, dict):
            raise ValueError("it is no object")
    except (OSError, ValueError, RecursionError) as error:
        raise EngineFailure(f"{path} cannot be read: {error}.", remedy=remedy) from error
    return value


def index_folder(folder: Path) -> TensorIndex:
    """Return the index of the tensors in ``folder``. Raises `EngineFailure` for missing and damaged files, and for pickles."""
    first = weights_file(folder)
    if first is None and (pickle := find_pickle(folder)):
        raise pickle_error(pickle)
    if first is None:
        raise EngineFailure(f"{folder} holds no weights.", remedy="Pull the model again.")
    return _build_index(_list_shards(first) if first.suffix == ".json" else [first])


def index_file(path: Path, remedy: str = _PULL_AGAIN) -> TensorIndex:
    """Return the index of the tensors in one file. Raises `EngineFailure` with ``remedy`` for a damaged one."""
    return _build_index([path], remedy)


def index_part(path: Path) -> TensorIndex:
    """Return the index of the tensors in a folder or in a file. Raises as `index_folder` does."""
    return index_folder(path) if path.is_dir() or path.suffix.lower() not in ENDINGS else index_file(path)


def read_file_metadata(path: Path) -> dict[str, str]:
    """Return the metadata of a safetensors file."""
    with _open_safetensors(path) as file:
        return dict(file.metadata() or {})


def _build_index(paths: Iterable[Path], remedy: str = _PULL_AGAIN) -> TensorIndex:
    files: dict[str, Path] = {}
    shapes: dict[str, Shape] = {}
    for path in paths:
        file_shapes = _read_shapes(path, remedy)
        shapes.update(file_shapes)
        files.update(dict.fromkeys(file_shapes, path))
    return TensorIndex(files, shapes)


def _list_shards(index: Path) -> list[Path]:
    mapping = read_json(index).get("weight_map")
    names = sorted({str(name) for name in mapping.values()}) if isinstance(mapping, dict) else []
    if not names:
        raise EngineFailure(f"{index} names no files.", remedy="Pull the model again.")
    for name in names:
        if Path(name).name != name or not (index.parent / name).is_file():
            raise EngineFailure(
                f"{index} names {printable(name)!r}, which is not there.", remedy="Pull the model again."
            )
    return [index.parent / name for name in names]


def _read_shapes(path: Path, remedy: str) -> dict[str, Shape]:
    if _is_gguf(path):
        return {name: each.shape for name, each in GgufFile(path, remedy).header.tensors.items()}
    with _open_safetensors(path, remedy) as file:
        return {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118 (no mapping)


def _is_gguf(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _open_safetensors(path: Path, remedy: str = _PULL_AGAIN) -> safe_open:
    from safetensors import SafetensorError, safe_open

    try:
        return safe_open(path, framework="pt", device="cpu")
    except (SafetensorError, OSError) as error:
        found = identify(path)
        if found is not None and found.signature.head:
            raise EngineFailure(f"{path} is {found.signature.what}.", remedy=found.signature.advice) from error
        raise EngineFailure(f"{path} is damaged or not whole: {error}.", remedy=remedy) from error


def load_tensor(path: Path) -> torch.Tensor:
    """Return the one tensor of a pickle, which torch reads without running anything of it. Raises `EngineFailure`."""
    from pickle import UnpicklingError

    try:
        value = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (UnpicklingError, RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        raise EngineFailure(
            f"{path} is damaged, or holds more than tensors, which is not opened.", remedy="Pull the model again."
        ) from error
    if not isinstance(value, torch.Tensor):
        raise EngineFailure(f"{path} holds something else than a tensor.", remedy="Pull the model again.")
    return value


def read_tensors(
    tensors: TensorIndex, names: Mapping[str, str], dtype: torch.dtype | None, device: torch.device
) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the tensors ``names`` (name in the files → name to give it) one by one, on ``device``, floats as ``dtype``,
    where that is not ``None``.

    They come in the order of the files. On the CPU, in the dtype of the file, tensors are memory-mapped and not copied.
    """
    with ExitStack() as stack:
        for path in dict.fromkeys(tensors.files[key] for key in names):
            keys = [key for key in names if tensors.files[key] == path]
            file = GgufFile(path, _PULL_AGAIN) if _is_gguf(path) else stack.enter_context(_open_safetensors(path))
            for key in keys:
                yield names[key], cast(file.get_tensor(key), dtype, device)


def cast(value: torch.Tensor, dtype: torch.dtype | None, device: torch.device) -> torch.Tensor:
    """Return ``value`` on ``device``, floats as ``dtype`` where that is not ``None``, other dtypes unchanged."""
    return value.to(device=device, dtype=dtype if dtype and value.is_floating_point() else value.dtype)
