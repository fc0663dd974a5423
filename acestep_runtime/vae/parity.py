"""A check that an autoencoder decodes well in 16 bits: one tile, compared with float32. Where it does not, it gets float32.

float16, which older GPUs compute in, ends at 65,504; activations of some weights exceed that.
"""

from __future__ import annotations

import copy
import logging
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from diffusers.models.autoencoders.autoencoder_oobleck import AutoencoderOobleck

log = logging.getLogger(__name__)

#: Relative error (L2) of samples up to which 16 bits are used: 30 dB below the signal. bfloat16 has about 1 %.
TOLERANCE = 0.03
#: Latent frames of the tile.
_FRAMES = 16
_SEED = 1


@torch.inference_mode()
def decoding_error(vae: AutoencoderOobleck) -> float:
    """Return the relative error (L2) of a tile of random latents, against the same weights in float32; possibly NaN."""
    weight = next(vae.decoder.parameters())
    latents = torch.randn(
        1, vae.config["decoder_input_channels"], _FRAMES, generator=torch.Generator().manual_seed(_SEED)
    )
    latents = latents.to(weight)
    samples: Tensor = vae.decoder(latents).float()
    exact: Tensor = copy.deepcopy(vae.decoder).float()(latents.float())
    return float((samples - exact).norm() / exact.norm())


def with_safe_dtype(vae: AutoencoderOobleck) -> AutoencoderOobleck:
    """Return the autoencoder, in place as float32 where its own dtype errs by more than `TOLERANCE`; the log says so."""
    if next(vae.parameters()).dtype == torch.float32:
        return vae
    error = decoding_error(vae)
    if error <= TOLERANCE:  # false for NaN
        return vae
    log.warning(
        "The VAE computes in float32: in 16 bits its samples differ by %.2g from exact ones, and %g is allowed.",
        error, TOLERANCE,
    )  # fmt: skip
    vae.float()
    return vae
