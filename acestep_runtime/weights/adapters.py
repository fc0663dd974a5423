"""The folder of adapters, ``adapters/`` in the folder of models: a file ``NAME.safetensors`` or a folder ``NAME`` each.

Requests use names of adapters, never paths. Reads names only; needs no torch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from acestep_runtime.errors import InvalidValue
from acestep_runtime.weights.folder import ADAPTERS, list_entries
from acestep_runtime.weights.signatures import FolderEntry, describe_damage, find_named, identify

#: Valid names of adapters.
NAME_PATTERN = re.compile(r"(?!\.)[^/\\:\x00-\x1f\x7f]{1,64}")
NAME_RULE = "up to 64 characters without slashes and colons, no dot first"
_SUFFIX = ".safetensors"
#: Files of adapters in folders, as PEFT, diffusers and ACE-Step's trainers name them.
_FILES = ("adapter_model.safetensors", "pytorch_lora_weights.safetensors", "lokr_weights.safetensors")
#: Where ACE-Step's trainer puts them in a folder of its own.
_INNER = "adapter"
#: Most entries of the folder that are looked at for other things than adapters.
_MAX_OTHERS = 100


@dataclass(frozen=True)
class AdapterFile:
    """An adapter: its name, its file or folder, and the total size and latest change of its files."""

    name: str
    path: Path
    size_bytes: int
    changed_ns: int


def find_adapters(models: Path) -> tuple[AdapterFile, ...]:
    """Return the adapters in a folder of models, by name."""
    adapters = map(_describe, list_entries(models / ADAPTERS))
    return tuple({each.name: each for each in adapters if each is not None}.values())


def find_weights(path: Path) -> Path | None:
    """Return the file with the tensors of an adapter, a file or a folder; ``None`` where there is none, or several."""
    if path.is_file():
        return path if path.suffix == _SUFFIX else None
    for folder in (path, path / _INNER):
        singles = sorted(each for each in list_entries(folder) if each.suffix == _SUFFIX)
        named = [folder / name for name in _FILES if folder / name in singles]
        if named or len(singles) == 1:
            return (named or singles)[0]
        if singles:
            return None
    return None


def find_adapter(models: Path, name: str) -> AdapterFile:
    """Return the adapter called ``name``. Raises `InvalidValue`, which lists the adapters, where there is none."""
    adapters = {each.name: each for each in find_adapters(models)}
    if name not in adapters:
        allowed, other = ", ".join(adapters) or "none, as there are no adapters", find_named(find_others(models), name)
        if other is not None:
            message = f"{other.path} is {other.signature.what}; allowed: {allowed}."
            raise InvalidValue("sampling.adapters.name", name, allowed, message=message, remedy=other.signature.advice)
        raise InvalidValue(
            "sampling.adapters.name", name, allowed,
            remedy=f"Put its file into {models / ADAPTERS}, as NAME{_SUFFIX}; names have {NAME_RULE}.",
        )  # fmt: skip
    return adapters[name]


def find_others(models: Path) -> tuple[FolderEntry, ...]:
    """Return what was recognised in the folder of adapters beside the adapters, by name. Raises nothing."""
    try:
        entries = sorted((models / ADAPTERS).iterdir())[:_MAX_OTHERS]
    except OSError:
        return ()
    adapters = {each.path for each in find_adapters(models)}
    return tuple(found for each in entries if each not in adapters and (found := identify(each)))


def adapter_fault(adapter: AdapterFile) -> str:
    """Return the end of a sentence about an adapter that cannot be used, as far as its names say so; else ""."""
    if damage := describe_damage(adapter.path) if adapter.path.suffix == _SUFFIX else "":
        return damage
    found = identify(adapter.path)
    is_other = found is not None and found.signature.keys and not found.signature.is_usable
    return f"is {found.signature.what}" if found is not None and is_other else ""


def adapter_method(adapter: AdapterFile) -> str:
    """Return what an adapter is, "LoKr adapter of LyCORIS"; "adapter" where its names do not say so."""
    weights = find_weights(adapter.path)
    found = identify(weights) if weights is not None else None
    return found.signature.what.removeprefix("a ") if found is not None and found.signature.is_usable else "adapter"


def _describe(path: Path) -> AdapterFile | None:
    is_folder = path.is_dir()
    name = path.name if is_folder else path.stem
    if not NAME_PATTERN.fullmatch(name) or not (is_folder or path.suffix == _SUFFIX):
        return None
    folder = path / _INNER if is_folder and not _holds_tensors(path) else path
    try:
        files = [each.stat() for each in (list_entries(folder) if is_folder else (path,)) if each.is_file()]
    except OSError:
        return None
    if not files or (is_folder and not _holds_tensors(folder)):
        return None
    return AdapterFile(name, path, sum(each.st_size for each in files), max(each.st_mtime_ns for each in files))


def _holds_tensors(folder: Path) -> bool:
    return any(each.suffix == _SUFFIX for each in list_entries(folder))
