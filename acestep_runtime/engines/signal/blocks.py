"""Samples and facts on their way between engine and task: the source of a request, blocks, facts of every result."""

from __future__ import annotations

from collections.abc import Iterator

from acestep_runtime.dsp.musical import Grid
from acestep_runtime.dsp.render import Stereo
from acestep_runtime.engines.base import EngineRequest
from acestep_runtime.errors import InvalidValue
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import Key

_BLOCK_FRAMES = ENGINE_RATE_HZ


def grid_facts(grid: Grid, key: Key) -> dict[str, object]:
    """Return the facts that every result of this engine has."""
    return {"engine": "draft", "bpm": round(float(grid.bpm), 2), "keyscale": str(key),
            "timesignature": grid.beats_per_bar}  # fmt: skip


def require_source(request: EngineRequest) -> Stereo:
    """Return the source ``[N, 2]``. Raises `InvalidValue` when there is none."""
    if request.source is None:
        raise InvalidValue("source", "nothing", "audio", remedy=f"Give {request.task.name} a source.")
    return request.source


def split_blocks(samples: Stereo) -> Iterator[Stereo]:
    """Yield the samples in blocks of up to a second."""
    return (samples[at : at + _BLOCK_FRAMES] for at in range(0, len(samples), _BLOCK_FRAMES))
