"""The inputs of the transformer for each task: prompt, context latents and mask.

task         instruction              source latents               mask
text2music   fill                     silence                      all
 with notes  generate from codes      quantised sound of them      all
cover        generate from codes      quantised source             all
repaint      repaint the mask         source, silent in the span   the span
lego         generate a track         source, also in the span     the span
extract      extract a track          source                       all
complete     complete with tracks     source                       all

With the mask "auto" the model decides, and all frames of any task have the same value. A prompt tells the length of what is
read: of the window, and of all repetitions of a short source.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from acestep_runtime.conditioning.latents import (
    FRAME_SAMPLES,
    MIN_FRAMES,
    Span,
    context_latents,
    mask_span,
    pad_with_silence,
    samples_to_frames,
    silence_latents,
    span_to_frames,
)
from acestep_runtime.conditioning.prompts import (
    Instruction,
    layer_caption,
    lyrics_or_instrumental,
    lyrics_prompt,
    text_prompt,
)
from acestep_runtime.engines.base import EngineRequest
from acestep_runtime.engines.neural.guide import COVER
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import Music

#: For layers and stems, sources shorter than the first length are looped to about the second.
_MIN_SOURCE_S, _LOOP_LENGTH_S = 60, 120


@dataclass(frozen=True)
class LayerForm:
    """The form of captions for a checkpoint trained for layers; see `layer_caption`."""

    song_caption: str
    explicit: bool
    is_segment: bool = False


@dataclass(frozen=True)
class Prompt:
    """A prompt: instruction, music and length in seconds. ``form`` is that of the caption, ``None`` the caption alone."""

    instruction: str
    music: Music
    duration_s: float
    form: LayerForm | None = None

    @property
    def song_caption(self) -> str:
        """The caption of the whole song, where the prompt holds one."""
        return "" if self.form is None or self.form.is_segment else self.form.song_caption

    def text(self, caption: str, song_caption: str = "") -> str:
        """Return the prompt of the text encoder with a ``caption`` and a ``song_caption``, its own or their beginnings."""
        if self.form is not None:
            caption = layer_caption(caption, song_caption, explicit=self.form.explicit, is_segment=self.form.is_segment)
        return text_prompt(self.instruction, dataclasses.replace(self.music, caption=caption), self.duration_s)

    @property
    def lyrics(self) -> str:
        """The prompt of the lyric encoder."""
        return lyrics_prompt(self.music)


@dataclass(frozen=True)
class LateConditioning:
    """Another prompt and context, used from the share ``start`` of the steps on."""

    start: float
    prompt: Prompt
    context: Tensor


@dataclass(frozen=True)
class PreservedRegion:
    """The region that a repaint preserves: ``clean`` latents outside ``span``, restored in the first ``ratio`` of the steps.

    After the last step the seams are blended over ``crossfade_frames`` on each side.
    """

    clean: Tensor
    span: Span
    ratio: float
    crossfade_frames: int


@dataclass(frozen=True)
class MorphSource:
    """What a morph starts from: the latents of the source, and the music that they are."""

    latents: Tensor
    music: Music


@dataclass(frozen=True)
class GenerationSpec:
    """One output to generate: its role, and the inputs of the transformer.

    ``context`` is ``[1, T, 2C]``; ``output_span`` is the span of latent frames to decode; ``init_latents`` are optional
    latents from which a cover or a repaint starts.
    """

    role: str
    prompt: Prompt
    context: Tensor
    output_span: Span
    late_conditioning: LateConditioning | None = None
    preserved: PreservedRegion | None = None
    init_latents: Tensor | None = None
    morph: MorphSource | None = None


@dataclass(frozen=True)
class TaskInputs:
    """The inputs of a task: the request, silence, and the source's latents ``[1, T, C]`` or ``None``.

    ``semantic_hints`` quantises latents, ``codes_to_latents`` turns codes into latents; ``is_lego_sft``: the checkpoint was
    trained for layers.
    """

    request: EngineRequest
    silence: Tensor
    source: Tensor | None
    semantic_hints: Callable[[Tensor], Tensor]
    codes_to_latents: Callable[[Sequence[int]], Tensor]
    is_lego_sft: bool

    @property
    def frames(self) -> int:
        """Latent frames of the window."""
        return samples_to_frames(self.request.frames)

    @property
    def input_frames(self) -> int:
        """Latent frames of the transformer's input."""
        return max(MIN_FRAMES, self.frames)

    @property
    def source_latents(self) -> Tensor:
        """The latents of the source, padded with silence."""
        assert self.source is not None
        return pad_with_silence(self.source, self.silence, self.input_frames)

    @property
    def is_auto(self) -> bool:
        """Whether the model decides what the mask marks."""
        return self.request.sampling.mask == "auto"

    def prompt(
        self, instruction: Instruction, tracks: tuple[str, ...] = (), *, times: int = 1, is_segment: bool = False
    ) -> Prompt:
        """Return the prompt of an instruction for the window, or for a source that is repeated this many ``times``."""
        request = self.request
        length_s = (
            request.frames / ENGINE_RATE_HZ if times == 1 else times * self.frames * FRAME_SAMPLES / ENGINE_RATE_HZ
        )
        form = LayerForm(request.song_caption, not self.is_auto, is_segment) if self.is_lego_sft else None
        return Prompt(instruction.text(tracks), request.music, length_s, form)

    def context(self, latents: Tensor, *spans: Span) -> Tensor:
        """See `context_latents`."""
        return context_latents(latents, *spans, is_auto=self.is_auto)

    @property
    def late_conditioning(self) -> LateConditioning | None:
        """What the later steps follow where the strength is below 1: only the text."""
        if self.request.strength >= 1:
            return None
        silence = silence_latents(self.silence, self.input_frames)
        return LateConditioning(self.request.strength, self.prompt(Instruction.TEXT2MUSIC), self.context(silence))


