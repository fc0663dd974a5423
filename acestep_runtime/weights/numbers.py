"""How many numbers the weights of a part are, from the headers of its files. Needs no torch."""

from __future__ import annotations

import math
from pathlib import Path

from acestep_runtime.weights import part_files
from acestep_runtime.weights.headers import read_header
from acestep_runtime.weights.layout import Checkpoint
from acestep_runtime.weights.parts import weights_file


def count_numbers(path: Path | None, part: str) -> int:
    """Return how many numbers a part in a folder or a file has, 0 where it cannot be read."""
    if path is None:
        return 0
    if path.is_dir() or path.suffix.lower() not in part_files.ENDINGS:
        first = weights_file(path)
        files = [] if first is None else sorted(path.glob("*.safetensors")) if first.suffix == ".json" else [first]
        return sum(math.prod(shape) for file in files for shape in read_header(file).shapes.values())
    found, shapes = part_files.read_parts(path).get(part), read_header(path).shapes
    return 0 if found is None else sum(math.prod(shapes[key]) for key in found.names)


def _transformer_numbers(checkpoint: Checkpoint) -> int:
    """Return how many numbers a transformer has, with its condition encoder and its audio tokenizers."""
    folders = [checkpoint.dit]
    if checkpoint.layout == "diffusers":
        folders = sorted({each.parent for each in checkpoint.folder.glob("*/config.json")})
        folders = [each for each in folders if each not in (checkpoint.vae, checkpoint.text_encoder)]
    return sum(count_numbers(each, part_files.TRANSFORMER) for each in folders)


def count_weights(checkpoint: Checkpoint) -> tuple[int, int, int]:
    """Return how many numbers the weights of a checkpoint are: transformer, text encoder, VAE."""
    return (
        _transformer_numbers(checkpoint),
        count_numbers(checkpoint.text_encoder, part_files.TEXT_ENCODER),
        count_numbers(checkpoint.vae, part_files.VAE),
    )
