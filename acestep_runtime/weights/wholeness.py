"""Whether a model on the disk is whole: everything that loading it opens is there, and begins as it should. Needs no torch.

A transformer is whole with its config, its weights, the latents of silence, the VAE, the text encoder and its tokenizer. No
tensor is read, so that each request can ask; whether all weights fit is found when they are loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from acestep_runtime.errors import EngineFailure, printable
from acestep_runtime.weights import keys, part_files
from acestep_runtime.weights.headers import read_header
from acestep_runtime.weights.layout import TEXT_ENCODER, VAE, Checkpoint, find_checkpoints, list_folders
from acestep_runtime.weights.part_configs import read_part_config
from acestep_runtime.weights.parts import (
    SILENCE_FILE,
    Stamp,
    change_stamp,
    is_file,
    part_faults,
    tokenizer_faults,
    weights_file,
)
from acestep_runtime.weights.signatures import identify
from acestep_runtime.weights.spec import read_model_spec

#: Parts beside the transformer in the layout of diffusers, and whether each is needed.
_DIFFUSERS_PARTS = {"condition_encoder": True, "audio_tokenizer": False, "audio_token_detokenizer": False}


def checkpoint_faults(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Return what a checkpoint lacks, each as a sentence without its end, "the VAE is missing"; empty if it is whole."""
    return tuple(_faults(checkpoint))


def _faults(checkpoint: Checkpoint) -> Iterator[str]:
    own = [*_part_faults(checkpoint.dit, part_files.TRANSFORMER)]
    if checkpoint.layout == "diffusers":
        for name, is_needed in _DIFFUSERS_PARTS.items():
            if is_needed or (checkpoint.folder / name).is_dir():
                own += part_faults(checkpoint.folder / name)
    yield from own
    if not own:
        yield from _content_faults(checkpoint)
    for part, path in ((part_files.VAE, checkpoint.vae), (part_files.TEXT_ENCODER, checkpoint.text_encoder)):
        yield from (f"the {part} is missing",) if path is None else _part_faults(path, part)
    if checkpoint.text_encoder is not None:
        yield from _text_faults(checkpoint.text_encoder, checkpoint.text_tokenizer)


def _part_faults(path: Path, part: str) -> tuple[str, ...]:
    """Return what a part lacks in a folder or a file."""
    if path.is_dir() or path.suffix.lower() not in part_files.ENDINGS:
        return part_faults(path)
    if faults := part_files.file_faults(path):
        return faults
    name = printable(path.name)
    return () if read_part_config(path, part) else (f"{name} lacks tensors that tell the sizes of the {part}",)


def vae_faults(path: Path) -> tuple[str, ...]:
    """Return what a VAE in a folder or a file lacks, each as a sentence without its end; empty if it is whole."""
    return _part_faults(path, part_files.VAE)


def _text_faults(text_encoder: Path, tokenizer: Path | None) -> Iterator[str]:
    kind = read_part_config(text_encoder, part_files.TEXT_ENCODER).get("model_type")
    if kind not in (None, "qwen3"):
        yield f"the text encoder is a {printable(str(kind))} model instead of qwen3"
    if tokenizer is None:
        yield f"the tokenizer of the text encoder is missing ({TEXT_ENCODER}/tokenizer.json and tokenizer_config.json)"
    elif tokenizer.is_dir() or tokenizer.suffix.lower() not in part_files.ENDINGS:
        yield from tokenizer_faults(tokenizer)


def _content_faults(checkpoint: Checkpoint) -> Iterator[str]:
    """Yield the faults of a transformer whose files are all there."""
    if not _holds_silence(checkpoint):
        silence = checkpoint.silence
        found = None if silence is None else identify(silence)
        if silence is None or not is_file(silence):
            place = checkpoint.folder.parent if checkpoint.layout == "file" else checkpoint.folder
            yield f"{place.name}/{SILENCE_FILE} is missing"
        elif found is not None and found.signature.head:
            yield f"{silence.parent.name}/{SILENCE_FILE} is {found.signature.what}"
    try:
        read_model_spec(checkpoint)
    except EngineFailure as error:
        yield error.message.removesuffix(".")


def _holds_silence(checkpoint: Checkpoint) -> bool:
    """Return whether the latents of silence are among the weights, as in the layout of diffusers and in GGUF."""
    if checkpoint.layout == "file":
        return checkpoint.silence is not None and part_files.holds_silence(checkpoint.silence)
    folder = checkpoint.dit if checkpoint.layout == "original" else checkpoint.folder / "condition_encoder"
    file = weights_file(folder)
    if file is None:
        return False
    files = [file] if file.suffix != ".json" else folder.glob("*.safetensors")
    return any(key.endswith(keys.SILENCE) for each in files for key in read_header(each).keys)


def inspect_checkpoints(folder: Path) -> Mapping[Checkpoint, tuple[str, ...]]:
    """Return every checkpoint in and below a folder of models, by name, with what it lacks.

    They are looked at again only when a file in these folders has changed: each request asks.
    """
    folders = list_folders(folder)
    beside = [folder.parent / name for name in (VAE, TEXT_ENCODER)]  # where the folder is that of one transformer
    return _inspect(folder, change_stamp(*folders, *beside))


@lru_cache(maxsize=8)
def _inspect(folder: Path, _stamp: Stamp) -> Mapping[Checkpoint, tuple[str, ...]]:
    return MappingProxyType({each: checkpoint_faults(each) for each in find_checkpoints(folder)})
