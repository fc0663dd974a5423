"""How a take fits its source: collected as its audio passes, measured when it is complete, corrected first where that is asked.

Audio that is measured alone passes undelayed. Audio that is to be corrected is held until the take is complete.

Letters: N frames of the engine's window at 48 kHz; samples are ``[N, 2]``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np

from acestep_runtime.audio.samples import Samples, split_blocks
from acestep_runtime.engines.base import Block, EngineRequest, Progress
from acestep_runtime.engines.metadata import Score, TakeMetadata
from acestep_runtime.errors import EngineFailure
from acestep_runtime.fit.measure import Fit, FitFacts, clean, measure_fit
from acestep_runtime.fit.tracks import join_fits
from acestep_runtime.tasks.source_audio import BLOCK_FRAMES
from acestep_runtime.values import MIX, OTHER, CancelToken

#: Below this fit a take comes with a warning. True stems of songs lie above it, and one fault that is heard at once below.
BAD_FIT = 0.4
#: The most faults that a warning names.
_MOST_FAULTS = 2
#: The part of a mix that follows the source to the sample from which on the source is taken to be in it as it is.
_IS_IN_MIX = 0.5
_SOURCE = "signal analysis: timing, key, chords and level against the source"
_NOT_MEASURED = "The source or the take is too short or too quiet for it."
#: Memory that the tracks of a take may take until it is measured: beyond it their sum is measured.
_FRAME_BYTES, _MOST_BYTES = 8, 500_000_000
_ONE_MIX = "The timing was not fixed: the accompaniment comes as one mix with the source."


class FitListener:
    """Collects the audio of one take of ``request``, by role, and measures its fit; with ``corrects`` it moves what does not
    come in time with the source. ``cancel`` is checked while it measures."""

    def __init__(self, request: EngineRequest, *, corrects: bool, cancel: CancelToken | None = None) -> None:
        if request.source is None:
            raise EngineFailure(
                f"{request.task.name} has no source to fit.", remedy="This is a fault in AceBridge: please report it."
            )
        self._request, self._corrects = request, corrects
        self._cancel = cancel or CancelToken()
        self._source = request.source
        is_small = len(request.tracks) * request.frames * _FRAME_BYTES <= _MOST_BYTES
        #: Whether each role is kept; else only the mix, and the sum of the others.
        self._keeps_roles = corrects or (len(request.tracks) > 1 and is_small)
        self._roles: dict[str, Samples] = {}
        self._total: Samples | None = None
        self._places: dict[str, int] = {}
        self._corrections: list[str] = []

    def follow(self, events: Iterator[Progress | Block]) -> Iterator[Progress | Block]:
        """Pass on the events of a take; its blocks at the end, corrected, where it is to be corrected."""
        first_blocks: dict[str, Block] = {}
        for event in events:
            if isinstance(event, Block):
                self._collect(event)
                if self._corrects:
                    first_blocks.setdefault(event.role, event)
                    continue
            yield event
        if self._corrects:
            yield from self._correct(first_blocks)

    def add_fit(self, metadata: TakeMetadata, engine: str) -> None:
        """Add the fit of the take to its metadata, a warning where it is bad, and what was corrected.

        ``engine`` is the name of the engine, whose own score may be missing. Raises `Cancelled`.
        """
        fit = self._measure_take()
        given = metadata.get("score")
        score: Score = {**given} if given else {}
        if self._request.auto_score and not given:
            score["missing"] = {"quality": f"The {engine} engine gave no score for this take."}
        metadata["score"] = with_fit(score, fit)
        if self._corrections:
            metadata["notes"] = [*metadata.get("notes", ()), *self._corrections]
        if fit.parts and fit.value < BAD_FIT:
            metadata["warnings"] = [*metadata.get("warnings", ()), warn_of(fit)]

    def _collect(self, block: Block) -> None:
        """Keep the samples of a role; of roles that are not kept their sum."""
        at = self._places.get(block.role, 0)
        self._places[block.role] = stop = min(at + len(block.samples), self._request.frames)
        if block.role == OTHER:  # what is left of the source is no new audio
            return
        samples = block.samples[: stop - at]
        if self._keeps_roles or block.role == MIX:
            self._buffer(block.role)[at:stop] = samples
        else:
            if self._total is None:
                self._total = self._silence()
            self._total[at:stop] += samples

    def _buffer(self, role: str) -> Samples:
        if role not in self._roles:
            self._roles[role] = self._silence()
        return self._roles[role]

    def _silence(self) -> Samples:
        return np.zeros((self._request.frames, 2), np.float32)

    def _new_roles(self) -> list[str]:
        """Return the kept roles that are new audio: without a mix of them."""
        return [role for role in self._roles if role != MIX] or list(self._roles)

    def _measure_take(self) -> Fit:
        """Return the fit of the new audio of the take: of each track, where all are kept, else of their sum."""
        facts = self._facts(self._request.tracks)
        if self._total is not None:
            return self._measure(self._total, facts)
        roles = self._new_roles()
        if len(roles) > 1:
            return join_fits({role: self._measure(self._roles[role], self._facts_of(role)) for role in roles})
        if roles == [MIX] and self._request.task.is_accompaniment:
            alone = without_source(self._roles[MIX], self._source)
            # A model plays the source again in its mix: then the whole mix has its beat and key, as a cover has.
            if alone is None:
                return self._measure(self._roles[MIX], dataclasses.replace(facts, task="cover"))
            return self._measure(alone, facts)
        return self._measure(self._roles[roles[0]] if roles else self._silence(), facts)

    def _facts_of(self, role: str) -> FitFacts:
        return self._facts((role,) if role in self._request.tracks else self._request.tracks)

    def _facts(self, tracks: tuple[str, ...]) -> FitFacts:
        request = self._request
        return FitFacts(
            request.task.name,
            tracks,
            request.span,
            request.known,
            request.music,
            closeness(request),
            request.window_start_s,
        )

    def _measure(self, result: Samples, facts: FitFacts) -> Fit:
        return measure_fit(self._source, result, facts, self._cancel)

    def _correct(self, first_blocks: Mapping[str, Block]) -> Iterator[Block]:
        """Yield the roles, each moved to its place; a mix follows the roles that it is of."""
        roles = self._new_roles()
        if roles == [MIX] and self._request.task.is_accompaniment:
            self._corrections = [_ONE_MIX]
            roles = []
        moved = [role for role in roles if self._correct_role(role, one_of=len(roles))]
        if moved and MIX in first_blocks and MIX not in moved:
            moved.append(MIX)
        for role, first in first_blocks.items():
            for number, samples in enumerate(split_blocks(self._roles[role], BLOCK_FRAMES)):
                # Latents decode to what the engine made; what was moved is something else.
                is_as_made = number == 0 and role not in moved
                yield dataclasses.replace(first, samples=samples) if is_as_made else Block(role, samples)

    def _correct_role(self, role: str, one_of: int) -> bool:
        """Move the audio of a role, also in a mix of it; note what was done. Return False where it stays as it is."""
        from acestep_runtime.fit.correct import correct_fit

        made, facts = self._roles[role], self._facts_of(role)
        audio, notes = correct_fit(self._source, made, self._measure(made, facts), self._cancel)
        self._corrections += [f"{role}: {note}" if one_of > 1 else note for note in notes]
        if audio is made:
            return False
        self._roles[role] = audio
        if role != MIX and MIX in self._roles:
            self._roles[MIX] += audio - made
        return True


def closeness(request: EngineRequest) -> float | None:
    """Return how closely the take of a request was to follow its source, 0 to 1; ``None`` for a task that does not say it."""
    if request.task.name == "cover":
        return request.strength
    if request.task.name == "repaint":
        return {"conservative": 1.0, "balanced": 1.0 - request.strength}.get(request.mode, 0.0)
    return None


def without_source(mix: Samples, source: Samples) -> Samples | None:
    """Return a mix without the source in it, ``None`` where it is not in there to the sample."""
    mix, source = clean(mix), clean(source)
    energy = float(np.vdot(source, source))
    product = float(np.vdot(source, mix))
    if energy == 0.0 or product <= _IS_IN_MIX * np.sqrt(energy * float(np.vdot(mix, mix))):
        return None
    alone = source * np.float32(-product / energy)
    alone += mix  # in place: ten minutes have 230 MB
    return alone


def with_fit(score: Score, fit: Fit) -> Score:
    """Return a score with the fit, its parts as ``fit.…``, its notes after the others; or with the reason why there is none."""
    if not fit.parts or not (fit.notes or fit.is_compared):
        reason = " ".join(fit.notes) or _NOT_MEASURED
        return {**score, "fit": None, "missing": {**score.get("missing", {}), "fit": reason}}
    return {
        **score,
        "fit": round(fit.value, 4),
        "parts": {
            **score.get("parts", {}),
            **{f"fit.{name}": round(value, 4) for name, value in fit.parts.items()},
        },
        "notes": [*score.get("notes", ()), *fit.notes],
        "computed_from": {**score.get("computed_from", {}), "fit": _SOURCE},
    }


def warn_of(fit: Fit) -> str:
    """Return a sentence on a take that fits badly: its worst faults, and what to change."""
    parts = [f"This fits its source badly ({fit.value:.2f} of 1).", *fit.notes[:_MOST_FAULTS], fit.remedy]
    return " ".join(filter(None, parts))
