"""Thinking before a song is made: its metadata, and then the codes that the transformer follows.

caption, lyrics ─► metadata, without guidance ─► codes, with guidance ─► hints of 25 Hz
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence

from acestep_runtime.errors import EngineFailure
from acestep_runtime.lm import decode, prompts
from acestep_runtime.lm.grammar import FIELDS, Metadata, grammar, read, written
from acestep_runtime.lm.language import Language
from acestep_runtime.lm.sampling import Choice

#: Tokens that are done, and how many there are at most.
Told = tuple[int, int]
#: Metadata never has more tokens, even if each is a byte: its characters are limited by the grammar.
_MOST = 4096


def think(
    language: Language, caption: str, lyrics: str, given: Metadata, skipped: Collection[str], seeds: Sequence[int],
    choice: Choice,
) -> Generator[Told, None, list[dict[str, str | int]]]:  # fmt: skip
    """Yield what is done, and return the metadata of each seed's song: what is ``given``, and what the model adds.

    Fields: `grammar.FIELDS`; those that are ``skipped`` and not given are left out.
    """
    if all(name in given or name in skipped for name in FIELDS):
        return [dict(given) for _ in seeds]
    vocabulary = language.vocabulary
    prompt = vocabulary.encoded(f"{prompts.plan(caption, lyrics)}{prompts.THINK}\n")
    asked = grammar(given, skipped, thought=vocabulary.thought)
    texts: list[list[int]] = []
    for texts in decode.words(language, [prompt] * len(seeds), asked, seeds, choice, _MOST):
        yield max(map(len, texts)), _MOST
    return [{**read(vocabulary.decoded(thought_in(language, text))), **given} for text in texts]


def thought_in(language: Language, text: Sequence[int]) -> Sequence[int]:
    """Return the thought at the beginning of an answer. Raises `EngineFailure` for one that did not come to its end."""
    if language.vocabulary.thought not in text:
        raise EngineFailure(
            f"The language model did not come to an end within {len(text)} tokens.",
            remedy="Try another seed, or a lower --lm-temperature.",
        )
    return text[: text.index(language.vocabulary.thought)]


def compose(
    language: Language, caption: str, lyrics: str, metadata: Sequence[Metadata], count: int, seeds: Sequence[int],
    choice: Choice, guidance: float, negative: str = "",
) -> Generator[Told, None, list[list[int]]]:  # fmt: skip
    """Yield what is done, and return ``count`` codes for each seed, which follow its ``metadata``."""
    vocabulary = language.vocabulary
    asked = [vocabulary.encoded(prompts.codes(caption, lyrics, written(each))) for each in metadata]
    without = vocabulary.encoded(prompts.codes_unguided(caption, lyrics, negative))
    codes = None
    for codes in decode.codes(language, asked, count, seeds, choice, decode.Guidance([without] * len(seeds), guidance)):
        yield codes.shape[1], count
    return [] if codes is None else codes.tolist()
