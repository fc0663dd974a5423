"""The draft engine: analyses, separates, arranges and synthesises on any CPU. No weights; deterministic for a seed.

Each task is one function, in a file of its own or with related ones; this file dispatches to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from acestep_runtime.engines.base import EngineEvent, EngineRequest, TaskTraits
from acestep_runtime.engines.draft.complete import complete
from acestep_runtime.engines.draft.cover import cover
from acestep_runtime.engines.draft.extract import extract
from acestep_runtime.engines.draft.lego import lego
from acestep_runtime.engines.draft.repaint import repaint
from acestep_runtime.engines.draft.scores import add_draft_score, align_lyrics, score
from acestep_runtime.engines.draft.song import text2music
from acestep_runtime.engines.draft.text import create_sample, format_sample
from acestep_runtime.engines.draft.variation import Variations
from acestep_runtime.engines.signal.analysis import understand
from acestep_runtime.engines.signal.transcription import transcribe
from acestep_runtime.errors import UnsupportedTask
from acestep_runtime.values import CancelToken

#: Those that draw choices from what the take is drawn from, so that it has variations.
_DRAWING = (text2music, cover, repaint, lego, complete)
#: The function of each task. They have the same name.
FUNCTIONS: dict[str, Callable[[EngineRequest, CancelToken], Iterator[EngineEvent]]] = {
    function.__name__: function
    for function in (
        *_DRAWING,
        extract,
        understand,
        align_lyrics,
        score,
        create_sample,
        format_sample,
        transcribe,
    )
}


class DraftEngine:
    """Needs no weights and no torch. See `acestep_runtime.engines.base.Engine`."""

    name = "draft"
    context_limit_s = 20.0
    supports_reference = False
    supports_sampling = False
    supports_planning = False
    reads_context = False
    has_latents = False

    def __init__(self) -> None:
        self._variations = Variations()

    def model_kind(self, task: type[TaskTraits], model: str) -> str:
        """See `acestep_runtime.engines.base.Engine`."""
        del task, model
        return ""

    def run(self, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
        """Serve one request. Raises `UnsupportedTask` for tasks and tracks the draft engine cannot do."""
        if request.task.name not in FUNCTIONS:
            raise UnsupportedTask(
                f"The draft engine cannot do {request.task.name}; it can do {', '.join(FUNCTIONS)}.",
                remedy="Use the neural engine with ACE-Step 1.5 weights.",
            )
        run = FUNCTIONS[request.task.name]
        events = self._variations.vary(run, request, cancel) if run in _DRAWING else run(request, cancel)
        return add_draft_score(events, request, cancel)
