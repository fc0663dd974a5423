"""Samples and metadata between engine and task: the source of a request, and the metadata of every result."""

from __future__ import annotations

from collections.abc import Mapping

from acestep_runtime.certainty import certainty, is_reported
from acestep_runtime.dsp.musical import Analysis, Grid
from acestep_runtime.dsp.render import Stereo
from acestep_runtime.engines.base import EngineRequest
from acestep_runtime.engines.metadata import TakeMetadata, TempoAndKey
from acestep_runtime.errors import InvalidValue
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import Key

#: Engines return audio in blocks of up to a second.
BLOCK_FRAMES = ENGINE_RATE_HZ


def grid_metadata(grid: Grid, key: Key) -> TakeMetadata:
    """Return the metadata of music that was made: its tempo, key and meter are known."""
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


def findings_metadata(analysis: Analysis) -> TakeMetadata:
    """Return the tempo, key and meter that an analysis heard, and how certain each is; ``None`` for what it did not hear."""
    confidence, values = analysis.confidence, tempo_and_key(analysis.grid, analysis.key)
    return {
        "engine": "draft",
        "bpm": values["bpm"] if is_reported("tempo", confidence) else None,
        "keyscale": values["keyscale"] if is_reported("key", confidence) else None,
        "timesignature": values["timesignature"] if is_reported("meter", confidence) else None,
        "confidence": {name: round(float(value), 3) for name, value in confidence.items()},
        "certainty": {name: certainty(name, value) for name, value in confidence.items()},
    }


def guess_notes(grid: Grid, key: Key, confidence: Mapping[str, float]) -> list[str]:
    """Return sentences on what new music had to guess because it was not heard in its source."""
    notes = []
    if not is_reported("tempo", confidence):
        notes.append(f"No tempo is heard in the source; the {grid.bpm:.4g} bpm that the new music follows are a guess.")
    if not is_reported("key", confidence):
        notes.append(f"No key is heard in the source; the {key} that the new music is in is a guess.")
    return notes


def require_source(request: EngineRequest) -> Stereo:
    """Return the source ``[N, 2]``. Raises `InvalidValue` when there is none."""
    if request.source is None:
        raise InvalidValue("source", "nothing", "audio", remedy=f"Give {request.task.name} a source.")
    return request.source
