"""A language model in memory: its layers, its head and its vocabulary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch import Tensor

from acestep_runtime.errors import EngineFailure
from acestep_runtime.lm.forward import compute_logits
from acestep_runtime.lm.vocabulary import Vocabulary
from acestep_runtime.memory.interrupt import Interrupt

if TYPE_CHECKING:
    from transformers import Qwen3Model


@dataclass(frozen=True)
class LanguageModel:
    """``core`` has the layers; ``head`` ``[V, D]`` turns their states into logits. ``interrupt`` checks before each layer.

    ``code_head``, where given, computes the logits of codes as ``head`` does, but faster.
    """

    core: Qwen3Model
    head: Tensor
    vocabulary: Vocabulary
    interrupt: Interrupt = field(default_factory=Interrupt)
    code_head: Callable[[Tensor], Tensor] | None = None

    def text_logits(self, states: Tensor) -> Tensor:
        """Return the logits ``[R, V]`` in float32 of all text tokens after states ``[R, D]``."""
        return compute_logits(self.head, states, self.vocabulary.text_ids)

    def code_logits(self, states: Tensor) -> Tensor:
        """Return the logits ``[R, V]`` in float32 of all codes after states ``[R, D]``."""
        if self.code_head is None:
            return compute_logits(self.head, states, self.vocabulary.code_ids)
        return self.code_head(states).float()


def non_finite_error(when: str = "") -> EngineFailure:
    """Return the error for a model that computes NaN or infinity; ``when`` is appended to the message."""
    return EngineFailure(
        f"The language model makes values that are no numbers{when}.",
        remedy="Check its files with `acebridge models verify`, or take another one.",
    )
