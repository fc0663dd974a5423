"""The draft engine: listens, takes apart, arranges and synthesises on any CPU. No weights; the same seed, the same music.

This file serves the tasks that need a whole song or none; draft_parts.py and draft_repaint.py join music that is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from acestep_runtime.engines.base import EngineEvent, EngineRequest
from acestep_runtime.engines.draft.complete import complete
from acestep_runtime.engines.draft.cover import cover
from acestep_runtime.engines.draft.extract import extract
from acestep_runtime.engines.draft.lego import lego
from acestep_runtime.engines.draft.repaint import repaint
from acestep_runtime.engines.draft.scores import align_lyrics, score, scored
from acestep_runtime.engines.draft.song import text2music
from acestep_runtime.engines.draft.text import create_sample, format_sample
from acestep_runtime.engines.signal.listening import understand
from acestep_runtime.errors import UnsupportedTask
from acestep_runtime.values import CancelToken

TASKS: dict[str, Callable[[EngineRequest, CancelToken], Iterator[EngineEvent]]] = {
    "text2music": text2music,
    "cover": partial(cover, free=text2music),
    "repaint": repaint,
    "lego": lego,
    "complete": complete,
    "extract": extract,
    "understand": understand,
    "align_lyrics": align_lyrics,
    "score": score,
    "create_sample": create_sample,
    "format_sample": format_sample,
}


class DraftEngine:
    """Needs no weights and no torch. See `acestep_runtime.engines.base.Engine`."""

    name = "draft"
    hears_s = 20.0
    hears_reference = False
    thinks = False

    def run(self, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
        """Serve one request. Raises `UnsupportedTask` for tasks and tracks the draft engine cannot do."""
        if request.task not in TASKS:
            raise UnsupportedTask(
                f"The draft engine cannot do {request.task}; it can do {', '.join(TASKS)}.",
                remedy="Use the neural engine with ACE-Step 1.5 weights.",
            )
        return scored(TASKS[request.task](request, cancel), request, cancel)
