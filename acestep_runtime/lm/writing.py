"""Text tasks of the language model: describe audio, write a song from a sentence, format a caption and lyrics.

All three answer with metadata and lyrics.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from acestep_runtime.lm import decode, prompts
from acestep_runtime.lm.grammar import LmMetadata, build_grammar, parse_metadata
from acestep_runtime.lm.language import LanguageModel
from acestep_runtime.lm.planning import TokenCount, split_thought
from acestep_runtime.lm.sampling import SamplingParams

#: Metadata, and lyrics for ten minutes.
_MAX_TOKENS = 4096


@dataclass(frozen=True)
class Answer:
    """``metadata`` by the names of `grammar.FIELDS`, and ``lyrics``, "[Instrumental]" for music without vocals."""

    metadata: LmMetadata
    lyrics: str


def describe_audio(
    language: LanguageModel, codes: Sequence[int], preset: LmMetadata, seed: int, params: SamplingParams
) -> Generator[TokenCount, None, Answer]:
    """Describe audio from its codes. ``preset`` fields keep their values."""
    return (yield from _generate_answer(language, prompts.describe_prompt(codes), preset, seed, params))


def write_sample(
    language: LanguageModel,
    sentence: str,
    *,
    instrumental: bool,
    preset: LmMetadata,
    seed: int,
    params: SamplingParams,
) -> Generator[TokenCount, None, Answer]:
    """Write a song from a sentence."""
    prompt = prompts.sample_prompt(sentence, instrumental=instrumental)
    return (yield from _generate_answer(language, prompt, preset, seed, params))


def format_sample(
    language: LanguageModel, caption: str, lyrics: str, preset: LmMetadata, seed: int, params: SamplingParams
) -> Generator[TokenCount, None, Answer]:
    """Rewrite a caption and lyrics in the form that models were trained on."""
    prompt = prompts.format_prompt(caption, lyrics)
    return (yield from _generate_answer(language, prompt, preset, seed, params))


def _generate_answer(
    language: LanguageModel,
    prompt: str,
    preset: LmMetadata,
    seed: int,
    params: SamplingParams,
) -> Generator[TokenCount, None, Answer]:
    vocabulary = language.vocabulary
    grammar = build_grammar(preset, (), think_end=vocabulary.think_end, end=vocabulary.end)
    text: list[int] = []
    for (text,) in decode.generate_text(
        language, [vocabulary.encode(f"{prompt}{prompts.THINK_BEGIN}\n")], grammar, [seed], params, _MAX_TOKENS
    ):
        yield len(text), _MAX_TOKENS
    thought = split_thought(language, text)
    lyrics = vocabulary.decode(text[len(thought) + 1 :]).removeprefix(prompts.LYRIC_HEADING).strip()
    return Answer({**parse_metadata(vocabulary.decode(thought)), **preset}, lyrics)
