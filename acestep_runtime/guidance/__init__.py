"""How the conditional and the unconditional velocity become one. A guidance is made fresh for each run."""

from acestep_runtime.guidance.methods import METHODS, Guidance, between

__all__ = ["METHODS", "Guidance", "between"]
