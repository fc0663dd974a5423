"""The table of files that hold parts of a model: which names a file has → which part they are of, and our names in it.

Files of ComfyUI, all in one or split, of stable-audio-tools and of acestep.cpp (GGUF). Folders have a config.json and are in
`parts`. Reads headers only; needs no torch.

Sources of the names: ComfyUI's `supported_models` and `ace15`, stable-audio-tools' `autoencoders`, acestep.cpp's `convert.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from acestep_runtime.errors import printable
from acestep_runtime.weights import keys
from acestep_runtime.weights.headers import read_header

TRANSFORMER, VAE, TEXT_ENCODER, LANGUAGE = "transformer", "VAE", "text encoder", "language model"
#: Endings of files that may hold parts.
ENDINGS = (".safetensors", ".gguf")
#: The list of tokens in a GGUF file, and that of merges.
TOKENS, MERGES = "tokenizer.ggml.tokens", "tokenizer.ggml.merges"
_FROM_VOCABULARY = 200_000  # that of a language model has 65,535 audio codes, and that of the text encoder none


@dataclass(frozen=True)
class Layout:
    """How one program writes one part: ``prefix`` before each name, and ``mark``, a name that only this part has.

    ``architecture`` is that of a GGUF file, "" for safetensors.
    """

    part: str
    prefix: str
    mark: str
    architecture: str = ""


_DIT_MARK = r"^(decoder\.layers\.\d+\.cross_attn\.k_proj|encoder\.lyric_encoder\.layers\.\d+\.input_layernorm)\.weight$"
_VAE_MARK = r"^(decoder|encoder)\.(block\.\d+\.|layers\.\d+\.layers\.\d+\.)"
_TEXT_MARK = r"^(model\.)?layers\.\d+\.self_attn\.q_norm\.weight$"
#: Every layout of a file. The first one whose mark is there is that of its names; a file may have several parts.
LAYOUTS = (
    Layout(TRANSFORMER, "", _DIT_MARK, "acestep-dit"),
    Layout(VAE, "", _VAE_MARK, "acestep-vae"),
    Layout(TEXT_ENCODER, "", _TEXT_MARK, "acestep-text-enc"),
    Layout(LANGUAGE, "", _TEXT_MARK, "acestep-lm"),
    Layout(TRANSFORMER, "model.diffusion_model.", _DIT_MARK),
    Layout(TRANSFORMER, "diffusion_model.", _DIT_MARK),
    Layout(TRANSFORMER, "model.", _DIT_MARK),
    Layout(TRANSFORMER, "", _DIT_MARK),
    Layout(VAE, "vae.", _VAE_MARK),
    Layout(VAE, "first_stage_model.", _VAE_MARK),
    Layout(VAE, "pretransform.model.", _VAE_MARK),
    Layout(VAE, "autoencoder.", _VAE_MARK),
    Layout(VAE, "", _VAE_MARK),
    Layout(TEXT_ENCODER, "text_encoders.qwen3_06b.transformer.", _TEXT_MARK),
    Layout(LANGUAGE, "text_encoders.qwen3_2b.transformer.", _TEXT_MARK),
    Layout(LANGUAGE, "text_encoders.qwen3_4b.transformer.", _TEXT_MARK),
    Layout(TEXT_ENCODER, "", _TEXT_MARK),
)
#: Names outside of all parts that ComfyUI writes beside them, and that nothing reads.
_IGNORED = re.compile(r"^(text_encoders\.\w+\.(logit_scale|spiece_model)|.*\.(comfy_quant|scaled_fp8))$|^model_ema\.")
#: Heads of language models, which the text encoder's hidden states do not need.
HEAD = "lm_head.weight"
_MOST_NAMED = 3


@dataclass(frozen=True)
class FilePart:
    """One part in a file: ``names`` (in the file → ours, for the transformer the original ones), and the names' shapes."""

    part: str
    names: Mapping[str, str]
    shapes: Mapping[str, keys.Shape]


@dataclass(frozen=True)
class FileParts:
    """The parts in a file, and the names that belong to none."""

    parts: Mapping[str, FilePart]
    rest: tuple[str, ...] = ()


_NOTHING = FileParts({})


def read_parts(path: Path) -> Mapping[str, FilePart]:
    """Return the parts in a file by their names, empty where it is no such file. Raises nothing."""
    return _read(path).parts


