"""Guidance: combines the conditional and the unconditional velocity. Each run needs its own guidance function."""

from acestep_runtime.guidance.methods import METHODS, Guidance, ProjectedGuidance, corrector, in_guidance_interval

__all__ = ["METHODS", "Guidance", "ProjectedGuidance", "corrector", "in_guidance_interval"]
