"""Tensors of GGUF files, one at a time: mapped, not copied, where their numbers are plain, else dequantised by `gguf`."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch

from acestep_runtime.errors import EngineFailure
from acestep_runtime.installation import install_remedy
from acestep_runtime.weights.gguf_headers import GgufHeader, GgufTensor, read_gguf_header

_PLAIN = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


class GgufFile:
    """The tensors of a file by name. Raises `EngineFailure`, when it is made, for a damaged file."""

    def __init__(self, path: Path, remedy: str) -> None:
        try:
            self.header: GgufHeader = read_gguf_header(path)
        except (OSError, ValueError) as error:
            raise EngineFailure(f"{path} cannot be read: {error}.", remedy=remedy) from error
        if self.header.fault:
            raise EngineFailure(f"{path} {self.header.fault}.", remedy=remedy)
        self._data = np.memmap(path, np.uint8, mode="r")

    def get_tensor(self, name: str) -> torch.Tensor:
        """Return a tensor: in the type of the file where that is plain, else in float32."""
        place = self.header.tensors[name]
        raw = self._data[place.start : place.start + place.size_bytes]
        plain = _PLAIN.get(place.type.name)
        if plain is None:
            return torch.from_numpy(_dequantize(raw, place))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)  # nobody writes
            return torch.from_numpy(raw).view(plain).reshape(place.shape)


def _dequantize(raw: np.ndarray, place: GgufTensor) -> np.ndarray:
    """Return the numbers of a tensor in float32."""
    try:
        from gguf import GGMLQuantizationType
        from gguf.quants import dequantize
    except ImportError as error:
        raise EngineFailure(
            f"Weights in {place.type.name} need the package gguf, which is not installed.",
            remedy=install_remedy("neural"),
        ) from error
    row_bytes = place.shape[-1] // place.type.block * place.type.block_bytes
    rows = np.asarray(raw).reshape(*place.shape[:-1], row_bytes)
    numbers = dequantize(rows, GGMLQuantizationType(place.type_number))
    return np.ascontiguousarray(numbers.reshape(place.shape), np.float32)
