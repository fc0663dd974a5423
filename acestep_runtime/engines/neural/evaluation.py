"""Word timing and scores of a take, computed with the models.

    latents ─► a little noise ─► one pass up to the last lyric layer ─► attention maps, token by frame ─► times, score
    codes of the audio ─► likelihood of caption, lyrics and metadata in the language model ─► score

Source: the public ACE-Step 1.5 code.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from acestep_runtime.conditioning.latents import (
    FRAME_SAMPLES,
    MIN_FRAMES,
    context_latents,
    pad_with_silence,
    silence_latents,
)
from acestep_runtime.conditioning.lyric_tokens import lyric_tokens, lyrics_warnings
from acestep_runtime.conditioning.prompts import Instruction
from acestep_runtime.engines.base import EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.engines.neural.language import LanguageModelCache, rescale_progress, token_progress, user_metadata
from acestep_runtime.engines.neural.model import Model
from acestep_runtime.engines.neural.own_latents import encode_source
from acestep_runtime.engines.neural.recipes import Prompt
from acestep_runtime.engines.signal.blocks import require_source
from acestep_runtime.engines.signal.scoring import (
    NO_WORDS,
    ScoreComponent,
    analyse_sound,
    build_score,
    measure_source,
    require_words,
    score_metadata,
)
from acestep_runtime.errors import EngineFailure
from acestep_runtime.lm.scoring import score_codes
from acestep_runtime.lyrics.alignment import LyricAlignment, align_by_attention
from acestep_runtime.lyrics.formats import timing_to_metadata
from acestep_runtime.lyrics.formats.lrc import to_lrc
from acestep_runtime.lyrics.text import lyric_lines
from acestep_runtime.samplers import loop
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import CancelToken, Music

#: Roles in which words are sung.
VOCAL_ROLES = ("mix", "vocals", "backing_vocals")
#: Seed of the noise added to latents; its value does not matter.
_NOISE_SEED = 42
_NO_VOCALS = f"Words are timed only in {', '.join(VOCAL_ROLES)}."
_NOTHING_TO_SCORE = "No caption, lyrics or facts are given that a language model could judge by."
_NO_MIX = "A language model judges only what comes as one mix."


@dataclass
class TakeAnalysis:
    """Analysis of a take during generation: its music, the alignment of its lyrics, and the codes of its mix."""

    music: Music = field(default_factory=Music)
    alignment: LyricAlignment | None = None
    codes: list[int] = field(default_factory=list)


def align_take(
    model: Model, latents: Tensor, prompt: Prompt, context: Tensor, timbre: Tensor, steps: int, length_s: float
) -> LyricAlignment | None:
    """Return the alignment of ``prompt.music``'s lyrics in latents ``[1, T, C]``; ``None`` without lyrics.

    ``context`` ``[1, T, 2C]``, the latents ``timbre`` of a reference and the number of steps are those of the generation. The
    words end within ``length_s`` seconds, also where the latents repeat a shorter source.
    Noise is added up to the level of its last step.
    """
    tokens = lyric_tokens(prompt.music, model.text_tokenizer)
    if not tokens.token_bytes or not lyric_lines(prompt.music.lyrics):
        return None
    t = 1 / steps
    latents = latents.to(model.device)
    noise = loop.draw_noise([_NOISE_SEED], latents.shape[1], latents.shape[2]).to(latents)
    condition = model.encode_prompt(prompt, timbre)
    with model.placement.on_device("dit"):
        maps = model.velocity.attention_maps(
            loop.add_noise(latents, noise, t),
            torch.tensor([t]),
            context,
            condition,
            model.spec.lyric_heads,
            tokens.span,
        )
        padded_s = (latents.shape[1] + latents.shape[1] % 2) * FRAME_SAMPLES / ENGINE_RATE_HZ
        return align_by_attention((each.cpu().numpy() for _, each in maps), tokens.token_bytes, padded_s, length_s)


def timing_metadata(alignment: LyricAlignment, music: Music, model: Model) -> TakeMetadata:
    """Return lines with words, sections and LRC, and a warning where the lyrics were too long."""
    timing = timing_to_metadata(alignment.timing)
    metadata: TakeMetadata = {
        "lines": timing["lines"],
        "sections": timing["sections"],
        "lrc": to_lrc(alignment.timing.lines),
    }
    if warnings := list(lyrics_warnings(music, model.text_tokenizer)):
        metadata["warnings"] = warnings
    return metadata


def _align_source_lyrics(model: Model, request: EngineRequest, latents: Tensor) -> LyricAlignment | None:
    """Return the alignment of the lyrics in a source, treated as generated from text alone."""
    prompt = Prompt(Instruction.TEXT2MUSIC.text(), request.music, request.frames / ENGINE_RATE_HZ)
    padded = pad_with_silence(latents, model.silence, max(MIN_FRAMES, latents.shape[1]))
    silence = silence_latents(model.silence, padded.shape[1]).to(padded)
    steps = model.spec.steps
    return align_take(model, padded, prompt, context_latents(silence), model.timbre, steps, prompt.duration_s)


def alignment_score(alignment: LyricAlignment | None, music: Music, model: Model) -> ScoreComponent:
    """Return the score of the lyrics alignment."""
    if alignment is None or alignment.agreement is None:
        return ScoreComponent("lyrics_alignment", None, _NO_VOCALS if lyric_lines(music.lyrics) else NO_WORDS)
    agreement = alignment.agreement
    parts = {
        "lyrics_coverage": agreement.coverage,
        "lyrics_monotonicity": agreement.monotonicity,
        "lyrics_confidence": agreement.confidence,
    }
    return ScoreComponent(
        "lyrics_alignment", agreement.score, f"the attention of {model.spec.name} to the words", parts=parts
    )


@torch.inference_mode()
def lm_score(
    language_models: LanguageModelCache,
    folder: Path,
    model_name: str,
    codes: list[int],
    music: Music,
    length_s: float,
    cancel: CancelToken,
) -> Generator[Progress, None, ScoreComponent]:
    """Yield progress; return the likelihood of caption, lyrics and metadata in a language model, given the audio's codes."""
    metadata = user_metadata(music, length_s=length_s)
    facts = {name: value for name, value in metadata.items() if name != "duration"}
    if not music.caption.strip() and not lyric_lines(music.lyrics) and not facts:
        return ScoreComponent("lm", None, _NOTHING_TO_SCORE)
    if not codes:
        return ScoreComponent("lm", None, _NO_MIX)
    try:
        name = language_models.load(folder, model_name)
        scoring = language_models.use(
            lambda language: score_codes(language, codes, caption=music.caption, lyrics=music.lyrics, metadata=metadata)
        )
        result = yield from token_progress(scoring, "judging", cancel)
    except EngineFailure as failure:
        return ScoreComponent("lm", None, failure.message)
    if result is None:
        return ScoreComponent("lm", None, _NOTHING_TO_SCORE)
    parts = {f"lm_{part}": value for part, value in result.parts.items()} | {"lm_perplexity": result.perplexity}
    return ScoreComponent(
        "lm", result.total, f"{name}: how likely it finds what is given, given the audio", parts=parts
    )


