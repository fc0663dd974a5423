"""Names in files of adapters: which layer a tensor belongs to, and what it is of. Needs no torch.

A name is a prefix, a layer and an ending. Sources of the names: PEFT, diffusers, LyCORIS, kohya's scripts, ComfyUI and
ACE-Step's own trainers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from acestep_runtime.weights import keys

#: What programs write before the layer's path, any of them any number of times; the last one is that of torch.compile.
_PREFIX = re.compile(r"^(base_model\.model\.|transformer\.|diffusion_model\.|model\.|decoder\.|_orig_mod\.)+")
#: The same where the dots of the path are underscores, as LyCORIS and kohya's scripts write it.
_FLAT_PREFIX = re.compile(
    r"^(?:lora_unet|lora_transformer|lycoris)_(?:(?:base_model_model|transformer|diffusion_model|model|decoder|_orig_mod)_)*"
)
#: An adapter's name in between, and an ending that says nothing.
_NAMED = r"(?:\.(?!weight$)(?P<name>[^.]+))?(?:\.weight)?$"

#: Ending of a name → what the tensor is.
ENDINGS = tuple(
    (re.compile(pattern), role)
    for pattern, role in (
        (rf"\.lora_(?:A|down){_NAMED}", "down"),
        (rf"\.lora_(?:B|up){_NAMED}", "up"),
        (rf"\.lora_magnitude_vector{_NAMED}", "magnitude"),
        (r"\.dora_scale$", "dora_scale"),
        (r"\.alpha$", "alpha"),
        (r"\.lokr_w1$", "w1"),
        (r"\.lokr_w1_a$", "w1_a"),
        (r"\.lokr_w1_b$", "w1_b"),
        (r"\.lokr_w2$", "w2"),
        (r"\.lokr_w2_a$", "w2_a"),
        (r"\.lokr_w2_b$", "w2_b"),
        (r"\.hada_w1_a$", "h1_a"),
        (r"\.hada_w1_b$", "h1_b"),
        (r"\.hada_w2_a$", "h2_a"),
        (r"\.hada_w2_b$", "h2_b"),
    )
)


@dataclass(frozen=True)
class TensorName:
    """A tensor's place: ``layer``, in the names of `diffusers`, its ``role`` there, and the ``adapter``'s name, "" if none."""

    layer: str
    role: str
    adapter: str = ""


def layer_name(path: str) -> str:
    """Return the `diffusers` name of a layer's path, which may have prefixes."""
    return keys.diffusers_key(f"{_PREFIX.sub('', path).replace('_orig_mod.', '')}.").removesuffix(".")


def flat_names(layers: Iterable[str]) -> dict[str, str]:
    """Return the flattened names of layers, in the original names and in those of `diffusers` → the layers.

    Underscores cannot be turned back into dots without the layers' own names.
    """
    return {name.replace(".", "_"): layer for layer in layers for name in (layer, keys.original_key(layer))}


def read_name(key: str, flat: Mapping[str, str]) -> TensorName | None:
    """Return the place of a tensor, ``None`` where its ending is unknown. ``flat`` is that of `flat_names`."""
    for pattern, role in ENDINGS:
        if found := pattern.search(key):
            path, adapter = key[: found.start()], found.groupdict().get("name") or ""
            return TensorName(_find_layer(path, flat), role, adapter)
    return None


def _find_layer(path: str, flat: Mapping[str, str]) -> str:
    if "." not in path and (found := _FLAT_PREFIX.match(path)):
        return flat.get(path[found.end() :], path)
    return layer_name(path)
