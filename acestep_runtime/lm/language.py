"""A language model that is loaded: what computes, and the tokens it knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from acestep_runtime.lm.vocabulary import Vocabulary


@dataclass(frozen=True)
class Language:
    """``core`` is a `transformers.Qwen3Model`; ``head`` ``[V, D]`` makes logits of its states."""

    core: Any
    head: Tensor
    vocabulary: Vocabulary
