"""Checkpoints on the disk and the folders of their parts. Reads names and small JSON files only; needs no torch.

Two layouts. Original: a folder of models with ``vae/``, ``Qwen3-Embedding-0.6B/`` and one folder per transformer, such as
``acestep-v15-turbo/``. diffusers: one folder with ``model_index.json`` and all parts below it.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from acestep_runtime.errors import EngineFailure, InvalidValue
from acestep_runtime.json_values import JsonObject
from acestep_runtime.weights import catalogue

VAE, TEXT_ENCODER = "vae", "Qwen3-Embedding-0.6B"
KINDS = ("turbo", "base", "sft")
_DEPTH = 3
_XL_FROM_WIDTH = 2304
_MAX_JSON_BYTES = 64 << 20
#: Files with weights, the preferred first; an index lists the shards of a split file.
_WEIGHTS = tuple(
    f"{stem}.{ending}"
    for ending in ("safetensors", "safetensors.index.json")
    for stem in ("model", "diffusion_pytorch_model", "pytorch_model")
)
#: Endings of files that may hold weights as pickles, which may hold programs too: they are never opened.
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
#: The one small file of a release that is a pickle: of a tensor alone, and read as such (see `files.load_tensor`).
SILENCE_FILE = "silence_latent.pt"
#: Order of preference where no model is named, by ``needs_base``; of one kind, smaller models first.
_PREFERRED = {False: ("turbo", "sft", "base"), True: ("base",)}


#: Names, sizes and latest changes of files, in nanoseconds.
Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Checkpoint:
    """One transformer and its parts. ``kind`` is turbo, base or sft, ``size`` 2B or XL, ``layout`` original or diffusers.

    ``dit``, ``vae`` and ``text_encoder`` are folders; the last two are ``None`` where they are missing. ``stamp`` differs
    when files in them have changed.
    """

    name: str
    kind: str
    size: str
    layout: str
    dit: Path
    vae: Path | None
    text_encoder: Path | None
    stamp: Stamp = field(default=(), repr=False)

    @property
    def folder(self) -> Path:
        """The folder with the name of the checkpoint."""
        return self.dit if self.layout == "original" else self.dit.parent

    @property
    def text_tokenizer(self) -> Path | None:
        """The folder of the text encoder's tokenizer."""
        return self.text_encoder if self.layout == "original" else self.folder / "tokenizer"

    @property
    def is_complete(self) -> bool:
        """Whether all parts are on the disk."""
        return self.vae is not None and self.text_encoder is not None


def find_checkpoints(folder: Path) -> tuple[Checkpoint, ...]:
    """Return every checkpoint in and below a folder of models, by name. Empty where the folder does not exist.

    An original transformer uses the VAE and the text encoder beside it, else in it, else the first below ``folder``.
    """
    folders = list_folders(folder)
    diffusers_folders = {each for each in folders if _is_file(each / "model_index.json")}
    shared = {
        name: next(
            (
                each
                for each in folders
                if each.name == name and each.parent not in diffusers_folders and has_weights(each)
            ),
            None,
        )
        for name in (VAE, TEXT_ENCODER)
    }
    checkpoints = (_read_diffusers(each) or _read_original(each, shared) for each in folders)
    return tuple(sorted(filter(None, checkpoints), key=lambda each: (each.name, each.layout, str(each.dit))))


def select_checkpoint(folder: Path, model: str, needs_base: bool) -> Checkpoint:
    """Return the checkpoint called ``model``, or the preferred one where ``model`` is empty.

    ``needs_base``: the task (lego, extract, complete) needs a base model. Raises `InvalidValue` for an unknown or unsuitable
    model, and `EngineFailure` for one that is not on the disk, with the command to get it.
    """
    checkpoints = find_checkpoints(folder)
    if not model:
        order = {kind: place for place, kind in enumerate(_PREFERRED[needs_base])}
        candidates = [each for each in checkpoints if each.kind in order and each.is_complete]
        if candidates:
            return min(candidates, key=lambda each: (order[each.kind], each.size, each.name.count("-"), each.name))
        model = "acestep-v15-base" if needs_base else "acestep-v15-turbo"
    name = catalogue.full_name(model, [each.name for each in checkpoints])
    matches = [each for each in checkpoints if each.name in (name, f"{name}-diffusers")]
    if not matches:
        raise _not_found_error(model, name, folder, checkpoints)
    checkpoint = max(matches, key=lambda each: (each.is_complete, each.name == name))
    if needs_base and checkpoint.kind != "base":
        bases = [each.name for each in checkpoints if each.kind == "base" and each.is_complete]
        raise InvalidValue(
            "model",
            name,
            "base models, such as acestep-v15-base",
            message=f"Model {name} is a {checkpoint.kind} model; this task needs a base model.",
            remedy=f"Choose {bases[0]}." if bases else catalogue.pull_hint("acestep-v15-base"),
        )
    if not checkpoint.is_complete:
        missing = " and ".join(label for label, part in (("the VAE", checkpoint.vae),
                             ("the text encoder", checkpoint.text_encoder)) if part is None)  # fmt: skip
        raise EngineFailure(
            f"Model {name} lacks {missing} in {folder}.",
            remedy=catalogue.pull_hint(name if name in catalogue.RELEASES else "acestep-v15-turbo"),
        )
    return checkpoint


