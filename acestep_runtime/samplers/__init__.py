"""Samplers: noise schedules, the steps between noise levels, and the denoising loop."""
