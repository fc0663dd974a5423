"""The diffusion transformer: velocities of noisy latents, with everything constant across steps computed once."""
