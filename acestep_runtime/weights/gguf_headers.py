"""Headers of GGUF files: metadata, names, shapes and types of the tensors, and whether the file is whole.

Reads no tensor and needs no package, as each listing of models asks; long lists, such as a tokenizer's, are skipped. Numbers
are dequantised by the package `gguf`, see `gguf_tensors`. The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from acestep_runtime.values import Json

MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_STRING, _ARRAY = 8, 9
#: Type of a value in the metadata → its format.
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_LONG_LIST = 64
_MAX_TENSORS, _MAX_ENTRIES, _MAX_DIMENSIONS = 100_000, 100_000, 4
_ALIGNMENT = 32
_SILENCE = "silence_latent"  # in every file in full precision
_DAMAGED = "has a damaged header"


@dataclass(frozen=True)
class QuantType:
    """A type of numbers: ``block`` of them take ``block_bytes``."""

    name: str
    block: int
    block_bytes: int


#: Types that are loaded, by their numbers in files.
TYPES = {
    0: QuantType("F32", 1, 4),
    1: QuantType("F16", 1, 2),
    2: QuantType("Q4_0", 32, 18),
    3: QuantType("Q4_1", 32, 20),
    6: QuantType("Q5_0", 32, 22),
    7: QuantType("Q5_1", 32, 24),
    8: QuantType("Q8_0", 32, 34),
    10: QuantType("Q2_K", 256, 84),
    11: QuantType("Q3_K", 256, 110),
    12: QuantType("Q4_K", 256, 144),
    13: QuantType("Q5_K", 256, 176),
    14: QuantType("Q6_K", 256, 210),
    30: QuantType("BF16", 1, 2),
}


@dataclass(frozen=True)
class GgufTensor:
    """Where a tensor lies: its shape, the last axis the fastest, its type's number and name, its first byte and its length."""

    shape: tuple[int, ...]
    type_number: int
    type: QuantType
    start: int
    size_bytes: int


@dataclass(frozen=True)
class GgufHeader:
    """Metadata, the positions of long lists in it, and the tensors. ``fault`` is the end of a sentence, "" if it is whole."""

    metadata: Mapping[str, Json] = field(default_factory=dict)
    lists: Mapping[str, int] = field(default_factory=dict)
    tensors: Mapping[str, GgufTensor] = field(default_factory=dict)
    fault: str = ""

    @property
    def quantisation(self) -> str:
        """The name by which people know the mix of types: "Q4_K_M", "Q8_0", "BF16"."""
        sizes: dict[str, int] = {}
        for each in (each for name, each in self.tensors.items() if name != _SILENCE):
            sizes[each.type.name] = sizes.get(each.type.name, 0) + each.size_bytes
        quantised = {name: size for name, size in sizes.items() if name.startswith("Q")}
        most = max(quantised or sizes, key=(quantised or sizes).__getitem__, default="")
        mixed = next((name for name in ("Q3_K", "Q4_K", "Q5_K") if name in sizes and len(quantised) > 1), "")
        return f"{mixed}_M" if mixed else most


def read_gguf_header(path: Path) -> GgufHeader:
    """Return the header of a GGUF file. Raises ``OSError`` for a file that cannot be read; other faults are in the header."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return _Reader(data).header()
        except (struct.error, IndexError):
            return GgufHeader(fault="is cut short")
        except (ValueError, OverflowError):
            return GgufHeader(fault=_DAMAGED)


def read_strings(path: Path, position: int) -> list[str]:
    """Return the list of strings at a position of `GgufHeader.lists`. Raises ``ValueError`` where there is none."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        reader = _Reader(data, position)
        kind, count = reader.number("<I"), reader.number("<Q")
        if kind != _STRING:
            raise ValueError("it holds no strings")
        return [reader.text() for _ in range(count)]


