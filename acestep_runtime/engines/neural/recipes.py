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
class Prompt:
    """Instruction, music and length in seconds: what the prompts are made of."""

    instruction: str
    music: Music
    duration_s: float

    @property
    def texts(self) -> tuple[str, str]:
        """What the text encoder and the lyric encoder read."""
        words = dataclasses.replace(self.music, lyrics=words_of(self.music.lyrics))
        return text_prompt(self.instruction, self.music, self.duration_s), lyrics_prompt(words)


@dataclass(frozen=True)
class ConditionSwitch:
    """From the share ``after`` of the steps on, this is told and seen instead."""

    after: float
    prompt: Prompt
    context: Tensor


@dataclass(frozen=True)
class PreservedRegion:
    """What a repaint keeps: ``clean`` latents outside of ``span``, put back while ``ratio`` of the steps goes on.

    At the end the seams are blended over ``crossfade_frames`` on each side.
    """

    clean: Tensor
    span: Span
    ratio: float
    crossfade_frames: int


@dataclass(frozen=True)
class GenerationSpec:
    """One thing to make: a role, and what the transformer gets for it.

    ``context`` is ``[1, T, 2C]``; ``wanted`` are the latent frames of it that are used, ``init_latents`` is what a cover may
    start from instead of noise alone.
    """

    role: str
    prompt: Prompt
    context: Tensor
    wanted: Span
    switch: ConditionSwitch | None = None
    preserved: PreservedRegion | None = None
    init_latents: Tensor | None = None


@dataclass(frozen=True)
class TaskInputs:
    """What a task is made of: the request, the source's latents ``[1, T, C]`` if there is one, and silence.

    ``hints`` turns latents into what their codes say, ``decode_codes`` codes into latents; ``is_lego_sft`` says that the
    checkpoint was trained for layers.
    """

    request: EngineRequest
    silence: Tensor
    source: Tensor | None
    hints: Callable[[Tensor], Tensor]
    decode_codes: Callable[[Sequence[int]], Tensor]
    is_lego_sft: bool

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

    def prompt(self, instruction: Instruction, tracks: tuple[str, ...] = (), music: Music | None = None) -> Prompt:
        """Return what is told beside an instruction."""
        return Prompt(instruction.text(tracks), music or self.request.music, self.request.frames / ENGINE_RATE_HZ)


def text2music(inputs: TaskInputs) -> Iterator[GenerationSpec]:
    """Make all of it, from silence, or as the codes of a plan say: that is a cover of them."""
    if inputs.request.codes:
        planned = pad_to(inputs.decode_codes(inputs.request.codes)[:, : inputs.frames], inputs.silence, inputs.padded)
        yield GenerationSpec("mix", inputs.prompt(Instruction.COVER), context(planned), (0, inputs.frames))
        return
    yield GenerationSpec(
        "mix",
        inputs.prompt(Instruction.TEXT2MUSIC),
        context(silence_latents(inputs.silence, inputs.padded)),
        (0, inputs.frames),
    )


def cover(inputs: TaskInputs) -> Iterator[GenerationSpec]:
    """Follow what the codes of the source say; below strength 1, from some step on only the words."""
    request, latents = inputs.request, inputs.latents
    hints = latents if request.sampling.skip_quantiser else inputs.hints(latents)
    freely = inputs.prompt(Instruction.TEXT2MUSIC), context(silence_latents(inputs.silence, inputs.padded).to(latents))
    yield GenerationSpec(
        "mix",
        inputs.prompt(Instruction.COVER),
        context(hints),
        (0, inputs.frames),
        switch=ConditionSwitch(request.strength, *freely) if request.strength < 1 else None,
        init_latents=latents if request.sampling.noise_strength else None,
    )


#: Mode of a repaint → ratio of steps that put the source back, and frames of crossfade, by strength.
REPAINT_MODES: dict[str, Callable[[float], tuple[float, int]]] = {
    "conservative": lambda _: (1.0, 25),
    "balanced": lambda strength: (1.0 - strength, round(25 * (1.0 - strength))),
    "aggressive": lambda _: (0.0, 0),
}


def repaint(inputs: TaskInputs) -> Iterator[GenerationSpec]:
    """Make the span, which the transformer sees as silence."""
    request, latents = inputs.request, inputs.latents
    span = _span(request)
    ratio, crossfade_frames = REPAINT_MODES[request.mode or "balanced"](request.strength)
    yield GenerationSpec(
        "mix",
        inputs.prompt(Instruction.REPAINT),
        context(mask_span(latents, inputs.silence, span), span, made=inputs.mask),
        span,
        preserved=PreservedRegion(latents, span, ratio, crossfade_frames),
    )


def _span(request: EngineRequest) -> Span:
    first, stop = span_of(max(0, request.span[0]), min(request.frames, request.span[1]))
    return first, min(stop, frames_of(request.frames))


def lego(inputs: TaskInputs) -> Iterator[GenerationSpec]:
    """Make a layer in the span for each track; the whole source is seen."""
    span = _span(inputs.request)
    latents, times = _loop_source(inputs)
    for track in inputs.request.tracks:
        music = inputs.request.music
        if inputs.is_lego_sft:
            explicit = inputs.mask == MADE
            music = dataclasses.replace(music, caption=layer_caption(music.caption, track, explicit=explicit))
        spans = [(copy * inputs.frames + span[0], copy * inputs.frames + span[1]) for copy in range(times)]
        yield GenerationSpec(
            track, inputs.prompt(Instruction.LEGO, (track,), music), context(latents, *spans, made=inputs.mask), span
        )


def extract(inputs: TaskInputs) -> Iterator[GenerationSpec]:
    """Take each track out of the source."""
    latents, _ = _loop_source(inputs)
    for track in inputs.request.tracks:
        yield GenerationSpec(track, inputs.prompt(Instruction.EXTRACT, (track,)), context(latents), (0, inputs.frames))


def complete(inputs: TaskInputs) -> Iterator[GenerationSpec]:
    """Play all tracks around the source, at once."""
    yield GenerationSpec(
        "mix", inputs.prompt(Instruction.COMPLETE, inputs.request.tracks), context(inputs.latents), (0, inputs.frames)
    )


def _loop_source(inputs: TaskInputs) -> tuple[Tensor, int]:
    """Return the source, repeated when it is short, and how many times it is there."""
    assert inputs.source is not None
    length_s = inputs.request.frames / ENGINE_RATE_HZ
    if inputs.request.sampling.skip_loop or length_s >= _SHORT_S:
        return inputs.latents, 1
    times = max(1, round(_LOOPED_S * ENGINE_RATE_HZ / (inputs.frames * FRAME_SAMPLES)))
    return pad_to(inputs.source.repeat(1, times, 1), inputs.silence, SHORTEST), times


#: The recipe of each task that makes audio, by the name of the task, which is the function's.
RECIPES: dict[str, Callable[[TaskInputs], Iterator[GenerationSpec]]] = {
    recipe.__name__: recipe for recipe in (text2music, cover, repaint, lego, extract, complete)
}
