"""From noise to latents: schedules of noise levels, the steps between them, and the loop."""