def file_faults(path: Path) -> tuple[str, ...]:
    """Return what is wrong with a file of parts, each as a sentence without its end; empty if nothing is."""
    if fault := read_header(path).fault:
        return (f"{printable(path.name)} {fault}",)
    if rest := _read(path).rest:
        return (f"{printable(path.name)} holds names of no part: {keys.summarize_names(rest, _MOST_NAMED)}",)
    return ()


def _read(path: Path) -> FileParts:
    try:
        facts = path.stat()
    except (OSError, ValueError):
        return _NOTHING
    return _divide(path, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)


@lru_cache(maxsize=128)
def _divide(path: Path, *_changes: int) -> FileParts:
    header = read_header(path)
    shapes, names = header.shapes, header.keys
    architecture = header.metadata.get("general.architecture", "") if header.is_gguf else ""
    clean = {key: keys.without_compiler(key) for key in names}
    found = [
        (row, part_names) for row in LAYOUTS if (part_names := _find_names(row, clean, header.is_gguf, architecture))
    ]
    parts: dict[str, FilePart] = {}
    taken: set[str] = set()
    for row, part_names in sorted(found, key=lambda each: -len(each[0].prefix)):  # the longest prefix says most
        own = {key: name for key, name in part_names.items() if key not in taken}
        if own and row.part not in parts and any(re.search(row.mark, name) for name in own.values()):
            taken.update(own)
            part = _part_of(row, own, shapes)
            ours = _rename(part, own)
            parts[part] = FilePart(part, ours, {name: shapes[key] for key, name in ours.items()})
    rest = tuple(key for key in names if key not in taken and not _IGNORED.search(clean[key]))
    return FileParts(MappingProxyType(parts), rest if parts else ())


def _find_names(row: Layout, clean: Mapping[str, str], is_gguf: bool, architecture: str) -> dict[str, str]:
    """Return the names with a layout's prefix, without it; empty where its mark is not among them."""
    if architecture != row.architecture or is_gguf != bool(row.architecture):
        return {}
    names = {key: name.removeprefix(row.prefix) for key, name in clean.items() if name.startswith(row.prefix)}
    return names if any(re.search(row.mark, name) for name in names.values()) else {}


def _part_of(row: Layout, names: Mapping[str, str], shapes: Mapping[str, keys.Shape]) -> str:
    """Return the part of a layout; files of text encoders and of language models have the same names."""
    words = next((shapes[key][0] for key, name in names.items() if name.endswith("embed_tokens.weight")), 0)
    return LANGUAGE if row.part == TEXT_ENCODER and words > _FROM_VOCABULARY else row.part


def _rename(part: str, names: Mapping[str, str]) -> dict[str, str]:
    if part == VAE:
        return dict(zip(names, keys.vae_names(list(names.values())), strict=True))
    if part in (TEXT_ENCODER, LANGUAGE):
        return {key: name.removeprefix("model.") for key, name in names.items()}
    return dict(names)


def has_tokens(path: Path) -> bool:
    """Return whether a file holds a tokenizer, as GGUF files of text encoders and language models do."""
    return "tokenizer.ggml.model" in read_header(path).metadata


def holds_silence(path: Path) -> bool:
    """Return whether a file holds the latents of silence, as GGUF files of transformers do."""
    part = read_parts(path).get(TRANSFORMER)
    return part is not None and keys.SILENCE in part.names.values()


def describe_file(path: Path) -> str:
    """Return the format of a file in two words: "GGUF, Q4_K_M", "ComfyUI, all-in-one", "ComfyUI, split"."""
    header = read_header(path)
    if header.is_gguf:
        return f"GGUF, {header.quantisation}"
    return "ComfyUI, all-in-one" if len(read_parts(path)) > 1 else "ComfyUI, split"


def find_all_files(folders: Iterable[Path]) -> list[Path]:
    """Return the files directly in these folders that hold parts, by folder and name. Raises nothing."""
    return [file for folder in folders for file in _candidates(folder) if read_parts(file)]


def find_files(folders: Iterable[Path], part: str) -> list[Path]:
    """Return the files directly in these folders that hold a part, by folder and name. Raises nothing."""
    return [file for folder in folders for file in _candidates(folder) if part in read_parts(file)]


def _candidates(folder: Path) -> list[Path]:
    """Return the files of a folder that may hold parts: none where a config.json says what its weights are."""
    try:
        names = {each.name for each in folder.iterdir()}
        endings = (".gguf",) if {"config.json", "model_index.json"} & names else ENDINGS
        return [folder / name for name in sorted(names) if name.lower().endswith(endings)]
    except OSError:
        return []
