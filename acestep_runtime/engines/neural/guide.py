"""Notes that the transformer follows: they are played, and what is heard then conditions it as a source does.

notes ─► samples (sound font) ─► source of the request ─► VAE ─► hints, as of a plan or of a cover (recipes.py)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator

from acestep_runtime.engines.base import EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.midi.render import Rendering, render
from acestep_runtime.values import CancelToken

#: The guide whose settings are those of a cover.
COVER = "cover"


def play_guide(
    request: EngineRequest, rendering: Rendering | None, cancel: CancelToken
) -> Generator[EngineEvent, None, tuple[EngineRequest, Rendering | None]]:
    """Yield progress and what played the notes; return the request with their sound as its source, and that sound.

    ``rendering`` is that of an earlier take of the job. A request without notes stays as it is.
    """
    if request.guide_song is None:
        return request, None
    yield Progress("rendering the notes", 0.0)
    if rendering is None:
        rendering = render(request.guide_song, request.frames, cancel.check)
    yield Metadata({"notes": [f"The notes that the model follows were played by {rendering.played_by}."]})
    whole = (0, request.frames)
    return dataclasses.replace(request, source=rendering.samples, span=whole, known=whole), rendering
