"""The models on the disk, transformers and language models, for listings. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from acestep_runtime.weights.catalogue import repair_hint
from acestep_runtime.weights.language import LanguageCheckpoint, find_language_models, language_faults
from acestep_runtime.weights.layout import Checkpoint
from acestep_runtime.weights.part_files import describe_file
from acestep_runtime.weights.selection import repair_remedy
from acestep_runtime.weights.wholeness import inspect_checkpoints

_WEIGHTS = ".safetensors"


@dataclass(frozen=True)
class InstalledModel:
    """A model in a folder of models. ``kind`` is turbo, base, sft or lm; ``size_bytes`` counts its own weights.

    ``form`` says what its file is, "GGUF, Q4_K_M"; "" for a folder. ``faults`` say what it lacks, each as a sentence without
    its end, and ``remedy`` what to do about it.
    """

    name: str
    kind: str
    folder: Path
    size_bytes: int
    faults: tuple[str, ...] = ()
    remedy: str = ""
    form: str = ""

    @property
    def complete(self) -> bool:
        """Whether it can be loaded: a transformer also needs a VAE and a text encoder with its tokenizer."""
        return not self.faults


def find_installed_models(folder: Path) -> tuple[InstalledModel, ...]:
    """Return the models in and below a folder of models: transformers, then language models, each by name.

    Of several models with one name, a complete one is listed. Empty where the folder does not exist.
    """
    transformers = [
        _describe(each, each.kind, each.dit, faults, repair_remedy(each))
        for each, faults in inspect_checkpoints(folder).items()
    ]
    language = [
        _describe(each, "lm", each.folder, language_faults(each), repair_hint(each.name, each.folder))
        for each in find_language_models(folder)
    ]
    models = [*transformers, *language]
    by_name = {each.name: each for each in models} | {each.name: each for each in models if each.complete}
    return tuple(by_name.values())


def _describe(
    model: Checkpoint | LanguageCheckpoint, kind: str, weights: Path, faults: tuple[str, ...], remedy: str
) -> InstalledModel:
    form = describe_file(weights) if weights.is_file() else ""
    size_bytes = _weight_bytes(weights)
    return InstalledModel(model.name, kind, model.folder, size_bytes, faults, remedy if faults else "", form)


def _weight_bytes(folder: Path) -> int:
    """Return the size of the files with weights directly in a folder, or of one file."""
    try:
        if folder.is_file():
            return folder.stat().st_size
        return sum(file.stat().st_size for file in folder.iterdir() if file.suffix == _WEIGHTS and file.is_file())
    except OSError:  # the folder is being removed
        return 0
