"""How much memory a model needs on a CPU, by how many numbers its weights are. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from acestep_runtime.errors import EngineFailure
from acestep_runtime.memory.machine import format_gib

#: Room for activations: a step of four minutes takes 0.5 GiB, a tile of the VAE 0.2, and a layer that is widened 0.1.
ACTIVATION_BYTES = 5 << 28
#: Bytes of a number in a file, and in float32.
STORED_BYTES, FULL_BYTES = 2, 4
#: Bytes of a number where most are in int8: scales, and the layers that keep their dtype.
_INT8_BYTES = 1.2


class NotEnoughMemory(EngineFailure):
    """A model does not fit into the memory that is free now. Nothing was loaded. Clients see an `EngineFailure`."""


@dataclass(frozen=True)
class Numbers:
    """How many numbers the weights of a model's parts are."""

    transformer: int
    text_encoder: int
    vae: int


def need_bytes(numbers: Numbers, number_bytes: int, *, int8: bool = False, mapped: bool = False) -> int:
    """Return the memory that a model needs; the VAE has ``number_bytes`` a number, and so have parts that are neither in int8
    nor mapped. Of mapped weights, those of the text encoder need not stay.
    """
    narrow, vae = numbers.transformer + numbers.text_encoder, numbers.vae * number_bytes
    if int8:
        return int(narrow * _INT8_BYTES) + vae + ACTIVATION_BYTES
    if mapped:
        return numbers.transformer * STORED_BYTES + vae + ACTIVATION_BYTES
    return narrow * number_bytes + vae + ACTIVATION_BYTES


def need_own_bytes(numbers: Numbers, number_bytes: int) -> int:
    """Return how much of that is no file, where all weights but those of the VAE are mapped."""
    return numbers.vae * number_bytes + ACTIVATION_BYTES


def least_bytes(numbers: Numbers, *, int8: bool, is_full: bool = False) -> int:
    """Return the memory below which a model is refused on a CPU that computes in bfloat16, or in float32 (``is_full``)."""
    return need_bytes(numbers, FULL_BYTES if is_full else STORED_BYTES, int8=int8, mapped=True)


def does_not_fit(name: str, need: int, available_bytes: int, *, can_shrink: bool, place: str = "") -> NotEnoughMemory:
    """Return the error for a model that needs more memory than is free; ``place`` says where, "" for the machine's own."""
    smaller = "set int8_weights to true, " if can_shrink else ""
    return NotEnoughMemory(
        f"Model {name} needs {format_gib(need)} of memory{place}, and {format_gib(available_bytes)} are free.",
        remedy=f"Close other programs, {smaller}unload other models, or choose --engine draft.",
    )
