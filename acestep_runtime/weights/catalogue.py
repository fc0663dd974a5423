"""The released models of ACE-Step 1.5: names, sources of the files, and approximate sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_MAIN = "ACE-Step/Ace-Step1.5"
_GB = 10**9
#: Files to download: tensors and data. No programs, and no pickles except the tensor of silence.
_DATA = ("*.safetensors", "*.json", "*.txt", "*.jinja", "silence_latent.pt", "LICENSE*")


@dataclass(frozen=True)
class Source:
    """Files that match ``patterns`` in the repository ``repo``, stored below ``into`` in the folder of models."""

    repo: str
    patterns: tuple[str, ...]
    into: str = ""


@dataclass(frozen=True)
class Release:
    """One name to pull. ``kind`` is turbo, base, sft or lm; ``about_bytes`` does not include shared parts."""

    name: str
    kind: str
    about_bytes: int
    about: str
    sources: tuple[Source, ...]


def _main_folder(folder: str) -> Source:
    """Return the source of a folder of the main repository."""
    return Source(_MAIN, tuple(f"{folder}/{pattern}" for pattern in _DATA))


def _own_repo(name: str) -> Source:
    """Return the source of a model with its own repository, which becomes a folder."""
    return Source(f"ACE-Step/{name}", _DATA, name)


#: VAE and text encoder, which all transformers use.
SHARED = (_main_folder("vae"), _main_folder("Qwen3-Embedding-0.6B"))
SHARED_BYTES = int(1.53 * _GB)
_2B, _XL = int(4.8 * _GB), int(9.9 * _GB)

RELEASES = {
    release.name: release
    for release in (
        Release("acestep-v15-turbo", "turbo", _2B, "8 steps; the one to start with.",
                (_main_folder("acestep-v15-turbo"), *SHARED)),
        Release("acestep-v15-turbo-shift1", "turbo", _2B, "Turbo, made for shift 1.",
                (_own_repo("acestep-v15-turbo-shift1"), *SHARED)),
        Release("acestep-v15-turbo-shift3", "turbo", _2B, "Turbo, made for shift 3.",
                (_own_repo("acestep-v15-turbo-shift3"), *SHARED)),
        Release("acestep-v15-turbo-continuous", "turbo", _2B, "Turbo, for other shifts too.",
                (_own_repo("acestep-v15-turbo-continuous"), *SHARED)),
        Release("acestep-v15-base", "base", _2B, "All tasks: lego, extract and complete need a base model.",
                (_own_repo("acestep-v15-base"), *SHARED)),
        Release("acestep-v15-sft", "sft", _2B, "About 50 steps, with guidance.",
                (_own_repo("acestep-v15-sft"), *SHARED)),
        Release("acestep-v15-xl-turbo", "turbo", _XL, "Turbo, with twice the weights.",
                (_own_repo("acestep-v15-xl-turbo"), *SHARED)),
        Release("acestep-v15-xl-base", "base", _XL, "All tasks, with twice the weights.",
                (_own_repo("acestep-v15-xl-base"), *SHARED)),
        Release("acestep-v15-xl-sft", "sft", _XL, "SFT, with twice the weights.",
                (_own_repo("acestep-v15-xl-sft"), *SHARED)),
        Release("acestep-v15-xl-turbo-diffusers", "turbo", _XL + SHARED_BYTES, "XL turbo in the layout of diffusers.",
                (Source("ACE-Step/acestep-v15-xl-turbo-diffusers", ("*.safetensors", "*.json", "*.txt", "*.jinja"),
                        "acestep-v15-xl-turbo-diffusers"),)),
        Release("acestep-5Hz-lm-0.6B", "lm", int(1.3 * _GB), "Language model that plans songs; the small one.",
                (_own_repo("acestep-5Hz-lm-0.6B"),)),
        Release("acestep-5Hz-lm-1.7B", "lm", int(3.7 * _GB), "Language model that plans songs; the usual one.",
                (_main_folder("acestep-5Hz-lm-1.7B"),)),
        Release("acestep-5Hz-lm-4B", "lm", int(8.4 * _GB), "Language model that plans songs; the large one.",
                (_own_repo("acestep-5Hz-lm-4B"),)),
    )
}  # fmt: skip
TRANSFORMERS = tuple(release.name for release in RELEASES.values() if release.kind != "lm")


def full_name(name: str, others: Sequence[str] = ()) -> str:
    """Return the full name for a short ``name`` ("turbo", "xl-base", "lm-4B") in any case; else ``name`` itself.

    ``others`` are further full names, which can be shortened in the same way.
    """
    names = {each.lower(): each for each in (*RELEASES, *others)}
    key = name.strip().lower()
    matches = (names.get(beginning + key) for beginning in ("", "acestep-v15-", "acestep-", "acestep-5hz-"))
    return next(filter(None, matches), name)


def pull_hint(name: str) -> str:
    """Return the sentence with the command that downloads a model."""
    return f"Run `acebridge models pull {name}`."


def repair_hint(name: str, folder: Path) -> str:
    """Return the remedy for a model in ``folder`` with missing or damaged files."""
    if name in RELEASES:
        return f"{pull_hint(name)} It fetches only what is missing or damaged."
    return f"Mend or remove {folder}."
