"""A language model in memory: its layers, its head and its vocabulary."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch import Tensor

from acestep_runtime.errors import EngineFailure
from acestep_runtime.lm.vocabulary import Vocabulary
from acestep_runtime.memory.interrupt import Interrupt

if TYPE_CHECKING:
    from transformers import Qwen3Model


@dataclass(frozen=True)
class LanguageModel:
    """``core`` has the layers; ``head`` ``[V, D]`` turns their states into logits. ``interrupt`` checks before each layer."""

    core: Qwen3Model
    head: Tensor
    vocabulary: Vocabulary
    interrupt: Interrupt = field(default_factory=Interrupt)


def non_finite_error(when: str = "") -> EngineFailure:
    """Return the error for a model that computes NaN or infinity; ``when`` is appended to the message."""
    return EngineFailure(
        f"The language model makes values that are no numbers{when}.",
        remedy="Check its files with `acebridge models verify`, or take another one.",
    )
