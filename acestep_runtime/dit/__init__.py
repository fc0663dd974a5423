"""The diffusion transformer: velocities of noisy latents, with what does not change between steps computed once."""
