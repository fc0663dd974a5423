"""The released models of ACE-Step 1.5: names, sources of the files, approximate sizes, and what is known of their contents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
class Pin:
    """The one version of a repository that is downloaded: a full commit hash, and the SHA-256 of files by their paths.

    A file without a known digest is held to what was downloaded first, see `hub.pull`.
    """

    revision: str
    sha256: Mapping[str, str] = field(default_factory=dict)


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
_SILENCE = "a778e9dd942f5e8b2c09c55370782d318834432b03dabbcdf70e6ed49ad6358b"
#: Repository → its version. The digests are those of files whose contents at least two independent parties have published.
PINS: Mapping[str, Pin] = {
    _MAIN: Pin(
        "19671f406d603126926c1b7e2adc169acbcade22",
        {
            "acestep-v15-turbo/model.safetensors": "3f6e0797fad420a39bd33979eb6e840e30989e34a3794e843d23b60ec6e422d7",
            "acestep-v15-turbo/silence_latent.pt": _SILENCE,
            "vae/diffusion_pytorch_model.safetensors": "da17edb604c40deaf09e9b24974e590d1ca83a374070e5d0884cfa4bed9a99b0",
            "Qwen3-Embedding-0.6B/model.safetensors": "0437e45c94563b09e13cb7a64478fc406947a93cb34a7e05870fc8dcd48e23fd",
            "acestep-5Hz-lm-1.7B/model.safetensors": "f161689da73e5ecefa28ff780d51c2d92a00f056d021d7933c779ed5c6cd7db8",
        },
    ),
    "ACE-Step/acestep-v15-base": Pin(
        "e432212fec32b8965a14ffa57ae653438d6abd14",
        {
            "model.safetensors": "4177f600501a6d4bd81cadaa0abac557ffd15c54e5c8cb52053cdb24a0844d6b",
            "silence_latent.pt": _SILENCE,
        },
    ),
    "ACE-Step/acestep-v15-sft": Pin(
        "c410d249e71ea9385a7b586865e65b1473e1098d",
        {"model.safetensors": "d4dd3a93870f06720027965b90771f529ab02094b3d29e2518f1d5e097e1af7e"},
    ),
    "ACE-Step/acestep-5Hz-lm-0.6B": Pin(
        "148d8ea0225bdab342ee1ae3a354275ccd60ca80",
        {"model.safetensors": "5d92a60806e2e88c04de58ddc6dde93f2bc8f1336162b3ad5853886c9bcc6b82"},
    ),
    "ACE-Step/acestep-5Hz-lm-4B": Pin("0a3ec94b557aea7d508da38b31cfe7341f6ff737"),
    "ACE-Step/acestep-v15-turbo-shift1": Pin("5b86586cc1faecd5214281b05440c8903b6da20f"),
    "ACE-Step/acestep-v15-turbo-shift3": Pin("625a282f7c8d882c930a5e500be4c82800f84fb4"),
    "ACE-Step/acestep-v15-turbo-continuous": Pin("f8e893768347fd42f5988e07d1d80675fc3e5718"),
    "ACE-Step/acestep-v15-xl-turbo": Pin("d4a0b288b83ebb7e25a8c0b32c573c22e134e8ee"),
    "ACE-Step/acestep-v15-xl-base": Pin("220c1166efbdd9583eafcb12eb160594bbfcb241"),
    "ACE-Step/acestep-v15-xl-sft": Pin("d06de46b4622f781cf07f4a013a67d591ca52819"),
    "ACE-Step/acestep-v15-xl-turbo-diffusers": Pin("200ba991ae448051e14b0183157e35c2d27c9fb0"),
}
TRANSFORMERS = tuple(release.name for release in RELEASES.values() if release.kind != "lm")


def download_bytes(release: Release) -> int:
    """Return about how many bytes there are to download for a model, with the parts that it shares with others."""
    return release.about_bytes + (SHARED_BYTES if set(SHARED) <= set(release.sources) else 0)


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