def _not_found_error(
    model: str, name: str, folder: Path, checkpoints: tuple[Checkpoint, ...]
) -> EngineFailure | InvalidValue:
    pickles = (find_pickle(each) for each in list_folders(folder) if each.name == name)
    if pickle := next(filter(None, pickles), None):
        return pickle_error(pickle)
    if name in catalogue.TRANSFORMERS:
        return EngineFailure(f"Model {name} is not in {folder}.", remedy=catalogue.pull_hint(name))
    names = dict.fromkeys([*(each.name for each in checkpoints), *catalogue.TRANSFORMERS])
    return InvalidValue("model", model, ", ".join(names), remedy=catalogue.pull_hint("acestep-v15-turbo"))


def list_folders(folder: Path) -> list[Path]:
    """Return a folder of models and the folders in it, three levels deep; empty where it does not exist."""
    return [folder, *_walk_folders(folder, _DEPTH)] if os.path.isdir(folder) else []  # noqa: PTH112 (as `_is_file`)


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


def weights_file(folder: Path) -> Path | None:
    """Return the file with the weights of ``folder``, or the index of its shards; ``None`` if it has neither."""
    return next((folder / name for name in _WEIGHTS if _is_file(folder / name)), None)


def find_pickle(folder: Path) -> Path | None:
    """Return a file directly in ``folder`` that may hold its weights as a pickle, if there is one."""
    try:
        files = sorted(folder.iterdir())
    except OSError:
        return None
    return next((each for each in files if each.suffix in _PICKLES and each.name != SILENCE_FILE), None)


def pickle_error(file: Path) -> EngineFailure:
    """Return the error for weights that are there only as a pickle."""
    return EngineFailure(
        f"{file} is a pickle, which may hold programs, and is not opened.",
        remedy="Get the model as safetensors, or convert it.",
    )


def has_weights(folder: Path) -> bool:
    """Return whether a folder directly holds a config and weights, with all their shards."""
    file = weights_file(folder) if _is_file(folder / "config.json") else None
    if file is None or file.suffix != ".json":
        return file is not None
    shards = _read_json(file).get("weight_map")
    return isinstance(shards, dict) and all(_is_file(folder / name) for name in set(map(str, shards.values())))


def _is_file(path: Path) -> bool:
    """Return whether a file exists; false where it cannot be read or has an invalid name."""
    return os.path.isfile(path)  # noqa: PTH113 (a path's own raises)


def read_config(folder: Path) -> JsonObject:
    """Return the ``config.json`` of a part, empty where it is unreadable."""
    return _read_json(folder / "config.json")


def _read_json(path: Path) -> JsonObject:
    """Return a small JSON object, empty where it is unreadable: such a folder is not a checkpoint."""
    try:
        if not _is_file(path) or path.stat().st_size > _MAX_JSON_BYTES:  # reading a pipe would block
            return {}
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _read_original(folder: Path, shared: Mapping[str, Path | None]) -> Checkpoint | None:
    config = read_config(folder)
    is_ace_step = config.get("model_type") == "acestep" or "AceStepConditionGenerationModel" in str(
        config.get("architectures")
    )
    if not is_ace_step or not has_weights(folder):
        return None

    def part(name: str) -> Path | None:
        near = (folder.parent / name, folder / name)
        return next((each for each in near if has_weights(each)), shared[name])

    kind, size, vae, text_encoder = _read_kind(config, folder.name), _read_size(config), part(VAE), part(TEXT_ENCODER)
    stamp = file_stamp(folder, vae, text_encoder)
    return Checkpoint(folder.name, kind, size, "original", folder, vae, text_encoder, stamp)


def _read_diffusers(folder: Path) -> Checkpoint | None:
    dit = folder / "transformer"
    if _read_json(folder / "model_index.json").get("_class_name") != "AceStepPipeline" or not has_weights(dit):
        return None
    vae, text_encoder = (each if has_weights(each) else None for each in (folder / VAE, folder / "text_encoder"))
    config, stamp = read_config(dit), file_stamp(*_subfolders(folder))
    kind, size = _read_kind(config, folder.name), _read_size(config)
    return Checkpoint(folder.name, kind, size, "diffusers", dit, vae, text_encoder, stamp)


def file_stamp(*folders: Path | None) -> Stamp:
    """Return a value that changes with the files of some folders."""
    entries: list[tuple[str, int, int]] = []
    for folder in filter(None, folders):
        with contextlib.suppress(OSError):  # an unreadable folder cannot be loaded either
            for entry in sorted(os.scandir(folder), key=lambda each: each.name):
                if entry.is_file():
                    stat = entry.stat()
                    entries.append((entry.path, stat.st_size, stat.st_mtime_ns))
    return tuple(entries)


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
