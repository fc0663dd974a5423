"""The forms of an autoencoder's layers that are right and fastest in bfloat16 on the CPU of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acestep_runtime.vae.by_points import lay_out_by_points
from acestep_runtime.vae.exact_layers import compute_exactly_where_wrong
from acestep_runtime.vae.upsampling import upsample_by_products

if TYPE_CHECKING:
    from diffusers.models.autoencoders.autoencoder_oobleck import AutoencoderOobleck


def prepare_for_cpu(vae: AutoencoderOobleck, *, has_amx: bool) -> None:
    """Change the layers of a fused autoencoder in bfloat16, in place, for a CPU with or without AMX; its weights are final."""
    compute_exactly_where_wrong(vae.encoder)
    upsample_by_products(vae.decoder, is_by_points=has_amx)
    if has_amx:
        lay_out_by_points(vae)
