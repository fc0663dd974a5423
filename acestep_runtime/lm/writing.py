"""What the language model says in words: it describes audio, writes a song from a sentence, and puts words into form.

All three answer with metadata and lyrics.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass

from acestep_runtime.lm import decode, prompts
from acestep_runtime.lm.grammar import Metadata, grammar, read
from acestep_runtime.lm.language import Language
from acestep_runtime.lm.planning import Told, thought_in
from acestep_runtime.lm.sampling import Choice

#: Metadata, and lyrics for ten minutes.
_MOST = 4096


@dataclass(frozen=True)
class Answer:
    """``metadata`` by the names of `grammar.FIELDS`, and ``lyrics``; "[Instrumental]" is what models say where nobody sings."""

    metadata: Metadata
    lyrics: str


def understand(
    language: Language, codes: Sequence[int], given: Metadata, seed: int, choice: Choice
) -> Generator[Told, None, Answer]:
    """Describe audio by its codes; fields that are ``given`` are kept."""
    return (yield from _answered(language, prompts.understand(codes), given, (), seed, choice))


def simple(
    language: Language, sentence: str, *, instrumental: bool, given: Metadata, seed: int, choice: Choice
) -> Generator[Told, None, Answer]:
    """Write a song from a sentence."""
    asked = prompts.simple(sentence, instrumental=instrumental)
    return (yield from _answered(language, asked, given, ("genres",), seed, choice))


def formatted(
    language: Language, caption: str, lyrics: str, given: Metadata, seed: int, choice: Choice
) -> Generator[Told, None, Answer]:
    """Put caption and lyrics into the form that models like best."""
    asked = prompts.formatted(caption, lyrics)
    return (yield from _answered(language, asked, given, ("genres",), seed, choice))


def _answered(
    language: Language, prompt: str, given: Metadata, skipped: Collection[str], seed: int, choice: Choice
) -> Generator[Told, None, Answer]:
    vocabulary = language.vocabulary
    asked = grammar(given, skipped, thought=vocabulary.thought, end=vocabulary.end)
    text: list[int] = []
    for (text,) in decode.words(
        language, [vocabulary.encoded(f"{prompt}{prompts.THINK}\n")], asked, [seed], choice, _MOST
    ):
        yield len(text), _MOST
    thought = thought_in(language, text)
    lyrics = vocabulary.decoded(text[len(thought) + 1 :]).removeprefix(prompts.LYRIC_HEADING).strip()
    return Answer({**read(vocabulary.decoded(thought)), **given}, lyrics)