def text2music(inputs: TaskInputs) -> Iterator[GenerationSpec]:
    """Generate the whole window from silence, or as a cover of a plan's codes or of notes; without lyrics, without vocals."""
    music = inputs.request.music
    music = dataclasses.replace(music, lyrics=lyrics_or_instrumental(music.lyrics))
    inputs = dataclasses.replace(inputs, request=dataclasses.replace(inputs.request, music=music))
    request = inputs.request
    if request.guide_song is not None and request.guide == COVER:
        yield from cover(inputs)
        return
    hints: Tensor | None = None
    if request.guide_song is not None:
        assert inputs.source is not None
        hints = inputs.semantic_hints(inputs.source)
    elif request.codes:
        hints = inputs.codes_to_latents(request.codes)
    if hints is not None:
        hints = pad_with_silence(hints[:, : inputs.frames], inputs.silence, inputs.input_frames)
        yield GenerationSpec(
            "mix",
            inputs.prompt(Instruction.COVER),
            inputs.context(hints),
            (0, inputs.frames),
            late_conditioning=inputs.late_conditioning,
        )
        return
    yield GenerationSpec(
        "mix",
        inputs.prompt(Instruction.TEXT2MUSIC),
        inputs.context(silence_latents(inputs.silence, inputs.input_frames)),
        (0, inputs.frames),
    )


def cover(inputs: TaskInputs) -> Iterator[GenerationSpec]:
    """Follow the quantised source; with strength below 1, the later steps follow only the text."""
    request, latents = inputs.request, inputs.source_latents
    hints = latents if request.sampling.skip_quantiser else inputs.semantic_hints(latents)
    yield GenerationSpec(
        "mix",
        inputs.prompt(Instruction.COVER),
        inputs.context(hints),
        (0, inputs.frames),
        late_conditioning=inputs.late_conditioning,
        init_latents=latents if request.sampling.noise_strength and not request.morph.mode else None,
        morph=MorphSource(latents, request.morph.source_music(request.music)) if request.morph.mode else None,
    )


