"""The switch for CUDA graphs. Needs no torch."""

from __future__ import annotations

from acestep_runtime.switches import read_switch

VARIABLE = "ACEBRIDGE_CUDA_GRAPHS"


def uses_graphs() -> bool:
    """Return the value of ``ACEBRIDGE_CUDA_GRAPHS``, which a daemon sets from ``cuda_graphs``. Raises `InvalidValue`."""
    return read_switch(VARIABLE, default=False)
