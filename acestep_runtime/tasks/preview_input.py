"""What an engine is told of a preview: its bars, in samples of the window, and the latents of one that is to be finished.

tempo of the bars: that of the request, else that of the source, where analysis hears one, else that of the plan, else 120.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from acestep_runtime.engines.base import Engine, EngineRequest
from acestep_runtime.errors import UnsupportedTask
from acestep_runtime.file_hashes import hash_file
from acestep_runtime.previews import ASSUMED_METER, FROM_REQUEST, FROM_SOURCE, FullLatents, Preview, Tempo
from acestep_runtime.take_latents import read_full_latents
from acestep_runtime.tasks.base import Output

#: Tasks that may be previewed: those that make music. What is in a source already is there to hear, and to cut out.
PREVIEWED = ("text2music", "cover", "repaint", "lego", "complete")


def with_preview(
    request: EngineRequest, output: Output, engine: Engine, start: int, end: int, least: int = 0
) -> EngineRequest:
    """Return ``request`` with the preview that ``output`` asks for of samples ``start`` to ``end`` of the window.

    It reaches to sample ``least``: music before a song to the song. There is none where the engine
    decodes nothing, and where the bars are known to be all.
    """
    if output.preview_bars is None or not engine.has_latents or request.task.name not in PREVIEWED:
        return request
    preview = Preview(output.preview_bars, start, end, _tempo_of(request), least)
    if not request.task.can_plan:
        preview = preview.with_plan(None, None)
    if preview.tempo is not None and preview.is_whole:
        return request
    return dataclasses.replace(request, preview=preview)


def read_preview(output: Output, engine: Engine) -> FullLatents | None:
    """Return the latents of the preview that ``output`` finishes; ``None`` where they are lost, or there is none.

    Raises `UnsupportedTask` for an engine without latents: it would make another take than the preview.
    """
    if not output.preview_id:
        return None
    if not engine.has_latents:
        raise UnsupportedTask(
            f"The {engine.name} engine cannot finish a preview: it would make another take.",
            remedy="Choose the engine that made the preview, neural, or leave out the preview to have another take.",
        )
    path = Path(output.preview_id)
    try:
        sha256 = hash_file(path)
    except OSError:
        return None
    return read_full_latents(path, sha256)


def _tempo_of(request: EngineRequest) -> Tempo | None:
    """Return the tempo that the request says, or that is heard in its source."""
    music = request.music
    if music.bpm is not None:
        return Tempo(music.bpm, music.timesignature or ASSUMED_METER, FROM_REQUEST)
    if request.source is None:
        return None
    from acestep_runtime.certainty import is_reported
    from acestep_runtime.engines.signal.analysis import analyse_source

    analysis = analyse_source(request)
    if not is_reported("tempo", analysis.confidence):
        return None
    meter = analysis.grid.beats_per_bar if is_reported("meter", analysis.confidence) else ASSUMED_METER
    return Tempo(analysis.grid.bpm, meter, FROM_SOURCE)
