"""Samples to latents and back, tile by tile, exactly as if it were done in one piece."""