#: Mode of a repaint → ratio of steps that put the source back, and frames of crossfade, by strength.
REPAINT_MODES: dict[str, Callable[[float], tuple[float, int]]] = {
    "conservative": lambda _: (1.0, 25),
    "balanced": lambda strength: (1.0 - strength, round(25 * (1.0 - strength))),
    "aggressive": lambda _: (0.0, 0),
}


def repaint(inputs: TaskInputs) -> Iterator[GenerationSpec]:
    """Generate the span, which is silent in the context.

    With a noise strength it starts from what the source holds there, with noise added (SDEdit, Meng et al. 2022), so notes
    and rhythm stay as far as the noise leaves them.
    """
    request, latents = inputs.request, inputs.source_latents
    span = _edit_span(request)
    ratio, crossfade_frames = REPAINT_MODES[request.mode or "balanced"](request.strength)
    yield GenerationSpec(
        "mix",
        inputs.prompt(Instruction.REPAINT),
        inputs.context(mask_span(latents, inputs.silence, span), span),
        span,
        preserved=PreservedRegion(latents, span, ratio, crossfade_frames),
        init_latents=latents if request.sampling.noise_strength else None,
    )


def _edit_span(request: EngineRequest) -> Span:
    first, stop = span_to_frames(max(0, request.span[0]), min(request.frames, request.span[1]))
    return first, min(stop, samples_to_frames(request.frames))


def lego(inputs: TaskInputs) -> Iterator[GenerationSpec]:
    """Generate a layer in the span for each track, with the whole source as context.

    Checkpoints trained for layers know a prompt of its own for a segment of a song.
    """
    span = _edit_span(inputs.request)
    latents, times = _repeat_short_source(inputs)
    spans = [(copy * inputs.frames + span[0], copy * inputs.frames + span[1]) for copy in range(times)]
    is_segment = inputs.is_lego_sft and span != (0, inputs.frames)
    instruction = Instruction.LEGO_SEGMENT if is_segment else Instruction.LEGO
    for track in inputs.request.tracks:
        prompt = inputs.prompt(instruction, (track,), times=times, is_segment=is_segment)
        yield GenerationSpec(track, prompt, inputs.context(latents, *spans), span)


def extract(inputs: TaskInputs) -> Iterator[GenerationSpec]:
    """Extract each track from the source."""
    latents, times = _repeat_short_source(inputs)
    for track in inputs.request.tracks:
        prompt = inputs.prompt(Instruction.EXTRACT, (track,), times=times)
        yield GenerationSpec(track, prompt, inputs.context(latents), (0, inputs.frames))


def complete(inputs: TaskInputs) -> Iterator[GenerationSpec]:
    """Generate the source together with all tracks, as one mix."""
    yield GenerationSpec(
        "mix",
        inputs.prompt(Instruction.COMPLETE, inputs.request.tracks),
        inputs.context(inputs.source_latents),
        (0, inputs.frames),
    )


def _repeat_short_source(inputs: TaskInputs) -> tuple[Tensor, int]:
    """Return the source, looped where it is short, and the number of repetitions."""
    assert inputs.source is not None
    length_s = inputs.request.frames / ENGINE_RATE_HZ
    if inputs.request.sampling.skip_loop or length_s >= _MIN_SOURCE_S:
        return inputs.source_latents, 1
    times = max(1, round(_LOOP_LENGTH_S * ENGINE_RATE_HZ / (inputs.frames * FRAME_SAMPLES)))
    return pad_with_silence(inputs.source.repeat(1, times, 1), inputs.silence, MIN_FRAMES), times


#: The recipe of each audio task, by the name of the task, which is that of the function.
RECIPES: dict[str, Callable[[TaskInputs], Iterator[GenerationSpec]]] = {
    recipe.__name__: recipe for recipe in (text2music, cover, repaint, lego, extract, complete)
}
