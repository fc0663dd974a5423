"""What the two loops write: so many codes, words along the grammar, and the same ones again for the same seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch

from acestep_runtime.errors import EngineFailure
from acestep_runtime.lm import decode
from acestep_runtime.lm.grammar import grammar, read
from acestep_runtime.lm.language import Language
from acestep_runtime.lm.sampling import Choice
from acestep_runtime.values import CODES
from tests.support.lm_vocabularies import language, terse, vocabulary, whole
from tests.support.tiny_lm import model

PROMPT, WITHOUT = list(range(20, 60)), list(range(30, 45))


@pytest.fixture(autouse=True)
def _inference() -> Iterator[None]:
    with torch.inference_mode():
        yield


def _codes(count: int, seeds: Sequence[int], strength: float = 2.0, choice: Choice | None = None) -> torch.Tensor:
    guidance = decode.Guidance([WITHOUT] * len(seeds), strength)
    *_, made = decode.codes(language(), [PROMPT] * len(seeds), count, seeds, choice or Choice(), guidance)
    return made


@pytest.mark.parametrize(
    ("count", "rows", "top_k"),
    [(1, 3, 0), (50, 4, 0), (167, 2, 0), pytest.param(3000, 1, 40, marks=pytest.mark.slow)],
)
def test_so_many_codes_as_asked(count: int, rows: int, top_k: int) -> None:
    lengths = []
    for made in decode.codes(language(), [PROMPT] * rows, count, range(rows), Choice(top_k=top_k)):
        lengths.append(made.shape)
    assert lengths == [(rows, length) for length in range(1, count + 1)]
    assert 0 <= int(made.min()) <= int(made.max()) < CODES
    assert len(made.unique()) > min(count, 10) // 2


@pytest.mark.parametrize("broken", ["core", "head"])
def test_a_model_that_makes_no_numbers_is_refused(broken: str) -> None:
    core, head = model(seed=3).requires_grad_(False).model, language().head.clone()
    (core.norm.weight if broken == "core" else head)[5] = torch.nan
    with pytest.raises(EngineFailure, match="no numbers"):
        next(decode.codes(Language(core, head, vocabulary()), [PROMPT], 3, [1], Choice()))


def test_greedy_codes_are_those_of_transformers() -> None:
    asked, without = torch.tensor([PROMPT, PROMPT[::-1]]), torch.tensor([WITHOUT, WITHOUT[::-1]])
    codes = vocabulary().codes
    refused = torch.ones(len(whole().lm_head.weight), dtype=torch.bool)
    refused[codes] = False
    theirs = whole().generate(
        asked, attention_mask=torch.ones_like(asked), negative_prompt_ids=without, guidance_scale=2.0,
        negative_prompt_attention_mask=torch.ones_like(without), do_sample=False, min_new_tokens=30, max_new_tokens=30,
        logits_processor=[lambda _, scores: scores.masked_fill(refused, -torch.inf)],
    )[:, asked.shape[1] :]  # fmt: skip
    guidance = decode.Guidance(without.tolist(), 2.0)
    *_, mine = decode.codes(language(), asked.tolist(), 30, [1, 2], Choice(0.0), guidance)
    assert (mine + codes.start).tolist() == theirs.tolist()


def test_same_seeds_same_codes() -> None:
    first, again = _codes(60, [3, 4, 3, 5]), _codes(60, [3, 4, 3, 5])
    assert first.equal(again)
    assert first[0].equal(first[2])
    assert not first[0].equal(first[1])
    assert not first[1].equal(first[3])
    assert _codes(25, [3, 4, 3, 5]).equal(first[:, :25])  # fewer are the first ones of more
    assert _codes(60, [4]).equal(first[1:2])


def test_strength_moves_the_codes_and_one_is_none() -> None:
    *_, alone = decode.codes(language(), [PROMPT], 40, [3], Choice())
    assert _codes(40, [3], 1.0).equal(alone)
    assert not _codes(40, [3], 3.0).equal(alone)


def test_penalty_keeps_codes_from_coming_again() -> None:
    free, kept = (_codes(80, [1], choice=Choice(0.3, 0, 0.9, penalty)) for penalty in (1.0, 2.0))
    assert len(kept.unique()) > len(free.unique())


def _words(
    prompts: Sequence[Sequence[int]], asked: str, seeds: Sequence[int], most: int = 500, choice: Choice | None = None
) -> tuple[list[list[int]], list[list[int]]]:
    """Return the texts, and how long they were after every token."""
    lengths, texts = [], []
    for texts in decode.words(language(), prompts, asked, seeds, choice or Choice(), most):
        lengths.append([len(text) for text in texts])
    return texts, lengths


@pytest.mark.parametrize("choice", [Choice(), Choice(1.5, 0, 1.0, 1.2), Choice(0.0)])
def test_words_of_a_batch_that_end_at_different_times(choice: Choice) -> None:
    given = {"bpm": 97, "keyscale": "F# minor", "caption": "밤하늘, a: b"}
    asked = grammar(given, (), thought=vocabulary().thought)
    prompts, seeds = [PROMPT, PROMPT[:9], PROMPT, PROMPT[5:]], [1, 2, 3, 4]
    texts, lengths = _words(prompts, asked, seeds, choice=choice)
    for text in texts:
        assert text[-1] == vocabulary().thought
        assert text.count(vocabulary().thought) == 1
        found = read(vocabulary().decoded(text))
        assert list(found) == ["bpm", "caption", "duration", "genres", "keyscale", "language", "timesignature"]
        assert {name: found[name] for name in given} == given
    if choice.temperature:
        assert len({len(text) for text in texts}) > 1
    assert lengths == [[min(step, len(text)) for text in texts] for step in range(1, max(map(len, texts)) + 1)]
    for prompt, seed, text in zip(prompts, seeds, texts, strict=True):
        assert _words([prompt], asked, [seed], choice=choice)[0] == [text]


def test_words_end_where_they_may_not_go_on() -> None:
    asked = grammar({}, (), thought=vocabulary().thought)
    texts, lengths = _words([PROMPT, PROMPT], asked, [1, 2], 12)
    assert lengths[-1] == [12, 12]
    assert all(vocabulary().decoded(text).startswith("bpm: ") for text in texts)


def test_words_with_guidance_follow_the_grammar_too() -> None:
    asked = grammar({"bpm": 60}, ("genres",), thought=vocabulary().thought, end=vocabulary().end)
    guidance = decode.Guidance([WITHOUT] * 2, 3.0)
    *_, texts = decode.words(terse(), [PROMPT, PROMPT[:5]], asked, [1, 2], Choice(), 4000, guidance)
    for text in texts:
        assert text[-1] == vocabulary().end
        assert read(vocabulary().decoded(text[: text.index(vocabulary().thought)]))["bpm"] == 60


def test_codes_never_come_among_words_nor_words_among_codes() -> None:
    asked = grammar({}, (), thought=vocabulary().thought)
    (text,), _ = _words([PROMPT], asked, [5], 200)
    assert max(text) < vocabulary().codes.start
    assert int(_codes(20, [1]).max()) + vocabulary().codes.start < vocabulary().codes.stop
