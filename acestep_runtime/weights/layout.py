"""Checkpoints on the disk and the folders of their parts. Reads names and small JSON files only; needs no torch.

Two layouts. Original: a folder of models with ``vae/``, ``Qwen3-Embedding-0.6B/`` and one folder per transformer, such as
``acestep-v15-turbo/``. diffusers: one folder with ``model_index.json`` and all parts below it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from acestep_runtime.json_values import JsonObject
from acestep_runtime.weights.folder import ADAPTERS
from acestep_runtime.weights.parts import Stamp, file_stamp, is_part, part_faults, read_config
from acestep_runtime.weights.small_json import read_small_json

VAE, TEXT_ENCODER = "vae", "Qwen3-Embedding-0.6B"
KINDS = ("turbo", "base", "sft")
_DEPTH = 3
_XL_FROM_WIDTH = 2304


@dataclass(frozen=True)
class Checkpoint:
    """One transformer and its parts, whole or not: see `wholeness.checkpoint_faults`.

    ``kind`` is turbo, base or sft, ``size`` 2B or XL, ``layout`` original or diffusers.

    ``dit``, ``vae`` and ``text_encoder`` are folders; the last two are ``None`` where they are missing. ``stamp`` differs
    when files in them have changed. ``is_lego_sft``: it was trained for layers, beyond what other SFT models can do.
    """

    name: str
    kind: str
    size: str
    layout: str
    dit: Path
    vae: Path | None
    text_encoder: Path | None
    stamp: Stamp = field(default=(), repr=False)
    is_lego_sft: bool = False

    @property
    def folder(self) -> Path:
        """The folder with the name of the checkpoint."""
        return self.dit if self.layout == "original" else self.dit.parent

    @property
    def text_tokenizer(self) -> Path | None:
        """The folder of the text encoder's tokenizer."""
        return self.text_encoder if self.layout == "original" else self.folder / "tokenizer"


def find_checkpoints(folder: Path) -> tuple[Checkpoint, ...]:
    """Return every checkpoint in and below a folder of models, by name. Empty where the folder does not exist.

    An original transformer uses the VAE and the text encoder beside it, else in it, else the first below ``folder``; of
    several, whole ones.
    """
    folders = list_folders(folder)
    diffusers_folders = {each for each in folders if read_small_json(each / "model_index.json")}
    shared = {
        name: [each for each in folders if each.name == name and each.parent not in diffusers_folders]
        for name in (VAE, TEXT_ENCODER)
    }
    checkpoints = (_read_diffusers(each) or _read_original(each, shared) for each in folders)
    return tuple(sorted(filter(None, checkpoints), key=lambda each: (each.name, each.layout, str(each.dit))))


def list_folders(folder: Path) -> list[Path]:
    """Return a folder of models and the folders in it, three levels deep, without adapters; empty where it does not exist."""
    if not os.path.isdir(folder):  # noqa: PTH112 (a path's own raises)
        return []
    return [folder, *(each for each in _walk_folders(folder, _DEPTH) if not each.is_relative_to(folder / ADAPTERS))]


def _walk_folders(folder: Path, depth: int) -> Iterator[Path]:
    for child in _subfolders(folder):
        yield child
        if depth > 1:
            yield from _walk_folders(child, depth - 1)


def _subfolders(folder: Path) -> list[Path]:
    """Return the folders in a folder, by name, without hidden ones; empty where it cannot be read."""
    try:
        return sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
    except OSError:
        return []


def _first_part(folders: list[Path]) -> Path | None:
    """Return the first part of these folders, whole if there is a whole one."""
    return min(filter(is_part, folders), key=lambda each: bool(part_faults(each)), default=None)


def _read_original(folder: Path, shared: Mapping[str, list[Path]]) -> Checkpoint | None:
    config = read_config(folder)
    is_ace_step = config.get("model_type") == "acestep" or "AceStepConditionGenerationModel" in str(
        config.get("architectures")
    )
    if not is_ace_step:
        return None
    vae, text_encoder = (
        _first_part([folder.parent / name, folder / name, *shared[name]]) for name in (VAE, TEXT_ENCODER)
    )
    stamp = file_stamp(folder, vae, text_encoder)
    kind, size = _read_kind(config, folder.name), _read_size(config)
    return Checkpoint(folder.name, kind, size, "original", folder, vae, text_encoder, stamp, is_for_layers(config))


def _read_diffusers(folder: Path) -> Checkpoint | None:
    if read_small_json(folder / "model_index.json").get("_class_name") != "AceStepPipeline":
        return None
    dit = folder / "transformer"
    vae, text_encoder = (_first_part([folder / name]) for name in (VAE, "text_encoder"))
    config, stamp = read_config(dit), file_stamp(*_subfolders(folder))
    kind, size = _read_kind(config, folder.name), _read_size(config)
    return Checkpoint(folder.name, kind, size, "diffusers", dit, vae, text_encoder, stamp, is_for_layers(config))


def is_for_layers(config: JsonObject) -> bool:
    """Return whether a transformer was trained for layers, by its config."""
    return bool(config.get("is_lego_sft", False))


def _read_kind(config: JsonObject, name: str) -> str:
    """Return the kind of a transformer from its config, or else from its name."""
    if config.get("is_turbo"):
        return "turbo"
    if "sft" in name.lower():  # its config may still be that of the base model
        return "sft"
    version = str(config.get("model_version") or "").lower()
    return version if version in KINDS else next((kind for kind in KINDS if kind in name.lower()), "base")


def _read_size(config: JsonObject) -> str:
    width = config.get("hidden_size")
    return "XL" if isinstance(width, int) and width >= _XL_FROM_WIDTH else "2B"