class _Reader:
    """Reads the parts of a header one after the other."""

    def __init__(self, data: mmap.mmap, position: int = 0) -> None:
        self._data = data
        self._position = position

    def header(self) -> GgufHeader:
        """Return the whole header."""
        if self._data[:4] != MAGIC:
            return GgufHeader(fault="is no GGUF file")
        self._position = len(MAGIC)
        version = self.number("<I")
        if version not in _VERSIONS:
            return GgufHeader(fault=f"is GGUF of version {version}; versions 2 and 3 are loaded")
        tensors, entries = self.number("<Q"), self.number("<Q")
        if tensors > _MAX_TENSORS or entries > _MAX_ENTRIES:
            raise ValueError("too many")
        metadata: dict[str, Json] = {}
        lists: dict[str, int] = {}
        for _ in range(entries):
            name, kind, position = self.text(), self.number("<I"), self._position
            value = self._value(kind)
            if value is None:
                lists[name] = position
            else:
                metadata[name] = value
        return self._with_tensors(metadata, lists, list(self._tensors(tensors)))

    def _with_tensors(
        self, metadata: dict[str, Json], lists: dict[str, int], found: list[tuple[str, tuple[int, ...], int, int]]
    ) -> GgufHeader:
        alignment = metadata.get("general.alignment", _ALIGNMENT)
        if not isinstance(alignment, int) or alignment < 1:
            raise ValueError("alignment")
        data_start = -(-self._position // alignment) * alignment
        tensors: dict[str, GgufTensor] = {}
        for name, shape, number, offset in found:
            kind = TYPES.get(number)
            if kind is None:
                names = ", ".join(each.name for each in TYPES.values())
                return GgufHeader(metadata, fault=f"holds numbers of type {number}; types that are loaded: {names}")
            count = 1
            for size in shape:
                count *= size
            if shape[-1] % kind.block or name in tensors:
                raise ValueError("shape")
            size_bytes = count // kind.block * kind.block_bytes
            tensors[name] = GgufTensor(shape, number, kind, data_start + offset, size_bytes)
        end = max((each.start + each.size_bytes for each in tensors.values()), default=0)
        if end > len(self._data):
            return GgufHeader(metadata, fault=f"is cut short ({len(self._data):,} of {end:,} bytes)")
        return GgufHeader(metadata, lists, tensors, "" if tensors else "holds no tensors")

    def _tensors(self, count: int) -> Iterator[tuple[str, tuple[int, ...], int, int]]:
        """Yield the name, the shape, the type and the offset in the data of each tensor."""
        for _ in range(count):
            name, dimensions = self.text(), self.number("<I")
            if not 0 < dimensions <= _MAX_DIMENSIONS:
                raise ValueError("dimensions")
            shape = tuple(self.number("<Q") for _ in range(dimensions))[::-1]
            if not all(shape):
                raise ValueError("shape")
            yield name, shape, self.number("<I"), self.number("<Q")

    def _value(self, kind: int) -> Json:
        """Return a value of the metadata; ``None`` for a long list, which is skipped."""
        if kind == _STRING:
            return self.text()
        if kind != _ARRAY:
            return self._scalar(kind)
        of, count = self.number("<I"), self.number("<Q")
        if of == _ARRAY:
            raise ValueError("lists of lists")
        read: Callable[[], Json] = self.text if of == _STRING else lambda: self._scalar(of)
        if count <= _LONG_LIST and of != _STRING:
            return [read() for _ in range(count)]
        if of != _STRING:
            self._skip(count * struct.calcsize(_format_of(of)))
        else:
            for _ in range(count):
                self._skip(self.number("<Q"))
        return None

    def _scalar(self, kind: int) -> Json:
        form = _format_of(kind)
        (value,) = struct.unpack_from(form, self._data, self._position)
        self._position += struct.calcsize(form)
        return value  # type: ignore[no-any-return]

    def _skip(self, count: int) -> None:
        self._position += count
        if self._position > len(self._data):
            raise IndexError(count)

    def number(self, form: str) -> int:
        """Return a whole number of this format."""
        (value,) = struct.unpack_from(form, self._data, self._position)
        self._position += struct.calcsize(form)
        return int(value)

    def text(self) -> str:
        """Return a string."""
        length, start = self.number("<Q"), self._position
        self._skip(length)
        return self._data[start : self._position].decode("utf-8")


def _format_of(kind: int) -> str:
    if kind not in _SCALARS:
        raise ValueError(kind)
    return _SCALARS[kind]
