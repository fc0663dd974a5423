"""The models on the disk, transformers and language models alike, as lists show them. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from acestep_runtime.weights.language import find_language_models
from acestep_runtime.weights.layout import find

_WEIGHTS = (".safetensors", ".bin")


@dataclass(frozen=True)
class InstalledModel:
    """A model in a folder of models. ``kind`` is turbo, base, sft or lm; ``size_bytes`` counts its own weights.

    ``complete`` says that it can be loaded: a transformer needs a VAE and a text encoder too.
    """

    name: str
    kind: str
    folder: Path
    size_bytes: int
    complete: bool


def installed_models(folder: Path) -> tuple[InstalledModel, ...]:
    """Return the models in and below a folder of models: transformers, then language models, each by name.

    Of several with one name a complete one is listed. None where there is no such folder.
    """
    transformers = [
        InstalledModel(each.name, each.kind, each.folder, _bytes(each.dit), each.whole) for each in find(folder)
    ]
    language = [
        InstalledModel(each.name, "lm", each.folder, _bytes(each.folder), True) for each in find_language_models(folder)
    ]
    models = [*transformers, *language]
    by_name = {each.name: each for each in models} | {each.name: each for each in models if each.complete}
    return tuple(by_name.values())


def _bytes(folder: Path) -> int:
    """Return the size of the files with weights directly in a folder."""
    try:
        return sum(file.stat().st_size for file in folder.iterdir() if file.suffix in _WEIGHTS and file.is_file())
    except OSError:  # they are being removed
        return 0
