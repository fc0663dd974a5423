"""What a part takes over from the metadata of an earlier one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acebridge.hosts.jobfolder.fields import message_of
from acebridge.hosts.jobfolder.request import parse_request

REQUEST: dict[str, Any] = {
    "version": 1,
    "media": {"folder": "/media"},
    "parts": [
        {"task": "understand", "source": {"file": "a.wav"}, "label": "ears"},
        {"task": "text2music", "fill_from": 0, "label": "song"},
    ],
}
FOUND = {"bpm": 101.5, "keyscale": "A minor", "timesignature": 3, "caption": "A waltz."}


def music(metadata: dict[str, Any]) -> dict[str, Any]:
    """The music that the second part asks for, with this metadata of the first."""
    message = message_of(parse_request(REQUEST, Path("/jobs/one")), 1, metadata)
    return {field.name: value for field, value in message.music.ListFields()}


def test_what_is_sure_is_taken_over() -> None:
    assert music(FOUND) == FOUND
    assert music({**FOUND, "certainty": dict.fromkeys(("tempo", "key", "meter"), "sure")}) == FOUND


@pytest.mark.parametrize(("name", "finding"), [("bpm", "tempo"), ("keyscale", "key"), ("timesignature", "meter")])
def test_what_is_perhaps_so_is_left_to_the_engine(name: str, finding: str) -> None:
    assert music({**FOUND, "certainty": {finding: "perhaps"}}) == {key: FOUND[key] for key in FOUND if key != name}


def test_a_meter_that_cannot_be_asked_for_is_left_to_the_engine() -> None:
    assert music({"timesignature": 5, "bpm": 100.0}) == {"bpm": 100.0}
