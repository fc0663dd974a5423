"""Samples and metadata between engine and task: the source of a request, and the metadata of every result."""

from __future__ import annotations

from acestep_runtime.dsp.musical import Grid
from acestep_runtime.dsp.render import Stereo
from acestep_runtime.engines.base import EngineRequest
from acestep_runtime.engines.metadata import TakeMetadata, TempoAndKey
from acestep_runtime.errors import InvalidValue
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import Key

#: Engines return audio in blocks of up to a second.
BLOCK_FRAMES = ENGINE_RATE_HZ


def grid_metadata(grid: Grid, key: Key) -> TakeMetadata:
    """Return the metadata of every result of signal processing."""
    values = tempo_and_key(grid, key)
    return {
        "engine": "draft",
        "bpm": values["bpm"],
        "keyscale": values["keyscale"],
        "timesignature": values["timesignature"],
    }


def tempo_and_key(grid: Grid, key: Key) -> TempoAndKey:
    """Return tempo, key and meter as plain values."""
    return {"bpm": round(float(grid.bpm), 2), "keyscale": str(key), "timesignature": grid.beats_per_bar}


def require_source(request: EngineRequest) -> Stereo:
    """Return the source ``[N, 2]``. Raises `InvalidValue` when there is none."""
    if request.source is None:
        raise InvalidValue("source", "nothing", "audio", remedy=f"Give {request.task.name} a source.")
    return request.source
