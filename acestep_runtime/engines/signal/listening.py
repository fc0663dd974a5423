"""What signal processing hears in a source, as facts: tempo, key, meter, beats, chords."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.dsp.musical import Analysis
from acestep_runtime.engines.base import EngineEvent, EngineRequest, Facts, Progress
from acestep_runtime.engines.signal.blocks import grid_facts, require_source
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import CancelToken


def understand(request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Say what the source is."""
    yield Progress("listening", 0.0)
    cancel.check()
    yield Facts(source_facts(request))
    yield Progress("listening", 1.0)


def source_facts(request: EngineRequest) -> dict[str, Any]:
    """Return what signal processing hears in the source, as facts."""
    return analysis_facts(analyse_source(request))


def analyse_source(request: EngineRequest) -> Analysis:
    """Analyse the source of a request; tempo, key and meter that the request names are taken as given."""
    music = request.music
    return analyse(require_source(request), ENGINE_RATE_HZ, bpm=music.bpm, keyscale=music.keyscale,
                   timesignature=music.timesignature)  # fmt: skip


def analysis_facts(found: Analysis) -> dict[str, Any]:
    """Return an analysis as the facts of a result, times in seconds."""
    return {
        **grid_facts(found.grid, found.key),
        "duration": round(found.duration_s, 3),
        "caption": found.caption,
        "beats": [round(float(b), 3) for b in found.beats_s],
        "downbeats": [round(float(b), 3) for b in found.downbeats_s],
        "chords": [{"start_s": round(c.start_s, 3), "end_s": round(c.end_s, 3), "name": str(c)} for c in found.chords],
        "confidence": {name: round(float(value), 3) for name, value in found.confidence.items()},
        "loudness_db": round(float(found.loudness_db), 2),
    }
