"""PROTOCOL.md, the JSON Schemas and the code say the same."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from acebridge.errors import ErrorReason
from acebridge.hosts import jobfolder
from acebridge.hosts.jobfolder import VERSION
from acebridge.hosts.jobfolder.request import AudioFile, Mix, MixTrack, parse_request
from acebridge.hosts.jobfolder.schema import DOCUMENTS, schema_file
from acebridge.hosts.jobfolder.song_request import song_plan
from acebridge.version import VERSION as COMMAND_VERSION
from acestep_runtime.errors import InvalidValue
from tests.support.schemas import FOLDER, check, validator

PROTOCOL = (FOLDER / "PROTOCOL.md").read_text("utf-8")
EXAMPLES = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PROTOCOL, re.DOTALL)]
JOB = Path("/jobs/x")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_schemas_are_current(document: str) -> None:
    path, text = schema_file(document)
    assert path.read_text("utf-8") == text, "run `make docs`"


def test_the_page_names_every_key_state_and_version() -> None:
    named = {name for span in re.findall(r"`([^`\n]+)`", PROTOCOL) for name in re.findall(r"\w+", span)}
    for document in DOCUMENTS:
        schema = validator(document).schema
        for entry in (schema, *schema.get("$defs", {}).values()):
            assert set(entry.get("properties", ())) <= named
    assert set(validator("status").schema["properties"]["state"]["enum"]) <= named
    assert PROTOCOL.startswith(f"# The job folder protocol, version {VERSION}\n")
    assert {value for name, value in vars(jobfolder).items() if name.isupper() and name != "VERSION"} <= {
        span.strip("`") for span in re.findall(r"`[a-z.]+`", PROTOCOL)
    }


def test_the_page_lists_every_reason_of_failure() -> None:
    rows = re.search(r"\| reason \| what is wrong \|\n\|---\|---\|\n((?:\|.*\n)+)", PROTOCOL)
    assert rows is not None
    listed = {reason for row in rows[1].splitlines() for reason in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert listed == {reason.value for reason in ErrorReason}


def test_the_examples_are_as_the_schemas_say() -> None:
    request, running, result, failed = EXAMPLES
    check("request", request)
    check("status", running)
    check("result", result)
    check("status", failed)
    assert running["host"] == parse_request(request, JOB).host == "MyDAW 3.2"
    spoilt = copy.deepcopy(request)
    spoilt["parts"][0]["source"]["file"] = ""
    with pytest.raises(InvalidValue) as refused:
        parse_request(spoilt, JOB)
    assert (refused.value.message, refused.value.remedy) == (failed["message"], failed["remedy"])


def test_no_part_of_the_generic_protocol_knows_a_host() -> None:
    sources = [path for path in FOLDER.iterdir() if path.suffix == ".py"]
    assert len(sources) > 10
    assert [path.name for path in sources if "reaper" in path.read_text("utf-8").lower()] == []


GOOD: dict[str, Any] = {
    "version": 1,
    "host": {"name": "MyDAW", "version": "3.2"},
    "media": {"folder": "/media", "format": "pcm24"},
    "parts": [
        {"task": "understand", "source": {"file": "a.wav", "start_s": 0, "end_s": 4}, "label": "ears"},
        {
            "task": "cover",
            "source": {
                "mix": [{"file": "a.wav", "at": 3, "left": 0.5}, {"file": "/b.wav", "first": 7, "frames": 9}],
                "frames": 16,
            },
            "fields": {"music": {"bpm": 90}},
            "position_s": 1.5,
            "fill_from": 0,
        },
        {"again": {"file": "made.wav"}, "variation": 0.3},
    ],
}  # fmt: skip
#: A key of the good request, and what must not stand there.
FAULTS: list[tuple[str, Any]] = [
    ("version", 2), ("version", "1"), ("version", True), ("version", None), ("parts", None), ("parts.0.task", None),
    ("create_time", "today"), ("parts.0.source.file", None), ("parts.1.source.frames", None),
    ("id", 7), ("title", []), ("action", {}), ("engine", 1),
    ("address", 50710), ("host", "MyDAW"), ("host.name", 7), ("host.version", 3.2), ("media", []), ("media.folder", 7),
    ("media.format", "mp3"), ("parts", {}), ("parts", []), ("parts.0", "x"), ("parts.0.task", ""), ("parts.0.task", 1),
    ("parts.0.label", 1), ("parts.0.position_s", "1"), ("parts.0.fields", []), ("parts.1.fill_from", -1),
    ("parts.1.fill_from", 0.5), ("parts.0.source", "a.wav"), ("parts.0.source", {}), ("parts.0.source.file", ""),
    ("parts.0.source.file", 7), ("parts.0.source.start_s", "0"), ("parts.0.source.end_s", True),
    ("parts.1.source.mix", []), ("parts.1.source.mix", {}), ("parts.1.source.mix.0", "a.wav"), ("parts.1.source.frames", 0),
    ("parts.1.source.frames", 10**9), ("parts.1.source.frames", 1.5), ("parts.1.source.channels", 3),
    ("parts.1.source.mix.0.file", ""), ("parts.1.source.mix.0.at", -1), ("parts.1.source.mix.0.first", 0.5),
    ("parts.1.source.mix.0.frames", 0), ("parts.1.source.mix.0.left", "1"), ("parts.1.source.mix.0.right", [1]),
    ("parts.2.variation", 1.5), ("parts.2.variation", "0.3"), ("parts.2.again", {}),
]  # fmt: skip


def spoil(place: str, value: Any, good: Any = None) -> Any:
    """Return the good request with something else at a place."""
    request = copy.deepcopy(good or GOOD)
    *way, last = (int(step) if step.isdigit() else step for step in place.split("."))
    entry = request
    for step in way:
        entry = entry[step]
    entry[last] = value
    return request


@pytest.mark.parametrize(("place", "value"), FAULTS)
def test_schema_and_command_refuse_the_same(place: str, value: Any) -> None:
    request = spoil(place, value)
    assert not validator("request", strict=False).is_valid(request)
    with pytest.raises(InvalidValue):
        parse_request(request, JOB)


def test_schema_and_command_take_the_same() -> None:
    check("request", GOOD)
    request = parse_request(GOOD, JOB)
    assert request.parts[0].source == AudioFile(JOB / "a.wav", 0.0, 4.0)
    tracks = (MixTrack(JOB / "a.wav", 3, 0.5, 1.0), MixTrack(Path("/b.wav"), 0, 1.0, 1.0, 7, 9))
    assert request.parts[1].source == Mix(tracks, 16)
    for place, value in (("parts.1.source.channels", 2.0), ("version", 1.0), ("place", None), ("later", {"key": 1})):
        check("request", spoil(place, value), strict=place != "later")
        parse_request(spoil(place, value), JOB)


OPTIONAL = (
    "id", "song", "host", "host.name", "host.version", "host.instance", "host.project", "host.scripts", "action", "title",
    "create_time", "engine", "address", "media", "media.folder", "media.format", "place", "parts.0.label",
    "parts.0.position_s", "parts.0.source", "parts.0.source.start_s", "parts.0.source.end_s", "parts.0.midi", "parts.0.fields",
    "parts.0.fill_from", "parts.1.source.channels", "parts.1.source.mix.0.at", "parts.1.source.mix.0.first",
    "parts.1.source.mix.0.frames", "parts.1.source.mix.0.left", "parts.1.source.mix.0.right", "parts.2.variation",
)  # fmt: skip


#: A request for a song, and the keys of it that may be missing.
SONG: dict[str, Any] = {
    "version": 1,
    "media": {"folder": "/media"},
    "song": {"sections": [{"name": "Verse", "end_s": 4}]},
}
OPTIONAL_IN_SONG = (
    *(f"song.{name}" for name in ("position_s", "sample_rate", "caption", "bpm", "timesignature", "keyscale", "language",
                                  "seed", "takes", "score_by", "chords")),
    *(f"song.sections.0.{name}" for name in ("bars", "start_s", "caption", "lyrics", "bpm", "timesignature", "takes", "like",
                                             "like_strength", "chords")),
)  # fmt: skip


def test_a_key_of_a_song_that_holds_null_counts_as_missing() -> None:
    for place in OPTIONAL_IN_SONG:
        check("request", spoil(place, None, SONG))
        assert song_plan(parse_request(spoil(place, None, SONG), JOB)) == song_plan(parse_request(SONG, JOB))


def test_there_are_parts_or_a_song() -> None:
    for request in ({**SONG, "song": None}, {**SONG, "parts": [], "song": None}, {**SONG, "parts": GOOD["parts"]}):
        with pytest.raises(InvalidValue):
            parse_request(request, JOB)
    assert not validator("request").is_valid({**SONG, "song": None})


def test_a_key_that_holds_null_counts_as_missing() -> None:
    for place in OPTIONAL:
        check("request", spoil(place, None))
        without = spoil(place, None)
        *way, last = (int(step) if step.isdigit() else step for step in place.split("."))
        entry = without
        for step in way:
            entry = entry[step]
        del entry[last]
        assert parse_request(spoil(place, None), JOB) == parse_request(without, JOB)
    file = spoil("parts.0.source.mix", None)  # a file all the same
    check("request", file, strict=False)
    assert parse_request(file, JOB) == parse_request(GOOD, JOB)


def test_every_optional_key_of_a_request_may_hold_null() -> None:
    named = {place.split(".")[-1] for place in (*OPTIONAL, *OPTIONAL_IN_SONG)} | {"parts"}
    schema = validator("request").schema
    for entry in (schema, *schema["$defs"].values()):
        if "properties" in entry:
            assert set(entry["properties"]) - set(entry.get("required", ())) <= named


@pytest.mark.parametrize(
    ("version", "says"),
    [
        ("1", "version is '1'; allowed: the number 1."),
        (True, "version is True; allowed: the number 1."),
        (None, "These scripts are of version None, this command knows 1. Update the scripts."),
        (2, "These scripts are of version 2, this command knows 1. Update AceBridge."),
        (0.5, "These scripts are of version 0.5, this command knows 1. Update the scripts."),
    ],
)
def test_a_version_that_is_refused(version: Any, says: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        parse_request(spoil("version", version), JOB)
    assert str(refused.value).startswith(says)


def test_numbers_that_no_computer_holds_are_refused() -> None:
    for number in (10**400, float("nan"), float("-inf")):
        with pytest.raises(InvalidValue, match=r"position_s is .*; allowed: a number\."):
            parse_request(spoil("parts.0.position_s", number), JOB)
    with pytest.raises(InvalidValue, match=r"frames is .*; allowed: 1 to 460800000\."):
        parse_request(spoil("parts.1.source.frames", 10**400), JOB)


def test_scripts_of_a_version_that_does_not_fit_are_refused() -> None:
    request = {"version": 1, "host": {"name": "DAW", "scripts": "99.0.0"}, "parts": [{"task": "understand"}]}
    with pytest.raises(InvalidValue) as caught:
        parse_request(request, JOB)
    assert caught.value.message == f"The scripts are 99.0.0, the command is {COMMAND_VERSION}: update the command."
    request["host"] = {"name": "DAW", "scripts": COMMAND_VERSION}
    assert parse_request(request, JOB).host == "DAW"
