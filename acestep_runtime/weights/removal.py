"""Removing models and adapters from the folder of models. Nothing outside of it is ever touched. Needs no torch."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from acestep_runtime.errors import EngineFailure, InvalidValue
from acestep_runtime.weights.adapters import find_adapters
from acestep_runtime.weights.catalogue import RELEASES, full_name
from acestep_runtime.weights.hub import PULL_LOCK
from acestep_runtime.weights.known_models import find_models
from acestep_runtime.weights.layout import TEXT_ENCODER, VAE, find_checkpoints

#: What is being removed lies in a hidden folder first, so that no half of a model is ever found.
_PREFIX = ".removal-"


@dataclass(frozen=True)
class Removal:
    """What goes with a model: its files or folders, and their size."""

    name: str
    paths: tuple[Path, ...]
    size_bytes: int


def plan_removal(name: str, folder: Path) -> Removal:
    """Return what goes with the model or adapter ``name`` in the folder of models: its own files, also those of a download that
    was interrupted, and with the last transformer the parts that transformers share.

    Raises `InvalidValue` for a name that is not there, and for files that do not lie in the folder themselves.
    """
    installed = {name: model.folder for name, model in find_models(folder).items()}
    adapters = {each.name: each.path for each in find_adapters(folder)}
    begun = {each: folder / each for each in RELEASES if (folder / each).is_dir()}
    known = {**adapters, **begun, **installed}
    full = full_name(name, list(known))
    if full not in known:
        raise InvalidValue(
            "model", name, ", ".join(known) or "none, as there are no models", remedy=f"Models lie in {folder}."
        )
    paths = [known[full], *_common_parts(full, folder)]
    for path in paths:
        _check_inside(path, folder)
    others = [each for other, each in installed.items() if other != full and known[full] in each.parents]
    if others:
        raise InvalidValue("model", full, "a model that holds no other", remedy=f"{others[0]} lies in its folder.")
    return Removal(full, tuple(paths), sum(map(_size_of, paths)))


def remove(removal: Removal, folder: Path) -> None:
    """Remove what `plan_removal` has found, and what an earlier removal has left.

    Raises `EngineFailure` while a download is at work, and ``OSError``.
    """
    try:
        with FileLock(folder / PULL_LOCK, timeout=0):
            away = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
            for number, path in enumerate(removal.paths):
                path.replace(away / str(number))
            for each in folder.glob(f"{_PREFIX}*"):
                shutil.rmtree(each)
    except Timeout:
        raise EngineFailure(f"A pull is at work in {folder}.", remedy="Remove the model when it has ended.") from None


def _common_parts(name: str, folder: Path) -> list[Path]:
    """Return the folders of the VAE and the text encoder, if ``name`` is the last transformer that uses them."""
    users = find_checkpoints(folder)
    return [
        part
        for part in (folder / VAE, folder / TEXT_ENCODER)
        if part.is_dir()
        and [each.name for each in users if part in (each.vae, each.text_encoder, each.text_tokenizer)] == [name]
    ]


def _check_inside(path: Path, folder: Path) -> None:
    """Raise `InvalidValue` unless ``path`` itself, through no link, lies in ``folder``."""
    root = folder.resolve()
    if path.is_symlink() or path.resolve() == root or not path.resolve().is_relative_to(root):
        raise InvalidValue(
            "model", str(path), f"files that lie in {folder} themselves", remedy="Remove it where it lies."
        )


def _size_of(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    files = (Path(place) / name for place, _, names in os.walk(path) for name in names)
    return sum(file.lstat().st_size for file in files)
