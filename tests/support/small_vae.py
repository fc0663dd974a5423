"""Autoencoders with the real layers, few channels and random weights, that are loud enough for errors to show."""

from __future__ import annotations

import warnings
from typing import Any

import torch

RATIOS = [2, 4, 4, 6, 10]


def small(width: int = 8, multiples: tuple[int, ...] = (1, 2, 4, 8, 16), seed: int = 5) -> Any:
    """Return an `AutoencoderOobleck` with ``width`` channels at the full rate and width / 2 of a latent."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of torch, about the weight norm that diffusers uses
        from diffusers import AutoencoderOobleck

        with torch.random.fork_rng():
            torch.manual_seed(seed)
            vae = AutoencoderOobleck(
                encoder_hidden_size=width,
                downsampling_ratios=RATIOS,
                channel_multiples=list(multiples),
                decoder_channels=width,
                decoder_input_channels=width // 2,
                audio_channels=2,
                sampling_rate=48_000,
            )
            with torch.no_grad():
                for name, weight in vae.named_parameters():
                    if name.endswith(("alpha", "beta")):
                        weight.normal_(0, 0.3)
    return vae.requires_grad_(False).eval()
