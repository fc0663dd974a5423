"""What the diffusion transformer is told: prompts, lyrics, timbre, and the latents that it works on."""
