"""Memory locations: what they ask for, how they are recalled, made, finished and failed."""

from __future__ import annotations

from typing import Any

import pytest

from acebridge.errors import ErrorReason, JobFailed
from acebridge.hosts.protools.connection import ProTools
from acebridge.hosts.protools.locations import Wish, fail, finish, mark, order_of, read_wishes, recall
from acebridge.hosts.protools.place import PlacedClip
from acebridge.hosts.protools.run import OFFERED, Outcome
from acebridge.hosts.protools.session import Span
from acestep_runtime.tasks import TASKS
from tests.support.fake_protools import FakeProTools, Refusal


def outcome(metadata: dict[str, Any], *clips: PlacedClip) -> Outcome:
    result: Any = {"parts": [{"takes": [{"metadata": metadata}]}]}
    return Outcome(result, list(clips))


@pytest.mark.parametrize(
    ("words", "task", "fields"),
    [
        ("repaint", "repaint", {}),
        ("Repaint warm piano", "repaint", {"music": {"caption": "warm piano"}}),
        ("generate 夜の歌", "text2music", {"music": {"caption": "夜の歌"}}),
        ("lego drums, Bass: funky drums", "lego", {"tracks": ["drums", "bass"], "music": {"caption": "funky drums"}}),
        ("extract vocals", "extract", {"tracks": ["vocals"]}),
        ("understand", "understand", {}),
    ],
)
def test_words_name_a_task_its_tracks_and_a_caption(words: str, task: str, fields: dict[str, Any]) -> None:
    order = order_of(words)
    assert (order.task, order.fields) == (task, fields)


@pytest.mark.parametrize("words", ["", "dance", "text2music"])
def test_no_other_task_is_offered(words: str) -> None:
    with pytest.raises(JobFailed, match="is no task for Pro Tools"):
        order_of(words)


def test_what_is_offered_are_tasks() -> None:
    assert set(OFFERED.values()) <= TASKS.keys()


def test_only_names_that_begin_so_ask_for_a_task(fake: FakeProTools, pro: ProTools) -> None:
    for name in ("Verse", "AceBridge: cover", "AceBridge failed: cover", "ACEBRIDGE:repaint x", "about AceBridge: no"):
        fake.add_location(name, (0, 10))
    assert read_wishes(pro) == [Wish(2, "cover"), Wish(4, "repaint x")]


@pytest.mark.parametrize(("words", "span"), [("repaint", (100, 200)), ("generate x", (7, 7))])
def test_a_point_leaves_a_range_selected_that_a_task_needs(
    fake: FakeProTools, pro: ProTools, words: str, span: tuple[int, int]
) -> None:
    fake.span = (100, 200)
    fake.add_location(f"AceBridge: {words}", (7, 7), marker=True)
    recall(pro, *read_wishes(pro))
    assert fake.span == span


def test_a_wish_is_gone_when_it_is_done_and_says_why_it_failed(fake: FakeProTools, pro: ProTools) -> None:
    fake.add_location("AceBridge: cover", (0, 10))
    fake.add_location("AceBridge: repaint", (5, 9))
    cover, repaint = read_wishes(pro)
    finish(pro, cover, outcome({}, PlacedClip("x", "x.wav", 0, 10)))
    fail(pro, repaint, JobFailed(ErrorReason.BUSY, "The queue is full.", remedy="Wait."))
    (left,) = fake.locations
    assert (left["name"], left["comments"], left["span"]) == (
        "AceBridge failed: repaint",
        "The queue is full. Wait.",
        (5, 9),
    )
    assert read_wishes(pro) == []


@pytest.mark.parametrize(
    ("metadata", "comment"),
    [
        ({"bpm": 97.5, "keyscale": "C major", "beats": [0.5]}, "bpm: 97.5; keyscale: C major"),
        ({"keyscale": ""}, "Neither tempo nor key is clear."),
    ],
)
def test_a_task_without_audio_leaves_its_findings(
    fake: FakeProTools, pro: ProTools, metadata: dict[str, Any], comment: str
) -> None:
    fake.add_location("AceBridge: understand", (0, 10))
    finish(pro, *read_wishes(pro), outcome(metadata))
    (location,) = fake.locations
    assert (location["name"], location["comments"]) == ("AceBridge found: understand", comment)
    assert read_wishes(pro) == []


def test_a_location_is_made_in_samples_and_the_counter_shows_what_it_did(fake: FakeProTools, pro: ProTools) -> None:
    mark(pro, "AceBridge cover", Span(12_345, 67_890), "bpm: 120")
    assert fake.locations[0]["span"] == (12_345, 67_890)
    fake.faults["CreateMemoryLocation"] = Refusal("PT_CannotBeDone")
    with pytest.raises(JobFailed):
        mark(pro, "another", Span(0, 1))
    assert fake.counter == "TLType_BarsBeats"
