"""What lies in a folder of models and is no model that can be loaded: named, so that nobody has to guess. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from acestep_runtime.weights import part_files
from acestep_runtime.weights.folder import list_entries
from acestep_runtime.weights.layout import list_folders
from acestep_runtime.weights.parts import SILENCE_FILE, has_weights, read_config
from acestep_runtime.weights.signatures import PICKLES, UNFINISHED, FolderEntry, identify
from acestep_runtime.weights.small_json import read_small_json

_ENDINGS = (".safetensors", ".gguf", *PICKLES, *UNFINISHED)
#: Types of the models that are loaded: what they lack is said of them, whatever else lies beside their configs.
_OF_MODELS = ("acestep", "qwen3")
#: Most that are named: a folder of models is looked at for each request that no model can serve.
MOST = 100


def find_strangers(folder: Path) -> tuple[FolderEntry, ...]:
    """Return the files and folders that were recognised in a folder of models and are not loaded, by their paths.

    Raises nothing; empty where the folder does not exist.
    """
    return tuple(islice(_find(folder), MOST))


def _find(folder: Path) -> Iterator[FolderEntry]:
    closed: set[Path] = set()
    for each in list_folders(folder):
        if closed.intersection(each.parents):
            continue
        if each != folder and (found := identify(each)):
            closed.add(each)
            yield found
        elif read_small_json(each / "model_index.json"):
            closed.add(each)
        elif not has_weights(each) and read_config(each).get("model_type") not in _OF_MODELS:
            yield from filter(None, map(identify, (file for file in _weight_files(each) if not _is_loaded(file))))


def _is_loaded(file: Path) -> bool:
    """Return whether a file holds a part that is loaded: a language model only with its tokenizer."""
    parts = part_files.read_parts(file)
    return bool(parts.keys() - {part_files.LANGUAGE}) or bool(parts and part_files.has_tokens(file))


def _weight_files(folder: Path) -> list[Path]:
    return [each for each in list_entries(folder) if each.suffix.lower() in _ENDINGS and each.name != SILENCE_FILE]
