"""An engine for tests: instant, exact, and slow on demand. It generates tones, so that tests can check the output."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from acestep_runtime.audio.samples import Samples
from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest, Metadata, Progress, TaskTraits
from acestep_runtime.engines.signal.transcription import midi_metadata
from acestep_runtime.errors import EngineFailure
from acestep_runtime.notes import MidiSong, Note, Part
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import CancelToken, TakeSeed

_BLOCK_FRAMES = ENGINE_RATE_HZ
_GATE_POLL_S = 0.005


def _seed_between(take_seed: TakeSeed) -> int:
    """Return the seed whose tone a take has: each variation moves it towards its own seed by its amount."""
    seed = take_seed.seed
    for variation in take_seed.variations:
        seed += round(variation.amount * (variation.seed - seed))
    return seed


def tone(seed: int, role_index: int, start: int, stop: int) -> Samples:
    """Return frames ``start`` to ``stop`` of the tone of a seed and role: a sine at −12 dBFS, ``[n, 2]``."""
    hz = 110.0 + seed % 440 + 7.0 * role_index
    phase = 2 * np.pi * hz * np.arange(start, stop) / ENGINE_RATE_HZ
    return np.repeat(0.25 * np.sin(phase), 2).reshape(-1, 2).astype(np.float32)


def _wait_at_gate(name: str, fraction: float, cancel: CancelToken) -> Iterator[Progress]:
    """Yield the same progress while a file ``name`` is in the folder ``ACEBRIDGE_FAKE_GATES``."""
    folder = os.environ.get("ACEBRIDGE_FAKE_GATES")
    while folder and Path(folder, name).exists():
        cancel.sleep(_GATE_POLL_S)
        yield Progress("sampling", fraction)


#: Last digit of a seed → how far a take of the caption ``fit`` comes late, in seconds, and how much faster than asked it is.
#: Of `SILENT` nothing is heard; any other digit plays in time.
FIT_FAULTS = {1: (0.12, 1.0), 2: (0.0, 1.05)}
LATE, SILENT = 1, 3
_BURST_S = 0.2


def beats(seed: int, frames: int, bpm: float) -> Samples:
    """Return bursts of noise on the beats from frame 0 on, ``[frames, 2]``, with the fault of a seed."""
    late_s, speed = FIT_FAULTS.get(seed % 10, (0.0, 1.0))
    made = np.zeros((frames, 2), np.float32)
    if seed % 10 == SILENT:
        return made
    times = np.arange(round(_BURST_S * ENGINE_RATE_HZ)) / ENGINE_RATE_HZ
    burst = 0.2 * np.exp(-times / 0.03) * np.random.default_rng(1).standard_normal(len(times))
    for beat_s in np.arange(late_s, frames / ENGINE_RATE_HZ, 60 / (bpm * speed)):
        at = round(beat_s * ENGINE_RATE_HZ)
        part = burst[: frames - at]
        made[at : at + len(part)] += part[:, None].astype(np.float32)
    return made


class FakeEngine:
    """Runs ``sampling.steps`` steps (default 4) of ``ACEBRIDGE_FAKE_STEP_MS`` milliseconds (default 0).

    The caption ``crash`` ends the process, ``fail`` raises `EngineFailure`, ``print`` writes to stdout; with ``score`` the
    score of a take is the last two digits of its seed, as hundredths; with ``fit`` it plays `beats`, with ``late`` the late
    ones. A file in the folder ``ACEBRIDGE_FAKE_GATES`` blocks a take until it is removed: ``SEED.steps`` in the middle of its
    steps, ``SEED.audio`` after each block of audio. Every transcription is two notes of a bass.
    """

    name = "fake"
    context_limit_s = math.inf
    supports_reference = False
    supports_sampling = True
    supports_planning = False
    reads_context = False
    has_latents = False

    def model_kind(self, task: type[TaskTraits], model: str) -> str:
        """See `acestep_runtime.engines.base.Engine`."""
        del task, model
        return ""

    def run(self, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
        """Serve any task with tones. See `acestep_runtime.engines.base.Engine.run`."""
        steps = request.sampling.steps or 4
        step_s = float(os.environ.get("ACEBRIDGE_FAKE_STEP_MS", "0")) / 1000
        for step in range(steps):
            cancel.sleep(step_s)
            yield Progress("sampling", step / steps)
            if step == steps // 2:
                yield from _wait_at_gate(f"{request.seed}.steps", step / steps, cancel)
        if request.music.caption == "crash":
            os._exit(42)
        if request.music.caption == "print":
            print('{"type": "done"}', "printed by Python")
            os.write(1, b"printed by a C library\n")
        if request.music.caption == "fail":
            raise EngineFailure("The fake engine failed as asked.", remedy="Ask for something else.")
        yield Metadata(
            {
                "bpm": request.music.bpm or 120.0,
                "keyscale": request.music.keyscale or "C major",
                "timesignature": request.music.timesignature or 4,
            }
        )
        if request.music.caption == "score" and request.auto_score:
            yield Metadata(
                {"score": {"quality": request.seed % 100 / 100, "lyrics_alignment": None, "parts": {}, "notes": []}}
            )
        if request.task.name == "transcribe":
            yield Metadata(
                midi_metadata(MidiSong((Part("bass", (Note(0.0, 0.5, 40, 96), Note(0.5, 1.0, 43, 96)), 33),)), ())
            )
        if request.task.kind != "audio":
            return
        seed = _seed_between(request.take_seed)
        drawn_from = {"fit": seed, "late": LATE}.get(request.music.caption)
        on_beats = None if drawn_from is None else beats(drawn_from, request.frames, request.music.bpm or 120.0)
        for index, role in enumerate(request.tracks or ("mix",)):
            for start in range(0, request.frames, _BLOCK_FRAMES):
                cancel.check()
                stop = min(start + _BLOCK_FRAMES, request.frames)
                yield Block(role, tone(seed, index, start, stop) if on_beats is None else on_beats[start:stop])
                yield from _wait_at_gate(f"{request.seed}.audio", 1.0, cancel)