@torch.inference_mode()
def align_lyrics(
    model: Model, _language_models: LanguageModelCache, _folder: Path, request: EngineRequest, cancel: CancelToken
) -> Iterator[EngineEvent]:
    """Align the lyrics of the request with its source."""
    yield Progress("listening", 0.0)
    require_source(request)
    require_words(request)
    latents = encode_source(model, request, cancel)
    yield Progress("timing the words", 0.4)
    alignment, timing = _align_with_metadata(model, request, latents)
    yield Metadata(
        {"model": model.spec.name, **timing, "score": score_metadata(alignment_score(alignment, request.music, model))}
    )


@torch.inference_mode()
def score(
    model: Model, language_models: LanguageModelCache, folder: Path, request: EngineRequest, cancel: CancelToken
) -> Iterator[EngineEvent]:
    """Score the source by its sound, its lyrics and a language model."""
    yield Progress("listening", 0.0)
    source = require_source(request)
    latents = encode_source(model, request, cancel)
    yield Progress("timing the words", 0.4)
    alignment, timing = _align_with_metadata(model, request, latents)
    alignment_component = alignment_score(alignment, request.music, model)
    cancel.check()
    yield Progress("scoring", 0.5)
    sound = analyse_sound(measure_source(source, cancel), request.music)
    codes = model.latents_to_codes(latents) if model.has_audio_tokenizers else []
    scoring = lm_score(language_models, folder, "", codes, request.music, request.frames / ENGINE_RATE_HZ, cancel)
    lm_component = yield from rescale_progress(scoring, 0.6, 1.0)
    timing.pop("lrc", None)
    yield Metadata(
        {
            "model": model.spec.name,
            **sound.metadata,
            **timing,
            "score": build_score(sound, alignment_component, lm_component),
        }
    )


def _align_with_metadata(
    model: Model, request: EngineRequest, latents: Tensor
) -> tuple[LyricAlignment | None, TakeMetadata]:
    """Return the alignment of the lyrics in a source, and its metadata."""
    alignment = _align_source_lyrics(model, request, latents)
    return alignment, {} if alignment is None else timing_metadata(alignment, request.music, model)


#: The function of each analysis task, by the name of the task, which is that of the function.
EVALUATIONS: dict[str, Callable[..., Iterator[EngineEvent]]] = {
    function.__name__: function for function in (align_lyrics, score)
}
