"""Planning a song: its metadata, then the codes that the transformer follows.

caption, lyrics ─► metadata, without guidance ─► codes, with guidance ─► hints of 25 Hz

Where tempo, key, meter and length are given, the first step is left out, as in the public ACE-Step 1.5 code: the caption then
stays as it was written.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence

from acestep_runtime.errors import EngineFailure
from acestep_runtime.lm import decode, prompts
from acestep_runtime.lm.grammar import FIELDS, LmMetadata, build_grammar, metadata_to_yaml, parse_metadata
from acestep_runtime.lm.language import LanguageModel
from acestep_runtime.lm.sampling import SamplingParams

#: Tokens done, and the maximum.
TokenCount = tuple[int, int]
#: Token limit of metadata, even at one byte each: the grammar limits its characters.
_MAX_TOKENS = 4096
#: Tokens that metadata usually has.
_USUAL_TOKENS = 160
#: With all of these given, the model has nothing to add.
_FACTS = ("bpm", "duration", "keyscale", "timesignature")
#: Fields that no thought before codes has.
_NOT_IN_CODES = ("genres",)


def plan_metadata(
    language: LanguageModel, caption: str, lyrics: str, preset: LmMetadata, skip: Collection[str], seeds: Sequence[int],
    params: SamplingParams, *, asked: LmMetadata | None = None,
) -> Generator[TokenCount, None, list[dict[str, str | int]]]:  # fmt: skip
    """Yield progress and return the metadata of each seed's song: ``preset`` fields, and those that the model adds.

    Fields are those of `grammar.FIELDS`, without those in ``skip`` that are not preset. Nothing is added where all facts are
    ``asked`` for: that is the part of ``preset`` that is not itself of a plan, all of it by default.
    """
    if is_complete(preset if asked is None else asked) or all(name in preset or name in skip for name in FIELDS):
        return [dict(preset) for _ in seeds]
    vocabulary = language.vocabulary
    prompt = vocabulary.encode(f"{prompts.plan_prompt(caption, lyrics)}{prompts.THINK_BEGIN}\n")
    grammar = build_grammar(preset, skip, think_end=vocabulary.think_end)
    texts: list[list[int]] = []
    for texts in decode.generate_text(language, [prompt] * len(seeds), grammar, seeds, params, _MAX_TOKENS):
        done = max(map(len, texts))
        yield done, max(done, _USUAL_TOKENS)
    return [{**parse_metadata(vocabulary.decode(split_thought(language, text))), **preset} for text in texts]


def is_complete(preset: LmMetadata) -> bool:
    """Return whether tempo, key, meter and length are given, so that nothing about the song is left to think about."""
    return all(name in preset for name in _FACTS)


def split_thought(language: LanguageModel, tokens: Sequence[int]) -> Sequence[int]:
    """Return the tokens of the thought at the start of an answer. Raises `EngineFailure` for an unfinished thought."""
    if language.vocabulary.think_end not in tokens:
        raise EngineFailure(
            f"The language model did not come to an end within {len(tokens)} tokens.",
            remedy="Try another seed, or a lower --lm-temperature.",
        )
    return tokens[: tokens.index(language.vocabulary.think_end)]


def codes_thought(metadata: LmMetadata) -> str:
    """Return the thought of a song before its codes, as YAML."""
    return metadata_to_yaml({name: value for name, value in metadata.items() if name not in _NOT_IN_CODES})


def plan_codes(
    language: LanguageModel, caption: str, lyrics: str, metadata: Sequence[LmMetadata], count: int, seeds: Sequence[int],
    params: SamplingParams, guidance: float, negative: str = "",
) -> Generator[TokenCount, None, list[list[int]]]:  # fmt: skip
    """Yield progress and return ``count`` codes for each seed, conditioned on its ``metadata``."""
    vocabulary = language.vocabulary
    prompt_tokens = [vocabulary.encode(prompts.codes_prompt(caption, lyrics, codes_thought(each))) for each in metadata]
    negative_tokens = vocabulary.encode(prompts.codes_negative_prompt(negative))
    codes = None
    for codes in decode.generate_codes(
        language, prompt_tokens, count, seeds, params, decode.Guidance([negative_tokens] * len(seeds), guidance)
    ):
        yield codes.shape[1], count
    return [] if codes is None else codes.tolist()
