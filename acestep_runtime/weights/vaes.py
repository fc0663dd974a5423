"""Other VAEs than a model's own: files and folders in the folder of models, chosen by name. Needs no torch.

Decoders that users have trained again differ in sound and fit every model, as all models share their latents.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from acestep_runtime.errors import InvalidValue
from acestep_runtime.weights import part_files
from acestep_runtime.weights.layout import VAE, Checkpoint, list_folders
from acestep_runtime.weights.parts import file_stamp, has_weights, read_config
from acestep_runtime.weights.wholeness import vae_faults

#: The name that requests without one use; a daemon sets it from ``vae``.
VARIABLE = "ACEBRIDGE_VAE"
_CLASS = "AutoencoderOobleck"


def find_vaes(folder: Path) -> dict[str, Path]:
    """Return the VAEs in and below a folder of models by their names: files without their endings, and folders."""
    folders = list_folders(folder)
    files = part_files.find_files(folders, part_files.VAE)
    own = [
        each
        for each in folders
        if has_weights(each) and (each.name == VAE or read_config(each).get("_class_name") == _CLASS)
    ]
    return {**{each.stem: each for each in reversed(files)}, **{each.name: each for each in reversed(own)}}


def select_vae(folder: Path, name: str) -> Path:
    """Return the VAE called ``name``. Raises `InvalidValue` where there is none, or one that is not whole."""
    found = find_vaes(folder)
    by_key = {each.casefold(): path for each, path in found.items()}
    path = by_key.get(name.strip().casefold()) or by_key.get(Path(name.strip()).stem.casefold())
    if path is None:
        allowed = ", ".join(sorted(found)) or "none, as there is no VAE"
        raise InvalidValue("sampling.vae", name, allowed, remedy=f"Put its file into {folder}, or leave it out.")
    if faults := vae_faults(path):
        message = f"VAE {name} is not whole: {'; '.join(faults)}."
        raise InvalidValue("sampling.vae", name, ", ".join(sorted(found)), message=message, remedy=f"Get {path} again.")
    return path


def with_vae(checkpoint: Checkpoint, folder: Path, name: str = "") -> Checkpoint:
    """Return a checkpoint with the VAE called ``name``, else with the one of the settings, else with its own."""
    chosen = name or os.environ.get(VARIABLE, "")
    if not chosen:
        return checkpoint
    path = select_vae(folder, chosen)
    return replace(checkpoint, vae=path, stamp=(*checkpoint.stamp, *file_stamp(path)))
