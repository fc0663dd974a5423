"""The decoding loops: counts of codes, text along a grammar, and equal results for equal seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch

from acestep_runtime.errors import EngineFailure
from acestep_runtime.lm import decode
from acestep_runtime.lm.grammar import build_grammar, parse_metadata
from acestep_runtime.lm.language import LanguageModel
from acestep_runtime.lm.sampling import SamplingParams
from acestep_runtime.lm.vocabulary import Matcher
from acestep_runtime.values import CODES
from tests.support.lm_vocabularies import language, terse, vocabulary, whole
from tests.support.tiny_lm import model

PROMPT, NEGATIVE_PROMPT = list(range(20, 60)), list(range(30, 45))


@pytest.fixture(autouse=True)
def _inference() -> Iterator[None]:
    with torch.inference_mode():
        yield


def _generate_codes(
    count: int, seeds: Sequence[int], strength: float = 2.0, params: SamplingParams | None = None
) -> torch.Tensor:
    guidance = decode.Guidance([NEGATIVE_PROMPT] * len(seeds), strength)
    *_, codes = decode.generate_codes(
        language(), [PROMPT] * len(seeds), count, seeds, params or SamplingParams(), guidance
    )
    return codes


@pytest.mark.parametrize(
    ("count", "rows", "top_k"),
    [(1, 3, 0), (50, 4, 0), (167, 2, 0), pytest.param(3000, 1, 40, marks=pytest.mark.slow)],
)
def test_generates_the_requested_number_of_codes(count: int, rows: int, top_k: int) -> None:
    lengths = []
    for codes in decode.generate_codes(language(), [PROMPT] * rows, count, range(rows), SamplingParams(top_k=top_k)):
        lengths.append(codes.shape)
    assert lengths == [(rows, length) for length in range(1, count + 1)]
    assert 0 <= int(codes.min()) <= int(codes.max()) < CODES
    assert len(codes.unique()) > min(count, 10) // 2


@pytest.mark.parametrize("broken", ["core", "head"])
def test_non_finite_logits_raise(broken: str) -> None:
    core, head = model(seed=3).requires_grad_(False).model, language().head.clone()
    (core.norm.weight if broken == "core" else head)[5] = torch.nan
    with pytest.raises(EngineFailure, match="no numbers"):
        next(decode.generate_codes(LanguageModel(core, head, vocabulary()), [PROMPT], 3, [1], SamplingParams()))


def test_greedy_codes_equal_those_of_transformers() -> None:
    prompts, negative = torch.tensor([PROMPT, PROMPT[::-1]]), torch.tensor([NEGATIVE_PROMPT, NEGATIVE_PROMPT[::-1]])
    code_ids = vocabulary().code_ids
    mask = torch.ones(len(whole().lm_head.weight), dtype=torch.bool)
    mask[code_ids] = False
    expected = whole().generate(
        prompts, attention_mask=torch.ones_like(prompts), negative_prompt_ids=negative, guidance_scale=2.0,
        negative_prompt_attention_mask=torch.ones_like(negative), do_sample=False, min_new_tokens=30, max_new_tokens=30,
        logits_processor=[lambda _, scores: scores.masked_fill(mask, -torch.inf)],
    )[:, prompts.shape[1] :]  # fmt: skip
    guidance = decode.Guidance(negative.tolist(), 2.0)
    *_, codes = decode.generate_codes(language(), prompts.tolist(), 30, [1, 2], SamplingParams(0.0), guidance)
    assert (codes + code_ids.start).tolist() == expected.tolist()


def test_codes_depend_only_on_their_seed() -> None:
    first, again = _generate_codes(60, [3, 4, 3, 5]), _generate_codes(60, [3, 4, 3, 5])
    assert first.equal(again)
    assert first[0].equal(first[2])
    assert not first[0].equal(first[1])
    assert not first[1].equal(first[3])
    assert _generate_codes(25, [3, 4, 3, 5]).equal(first[:, :25])  # fewer are the first ones of more
    assert _generate_codes(60, [4]).equal(first[1:2])


def test_guidance_changes_codes_and_strength_one_disables_it() -> None:
    *_, alone = decode.generate_codes(language(), [PROMPT], 40, [3], SamplingParams())
    assert _generate_codes(40, [3], 1.0).equal(alone)
    assert not _generate_codes(40, [3], 3.0).equal(alone)


def test_repetition_penalty_prevents_repeated_codes() -> None:
    free, kept = (_generate_codes(80, [1], params=SamplingParams(0.3, 0, 0.9, penalty)) for penalty in (1.0, 2.0))
    assert len(kept.unique()) > len(free.unique())


def _generate_text(
    prompts: Sequence[Sequence[int]],
    text_grammar: str,
    seeds: Sequence[int],
    max_tokens: int = 500,
    params: SamplingParams | None = None,
) -> tuple[list[list[int]], list[list[int]]]:
    """Return the texts, and how long they were after every pass."""
    lengths, texts = [], []
    for texts in decode.generate_text(language(), prompts, text_grammar, seeds, params or SamplingParams(), max_tokens):
        lengths.append([len(text) for text in texts])
    return texts, lengths


@pytest.mark.parametrize("params", [SamplingParams(), SamplingParams(1.5, 0, 1.0, 1.2), SamplingParams(0.0)])
def test_texts_of_a_batch_end_at_different_times(params: SamplingParams) -> None:
    given = {"bpm": 97, "keyscale": "F# minor", "caption": "밤하늘, a: b"}
    text_grammar = build_grammar(given, (), think_end=vocabulary().think_end)
    prompts, seeds = [PROMPT, PROMPT[:9], PROMPT, PROMPT[5:]], [1, 2, 3, 4]
    texts, lengths = _generate_text(prompts, text_grammar, seeds, params=params)
    for text in texts:
        assert text[-1] == vocabulary().think_end
        assert text.count(vocabulary().think_end) == 1
        found = parse_metadata(vocabulary().decode(text))
        assert list(found) == ["bpm", "caption", "duration", "genres", "keyscale", "language", "timesignature"]
        assert {name: found[name] for name in given} == given
    if params.temperature:
        assert len({len(text) for text in texts}) > 1
    ends = [max(each) for each in lengths]
    assert ends == sorted(set(ends))
    assert lengths == [[min(end, len(text)) for text in texts] for end in ends]
    for prompt, seed, text in zip(prompts, seeds, texts, strict=True):
        assert _generate_text([prompt], text_grammar, [seed], params=params)[0] == [text]


@pytest.mark.parametrize("count", [1, 3])
def test_forced_tokens_are_read_in_one_pass_and_change_nothing(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text_grammar = build_grammar({"bpm": 97, "caption": "a slow song of rain"}, (), think_end=vocabulary().think_end)
    prompts, seeds = [PROMPT] * count, list(range(count))
    texts, lengths = _generate_text(prompts, text_grammar, seeds)
    monkeypatch.setattr(Matcher, "find_forced_tokens", lambda _: [])
    slow_texts, slow_lengths = _generate_text(prompts, text_grammar, seeds)
    assert texts == slow_texts
    assert len(slow_lengths) == max(map(len, texts))
    assert len(lengths) < 0.7 * len(slow_lengths)


def test_text_ends_at_the_token_limit() -> None:
    text_grammar = build_grammar({}, (), think_end=vocabulary().think_end)
    texts, lengths = _generate_text([PROMPT, PROMPT], text_grammar, [1, 2], 12)
    assert lengths[-1] == [12, 12]
    assert all(vocabulary().decode(text).startswith("bpm: ") for text in texts)


def test_text_with_guidance_follows_the_grammar() -> None:
    text_grammar = build_grammar({"bpm": 60}, ("genres",), think_end=vocabulary().think_end, end=vocabulary().end)
    guidance = decode.Guidance([NEGATIVE_PROMPT] * 2, 3.0)
    *_, texts = decode.generate_text(
        terse(), [PROMPT, PROMPT[:5]], text_grammar, [1, 2], SamplingParams(), 4000, guidance
    )
    for text in texts:
        assert text[-1] == vocabulary().end
        assert parse_metadata(vocabulary().decode(text[: text.index(vocabulary().think_end)]))["bpm"] == 60


def test_text_holds_no_codes_and_codes_no_text() -> None:
    text_grammar = build_grammar({}, (), think_end=vocabulary().think_end)
    (text,), _ = _generate_text([PROMPT], text_grammar, [5], 200)
    assert max(text) < vocabulary().code_ids.start
    assert int(_generate_codes(20, [1]).max()) + vocabulary().code_ids.start < vocabulary().code_ids.stop
