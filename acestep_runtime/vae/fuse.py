"""Fusing an autoencoder for inference: values that depend only on weights are computed once, not at every call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

if TYPE_CHECKING:
    from diffusers.models.autoencoders.autoencoder_oobleck import AutoencoderOobleck


class Snake(nn.Module):
    """x + sin²(αx) / β on ``[B, C, n]``, without temporary arrays. Source: Ziyin et al. 2020, arXiv:2006.08195."""

    alpha: Tensor
    inverse_beta: Tensor

    def __init__(self, alpha: Tensor, inverse_beta: Tensor) -> None:
        super().__init__()
        self.register_buffer("alpha", alpha)
        self.register_buffer("inverse_beta", inverse_beta)

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of ``x``; ``x`` is not changed."""
        square = (x * self.alpha).sin_().square_()
        return torch.addcmul(x, square, self.inverse_beta, out=square)


def fuse(vae: AutoencoderOobleck) -> AutoencoderOobleck:
    """Fold weight norms into weights and replace snakes by `Snake`, in place. Return the autoencoder, for inference only.

    The names of its weights change, so load them first. Outputs change in the last bit alone: a snake rounds once less.
    """
    from diffusers.models.autoencoders.autoencoder_oobleck import Snake1d

    with torch.no_grad():
        for module in vae.modules():
            if hasattr(module, "weight_g"):
                nn.utils.remove_weight_norm(module)
            elif parametrize.is_parametrized(module, "weight"):
                parametrize.remove_parametrizations(module, "weight")
            for name, child in module.named_children():
                if isinstance(child, Snake1d):
                    alpha, beta = (child.alpha.exp(), child.beta.exp()) if child.logscale else (child.alpha, child.beta)
                    setattr(module, name, Snake(alpha.detach(), (beta + 1e-9).reciprocal().detach()))
    return vae.requires_grad_(False).eval()
