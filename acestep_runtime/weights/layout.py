"""Which checkpoints are on the disk, and where their parts are. Reads names and small JSON files only; needs no torch.

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
_MOST_JSON_BYTES = 64 << 20
#: Names under which parts keep their weights, the preferred first; an index names the files of one that is split.
_WEIGHTS = tuple(
    f"{stem}.{ending}"
    for ending in ("safetensors", "safetensors.index.json", "bin", "bin.index.json")
    for stem in ("model", "diffusion_pytorch_model", "pytorch_model")
)
#: What is taken where no model is named: the first kind that there is, the smaller first.
_PREFERRED = {False: ("turbo", "sft", "base"), True: ("base",)}


#: Names, sizes and latest changes of files, in nanoseconds.
Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Checkpoint:
    """One transformer with what it needs. ``kind`` is turbo, base or sft, ``size`` 2B or XL, ``layout`` original or diffusers.

    ``dit``, ``vae`` and ``text_encoder`` are folders; the last two are ``None`` where they are not there. ``stamp`` is
    another one when files in them have changed.
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
        """The folder that has the name of the checkpoint."""
        return self.dit if self.layout == "original" else self.dit.parent

    @property
    def text_tokenizer(self) -> Path | None:
        """The folder of the text encoder's tokenizer."""
        return self.text_encoder if self.layout == "original" else self.folder / "tokenizer"

    @property
    def whole(self) -> bool:
        """Whether all parts are there."""
        return self.vae is not None and self.text_encoder is not None


def find(folder: Path) -> tuple[Checkpoint, ...]:
    """Return every checkpoint in and below a folder of models, by name. None where there is no such folder.

    An original transformer takes the VAE and the text encoder beside it, else in it, else the first there is below
    ``folder``.
    """
    folders = below(folder)
    own = {each for each in folders if _is_file(each / "model_index.json")}
    shared = {
        name: next(
            (each for each in folders if each.name == name and each.parent not in own and has_weights(each)), None
        )
        for name in (VAE, TEXT_ENCODER)
    }
    found = (_diffusers(each) or _original(each, shared) for each in folders)
    return tuple(sorted(filter(None, found), key=lambda each: (each.name, each.layout, str(each.dit))))


def chosen(folder: Path, model: str, needs_base: bool) -> Checkpoint:
    """Return the checkpoint called ``model``, or where that is empty the best one there is for the task.

    ``needs_base`` says that the task (lego, extract, complete) is one of base models only. Raises `InvalidValue` for a model
    that cannot do it or that nobody knows, and `EngineFailure` for one that is not on the disk, with the command to get it.
    """
    there = find(folder)
    if not model:
        order = {kind: place for place, kind in enumerate(_PREFERRED[needs_base])}
        able = [each for each in there if each.kind in order and each.whole]
        if able:
            return min(able, key=lambda each: (order[each.kind], each.size, each.name.count("-"), each.name))
        model = "acestep-v15-base" if needs_base else "acestep-v15-turbo"
    name = catalogue.full_name(model, [each.name for each in there])
    named = [each for each in there if each.name in (name, f"{name}-diffusers")]
    if not named:
        raise _not_there(model, name, folder, there)
    checkpoint = max(named, key=lambda each: (each.whole, each.name == name))
    if needs_base and checkpoint.kind != "base":
        bases = [each.name for each in there if each.kind == "base" and each.whole]
        raise InvalidValue(
            "model",
            name,
            "base models, such as acestep-v15-base",
            message=f"Model {name} is a {checkpoint.kind} model; this task needs a base model.",
            remedy=f"Choose {bases[0]}." if bases else catalogue.pull_hint("acestep-v15-base"),
        )
    if not checkpoint.whole:
        lacks = " and ".join(label for label, part in (("the VAE", checkpoint.vae),
                             ("the text encoder", checkpoint.text_encoder)) if part is None)  # fmt: skip
        raise EngineFailure(
            f"Model {name} lacks {lacks} in {folder}.",
            remedy=catalogue.pull_hint(name if name in catalogue.RELEASES else "acestep-v15-turbo"),
        )
    return checkpoint


def _not_there(model: str, name: str, folder: Path, there: tuple[Checkpoint, ...]) -> EngineFailure | InvalidValue:
    if name in catalogue.TRANSFORMERS:
        return EngineFailure(f"Model {name} is not in {folder}.", remedy=catalogue.pull_hint(name))
    known = dict.fromkeys([*(each.name for each in there), *catalogue.TRANSFORMERS])
    return InvalidValue("model", model, ", ".join(known), remedy=catalogue.pull_hint("acestep-v15-turbo"))


