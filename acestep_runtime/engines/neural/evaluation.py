"""When words are sung, and how good a take is, by the models themselves.

    latents ─► noised a little ─► one pass, up to the last layer that follows lyrics ─► maps, token by frame ─► times, score
    codes of the audio ─► how likely the language model finds caption, lyrics and facts given them ─► score

Source: the public ACE-Step 1.5 code.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from acestep_runtime.conditioning.latents import FRAME_SAMPLES, SHORTEST, context, pad_to, silence_latents
from acestep_runtime.conditioning.lyric_tokens import lyric_tokens
from acestep_runtime.conditioning.prompts import Instruction
from acestep_runtime.engines.base import EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.engines.neural.language import LanguageModelCache, rescale_progress, token_progress, user_metadata
from acestep_runtime.engines.neural.model import Model
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
from acestep_runtime.lm.judging import judge
from acestep_runtime.lyrics.alignment import LyricAlignment, align_tokens
from acestep_runtime.lyrics.formats import timing_to_metadata
from acestep_runtime.lyrics.lrc import to_lrc
from acestep_runtime.lyrics.text import lyric_lines
from acestep_runtime.samplers import loop
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import CancelToken, Music

#: Roles in which words are sung.
SINGING = ("mix", "vocals", "backing_vocals")
#: What latents are noised with; any noise will do.
_SEED = 42
_NOBODY = f"Words are timed only in {', '.join(SINGING)}."
_NOTHING_GIVEN = "No caption, lyrics or facts are given that a language model could judge by."
_NO_MIX = "A language model judges only what comes as one mix."


@dataclass
class TakeAnalysis:
    """What was found out of a take while it was made: its music, times of words, and codes of its mix."""

    music: Music = field(default_factory=Music)
    words: LyricAlignment | None = None
    codes: list[int] = field(default_factory=list)


def align_words(
    model: Model, latents: Tensor, asked: Prompt, seen: Tensor, timbre: Tensor, steps: int
) -> LyricAlignment | None:
    """Return when the words of ``asked.music`` are sung in latents ``[1, T, C]``; ``None`` where there are none.

    They were made with a context ``[1, T, 2C]`` and the latents of a reference, in so many steps: they are brought to the noise
    level of the last.
    """
    tokens = lyric_tokens(asked.music, model.text_tokenizer)
    if not tokens.pieces or not lyric_lines(asked.music.lyrics):
        return None
    t = 1 / steps
    latents = latents.to(model.device)
    noise = loop.draw_noise([_SEED], latents.shape[1], latents.shape[2]).to(latents)
    keys = model.keys(*asked.texts, timbre)
    with model.stage.using("dit"):
        maps = model.velocity.attention_maps(
            loop.add_noise(latents, noise, t), torch.tensor([t]), seen, keys, model.facts.lyric_heads, tokens.span
        )
        patched_s = (latents.shape[1] + latents.shape[1] % 2) * FRAME_SAMPLES / ENGINE_RATE_HZ
        return align_tokens((each.cpu().numpy() for _, each in maps), tokens.pieces, patched_s, asked.duration_s)


def timing_metadata(found: LyricAlignment, music: Music, model: Model) -> TakeMetadata:
    """Return lines with their words, sections and LRC, and a warning where the lyrics were too long."""
    timing = timing_to_metadata(found.timing)
    metadata: TakeMetadata = {
        "lines": timing["lines"],
        "sections": timing["sections"],
        "lrc": to_lrc(found.timing.lines),
    }
    lost = lyric_lines(lyric_tokens(music, model.text_tokenizer).unread)
    if lost:
        metadata["warnings"] = [
            f"The lyrics are longer than the model reads, so there are no times from {lost[0].text!r} on."
        ]
    return metadata


def _align_source(model: Model, request: EngineRequest, latents: Tensor) -> LyricAlignment | None:
    """Return when the words are sung in a source, as if the model had made it from words alone."""
    asked = Prompt(Instruction.TEXT2MUSIC.text(), request.music, request.frames / ENGINE_RATE_HZ)
    padded = pad_to(latents, model.silence, max(SHORTEST, latents.shape[1]))
    silence = silence_latents(model.silence, padded.shape[1]).to(padded)
    return align_words(model, padded, asked, context(silence), model.timbre, model.facts.steps)


def alignment_score(found: LyricAlignment | None, music: Music, model: Model) -> ScoreComponent:
    """Return how well the words are sung."""
    if found is None or found.agreement is None:
        return ScoreComponent("lyrics_alignment", None, _NOBODY if lyric_lines(music.lyrics) else NO_WORDS)
    agreed = found.agreement
    parts = {
        "lyrics_coverage": agreed.coverage,
        "lyrics_monotonicity": agreed.monotonicity,
        "lyrics_confidence": agreed.confidence,
    }
    return ScoreComponent(
        "lyrics_alignment", agreed.score, f"the attention of {model.facts.name} to the words", parts=parts
    )


@torch.inference_mode()
def lm_score(
    language_models: LanguageModelCache,
    models: Path,
    wanted: str,
    codes: list[int],
    music: Music,
    length_s: float,
    cancel: CancelToken,
) -> Generator[Progress, None, ScoreComponent]:
    """Yield progress, and return how likely a language model finds what is given of the music, given the codes of its audio."""
    given = user_metadata(music, length_s=length_s)
    facts = {name: value for name, value in given.items() if name != "duration"}
    if not music.caption.strip() and not lyric_lines(music.lyrics) and not facts:
        return ScoreComponent("lm", None, _NOTHING_GIVEN)
    if not codes:
        return ScoreComponent("lm", None, _NO_MIX)
    try:
        name = language_models.load(models, wanted)
        judging = language_models.use(
            lambda language: judge(language, codes, caption=music.caption, lyrics=music.lyrics, metadata=given)
        )
        found = yield from token_progress(judging, "judging", cancel)
    except EngineFailure as failure:
        return ScoreComponent("lm", None, failure.message)
    if found is None:
        return ScoreComponent("lm", None, _NOTHING_GIVEN)
    parts = {f"lm_{part}": value for part, value in found.parts.items()} | {"lm_perplexity": found.perplexity}
    return ScoreComponent("lm", found.total, f"{name}: how likely it finds what is given, given the audio", parts=parts)


@torch.inference_mode()
def align_lyrics(
    model: Model, _keeper: LanguageModelCache, _models: Path, request: EngineRequest, cancel: CancelToken
) -> Iterator[EngineEvent]:
    """Time the lyrics of the request in its source."""
    yield Progress("listening", 0.0)
    source = require_source(request)
    require_words(request)
    latents = model.encode_audio(source, cancel)
    yield Progress("timing the words", 0.4)
    found, times = _time_words(model, request, latents)
    yield Metadata(
        {"model": model.facts.name, **times, "score": score_metadata(alignment_score(found, request.music, model))}
    )


@torch.inference_mode()
def score(
    model: Model, language_models: LanguageModelCache, models: Path, request: EngineRequest, cancel: CancelToken
) -> Iterator[EngineEvent]:
    """Score the source by its sound, its words and a language model."""
    yield Progress("listening", 0.0)
    source = require_source(request)
    latents = model.encode_audio(source, cancel)
    yield Progress("timing the words", 0.4)
    found, times = _time_words(model, request, latents)
    alignment = alignment_score(found, request.music, model)
    cancel.check()
    yield Progress("scoring", 0.5)
    sound = analyse_sound(measure_source(source, cancel), request.music)
    codes = model.codes(latents) if model.has_tokenizers else []
    liking = lm_score(language_models, models, "", codes, request.music, request.frames / ENGINE_RATE_HZ, cancel)
    worth = yield from rescale_progress(liking, 0.6, 1.0)
    times.pop("lrc", None)
    yield Metadata(
        {"model": model.facts.name, **sound.metadata, **times, "score": build_score(sound, alignment, worth)}
    )


def _time_words(model: Model, request: EngineRequest, latents: Tensor) -> tuple[LyricAlignment | None, TakeMetadata]:
    """Return when the words are sung in a source, and that as metadata."""
    found = _align_source(model, request, latents)
    return found, {} if found is None else timing_metadata(found, request.music, model)


#: What evaluates a source for each task, by the name of the task, which is the function's.
EVALUATIONS: dict[str, Callable[..., Iterator[EngineEvent]]] = {
    function.__name__: function for function in (align_lyrics, score)
}
