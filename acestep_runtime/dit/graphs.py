"""The forward pass of the transformer as a CUDA graph: one launch for each step instead of thousands.

A graph reads the latents and the embeddings of their noise level, which change at each step, and the context and condition of a
run, which change with it. Runs of the same lengths share it. Lengths are exact: a longer buffer would need a mask in every
layer, and recording takes about as long as one step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from acestep_runtime.dit.velocity import CrossAttentionKV, LayerContext, VelocityModel
from acestep_runtime.gpu.graphs import GraphCache, Recorder, find_recorder

if TYPE_CHECKING:
    from diffusers.models.transformers.ace_step_transformer import AceStepTransformer1DModel


def make_velocity_model(
    dit: AceStepTransformer1DModel, layer_context: LayerContext, device: torch.device, is_resident: Callable[[], bool]
) -> VelocityModel:
    """Return the velocity model of a transformer: with graphs where the settings and ``device`` allow them.

    ``is_resident`` returns whether the transformer is always on the device; where it is moved, graphs would read old memory.
    """
    recorder = find_recorder(device)
    if recorder is None:
        return VelocityModel(dit, layer_context)
    return GraphedVelocityModel(dit, layer_context, recorder, is_resident)


class GraphedVelocityModel(VelocityModel):
    """Predicts the same velocities from graphs, while the transformer stays where it is."""

    def __init__(
        self,
        dit: AceStepTransformer1DModel,
        layer_context: LayerContext,
        recorder: Recorder,
        is_resident: Callable[[], bool],
    ) -> None:
        super().__init__(dit, layer_context)
        self._is_resident = is_resident
        self._graphs = GraphCache(self._predict_from_tensors, recorder)

    def forget_weights(self) -> None:
        """See `VelocityModel.forget_weights`."""
        super().forget_weights()
        self._graphs.clear()

    def _predict(
        self,
        x: Tensor,
        levels: tuple[Tensor, Tensor],
        context: Tensor,
        condition: CrossAttentionKV,
        null: CrossAttentionKV | None,
    ) -> Tensor:
        if not self._is_resident():
            self._graphs.clear()
            return super()._predict(x, levels, context, condition, null)
        constants = () if null is None else null.constants
        pairs = [each for pair in condition.pairs for each in pair]
        x = x.to(self.device, self.dtype)
        tables = self._position_tables(x[:, :: self.dit.patch_size])  # the model itself keeps those of one length
        return self._graphs(
            _Kind(len(pairs), null is not None), (x, *levels), (context.to(self.device), *pairs, *constants), tables
        )

    def _predict_from_tensors(self, kind: _Kind, *tensors: Tensor) -> Tensor:
        x, temb, modulation, context, *rest = tensors
        condition, null = kind.conditions(rest)
        return super()._predict(x, (temb, modulation), context, condition, null)


@dataclass(frozen=True)
class _Kind:
    """How many of the tensors are keys and values, and whether the constants of an unconditional branch follow."""

    keys_and_values: int
    has_null: bool

    def conditions(self, tensors: Sequence[Tensor]) -> tuple[CrossAttentionKV, CrossAttentionKV | None]:
        """Return the conditions that ``tensors`` are."""
        pairs, constants = tensors[: self.keys_and_values], tensors[self.keys_and_values :]
        condition = CrossAttentionKV(pairs=tuple(zip(pairs[::2], pairs[1::2], strict=True)))
        return condition, CrossAttentionKV(constants=tuple(constants)) if self.has_null else None
