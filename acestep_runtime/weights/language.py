"""The 5 Hz language models on the disk: finding, selecting, loading. Each is a folder of Qwen3, or a GGUF file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from acestep_runtime.errors import EngineFailure, InvalidValue
from acestep_runtime.installation import MissingRequirement
from acestep_runtime.weights import catalogue, part_files
from acestep_runtime.weights.layout import list_folders
from acestep_runtime.weights.part_configs import read_part_config
from acestep_runtime.weights.parts import Stamp, file_stamp, part_faults, read_config, tokenizer_faults

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast, Qwen3Model

_MARK = "5hz-lm"
#: Order of preference where no model is named.
_PREFERRED = ("acestep-5Hz-lm-1.7B", "acestep-5Hz-lm-0.6B", "acestep-5Hz-lm-4B")
_HEAD = part_files.HEAD


@dataclass(frozen=True)
class LanguageCheckpoint:
    """A language model: its name and its folder, or file. ``stamp`` differs when files in it have changed."""

    name: str
    folder: Path
    stamp: Stamp = field(default=(), repr=False)


def find_language_models(folder: Path) -> tuple[LanguageCheckpoint, ...]:
    """Return every language model below a folder of models, whole or not, by name. Reads names and small files only."""
    folders = list_folders(folder)
    models = [
        LanguageCheckpoint(each.name, each, file_stamp(each))
        for each in folders
        if _MARK in each.name.lower() and read_config(each).get("model_type") == "qwen3"
    ]
    models += [
        LanguageCheckpoint(each.stem, each, file_stamp(each))
        for each in part_files.find_files(folders, part_files.LANGUAGE)
        if part_files.has_tokens(each)
    ]
    return tuple(sorted(models, key=lambda each: each.name))


def language_faults(checkpoint: LanguageCheckpoint) -> tuple[str, ...]:
    """Return what a language model lacks, each as a sentence without its end; empty if it is whole."""
    if not checkpoint.folder.is_dir() and checkpoint.folder.suffix:
        return part_files.file_faults(checkpoint.folder)
    return (*part_faults(checkpoint.folder), *tokenizer_faults(checkpoint.folder))


def find_whole_language_models(folder: Path) -> tuple[LanguageCheckpoint, ...]:
    """Return the whole language models below a folder of models, by name."""
    return tuple(each for each in find_language_models(folder) if not language_faults(each))


def select_language_model(folder: Path, name: str = "") -> LanguageCheckpoint:
    """Return the language model called ``name``, or the preferred one.

    Raises `EngineFailure` where it is not installed and `InvalidValue` for an unknown name, with the command to get one.
    """
    found = find_language_models(folder)
    models = {each.name: each for each in found if not language_faults(each)}
    broken = {each.name: each for each in found if each.name not in models}
    if not name:
        preferred = [each for each in (*_PREFERRED, *models) if each in models]
        if preferred:
            return models[preferred[0]]
        if broken:
            raise _incomplete_error(next(iter(broken.values())))
        raise EngineFailure(f"There is no language model in {folder}.", remedy=catalogue.pull_hint(_PREFERRED[0]))
    full = next(
        (full for each in (name, f"lm-{name}") if (full := catalogue.full_name(each, [*models, *broken])) != each), name
    )
    if full in models:
        return models[full]
    if full in broken:
        raise _incomplete_error(broken[full])
    releases = [release.name for release in catalogue.RELEASES.values() if release.kind == "lm"]
    if full in releases:
        raise EngineFailure(f"Model {full} is not in {folder}.", remedy=catalogue.pull_hint(full))
    names = ", ".join(dict.fromkeys([*models, *releases]))
    raise InvalidValue("thinking.model", name, names, remedy=catalogue.pull_hint(_PREFERRED[0]))


def missing_language_model(folder: Path) -> MissingRequirement | None:
    """Return why no language model in a folder of models can answer, ``None`` if one can."""
    try:
        select_language_model(folder)
    except EngineFailure as error:
        reason = error.message.removesuffix(".")
        return MissingRequirement(f"{reason[:1].lower()}{reason[1:]}", error.remedy)
    return None


def _incomplete_error(checkpoint: LanguageCheckpoint) -> EngineFailure:
    return EngineFailure(
        f"Language model {checkpoint.name} is not whole: {'; '.join(language_faults(checkpoint))}.",
        remedy=catalogue.repair_hint(checkpoint.name, checkpoint.folder),
    )


def load_language_model(
    checkpoint: LanguageCheckpoint, dtype: torch.dtype, device: torch.device | str = "cpu"
) -> tuple[Qwen3Model, torch.Tensor, PreTrainedTokenizerFast]:
    """Load a language model: its layers without a head, its head ``[V, D]``, and its tokenizer.

    Raises `EngineFailure` for files that are missing, damaged or do not fit.
    """
    import torch

    from acestep_runtime.weights import files
    from acestep_runtime.weights.load import load_text_encoder, load_text_tokenizer

    core = load_text_encoder(checkpoint.folder, dtype, device, part_files.LANGUAGE)
    tensors = files.index_part(checkpoint.folder)
    head: torch.Tensor = core.embed_tokens.weight
    # acestep.cpp writes "model." before every name of a language model, also before this one.
    name = next((each for each in (_HEAD, f"model.{_HEAD}") if each in tensors.files), None)
    if name and not read_part_config(checkpoint.folder, part_files.LANGUAGE).get("tie_word_embeddings"):
        ((_, head),) = files.read_tensors(tensors, {name: name}, dtype, torch.device(device))
    return core, head, load_text_tokenizer(checkpoint.folder)
