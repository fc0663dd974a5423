"""The models on the disk, transformers and language models, for listings. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from acestep_runtime.weights.language import find_language_models
from acestep_runtime.weights.layout import find_checkpoints

_WEIGHTS = ".safetensors"


@dataclass(frozen=True)
class InstalledModel:
    """A model in a folder of models. ``kind`` is turbo, base, sft or lm; ``size_bytes`` counts its own weights.

    A ``complete`` model can be loaded: a transformer also needs a VAE and a text encoder.
    """

    name: str
    kind: str
    folder: Path
    size_bytes: int
    complete: bool


def find_installed_models(folder: Path) -> tuple[InstalledModel, ...]:
    """Return the models in and below a folder of models: transformers, then language models, each by name.

    Of several models with one name, a complete one is listed. Empty where the folder does not exist.
    """
    transformers = [
        InstalledModel(each.name, each.kind, each.folder, _weight_bytes(each.dit), each.is_complete)
        for each in find_checkpoints(folder)
    ]
    language = [
        InstalledModel(each.name, "lm", each.folder, _weight_bytes(each.folder), True)
        for each in find_language_models(folder)
    ]
    models = [*transformers, *language]
    by_name = {each.name: each for each in models} | {each.name: each for each in models if each.complete}
    return tuple(by_name.values())


def _weight_bytes(folder: Path) -> int:
    """Return the size of the files with weights directly in a folder."""
    try:
        return sum(file.stat().st_size for file in folder.iterdir() if file.suffix == _WEIGHTS and file.is_file())
    except OSError:  # the folder is being removed
        return 0
