"""JSON Schemas of requests: they allow what the daemon allows, and refuse what its limits refuse."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from acebridge.contract.fields import coerce, fields_of, fill
from acebridge.contract.json_schema import describe, message_schema, task_schema
from acebridge.contract.tasks import METHODS, request_type
from acebridge.v1 import jobs_pb2
from acestep_runtime.errors import InvalidValue
from acestep_runtime.limits import Limits, limits_of, validate
from acestep_runtime.tasks import TASKS
from acestep_runtime.tasks.base import Output
from acestep_runtime.values import Morph, Music, Sampling, Thinking
from tests.support.transcripts import _task_requests

ASSET = "5f" * 32
#: Fields of requests that are objects, and the dataclass of each.
OBJECTS = {"music": Music, "output": Output, "sampling": Sampling, "thinking": Thinking, "morph": Morph}


def validator(task: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(task_schema(task))


@pytest.mark.parametrize("task", TASKS)
def test_a_schema_is_one_and_takes_requests_as_they_are_sent(task: str) -> None:
    jsonschema.Draft202012Validator.check_schema(task_schema(task))
    requests = [each for each in _task_requests(ASSET).values() if isinstance(each, request_type(task))]
    assert requests
    for request in requests:
        fields = json.loads(json.dumps(fields_of(request)))
        validator(task).validate(fields)
        again = request_type(task)()
        fill(again, coerce(again.DESCRIPTOR, fields))
        assert again == request


def bounded() -> Iterator[tuple[str, str, str, Limits]]:
    """Each task with each number or text in it that has limits: the object it is in, if any, and its name."""
    for task, kind in TASKS.items():
        for place, held in {"": kind, **{name: OBJECTS[name] for name in OBJECTS if kind.has(name)}}.items():
            for field in dataclasses.fields(held):
                limits = limits_of(field)
                if limits is not None and not isinstance(field.default, tuple):
                    yield task, place, field.name, limits


def values(limits: Limits) -> tuple[list[Any], list[Any]]:
    """What is just allowed, and what is just not."""
    if limits.choices:
        return [each for each in limits.choices if each != ""], [0.5 if isinstance(limits.choices[-1], int) else "none"]
    if limits.max_len is not None:
        return [], ["x" * (limits.max_len + 1)]
    ends = [end for end in (limits.low, limits.high) if end is not None]
    return ends, [end + (1 if end == limits.high else -1) for end in ends]


@pytest.mark.parametrize(("task", "place", "name", "limits"), list(bounded()))
def test_limits_are_those_of_the_task(task: str, place: str, name: str, limits: Limits) -> None:
    allowed, refused = values(limits)
    schema = task_schema(task)["properties"]
    field = (schema[place]["properties"] if place else schema)[name]
    kind = OBJECTS[place] if place else None
    for value in allowed:
        jsonschema.validate(value, field)
    for value in refused:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(value, field)
        if kind is not None:
            with pytest.raises(InvalidValue):
                validate(kind(**{name: value}))


def test_unknown_fields_and_a_missing_source_are_refused() -> None:
    for fields in ({}, {"source": {"asset_id": ASSET}, "speed": 2}, {"source": {"asset_id": ASSET, "url": "x"}}):
        assert not validator("repaint").is_valid(fields)
    assert validator("repaint").is_valid({"source": {"asset_id": ASSET}})
    assert validator("text2music").is_valid({})


def test_every_field_says_what_it_is() -> None:
    def check(schema: dict[str, Any], where: str) -> None:
        for name, held in schema.get("properties", {}).items():
            assert held.get("description"), f"{where}.{name}"
            check(held, f"{where}.{name}")

    for method in METHODS:
        check(task_schema(method.task), method.task)
    brief = task_schema("repaint", brief=True)["properties"]
    assert brief["mode"]["description"] == task_schema("repaint")["properties"]["mode"]["description"]
    assert brief["music"]["properties"]["bpm"]["description"] == "Beats per minute, 30 to 300."
    assert len(brief["output"]["properties"]["tries"]["description"]) < 150


def test_enums_are_named_as_json_has_them() -> None:
    mode = task_schema("repaint")["properties"]["mode"]
    assert mode["enum"] == ["conservative", "balanced", "aggressive"]
    assert mode["description"].endswith("Default balanced.")
    assert "MODE_" not in json.dumps(task_schema("cover"))
    assert describe("Nothing") == ""


def test_other_requests_have_schemas_too() -> None:
    schema = message_schema(jobs_pb2.ListJobsRequest.DESCRIPTOR)
    assert schema["properties"]["states"]["items"]["enum"] == ["queued", "running", "succeeded", "failed", "cancelled"]
    jsonschema.validate({"states": ["running"], "page_size": 3}, schema)
