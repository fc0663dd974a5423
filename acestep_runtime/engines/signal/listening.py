"""What signal processing hears in a source, as metadata: tempo, key, meter, beats, chords."""

from __future__ import annotations

from collections.abc import Iterator

from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.dsp.musical import Analysis
from acestep_runtime.engines.base import EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.engines.signal.blocks import grid_metadata, require_source
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import CancelToken


def understand(request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Say what the source is."""
    yield Progress("listening", 0.0)
    cancel.check()
    yield Metadata(source_metadata(request))
    yield Progress("listening", 1.0)


def source_metadata(request: EngineRequest) -> TakeMetadata:
    """Return what signal processing hears in the source, as metadata."""
    return analysis_metadata(analyse_source(request))


def analyse_source(request: EngineRequest) -> Analysis:
    """Analyse the source of a request; tempo, key and meter that the request names are taken as given."""
    music = request.music
    return analyse(require_source(request), ENGINE_RATE_HZ, bpm=music.bpm, keyscale=music.keyscale,
                   timesignature=music.timesignature)  # fmt: skip


def analysis_metadata(found: Analysis) -> TakeMetadata:
    """Return an analysis as the metadata of a result, times in seconds."""
    return {
        **grid_metadata(found.grid, found.key),
        "duration_s": round(found.duration_s, 3),
        "caption": found.caption,
        "beats": [round(float(b), 3) for b in found.beats_s],
        "downbeats": [round(float(b), 3) for b in found.downbeats_s],
        "chords": [{"start_s": round(c.start_s, 3), "end_s": round(c.end_s, 3), "name": str(c)} for c in found.chords],
        "confidence": {name: round(float(value), 3) for name, value in found.confidence.items()},
        "loudness_db": round(float(found.loudness_db), 2),
    }
