"""Conditioning of the diffusion transformer: prompts, lyrics, timbre and context latents."""
