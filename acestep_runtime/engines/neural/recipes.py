"""What each task asks of the transformer: what it is told, which latents it sees, and which of them it makes.

task         told                     source latents               mask
text2music   fill                     silence                      all
cover        generate from codes      what the source's codes say  all
repaint      repaint the mask         source, silent in the span   the span
lego         generate a track         source, also in the span     the span
extract      extract a track          source                       all
complete     complete with tracks     source                       all
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from acestep_runtime.conditioning.latents import (
    AUTO,
    FRAME_SAMPLES,
    MADE,
    SHORTEST,
    Span,
    context,
    frames_of,
    mask_span,
    pad_to,
    silence_latents,
    span_of,
)
from acestep_runtime.conditioning.prompts import Instruction, layer_caption, lyrics_prompt, text_prompt, words_of
from acestep_runtime.engines.base import EngineRequest
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import Music

#: Sources shorter than this are repeated up to the second length for layers and stems.
_SHORT_S, _LOOPED_S = 60, 120


@dataclass(frozen=True)
class Told:
    """Instruction, music and length in seconds: what the prompts are made of."""

    instruction: str
    music: Music
    duration_s: float

    @property
    def prompts(self) -> tuple[str, str]:
        """What the text encoder and the lyric encoder read."""
        words = dataclasses.replace(self.music, lyrics=words_of(self.music.lyrics))
        return text_prompt(self.instruction, self.music, self.duration_s), lyrics_prompt(words)


@dataclass(frozen=True)
class Switch:
    """From the share ``after`` of the steps on, this is told and seen instead."""

    after: float
    told: Told
    context: Tensor


@dataclass(frozen=True)
class Kept:
    """What a repaint keeps: ``clean`` latents outside of ``span``, put back while ``ratio`` of the steps goes on.

    At the end the seams are blended over ``crossfade_frames`` on each side.
    """

    clean: Tensor
    span: Span
    ratio: float
    crossfade_frames: int


@dataclass(frozen=True)
class Piece:
    """One thing to make: a role, and what the transformer gets for it.

    ``context`` is ``[1, T, 2C]``; ``wanted`` are the latent frames of it that are used, ``begins_from`` is what a cover may
    start from instead of noise alone.
    """

    role: str
    told: Told
    context: Tensor
    wanted: Span
    switch: Switch | None = None
    kept: Kept | None = None
    begins_from: Tensor | None = None


@dataclass(frozen=True)
class Given:
    """What a task is made of: the request, the source's latents ``[1, T, C]`` if there is one, and silence.

    ``hints`` turns latents into what their codes say, ``decoded`` codes into latents; ``layers`` says that the checkpoint was
    trained for layers.
    """

    request: EngineRequest
    silence: Tensor
    source: Tensor | None
    hints: Callable[[Tensor], Tensor]
    decoded: Callable[[Sequence[int]], Tensor]
    layers: bool

    @property
    def frames(self) -> int:
        """Latent frames of the window."""
        return frames_of(self.request.frames)

    @property
    def padded(self) -> int:
        """Latent frames that the transformer works on."""
        return max(SHORTEST, self.frames)

    @property
    def latents(self) -> Tensor:
        """The source, with silence after it where it is too short."""
        assert self.source is not None
        return pad_to(self.source, self.silence, self.padded)

    @property
    def mask(self) -> float:
        """What the mask says of what is to be made."""
        return AUTO if self.request.sampling.mask == "auto" else MADE

    def told(self, instruction: Instruction, tracks: tuple[str, ...] = (), music: Music | None = None) -> Told:
        """Return what is told beside an instruction."""
        return Told(instruction.text(tracks), music or self.request.music, self.request.frames / ENGINE_RATE_HZ)


def text2music(given: Given) -> Iterator[Piece]:
    """Make all of it, from silence, or as the codes of a plan say: that is a cover of them."""
    if given.request.codes:
        planned = pad_to(given.decoded(given.request.codes)[:, : given.frames], given.silence, given.padded)
        yield Piece("mix", given.told(Instruction.COVER), context(planned), (0, given.frames))
        return
    yield Piece(
        "mix",
        given.told(Instruction.TEXT2MUSIC),
        context(silence_latents(given.silence, given.padded)),
        (0, given.frames),
    )


def cover(given: Given) -> Iterator[Piece]:
    """Follow what the codes of the source say; below strength 1, from some step on only the words."""
    request, latents = given.request, given.latents
    hints = latents if request.sampling.skip_quantiser else given.hints(latents)
    freely = given.told(Instruction.TEXT2MUSIC), context(silence_latents(given.silence, given.padded).to(latents))
    yield Piece(
        "mix",
        given.told(Instruction.COVER),
        context(hints),
        (0, given.frames),
        switch=Switch(request.strength, *freely) if request.strength < 1 else None,
        begins_from=latents if request.sampling.noise_strength else None,
    )


#: Mode of a repaint → ratio of steps that put the source back, and frames of crossfade, by strength.
REPAINT_MODES: dict[str, Callable[[float], tuple[float, int]]] = {
    "conservative": lambda _: (1.0, 25),
    "balanced": lambda strength: (1.0 - strength, round(25 * (1.0 - strength))),
    "aggressive": lambda _: (0.0, 0),
}


def repaint(given: Given) -> Iterator[Piece]:
    """Make the span, which the transformer sees as silence."""
    request, latents = given.request, given.latents
    span = _span(request)
    ratio, crossfade_frames = REPAINT_MODES[request.mode or "balanced"](request.strength)
    yield Piece(
        "mix",
        given.told(Instruction.REPAINT),
        context(mask_span(latents, given.silence, span), span, made=given.mask),
        span,
        kept=Kept(latents, span, ratio, crossfade_frames),
    )


def _span(request: EngineRequest) -> Span:
    first, stop = span_of(max(0, request.span[0]), min(request.frames, request.span[1]))
    return first, min(stop, frames_of(request.frames))


def lego(given: Given) -> Iterator[Piece]:
    """Make a layer in the span for each track; the whole source is seen."""
    span = _span(given.request)
    latents, times = _looped(given)
    for track in given.request.tracks:
        music = given.request.music
        if given.layers:
            explicit = given.mask == MADE
            music = dataclasses.replace(music, caption=layer_caption(music.caption, track, explicit=explicit))
        spans = [(copy * given.frames + span[0], copy * given.frames + span[1]) for copy in range(times)]
        yield Piece(
            track, given.told(Instruction.LEGO, (track,), music), context(latents, *spans, made=given.mask), span
        )


def extract(given: Given) -> Iterator[Piece]:
    """Take each track out of the source."""
    latents, _ = _looped(given)
    for track in given.request.tracks:
        yield Piece(track, given.told(Instruction.EXTRACT, (track,)), context(latents), (0, given.frames))


def complete(given: Given) -> Iterator[Piece]:
    """Play all tracks around the source, at once."""
    yield Piece(
        "mix", given.told(Instruction.COMPLETE, given.request.tracks), context(given.latents), (0, given.frames)
    )


def _looped(given: Given) -> tuple[Tensor, int]:
    """Return the source, repeated when it is short, and how many times it is there."""
    assert given.source is not None
    length_s = given.request.frames / ENGINE_RATE_HZ
    if given.request.sampling.skip_loop or length_s >= _SHORT_S:
        return given.latents, 1
    times = max(1, round(_LOOPED_S * ENGINE_RATE_HZ / (given.frames * FRAME_SAMPLES)))
    return pad_to(given.source.repeat(1, times, 1), given.silence, SHORTEST), times


#: The recipe of each task that makes audio, by the name of the task, which is the function's.
RECIPES: dict[str, Callable[[Given], Iterator[Piece]]] = {
    recipe.__name__: recipe for recipe in (text2music, cover, repaint, lego, extract, complete)
}
