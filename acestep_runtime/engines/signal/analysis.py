"""Signal analysis of a source, as metadata: tempo, key, meter, beats, chords."""

from __future__ import annotations

from collections.abc import Iterator

from acestep_runtime.certainty import is_reported
from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.dsp.musical import Analysis
from acestep_runtime.engines.base import EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.engines.signal.blocks import findings_metadata, require_source
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import CancelToken


def understand(request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Analyse the source."""
    yield Progress("analysing", 0.0)
    cancel.check()
    yield Metadata(source_metadata(request))
    yield Progress("analysing", 1.0)


def source_metadata(request: EngineRequest) -> TakeMetadata:
    """Return the analysis of the source as metadata."""
    return analysis_metadata(analyse_source(request))


def analyse_source(request: EngineRequest) -> Analysis:
    """Analyse the source of a request; tempo, key and meter in the request are kept."""
    music = request.music
    return analyse(require_source(request), ENGINE_RATE_HZ, bpm=music.bpm, keyscale=music.keyscale,
                   timesignature=music.timesignature)  # fmt: skip


def analysis_metadata(analysis: Analysis) -> TakeMetadata:
    """Return what an analysis heard as the metadata of a result, times in seconds."""
    has_beats = is_reported("beats", analysis.confidence)
    has_bars = has_beats and is_reported("meter", analysis.confidence)
    return {
        **findings_metadata(analysis),
        "duration_s": round(analysis.duration_s, 3),
        "caption": analysis.caption,
        "beats": [round(float(b), 3) for b in analysis.beats_s] if has_beats else [],
        "downbeats": [round(float(b), 3) for b in analysis.downbeats_s] if has_bars else [],
        "chords": [
            {"start_s": round(c.start_s, 3), "end_s": round(c.end_s, 3), "name": str(c)}
            for c in (analysis.chords if is_reported("key", analysis.confidence) else ())
        ],
        "loudness_db": round(float(analysis.loudness_db), 2),
        **({"notes": notes} if (notes := tempo_notes(analysis)) else {}),
    }


def tempo_notes(analysis: Analysis) -> list[str]:
    """Return a sentence on a tempo that may as well be the half or the double, if it may."""
    if analysis.other_bpm is None or not is_reported("tempo", analysis.confidence):
        return []
    return [
        f"The tempo is {analysis.grid.bpm:.4g} bpm, or {analysis.other_bpm:.4g}: the beats of both are heard alike."
    ]
