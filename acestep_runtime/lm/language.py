"""A language model that is loaded: what computes, and the tokens it knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from acestep_runtime.errors import EngineFailure
from acestep_runtime.lm.vocabulary import Vocabulary

if TYPE_CHECKING:
    from transformers import Qwen3Model


@dataclass(frozen=True)
class Language:
    """``core`` has the layers; ``head`` ``[V, D]`` makes logits of their states."""

    core: Qwen3Model
    head: Tensor
    vocabulary: Vocabulary


def no_numbers(when: str = "") -> EngineFailure:
    """Return the error for a model that computes NaN or infinity; ``when`` says what it does meanwhile."""
    return EngineFailure(
        f"The language model makes values that are no numbers{when}.",
        remedy="Check its files with `acebridge models verify`, or take another one.",
    )
