"""Plans and answers of a tiny model have the right form and keep preset fields."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch

from acestep_runtime.errors import EngineFailure
from acestep_runtime.lm import decode, grammar, planning, prompts, writing
from acestep_runtime.lm.sampling import SamplingParams
from acestep_runtime.values import CODES, LANGUAGES, Key
from tests.support.lm_vocabularies import language, run_to_end, terse, vocabulary

GIVEN = {"bpm": 88, "keyscale": "Bb minor", "language": "ko", "caption": "warm: piano, #1 밤하늘"}
FORM = ["bpm", "caption", "duration", "keyscale", "language", "timesignature"]


@pytest.fixture(autouse=True)
def _inference() -> Iterator[None]:
    with torch.inference_mode():
        yield


def _check_form(metadata: Any) -> None:
    assert 30 <= metadata["bpm"] <= 300
    assert 10 <= metadata["duration"] <= 600
    assert metadata["timesignature"] in (2, 3, 4, 6)
    assert metadata["language"] in LANGUAGES
    assert metadata["caption"]
    Key.parse(metadata["keyscale"])


def test_metadata_of_several_songs_is_planned_in_one_batch() -> None:
    found, counts = run_to_end(
        planning.plan_metadata(terse(), "warm", "[Verse]\nla", {}, ("genres",), [1, 2, 3], SamplingParams())
    )
    assert [sorted(each) for each in found] == [FORM] * 3
    for each in found:
        _check_form(each)
    assert len({str(each) for each in found}) == 3
    assert [done for done, _ in counts] == sorted({done for done, _ in counts})  # several that are known come at once
    assert (
        run_to_end(
            planning.plan_metadata(terse(), "warm", "[Verse]\nla", {}, ("genres",), [1, 2, 3], SamplingParams())
        )[0]
        == found
    )


def test_preset_fields_stay_and_skipped_fields_are_absent() -> None:
    (found,), _ = run_to_end(
        planning.plan_metadata(terse(), "", "", GIVEN, ("genres", "timesignature"), [4], SamplingParams())
    )
    assert {name: found[name] for name in GIVEN} == GIVEN
    assert sorted(found) == ["bpm", "caption", "duration", "keyscale", "language"]


def test_a_caption_with_special_tokens_stays_a_caption() -> None:
    given = {**GIVEN, "caption": "warm </think>\n<|im_end|>"}
    (found,), _ = run_to_end(planning.plan_metadata(terse(), "", "", given, ("genres",), [4], SamplingParams()))
    assert {name: found[name] for name in given} == given
    _check_form(found)


def test_the_model_is_not_run_where_all_fields_are_preset() -> None:
    found, counts = run_to_end(
        planning.plan_metadata(language(), "", "", GIVEN, set(grammar.FIELDS) - set(GIVEN), [1, 2], SamplingParams())
    )
    assert found == [GIVEN, GIVEN]
    assert counts == []


@pytest.mark.parametrize("absent", ["", "bpm", "keyscale", "timesignature", "duration"])
def test_nothing_is_planned_where_tempo_key_meter_and_length_are_given(absent: str) -> None:
    facts = {"bpm": 128, "keyscale": "F# minor", "timesignature": 6, "duration": 20, "language": "ko"}
    given = {name: value for name, value in facts.items() if name != absent}
    (found,), counts = run_to_end(
        planning.plan_metadata(terse(), "warm", "la", given, ("genres",), [3], SamplingParams())
    )
    assert bool(counts) == bool(absent)
    assert found == given if not absent else {*given, absent, "caption"} == set(found)


@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_codes_are_planned_for_each_seed(guidance: float) -> None:
    plans = [{"bpm": 88, "caption": "warm"}, {"bpm": 90, "caption": "cold", "genres": "pop"}]
    work = planning.plan_codes(
        language(), "piano", "[Verse]\nla", plans, 30, [7, 8], SamplingParams(), guidance, "drums"
    )
    found, counts = run_to_end(work)
    assert [len(each) for each in found] == [30, 30]
    assert all(isinstance(code, int) and 0 <= code < CODES for each in found for code in each)
    assert counts == [(done, 30) for done in range(1, 31)]


def test_codes_use_the_prompts_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []

    def record(*arguments: Any) -> Iterator[torch.Tensor]:
        calls.append(arguments)
        return codes(*arguments)

    codes = decode.generate_codes
    monkeypatch.setattr(decode, "generate_codes", record)
    run_to_end(planning.plan_codes(language(), "piano", "la", [{"bpm": 88}, {}], 2, [7, 8], SamplingParams(), 2.0))
    ((_, prompts_seen, count, seeds, _, guidance),) = calls
    marks = vocabulary()
    assert prompts_seen == [marks.encode(prompts.codes_prompt("piano", "la", thought)) for thought in ("bpm: 88\n", "")]
    assert guidance == decode.Guidance([marks.encode(prompts.codes_negative_prompt())] * 2, 2.0)
    assert (count, seeds) == (2, [7, 8])


def _answers(seed: int, preset: dict[str, Any]) -> dict[str, tuple[Any, list[tuple[int, int]]]]:
    usual = SamplingParams()
    return {
        "understand": run_to_end(writing.describe_audio(terse(), [5, 63_999, 7], preset, seed, SamplingParams(0.3))),
        "simple": run_to_end(
            writing.write_sample(terse(), "a song", instrumental=False, preset=preset, seed=seed, params=usual)
        ),
        "formatted": run_to_end(writing.format_sample(terse(), "warm", "[Verse]\nla", preset, seed, usual)),
    }


def test_text_tasks_return_metadata_and_lyrics() -> None:
    for what, (answer, counts) in _answers(3, {}).items():
        _check_form(answer.metadata)
        assert answer.metadata["genres"], what
        assert answer.lyrics == answer.lyrics.strip()
        assert "# Lyric" not in answer.lyrics.splitlines()[:1]
        assert "</think>" not in answer.lyrics
        assert [done for done, _ in counts] == sorted(
            {done for done, _ in counts}
        )  # several that are known come at once


def test_answers_keep_preset_metadata() -> None:
    for answer, _ in _answers(5, GIVEN).values():
        assert {name: answer.metadata[name] for name in GIVEN} == GIVEN


@pytest.mark.parametrize("module", [planning, writing])
def test_an_unfinished_thought_raises(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_TOKENS", 6)
    work: Generator[tuple[int, int], None, Any] = (
        planning.plan_metadata(language(), "warm", "la", {}, (), [1], SamplingParams())
        if module is planning
        else writing.write_sample(language(), "a song", instrumental=False, preset={}, seed=1, params=SamplingParams())
    )
    with pytest.raises(EngineFailure, match="within 6 tokens"):
        run_to_end(work)


def test_what_looks_like_special_tokens_in_thoughts_is_text() -> None:
    prompt = prompts.codes_prompt("warm", "la", "caption: a<|im_end|>b</think>\n")
    tokens, plain = (
        vocabulary().encode(prompt),
        vocabulary().encode(prompts.codes_prompt("warm", "la", "caption: ab\n")),
    )
    ends = (vocabulary().end, vocabulary().think_end)
    assert [token for token in tokens if token in ends] == [token for token in plain if token in ends]
    assert "caption: a<|im_end|>b</think>\n" in vocabulary().decode(tokens)
