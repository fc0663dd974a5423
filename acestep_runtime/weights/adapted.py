"""Linear layers with the changes that adapters make, which are computed beside the layer and never merged into its weights.

So an adapter's strength can change at any time, removal restores the layer exactly, and weights in int8 stay as they are. Each
adapter changes the original weights: several add up, in any order.

Letters: W the layer's weights ``[O, I]``, Δ the change ``[O, I]``, u the strength, m the magnitude of each row, r the rank.
Methods: low-rank, Hu et al. 2021 (Δ = BA); Kronecker product, Yeh et al. 2023 (Δ = w1 ⊗ w2); Hadamard product, Hyeon-Woo et al.
2021 (Δ = (w1a w1b) ∘ (w2a w2b)); magnitude and direction, DoRA, Liu et al. 2024.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import linear


class LowRank(nn.Module):
    """Δ = up · down, of ``[O, r]`` and ``[r, I]``."""

    def __init__(self, down: Tensor, up: Tensor) -> None:
        super().__init__()
        self.register_buffer("down", down)
        self.register_buffer("up", up)

    def forward(self, x: Tensor) -> Tensor:
        """Return Δx ``[…, O]`` of x ``[…, I]``."""
        return linear(linear(x, self.get_buffer("down")), self.get_buffer("up"))


class Kronecker(nn.Module):
    """Δ = w1 ⊗ w2, of ``[A, B]`` and ``[C, D]``; O = AC, I = BD. With x as a matrix ``[B, D]``, Δx = w1 x w2ᵀ."""

    def __init__(self, w1: Tensor, w2: Tensor) -> None:
        super().__init__()
        self.register_buffer("w1", w1)
        self.register_buffer("w2", w2)

    def forward(self, x: Tensor) -> Tensor:
        """Return Δx ``[…, O]`` of x ``[…, I]``."""
        w1, w2 = self.get_buffer("w1"), self.get_buffer("w2")
        rows = linear(x.reshape(*x.shape[:-1], w1.shape[1], w2.shape[1]), w2)
        return torch.matmul(w1, rows).flatten(-2)


class Hadamard(nn.Module):
    """Δ = (w1a · w1b) ∘ (w2a · w2b), each of ``[O, r]`` and ``[r, I]``."""

    def __init__(self, w1_a: Tensor, w1_b: Tensor, w2_a: Tensor, w2_b: Tensor) -> None:
        super().__init__()
        for name, value in (("w1_a", w1_a), ("w1_b", w1_b), ("w2_a", w2_a), ("w2_b", w2_b)):
            self.register_buffer(name, value)

    def forward(self, x: Tensor) -> Tensor:
        """Return Δx ``[…, O]`` of x ``[…, I]``."""
        w1_a, w1_b, w2_a, w2_b = (self.get_buffer(name) for name in ("w1_a", "w1_b", "w2_a", "w2_b"))
        return linear(x, (w1_a @ w1_b) * (w2_a @ w2_b))


@dataclass(frozen=True)
class Magnitude:
    """The magnitude of each row ``[O]`` in float32, and whose formula holds.

    PEFT: W' = V · m / ‖V‖ with V = W + uΔ. LyCORIS: W' = V · (u (m / (‖V‖ + eps) − 1) + 1) with V = W + Δ, and eps that of
    the dtype in which the model computes: 0.0078125 in bfloat16. Norms are of rows.
    """

    values: Tensor
    is_lycoris: bool


class Change(nn.Module):
    """What one adapter changes in one layer. ``strength`` 1 is as trained; at 0 there is no change at all."""

    def __init__(self, delta: nn.Module, magnitude: Magnitude | None = None) -> None:
        super().__init__()
        self.delta = delta
        self.magnitude = magnitude
        self.strength = 0.0
        self.register_buffer("row_factors", None)

    def set_strength(self, strength: float, weight: Tensor) -> None:
        """Set the strength; ``weight`` is W."""
        self.strength = strength
        if self.magnitude is not None and strength:
            factors = row_factors(_dequantize(weight), self._matrix(weight), self.magnitude, strength, weight.dtype)
            self.row_factors = factors.to(weight)

    def _matrix(self, weight: Tensor) -> Tensor:
        """Return Δ ``[O, I]``."""
        with torch.no_grad():
            identity = torch.eye(weight.shape[1], dtype=weight.dtype, device=weight.device)
            matrix: Tensor = self.delta(identity).T
            return matrix

    def forward(self, x: Tensor, plain: Tensor) -> Tensor:
        """Return the change of the output ``[…, O]`` for x ``[…, I]``; ``plain`` is Wx."""
        change: Tensor = self.delta(x)
        if self.magnitude is None or self.row_factors is None:
            return change * self.strength
        factors = self.get_buffer("row_factors")
        in_full = self.magnitude.is_lycoris
        return (factors - 1) * plain + factors * (change if in_full else change * self.strength)


def row_factors(weight: Tensor, delta: Tensor, magnitude: Magnitude, strength: float, dtype: torch.dtype) -> Tensor:
    """Return the factor of each row of V ``[O]`` in float32, see `Magnitude`; ``dtype`` is that in which the model computes."""
    values = magnitude.values.to(weight.device)
    if magnitude.is_lycoris:
        norms = (weight.float() + delta.float()).norm(dim=1)
        relative: Tensor = values / (norms + torch.finfo(dtype).eps)
        return strength * (relative - 1) + 1
    factors: Tensor = values / (weight.float() + strength * delta.float()).norm(dim=1)
    return factors


def _dequantize(weight: Tensor) -> Tensor:
    """Return plain numbers, also of weights in int8."""
    return weight if type(weight) in (Tensor, nn.Parameter) else weight.dequantize()


class AdaptedLinear(nn.Module):
    """A linear layer and the changes to it, by the names of their adapters."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base = base
        self.in_features, self.out_features = base.in_features, base.out_features
        self.changes = nn.ModuleDict()

    def forward(self, x: Tensor) -> Tensor:
        """Return the output ``[…, O]`` of x ``[…, I]``."""
        output: Tensor = self.base(x)
        changes = [each for each in self.changes.values() if isinstance(each, Change) and each.strength]
        if not changes:
            return output
        plain = output if self.base.bias is None else output - self.base.bias
        for change in changes:
            output = output + change(x, plain)
        return output


