"""How the original checkpoints name their weights and what `diffusers` calls the same; what is missing and what is left over.

Names only: nothing here needs torch, and nothing is loaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice

from acestep_runtime.errors import EngineFailure

Shape = tuple[int, ...]

#: The parts of a checkpoint, each with the beginning of its keys in the original layout.
PREFIXES = {"dit": "decoder.", "encoder": "encoder.", "tokenizer": "tokenizer.", "detokenizer": "detokenizer."}
#: Outside of the parts in the original layout; `diffusers` keeps it in the condition encoder.
NULL_CONDITION = "null_condition_emb"
SILENCE = "silence_latent"

_RENAMED = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"^proj_(in|out)\.1\.", r"proj_\1_conv."),
        (r"(_attn\.)([qkv])_proj\.", r"\1to_\2."),
        (r"(_attn\.)o_proj\.", r"\1to_out.0."),
        (r"(_attn\.)([qk])_norm\.", r"\1norm_\2."),
    )
)
_SHOWN = 10


def renamed(key: str) -> str:
    """Return what `diffusers` calls ``key``, a name inside of one part. Its own names stay as they are."""
    for pattern, name in _RENAMED:
        key = pattern.sub(name, key)
    return key


def placed(key: str) -> tuple[str, str] | None:
    """Return the part and the name in it of ``key``, a name in an original checkpoint; ``None`` if it has no place."""
    if key == NULL_CONDITION:
        return "encoder", key
    for part, prefix in PREFIXES.items():
        if key.startswith(prefix):
            return part, renamed(key.removeprefix(prefix))
    return None


def check(what: str, expected: Mapping[str, Shape], found: Mapping[str, Shape], remedy: str) -> None:
    """Raise `EngineFailure` unless ``found`` has exactly the names that ``expected`` has, in the same shapes.

    The message names ``what`` does not fit and lists up to ten names of each kind of difference, then says how many more.
    """
    differing = [
        f"{key} is {list(found[key])} instead of {list(shape)}"
        for key, shape in sorted(expected.items())
        if key in found and found[key] != shape
    ]
    faults = (
        ("missing", sorted(expected.keys() - found.keys())),
        ("unexpected", sorted(found.keys() - expected.keys())),
        ("of another shape", differing),
    )
    said = [f"{len(names)} {kind}: {some(names)}" for kind, names in faults if names]
    if said:
        raise EngineFailure(f"The weights of {what} do not fit the model; {'; '.join(said)}.", remedy=remedy)


def some(names: Iterable[str], shown: int = _SHOWN) -> str:
    """Return the first names in one line, and how many more there are."""
    listed = list(names)
    more = len(listed) - shown
    return ", ".join(islice(listed, shown)) + (f" and {more} more" if more > 0 else "")
