"""The latents of a source that is a take: read from beside its audio, on the time line of the clip that a task works on."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from acestep_runtime.engines.base import Engine
from acestep_runtime.errors import printable
from acestep_runtime.file_hashes import hash_file
from acestep_runtime.latents_files import latents_path
from acestep_runtime.take_latents import FRAME_SAMPLES, TakeLatents, read_latents
from acestep_runtime.tasks.source_audio import Clip
from acestep_runtime.units import ENGINE_RATE_HZ


def read_source_latents(clip: Clip, engine: Engine) -> TakeLatents | None:
    """Return the latents of a clip, whose samples they count; ``None`` where it has none, or an engine has no use for them.

    Only audio that reaches the engine as it is in the file has latents: 48 kHz, stereo.
    """
    source, path = clip.source, Path(clip.source.path)
    # os.path: a name that the file system refuses is one of no file; Path.exists raises for it.
    if not (engine.has_latents and os.path.exists(latents_path(path))):  # noqa: PTH110
        return None
    info, first, stop = source.part(exact=True)
    if (info.sample_rate, clip.rate_hz, info.channels, clip.channels) != (ENGINE_RATE_HZ, ENGINE_RATE_HZ, 2, 2):
        return None
    own = read_latents(path, printable(source.display_name), lambda: source.asset_id or hash_file(path))
    if own is None:
        return None
    start, exact = own.start - first, own.exact.copy()
    if first > 0:  # a frame that the clip cuts is not what its latents say
        exact[: -(start // FRAME_SAMPLES)] = False
    if stop < info.frames:
        exact[max(0, (clip.frames - start) // FRAME_SAMPLES) :] = False
    return dataclasses.replace(own, start=start, exact=exact)
