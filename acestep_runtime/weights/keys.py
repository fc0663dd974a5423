"""Names of weights: from the original checkpoints to those of `diffusers`, and the check for missing and unexpected ones.

Needs no torch and loads nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice

from acestep_runtime.errors import EngineFailure

Shape = tuple[int, ...]

#: The parts of a checkpoint, each with the prefix of its keys in the original layout.
PREFIXES = {"dit": "decoder.", "encoder": "encoder.", "tokenizer": "tokenizer.", "detokenizer": "detokenizer."}
#: Outside the parts in the original layout; `diffusers` has it in the condition encoder.
NULL_CONDITION = "null_condition_emb"
SILENCE = "silence_latent"

_KEY_RULES = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"^proj_(in|out)\.1\.", r"proj_\1_conv."),
        (r"(_attn\.)([qkv])_proj\.", r"\1to_\2."),
        (r"(_attn\.)o_proj\.", r"\1to_out.0."),
        (r"(_attn\.)([qk])_norm\.", r"\1norm_\2."),
    )
)
_ORIGINAL_RULES = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"^proj_(in|out)_conv(?=\.|$)", r"proj_\1.1"),
        (r"(_attn\.)to_([qkv])(?=\.|$)", r"\1\2_proj"),
        (r"(_attn\.)to_out\.0(?=\.|$)", r"\1o_proj"),
        (r"(_attn\.)norm_([qk])(?=\.|$)", r"\1\2_norm"),
    )
)
_MAX_NAMES = 10


def diffusers_key(key: str) -> str:
    """Return the `diffusers` name of ``key``, a name inside one part. Names of `diffusers` are returned unchanged."""
    for pattern, name in _KEY_RULES:
        key = pattern.sub(name, key)
    return key


def original_key(key: str) -> str:
    """Return the original name of ``key``, a name inside one part in `diffusers`: the reverse of `diffusers_key`."""
    for pattern, name in _ORIGINAL_RULES:
        key = pattern.sub(name, key)
    return key


def split_key(key: str) -> tuple[str, str] | None:
    """Split ``key``, a name in an original checkpoint, into its part and the name in it; ``None`` if it has no part."""
    if key == NULL_CONDITION:
        return "encoder", key
    for part, prefix in PREFIXES.items():
        if key.startswith(prefix):
            return part, diffusers_key(key.removeprefix(prefix))
    return None


def check_shapes(what: str, expected: Mapping[str, Shape], found: Mapping[str, Shape], remedy: str) -> None:
    """Raise `EngineFailure` unless ``found`` has exactly the names and shapes of ``expected``.

    The message names ``what`` and lists up to ten names of each kind of difference, and the number of the others.
    """
    wrong_shapes = [
        f"{key} is {list(found[key])} instead of {list(shape)}"
        for key, shape in sorted(expected.items())
        if key in found and found[key] != shape
    ]
    faults = (
        ("missing", sorted(expected.keys() - found.keys())),
        ("unexpected", sorted(found.keys() - expected.keys())),
        ("of another shape", wrong_shapes),
    )
    differences = [f"{len(names)} {kind}: {summarize_names(names)}" for kind, names in faults if names]
    if differences:
        raise EngineFailure(f"The weights of {what} do not fit the model; {'; '.join(differences)}.", remedy=remedy)


def summarize_names(names: Iterable[str], limit: int = _MAX_NAMES) -> str:
    """Return the first names in one line, and the number of the others."""
    all_names = list(names)
    more = len(all_names) - limit
    return ", ".join(islice(all_names, limit)) + (f" and {more} more" if more > 0 else "")