def below(folder: Path) -> list[Path]:
    """Return a folder of models and the folders in it, as deep as models lie; nothing where it is not there."""
    return [folder, *_below(folder, _DEPTH)] if os.path.isdir(folder) else []  # noqa: PTH112 (as `_is_file`)


def _below(folder: Path, depth: int) -> Iterator[Path]:
    for child in _children(folder):
        yield child
        if depth > 1:
            yield from _below(child, depth - 1)


def _children(folder: Path) -> list[Path]:
    """Return the folders in a folder, by name, without hidden ones; none where it may not be looked at."""
    try:
        return sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
    except OSError:
        return []


def weights_in(folder: Path) -> Path | None:
    """Return the file with the weights of ``folder``, or the index of its shards; ``None`` if it has neither."""
    return next((folder / name for name in _WEIGHTS if _is_file(folder / name)), None)


def has_weights(folder: Path) -> bool:
    """Return whether a folder directly holds a config and weights, with all shards of these."""
    found = weights_in(folder) if _is_file(folder / "config.json") else None
    if found is None or found.suffix != ".json":
        return found is not None
    shards = _config(found).get("weight_map")
    return isinstance(shards, dict) and all(_is_file(folder / name) for name in set(map(str, shards.values())))


def _is_file(path: Path) -> bool:
    """Return whether there is such a file; not where it may not be looked at, or has no name that a file can have."""
    return os.path.isfile(path)  # noqa: PTH113 (a path's own raises)


def config_in(folder: Path) -> JsonObject:
    """Return the ``config.json`` of a part, empty where it cannot be read."""
    return _config(folder / "config.json")


def _config(path: Path) -> JsonObject:
    """Return a small JSON object, empty where it cannot be read: what is not understood is no checkpoint."""
    try:
        if not _is_file(path) or path.stat().st_size > _MOST_JSON_BYTES:  # a pipe would be waited for
            return {}
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _original(folder: Path, shared: Mapping[str, Path | None]) -> Checkpoint | None:
    config = config_in(folder)
    ours = config.get("model_type") == "acestep" or "AceStepConditionGenerationModel" in str(
        config.get("architectures")
    )
    if not ours or not has_weights(folder):
        return None

    def part(name: str) -> Path | None:
        near = (folder.parent / name, folder / name)
        return next((each for each in near if has_weights(each)), shared[name])

    kind, size, vae, text_encoder = _kind(config, folder.name), _size(config), part(VAE), part(TEXT_ENCODER)
    stamp = stamp_of(folder, vae, text_encoder)
    return Checkpoint(folder.name, kind, size, "original", folder, vae, text_encoder, stamp)


def _diffusers(folder: Path) -> Checkpoint | None:
    dit = folder / "transformer"
    if _config(folder / "model_index.json").get("_class_name") != "AceStepPipeline" or not has_weights(dit):
        return None
    vae, text_encoder = (each if has_weights(each) else None for each in (folder / VAE, folder / "text_encoder"))
    config, stamp = config_in(dit), stamp_of(*_children(folder))
    kind, size = _kind(config, folder.name), _size(config)
    return Checkpoint(folder.name, kind, size, "diffusers", dit, vae, text_encoder, stamp)


def stamp_of(*folders: Path | None) -> Stamp:
    """Return what changes with the files of some folders."""
    found: list[tuple[str, int, int]] = []
    for folder in filter(None, folders):
        with contextlib.suppress(OSError):  # what may not be looked at cannot be loaded either
            for entry in sorted(os.scandir(folder), key=lambda each: each.name):
                if entry.is_file():
                    facts = entry.stat()
                    found.append((entry.path, facts.st_size, facts.st_mtime_ns))
    return tuple(found)


def _kind(config: JsonObject, name: str) -> str:
    """Return what a transformer was trained to be, from its config, and where that does not say, from its name."""
    if config.get("is_turbo"):
        return "turbo"
    if "sft" in name.lower():  # made from a base model, whose config it may still have
        return "sft"
    version = str(config.get("model_version") or "").lower()
    return version if version in KINDS else next((kind for kind in KINDS if kind in name.lower()), "base")


def _size(config: JsonObject) -> str:
    width = config.get("hidden_size")
    return "XL" if isinstance(width, int) and width >= _XL_FROM_WIDTH else "2B"
