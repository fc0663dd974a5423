"""Previews: takes that are denoised in full, and of which only the first bars are decoded.

window    ········│ bars │ decoded later │········      samples at 48 kHz
                start   stop            end

The latents of the whole window lie in the file of the take's latents, in float32, as they were decoded. So the rest can be
decoded later, to the same samples that a whole take would have.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from acestep_runtime.json_values import JsonObject
from acestep_runtime.units import ENGINE_RATE_HZ, seconds_to_frames

#: Tempo and beats per bar where nobody says them and nothing is heard: bars of two seconds.
ASSUMED_BPM, ASSUMED_METER = 120.0, 4
#: Where a tempo comes from.
FROM_REQUEST, FROM_SOURCE, FROM_PLAN, ASSUMED = "request", "source", "plan", "assumed"

Latents = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Tempo:
    """Beats per minute and per bar, and where they come from: "request", "source", "plan" or "assumed"."""

    bpm: float
    beats_per_bar: int
    origin: str

    @property
    def bar_s(self) -> float:
        """The length of a bar in seconds."""
        return self.beats_per_bar * 60.0 / self.bpm


@dataclass(frozen=True)
class Preview:
    """The first ``bars`` bars of the samples ``start`` to ``end`` of a window, at least to sample ``least``.

    ``tempo`` ``None``: that of the take's plan.
    """

    bars: int
    start: int
    end: int
    tempo: Tempo | None = None
    least: int = 0

    def with_plan(self, bpm: float | None, beats_per_bar: int | None) -> Preview:
        """Return it with a tempo: its own, that of a plan, or the assumed one where the plan says none."""
        if self.tempo is not None:
            return self
        origin = ASSUMED if bpm is None else FROM_PLAN
        return dataclasses.replace(self, tempo=Tempo(bpm or ASSUMED_BPM, beats_per_bar or ASSUMED_METER, origin))

    @property
    def stop(self) -> int:
        """The sample after the last bar, at most the end. The tempo is known."""
        assert self.tempo is not None
        stop = self.start + seconds_to_frames(self.bars * self.tempo.bar_s, ENGINE_RATE_HZ)
        return min(self.end, max(stop, self.least))

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left to decode later."""
        return self.stop >= self.end


@dataclass(frozen=True, eq=False)
class FullLatents:
    """The latents ``[T, C]`` of a whole window, for each role in the order in which an engine makes them.

    ``frames`` is the length of the window in samples. ``model`` is the name of the model, ``weights`` identifies its files,
    ``request`` what was asked for; ``plan`` is that of the take, empty without one. ``source`` identifies the latents that the
    source of the take came with, "" for none.
    """

    roles: Mapping[str, Latents]
    frames: int
    model: str
    weights: str
    request: str = ""
    plan: JsonObject = dataclasses.field(default_factory=dict)
    source: str = ""


def merge(parts: Sequence[FullLatents]) -> FullLatents:
    """Return the latents of the roles of one take together."""
    roles = {name: latents for part in parts for name, latents in part.roles.items()}
    return dataclasses.replace(parts[0], roles=roles)


# ---- files: the part of a file of latents that is about the whole window ----


def pack_full(full: FullLatents) -> tuple[JsonObject, bytes]:
    """Return the facts and the bytes of full latents."""
    facts: JsonObject = {
        "roles": [[name, *latents.shape] for name, latents in full.roles.items()],
        "frames": full.frames, "model": full.model, "weights": full.weights, "request": full.request, "plan": full.plan,
        "source": full.source,
    }  # fmt: skip
    return facts, b"".join(latents.astype("<f4").tobytes() for latents in full.roles.values())


def full_size(facts: JsonObject) -> int:
    """Return how many bytes the content has. Raises ``ValueError`` for facts of another form."""
    return sum(4 * frames * channels for _, frames, channels in _shapes(facts))


def unpack_full(facts: JsonObject, content: bytes) -> FullLatents:
    """Return what `pack_full` was given. Raises ``ValueError`` for anything else."""
    roles: dict[str, Latents] = {}
    at = 0
    for name, frames, channels in _shapes(facts):
        size = 4 * frames * channels
        part = np.frombuffer(content[at : at + size], "<f4").astype(np.float32).reshape(frames, channels)
        if not np.isfinite(part).all():
            raise ValueError("with values that are no numbers")
        roles[name], at = part, at + size
    length, plan = facts.get("frames"), facts.get("plan")
    if not isinstance(length, int) or length < 1 or not isinstance(plan, Mapping) or not roles:
        raise ValueError("without its facts")
    words = {name: str(facts.get(name, "")) for name in ("model", "weights", "request", "source")}
    return FullLatents(roles, length, words["model"], words["weights"], words["request"], dict(plan), words["source"])


def _shapes(facts: JsonObject) -> list[tuple[str, int, int]]:
    rows = facts.get("roles")
    if not isinstance(rows, list):
        raise ValueError("without roles")
    shapes = []
    for row in rows:
        if not (isinstance(row, list) and len(row) == 3):
            raise ValueError("with a role of another form")
        name, frames, channels = row
        if not (isinstance(name, str) and isinstance(frames, int) and isinstance(channels, int)):
            raise ValueError("with a role of another form")
        if frames < 1 or channels < 1:
            raise ValueError("with a role of no size")
        shapes.append((name, frames, channels))
    return shapes