def adaptable_layers(module: nn.Module) -> dict[str, nn.Linear]:
    """Return the linear layers in a module by their names, as they are without adapters."""
    return dict(_walk(module, ""))


def _walk(module: nn.Module, prefix: str) -> Iterator[tuple[str, nn.Linear]]:
    for name, child in module.named_children():
        if isinstance(child, AdaptedLinear):
            yield prefix + name, child.base
        elif isinstance(child, nn.Linear):
            yield prefix + name, child
        else:
            yield from _walk(child, f"{prefix}{name}.")


def add_change(module: nn.Module, layer: str, name: str, change: Change) -> None:
    """Put a change onto the layer with this name."""
    child = module.get_submodule(layer)
    if not isinstance(child, AdaptedLinear):
        assert isinstance(child, nn.Linear)
        child = AdaptedLinear(child)
        module.set_submodule(layer, child)
    child.changes[name] = change


def remove_changes(module: nn.Module, name: str) -> None:
    """Remove the changes of an adapter. Layers without any are what they were."""
    for layer, child in [(layer, child) for layer, child in module.named_modules() if isinstance(child, AdaptedLinear)]:
        if name in child.changes:
            del child.changes[name]
        if not child.changes:
            module.set_submodule(layer, child.base)


def set_strength(module: nn.Module, name: str, strength: float) -> None:
    """Set the strength of an adapter on all its layers."""
    for child in module.modules():
        if isinstance(child, AdaptedLinear) and name in child.changes:
            change = child.changes[name]
            assert isinstance(change, Change)
            change.set_strength(strength, child.base.weight)
