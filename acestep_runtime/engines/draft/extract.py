"""Extract: separate the tracks of a mix, which add up to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from acestep_runtime.audio.samples import split_blocks
from acestep_runtime.dsp.render import Stereo
from acestep_runtime.dsp.stems import separate_stems
from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.signal.analysis import analyse_source, analysis_metadata
from acestep_runtime.engines.signal.blocks import BLOCK_FRAMES, require_source
from acestep_runtime.engines.signal.threads import run_with_progress
from acestep_runtime.values import CancelToken


def extract(request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Separate the source: a role for each requested track, and "other" with the remainder."""
    yield Progress("analysing", 0.0)
    source, analysis = require_source(request), analyse_source(request)
    cancel.check()
    yield Metadata(analysis_metadata(analysis))
    stems: dict[str, Stereo] = {}

    def work(stop: Callable[[], None], report: Callable[[float], None]) -> None:
        stems.update(separate_stems(source, request.tracks, analysis=analysis, cancel_check=stop, progress=report))

    for fraction in run_with_progress(work, cancel):
        yield Progress("separating", 0.2 + 0.7 * fraction)
    for number, (role, samples) in enumerate(stems.items()):
        yield Progress(f"returning {role}", 0.9 + 0.1 * number / len(stems))
        cancel.check()
        yield from (Block(role, piece) for piece in split_blocks(samples, BLOCK_FRAMES))
