"""Names of weights: from the original checkpoints to those of `diffusers`, and the check for missing and unexpected ones.

Needs no torch and loads nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
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
_COMPILER = "_orig_mod."
#: The VAE's names in stable-audio-tools and ComfyUI, where layers are numbered: in a half of N blocks, N + 1 is the last snake.
_VAE_UNIT = {"0": "snake1", "1": "conv1", "2": "snake2", "3": "conv2"}
_VAE_BLOCK = {
    "encoder": {"0": "res_unit1", "1": "res_unit2", "2": "res_unit3", "3": "snake1", "4": "conv1"},
    "decoder": {"0": "snake1", "1": "conv_t1", "2": "res_unit1", "3": "res_unit2", "4": "res_unit3"},
}
_VAE_LAYER = re.compile(r"^(encoder|decoder)\.layers\.(\d+)(?:\.layers\.(\d))?(?:\.layers\.(\d))?\.(.+)$")
#: How torch names the two tensors of a weight norm today, and how it did.
_WEIGHT_NORM = (("parametrizations.weight.original0", "weight_g"), ("parametrizations.weight.original1", "weight_v"))
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


def without_compiler(key: str) -> str:
    """Return a name without what torch.compile writes into it."""
    return key.replace(_COMPILER, "")


def vae_names(names: Sequence[str]) -> list[str]:
    """Return the `diffusers` names of all names of a VAE, which may be those of stable-audio-tools; others stay."""
    blocks = {
        half: max(
            (int(found[2]) for name in names if (found := _VAE_LAYER.match(name)) and found[1] == half and found[3]),
            default=0,
        )
        for half in _VAE_BLOCK
    }
    return [_vae_name(name, blocks) for name in names]


def _vae_name(name: str, blocks: Mapping[str, int]) -> str:
    for new, old in _WEIGHT_NORM:
        name = name.replace(new, old)
    found = _VAE_LAYER.match(name)
    if found is None:
        return name
    half, number, inner, unit, ending = found.groups()
    last = blocks[half]
    outer = {0: "conv1", last + 1: "snake1", last + 2: "conv2"}
    if inner is None:
        return f"{half}.{outer[int(number)]}.{ending}" if int(number) in outer else name
    place = _VAE_BLOCK[half].get(inner)
    if place is None or (unit is not None) != place.startswith("res_unit") or (unit and unit not in _VAE_UNIT):
        return name
    path = f"{half}.block.{int(number) - 1}.{place}"
    return f"{path}.{_VAE_UNIT[unit]}.{ending}" if unit else f"{path}.{ending}"


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
