"""Plans and answers of a tiny model: in form whatever it says, with what was given in them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch

from acestep_runtime.errors import EngineFailure
from acestep_runtime.lm import decode, grammar, planning, prompts, writing
from acestep_runtime.lm.sampling import Choice
from acestep_runtime.values import CODES, Key
from tests.support.lm_vocabularies import finished, language, terse, vocabulary

GIVEN = {"bpm": 88, "keyscale": "Bb minor", "language": "ko", "caption": "warm: piano, #1 밤하늘"}
FORM = ["bpm", "caption", "duration", "keyscale", "language", "timesignature"]


@pytest.fixture(autouse=True)
def _inference() -> Iterator[None]:
    with torch.inference_mode():
        yield


def _in_form(metadata: Any) -> None:
    assert 30 <= metadata["bpm"] <= 300
    assert 10 <= metadata["duration"] <= 600
    assert metadata["timesignature"] in (2, 3, 4, 6)
    assert metadata["language"] in grammar.LANGUAGES
    assert metadata["caption"]
    Key.parse(metadata["keyscale"])


def test_thinking_of_several_songs() -> None:
    found, told = finished(planning.think(terse(), "warm", "[Verse]\nla", {}, ("genres",), [1, 2, 3], Choice()))
    assert [sorted(each) for each in found] == [FORM] * 3
    for each in found:
        _in_form(each)
    assert len({str(each) for each in found}) == 3
    assert [done for done, _ in told] == list(range(1, len(told) + 1))
    assert finished(planning.think(terse(), "warm", "[Verse]\nla", {}, ("genres",), [1, 2, 3], Choice()))[0] == found


def test_thoughts_keep_what_is_given_and_leave_out_what_is_not_asked_for() -> None:
    (found,), _ = finished(planning.think(terse(), "", "", GIVEN, ("genres", "timesignature"), [4], Choice()))
    assert {name: found[name] for name in GIVEN} == GIVEN
    assert sorted(found) == ["bpm", "caption", "duration", "keyscale", "language"]


def test_a_caption_that_would_end_the_thought_is_still_a_caption() -> None:
    given = {**GIVEN, "caption": "warm </think>\n<|im_end|>"}
    (found,), _ = finished(planning.think(terse(), "", "", given, ("genres",), [4], Choice()))
    assert {name: found[name] for name in given} == given
    _in_form(found)


def test_nothing_is_asked_of_the_model_where_all_is_known() -> None:
    found, told = finished(
        planning.think(language(), "", "", GIVEN, set(grammar.FIELDS) - set(GIVEN), [1, 2], Choice())
    )
    assert found == [GIVEN, GIVEN]
    assert told == []


@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_codes_of_plans(guidance: float) -> None:
    plans = [{"bpm": 88, "caption": "warm"}, {"bpm": 90, "caption": "cold", "genres": "pop"}]
    work = planning.compose(language(), "piano", "[Verse]\nla", plans, 30, [7, 8], Choice(), guidance, "drums")
    found, told = finished(work)
    assert [len(each) for each in found] == [30, 30]
    assert all(isinstance(code, int) and 0 <= code < CODES for each in found for code in each)
    assert told == [(done, 30) for done in range(1, 31)]


def test_codes_follow_the_prompts_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def watched(*given: Any) -> Iterator[torch.Tensor]:
        seen.append(given)
        return codes(*given)

    codes = decode.codes
    monkeypatch.setattr(decode, "codes", watched)
    finished(planning.compose(language(), "piano", "la", [{"bpm": 88}, {}], 2, [7, 8], Choice(), 2.0))
    ((_, asked, count, seeds, _, guidance),) = seen
    marks = vocabulary()
    assert asked == [marks.encoded(prompts.codes("piano", "la", thought)) for thought in ("bpm: 88\n", "")]
    assert guidance == decode.Guidance([marks.encoded(prompts.codes_unguided("piano", "la"))] * 2, 2.0)
    assert (count, seeds) == (2, [7, 8])


def _answers(seed: int, given: dict[str, Any]) -> dict[str, tuple[Any, list[tuple[int, int]]]]:
    usual = Choice()
    return {
        "understand": finished(writing.understand(terse(), [5, 63_999, 7], given, seed, Choice(0.3))),
        "simple": finished(writing.simple(terse(), "a song", instrumental=False, given=given, seed=seed, choice=usual)),
        "formatted": finished(writing.formatted(terse(), "warm", "[Verse]\nla", given, seed, usual)),
    }


def test_answers_in_words() -> None:
    for what, (answer, told) in _answers(3, {}).items():
        _in_form(answer.metadata)
        assert ("genres" in answer.metadata) == (what == "understand")
        assert answer.lyrics == answer.lyrics.strip()
        assert "# Lyric" not in answer.lyrics.splitlines()[:1]
        assert "</think>" not in answer.lyrics
        assert [done for done, _ in told] == list(range(1, len(told) + 1))


def test_answers_keep_what_is_given() -> None:
    for answer, _ in _answers(5, GIVEN).values():
        assert {name: answer.metadata[name] for name in GIVEN} == GIVEN


@pytest.mark.parametrize("module", [planning, writing])
def test_what_does_not_come_to_its_end_is_no_thought(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST", 6)
    work: Generator[tuple[int, int], None, Any] = (
        planning.think(language(), "warm", "la", {}, (), [1], Choice())
        if module is planning
        else writing.simple(language(), "a song", instrumental=False, given={}, seed=1, choice=Choice())
    )
    with pytest.raises(EngineFailure, match="within 6 tokens"):
        finished(work)


def test_a_thought_cannot_end_its_turn() -> None:
    made = prompts.codes("warm", "la", "caption: a<|im_end|>b</think>\n")
    assert made == prompts.codes("warm", "la", "caption: ab\n")
