"""Checkpoints on the disk and where their parts are. Reads names, headers and small JSON files only; needs no torch.

Three layouts. Original: a folder of models with ``vae/``, ``Qwen3-Embedding-0.6B/`` and one folder per transformer, such as
``acestep-v15-turbo/``. diffusers: one folder with ``model_index.json`` and all parts below it. File: the transformer is a file,
of acestep.cpp or ComfyUI, and so may be the others, or one file has several: see `part_files`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from acestep_runtime.json_values import JsonObject
from acestep_runtime.weights import part_files
from acestep_runtime.weights.folder import ADAPTERS
from acestep_runtime.weights.part_configs import read_part_config
from acestep_runtime.weights.part_files import file_faults, find_files, has_tokens, holds_silence, read_parts
from acestep_runtime.weights.parts import (
    SILENCE_FILE,
    Stamp,
    file_stamp,
    is_file,
    is_part,
    part_faults,
    read_config,
    tokenizer_faults,
    weights_file,
)
from acestep_runtime.weights.small_json import read_small_json

VAE, TEXT_ENCODER = "vae", "Qwen3-Embedding-0.6B"
KINDS = ("turbo", "base", "sft")
#: Names of files with the released VAE: "vae-BF16", "ace_1.5_vae", and all-in-one checkpoints.
_USUAL_VAE = re.compile(r"(ace[\w.-]*[-_])?vae([-_](bf16|f16|f32|fp16|fp32))?|.*aio.*", re.IGNORECASE)
_DEPTH = 3
_XL_FROM_WIDTH = 2304


@dataclass(frozen=True)
class Checkpoint:
    """One transformer and its parts, whole or not: see `wholeness.checkpoint_faults`.

    ``kind`` is turbo, base or sft, ``size`` 2B or XL, ``layout`` original, diffusers or file.

    ``dit``, ``vae``, ``text_encoder`` and its ``text_tokenizer`` are folders or files; all but the first are ``None`` where
    they are missing. ``silence`` is the file with the latents of silence. ``stamp`` differs when files in them have changed.
    ``is_lego_sft``: it was trained for layers, beyond what other SFT models can do.
    """

    name: str
    kind: str
    size: str
    layout: str
    dit: Path
    vae: Path | None
    text_encoder: Path | None
    text_tokenizer: Path | None = None
    silence: Path | None = None
    stamp: Stamp = field(default=(), repr=False)
    is_lego_sft: bool = False

    @property
    def folder(self) -> Path:
        """The folder or file with the name of the checkpoint."""
        return self.dit.parent if self.layout == "diffusers" else self.dit


@dataclass(frozen=True)
class _CommonParts:
    """What a folder of models has that several transformers can use: folders by their names, and files by their parts."""

    folders: Mapping[str, list[Path]]
    vaes: list[Path]
    text_encoders: list[Path]
    transformers: list[Path]
    silences: list[Path]

    def part(self, near: Path, name: str) -> Path | None:
        """Return the VAE or the text encoder for a transformer in the folder ``near``: beside it, in it, or anywhere."""
        own, files = near.parent, self.vaes if name == VAE else self.text_encoders
        folder = _first_part([own / name, near / name, *self.folders[name]])
        is_other = name == VAE  # a VAE by another name was put there for --vae: it is the last choice
        beside = sorted(
            files,
            key=lambda each: (is_other and not _USUAL_VAE.fullmatch(each.stem), each.parent not in (own, near)),
        )
        return min((each for each in (folder, *beside) if each), key=_is_broken, default=None)

    def tokenizer(self, text_encoder: Path | None) -> Path | None:
        """Return the tokenizer of a text encoder: its own folder or file, else any other, which all are the same."""
        if text_encoder is not None and (text_encoder.is_dir() or has_tokens(text_encoder)):
            return text_encoder
        folders = [each for each in self.folders[TEXT_ENCODER] if not tokenizer_faults(each)]
        return next(iter([*folders, *filter(has_tokens, self.text_encoders)]), None)

    def silence(self, dit: Path) -> Path | None:
        """Return the latents of silence for a transformer in a file: they are the same for all."""
        holders = [each for each in (dit, *self.transformers) if holds_silence(each)]
        beside = [each for each in (dit.parent / SILENCE_FILE, *self.silences) if is_file(each)]
        return next(iter([*holders[:1], *beside] if dit in holders else [*beside, *holders]), None)


def find_checkpoints(folder: Path) -> tuple[Checkpoint, ...]:
    """Return every checkpoint in and below a folder of models, by name. Empty where the folder does not exist.

    A transformer of its own uses the VAE and the text encoder beside it, else in it, else the first below ``folder``; of
    several, whole ones, and of those rather folders than files. A file with several parts uses its own.
    """
    folders = list_folders(folder)
    diffusers_folders = {each for each in folders if read_small_json(each / "model_index.json")}
    own = [each for each in folders if each.parent not in diffusers_folders]
    shared = _CommonParts(
        {name: [each for each in own if each.name == name] for name in (VAE, TEXT_ENCODER)},
        find_files(own, part_files.VAE),
        find_files(own, part_files.TEXT_ENCODER),
        find_files(own, part_files.TRANSFORMER),
        [each / SILENCE_FILE for each in own if is_file(each / SILENCE_FILE)],
    )
    checkpoints = (
        *(_read_diffusers(each) or _read_original(each, shared) for each in folders),
        *(_read_file(each, shared) for each in shared.transformers),
    )
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


def _is_broken(path: Path) -> bool:
    return bool(part_faults(path) if path.is_dir() else file_faults(path))


def _first_part(folders: list[Path]) -> Path | None:
    """Return the first part of these folders, whole if there is a whole one."""
    return min(filter(is_part, folders), key=lambda each: bool(part_faults(each)), default=None)


def _read_original(folder: Path, shared: _CommonParts) -> Checkpoint | None:
    config = read_config(folder)
    is_ace_step = config.get("model_type") == "acestep" or "AceStepConditionGenerationModel" in str(
        config.get("architectures")
    )
    if not is_ace_step or (weights_file(folder) is None and any(each.parent == folder for each in shared.transformers)):
        return None
    vae, text_encoder = (shared.part(folder, name) for name in (VAE, TEXT_ENCODER))
    stamp = file_stamp(folder, vae, text_encoder)
    kind, size = _read_kind(config, folder.name), _read_size(config)
    tokenizer, is_lego_sft = shared.tokenizer(text_encoder), is_for_layers(config)
    return Checkpoint(
        folder.name,
        kind,
        size,
        "original",
        folder,
        vae,
        text_encoder,
        tokenizer,
        folder / SILENCE_FILE,
        stamp,
        is_lego_sft,
    )


def _read_file(file: Path, shared: _CommonParts) -> Checkpoint:
    parts, config = read_parts(file), read_part_config(file, part_files.TRANSFORMER)
    vae = file if part_files.VAE in parts else shared.part(file, VAE)
    text_encoder = file if part_files.TEXT_ENCODER in parts else shared.part(file, TEXT_ENCODER)
    tokenizer, silence = shared.tokenizer(text_encoder), shared.silence(file)
    stamp = file_stamp(file, vae, text_encoder, tokenizer, silence)
    kind, size, is_lego_sft = _read_kind(config, file.stem), _read_size(config), is_for_layers(config)
    return Checkpoint(file.stem, kind, size, "file", file, vae, text_encoder, tokenizer, silence, stamp, is_lego_sft)


def _read_diffusers(folder: Path) -> Checkpoint | None:
    if read_small_json(folder / "model_index.json").get("_class_name") != "AceStepPipeline":
        return None
    dit = folder / "transformer"
    vae, text_encoder = (_first_part([folder / name]) for name in (VAE, "text_encoder"))
    config, stamp = read_config(dit), file_stamp(*_subfolders(folder))
    kind, size = _read_kind(config, folder.name), _read_size(config)
    tokenizer, is_lego_sft = folder / "tokenizer", is_for_layers(config)
    return Checkpoint(
        folder.name,
        kind,
        size,
        "diffusers",
        dit,
        vae,
        text_encoder,
        tokenizer,
        folder / SILENCE_FILE,
        stamp,
        is_lego_sft,
    )


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
