"""Ranking takes by score, stopping early, and resuming an interrupted attempt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.engines.fake import FakeEngine
from acestep_runtime.errors import InvalidValue
from acestep_runtime.recording import Ranking, TakeFiles, record
from acestep_runtime.tasks import build_task
from acestep_runtime.tasks.base import Output, Take
from acestep_runtime.tasks.choosing import is_choice, is_enough, rank_takes, score_of
from acestep_runtime.values import CancelToken

WORDS = {"score": {"quality": 0.4, "lyrics_alignment": 0.7, "lm": 0.2}}
MUSIC = {"score": {"quality": 0.4, "lyrics_alignment": None}}


@pytest.mark.parametrize(
    ("facts", "by", "score"),
    [
        (WORDS, "", 0.7), (WORDS, "quality", 0.4), (WORDS, "lm", 0.2), (MUSIC, "", 0.4), (MUSIC, "lyrics_alignment", None),
        (MUSIC, "lm", None), ({}, "", None), ({"score_missing": "No."}, "quality", None),
        ({"score": {"lyrics_alignment": 0.0, "quality": 0.9}}, "", 0.0),
    ],
)  # fmt: skip
def test_a_take_is_chosen_by_its_words_else_by_its_quality(facts: dict[str, Any], by: str, score: float | None) -> None:
    assert score_of(facts, by) == score


@settings(deadline=None, max_examples=100)
@given(
    scores=st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=12),
    takes=st.integers(1, 4),
    least=st.none() | st.floats(0, 1),
    keep_all=st.booleans(),
)
def test_the_best_are_kept(scores: list[float | None], takes: int, least: float | None, keep_all: bool) -> None:
    output = Output(takes=takes, tries=12, min_score=least, keep_all=keep_all, score_by="quality")
    facts = [{} if score is None else {"score": {"quality": score}} for score in scores]
    finished = [Take(number, 100 + number, metadata) for number, metadata in enumerate(facts)]
    ranking = rank_takes(output, finished)
    assert sorted(each.take for each in ranking) == list(range(len(scores)))
    assert all(each.seed == 100 + each.take and each.score == scores[each.take] for each in ranking)
    order = [(-1.0 if each.score is None else each.score) for each in ranking]
    assert order == sorted(order, reverse=True)
    chosen = [each for each in ranking if each.chosen]
    assert chosen == list(ranking[: len(chosen)])
    assert len(chosen) == min(takes, len(scores))
    assert [each for each in ranking if each.kept] == (list(ranking) if keep_all else chosen)
    good = sum(score is not None and score >= (2 if least is None else least) for score in scores)
    assert is_enough(output, finished) == (good >= takes)


def test_equal_takes_keep_the_order_of_generation() -> None:
    ranking = rank_takes(Output(tries=3), [Take(n, n, MUSIC) for n in range(3)])
    assert [each.take for each in ranking] == [0, 1, 2]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        (
            {"takes": 3, "tries": 2},
            "tries is 2; allowed: at least as many as takes, 3. Ask for more, or keep fewer takes.",
        ),
        ({"tries": 0}, "tries is 0; allowed: 1 to 64 tries"),
        ({"tries": 65}, "tries is 65; allowed: 1 to 64 tries"),
        ({"min_score": 1.5}, "min_score is 1.5; allowed: 0 to 1"),
        ({"tries": 3, "score_by": "taste"}, "score_by is 'taste'; allowed: lyrics_alignment, quality, lm"),
        ({"score_by": "lm"}, "Ask for the best of several takes, or for a score that they should reach."),
        ({"keep_all": True}, "Ask for the best of several takes, or for a score that they should reach."),
        ({"tries": 2, "seeds": [1, 2, 3]}, "at most as many as tries, 2"),
        ({"min_score": 0.5, "seeds": list(range(9))}, "at most as many as tries, 8"),
        ({"seeds": list(range(9))}, "at most 8, one for each take"),
    ],
)
def test_contradictory_values_are_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        build_task("text2music", {"output": fields})
    assert says in str(caught.value)


def song(**output: Any) -> Any:
    return build_task(
        "text2music", {"duration_s": 0.1, "music": {"caption": "score"}, "output": {"encoding": "pcm16", **output}}
    )


def record_task(task: Any, folder: Path, earlier: Sequence[TakeFiles] = ()) -> tuple[list[TakeFiles], list[Ranking]]:
    first_output = sum(len(take.outputs) for take in earlier)
    events = list(record(task, FakeEngine(), folder, CancelToken(), earlier, first_output))
    takes = [event for event in events if isinstance(event, TakeFiles)]
    return takes, [event for event in events if isinstance(event, Ranking)]


def test_all_tries_run_without_a_minimum_score(tmp_path: Path) -> None:
    takes, (ranking,) = record_task(song(tries=3, seeds=[10, 80, 30]), tmp_path)
    assert [take.seed for take in takes] == [10, 80, 30]
    assert [(each.take, each.score, each.kept) for each in ranking.takes] == [
        (1, 0.8, True),
        (2, 0.3, False),
        (0, 0.1, False),
    ]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["0.wav", "1.wav", "2.wav"]


def test_generation_stops_when_enough_takes_are_good(tmp_path: Path) -> None:
    takes, (ranking,) = record_task(song(takes=2, min_score=0.5, seeds=[10, 80, 30, 50, 99]), tmp_path)
    assert [take.seed for take in takes] == [10, 80, 30, 50]
    assert [each.take for each in ranking.takes if each.kept] == [1, 3]
    never, (ranking,) = record_task(song(min_score=1.0, seeds=[10]), tmp_path / "b")
    assert [take.seed for take in never] == list(range(10, 18))
    assert ranking.takes[0].score == pytest.approx(0.17)


@settings(deadline=None, max_examples=40)
@given(
    seeds=st.lists(st.integers(0, 99), min_size=1, max_size=8, unique=True),
    takes=st.integers(1, 3),
    least=st.none() | st.floats(0, 1),
    cut=st.integers(0, 8),
)
def test_an_attempt_resumes_after_the_last_finished_take(
    tmp_path_factory: Any, seeds: list[int], takes: int, least: float | None, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    task = song(takes=min(takes, len(seeds)), tries=len(seeds), min_score=least, seeds=seeds)
    whole, (ranking,) = record_task(task, folder / "whole")
    rest, (same,) = record_task(task, folder / "rest", whole[:cut])
    assert [(each.take, each.seed, each.metadata) for each in rest] == [
        (each.take, each.seed, each.metadata) for each in whole[cut:]
    ]
    assert [output.header for each in rest for output in each.outputs] == [
        output.header for each in whole[cut:] for output in each.outputs
    ]
    assert [o.sha256 for each in rest for o in each.outputs] == [o.sha256 for each in whole[cut:] for o in each.outputs]
    assert same == ranking


def test_a_task_that_does_not_choose_has_no_ranking(tmp_path: Path) -> None:
    takes, rankings = record_task(song(takes=2, seeds=[1]), tmp_path)
    assert (len(takes), rankings) == (2, [])
    assert is_choice({"output": {"tries": 2}})
    assert is_choice({"output": {"min_score": 0.0}})
    assert not is_choice({"output": {"takes": 2}})
    assert not is_choice({})
