"""What a part takes over from the metadata of an earlier one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acebridge.hosts.jobfolder.fields import check_parts, message_of
from acebridge.hosts.jobfolder.request import parse_request
from acebridge.v1 import tasks_pb2
from acestep_runtime.errors import InvalidValue
from tests.support.midi_files import band

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


def with_midi(name: str, task: str = "text2music") -> dict[str, Any]:
    part = {"task": task, "midi": {"file": name}, "fields": {"guide": "GUIDE_COVER", "strength": 0.5}}
    return {"version": 1, "media": {"folder": "/media"}, "parts": [part]}


def test_the_notes_of_a_file_are_sent(tmp_path: Path) -> None:
    (tmp_path / "notes.mid").write_bytes(band(1))
    for name in ("notes.mid", str(tmp_path / "notes.mid")):
        request = parse_request(with_midi(name), tmp_path)
        check_parts(request)
        message = message_of(request, 0, {})
        assert (message.midi, message.strength) == (band(1), 0.5)
        assert message.guide == tasks_pb2.GUIDE_COVER


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (with_midi("missing.mid"), "cannot be read"),
        (with_midi("big.mid"), "more than 524288 bytes"),
        (with_midi("notes.mid", "create_sample"), "follows no notes"),
        (with_midi(""), "the name of a file"),
    ],
)
def test_notes_that_cannot_be_sent_are_named(content: dict[str, Any], words: str, tmp_path: Path) -> None:
    (tmp_path / "notes.mid").write_bytes(band(1))
    (tmp_path / "big.mid").write_bytes(bytes(512 * 1024 + 1))
    with pytest.raises(InvalidValue, match=words) as caught:
        check_parts(parse_request(content, tmp_path))
    assert caught.value.field.startswith("parts[0].midi")
