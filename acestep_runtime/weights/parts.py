"""One part of a model: a folder with a config and weights, in one file or in shards, and what it lacks. Needs no torch."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from acestep_runtime.errors import EngineFailure, printable
from acestep_runtime.json_values import JsonObject
from acestep_runtime.weights.folder import list_entries
from acestep_runtime.weights.signatures import PICKLES, UNFINISHED, describe_damage
from acestep_runtime.weights.small_json import is_json_object, looks_whole, read_small_json

#: Files with weights, the preferred first; an index lists the shards of a split file.
_WEIGHTS = tuple(
    f"{stem}.{ending}"
    for ending in ("safetensors", "safetensors.index.json")
    for stem in ("model", "diffusion_pytorch_model", "pytorch_model")
)
#: The one small file of a release that is a pickle: of a tensor alone, and read as such (see `files.load_tensor`).
SILENCE_FILE = "silence_latent.pt"
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")
CONFIG_FILE = "config.json"
#: Where the Hub's own command keeps what it has not finished.
_HUB_DOWNLOADS = Path(".cache", "huggingface", "download")

#: Names, sizes and latest changes of files, in nanoseconds.
Stamp = tuple[tuple[str, int, int], ...]


def is_file(path: Path) -> bool:
    """Return whether a file exists; false where it cannot be read or has an invalid name."""
    return os.path.isfile(path)  # noqa: PTH113 (a path's own raises)


def read_config(folder: Path) -> JsonObject:
    """Return the ``config.json`` of a part, empty where it is unreadable."""
    return read_small_json(folder / CONFIG_FILE)


def weights_file(folder: Path) -> Path | None:
    """Return the file with the weights of ``folder``, or the index of its shards; ``None`` if it has neither."""
    return next((folder / name for name in _WEIGHTS if is_file(folder / name)), None)


def find_pickle(folder: Path) -> Path | None:
    """Return a file directly in ``folder`` that may hold its weights as a pickle, if there is one."""
    return next((each for each in list_entries(folder) if each.suffix in PICKLES and each.name != SILENCE_FILE), None)


def pickle_error(file: Path) -> EngineFailure:
    """Return the error for weights that are there only as a pickle."""
    return EngineFailure(
        f"{file} is a pickle, which may hold programs, and is not opened.",
        remedy="Get the model as safetensors, or convert it.",
    )


def is_part(folder: Path) -> bool:
    """Return whether a folder directly holds a config or weights, whole or not."""
    return is_file(folder / CONFIG_FILE) or weights_file(folder) is not None


def has_weights(folder: Path) -> bool:
    """Return whether a folder directly holds a config and weights, whole or not."""
    return is_file(folder / CONFIG_FILE) and weights_file(folder) is not None


def part_faults(folder: Path) -> tuple[str, ...]:
    """Return what a part lacks, each as a sentence without its end, "vae/config.json is missing"; empty if it is whole."""
    return tuple(_faults(folder))


def tokenizer_faults(folder: Path) -> tuple[str, ...]:
    """Return what the tokenizer in a folder lacks, as `part_faults` does."""
    return tuple(
        f"{folder.name}/{name} is {'damaged' if is_file(folder / name) else 'missing'}"
        for name in _TOKENIZER_FILES
        if not looks_whole(folder / name)
    )


def _faults(folder: Path) -> Iterator[str]:
    config = folder / CONFIG_FILE
    if not is_file(config):
        yield f"{folder.name}/{CONFIG_FILE} is missing"
    elif not is_json_object(config):
        yield f"{folder.name}/{CONFIG_FILE} is damaged"
    first = weights_file(folder)
    places = (folder,) if first else (folder, folder / _HUB_DOWNLOADS)
    unfinished = [file for place in places for file in list_entries(place) if file.suffix in UNFINISHED]
    if unfinished:
        yield f"{folder.name}/{printable(unfinished[0].name)} is an unfinished download"
    elif first is None and (pickle := find_pickle(folder)):
        yield f"{pickle} is a pickle, which may hold programs, and is not opened"
    elif first is None:
        yield f"{folder.name} has no weights"
    else:
        yield from _damages(folder, first)


def _damages(folder: Path, first: Path) -> Iterator[str]:
    for name in _shards(first) if first.suffix == ".json" else (first.name,):
        damage = describe_damage(folder / name) if Path(name).name == name else "is outside its folder"
        if damage:
            yield f"{folder.name}/{printable(name)} {damage}"


def _shards(index: Path) -> tuple[str, ...]:
    """Return the names of the files in an index; the index itself, which is damaged then, where it names none."""
    names = read_small_json(index).get("weight_map")
    return tuple(sorted(set(map(str, names.values())))) if isinstance(names, dict) and names else (index.name,)


def file_stamp(*folders: Path | None) -> Stamp:
    """Return a value that changes with some files, and with those of some folders."""
    return tuple((path, stat.st_size, stat.st_mtime_ns) for path, stat in _file_stats(folders))


def change_stamp(*folders: Path | None) -> Stamp:
    """Return a value that changes also with who may read the files."""
    return tuple((path, stat.st_size, stat.st_ctime_ns) for path, stat in _file_stats(folders))


def _file_stats(folders: Iterable[Path | None]) -> Iterator[tuple[str, os.stat_result]]:
    for folder in filter(None, folders):
        with contextlib.suppress(OSError):  # an unreadable folder cannot be loaded either
            if folder.is_file():
                yield str(folder), folder.stat()
                continue
            for entry in sorted(os.scandir(folder), key=lambda each: each.name):
                if entry.is_file():
                    yield entry.path, entry.stat()
