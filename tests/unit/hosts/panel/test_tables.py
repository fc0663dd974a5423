"""The tables of the forms say of each task what its request takes: no field too many, none missing, the limits of the tasks."""

from __future__ import annotations

import dataclasses
import json
import re
import typing
from collections.abc import Iterator
from typing import Any

import pytest

from acebridge.contract.fields import coerce, fill
from acebridge.contract.tasks import METHODS, request_type, unwrap
from acebridge.hosts.panel.tables import FIRST, tables
from acebridge.v1 import tasks_pb2
from acestep_runtime.limits import limits_of
from acestep_runtime.tasks import TASKS
from acestep_runtime.values import TRACKS

TABLES: dict[str, Any] = tables()
ROWS = {row["name"]: row for row in TABLES["tasks"]}
#: A value of each type of input, as the page sends it.
_VALUES: dict[str, Any] = {
    "text": "x", "lines": "x", "boolean": True, "tracks": ["drums"], "adapters": [{"name": "x"}], "file": "TVRoZA==",
    "audio": {"asset_id": "0" * 64},
}  # fmt: skip


def example(field: dict[str, Any]) -> Any:
    """A value that a field allows."""
    if field.get("choices"):
        return field["choices"][-1]
    if field["type"] in ("integer", "number", "integers", "numbers"):
        value = field.get("high", field.get("low", 1))
        return [value] if field["type"].endswith("s") else value
    return _VALUES[field["type"]]


def nest(path: str, value: Any) -> dict[str, Any]:
    *groups, name = path.split(".")
    fields: dict[str, Any] = {name: value}
    for group in reversed(groups):
        fields = {group: fields}
    return fields


def leaves(kind: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The fields of a dataclass and of those in it, by path."""
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        inner = hints[field.name]
        if dataclasses.is_dataclass(inner) and field.name not in ("source", "reference"):
            yield from leaves(inner, f"{prefix}{field.name}.")
        else:
            yield prefix + field.name, field


def test_it_is_json_and_has_all_tasks() -> None:
    assert json.loads(json.dumps(TABLES, allow_nan=False)) == TABLES
    assert list(ROWS) == list(TASKS)
    assert TABLES["tracks"] == list(TRACKS)
    assert set(TABLES["roles"]) == {*TRACKS, "mix", "other"}


@pytest.mark.parametrize("name", ROWS)
def test_every_field_is_one_of_the_request(name: str) -> None:
    for field in ROWS[name]["fields"]:
        request = request_type(name)()
        fill(request, coerce(request.DESCRIPTOR, nest(field["path"], example(field))), TASKS[name])
        assert request.ListFields(), field


@pytest.mark.parametrize("name", ROWS)
def test_no_field_of_a_task_is_missing(name: str) -> None:
    paths = {field["path"] for field in ROWS[name]["fields"]}
    filled_elsewhere = {"source", "start_s", "end_s", "codes", "output.preview_id", "output.base_variations"}
    assert {path for path, _ in leaves(TASKS[name])} - paths <= filled_elsewhere
    assert not paths & filled_elsewhere


@pytest.mark.parametrize("name", ROWS)
def test_limits_and_defaults_are_those_of_the_tasks(name: str) -> None:
    fields = {field["path"]: field for field in ROWS[name]["fields"]}
    for path, own in leaves(TASKS[name]):
        limits, row = limits_of(own), fields.get(path, {})
        if limits is None or not row:
            continue
        assert (row.get("low"), row.get("high"), row.get("max_len")) == (limits.low, limits.high, limits.max_len), path
        if limits.choices:
            assert row["choices"] == [choice for choice in limits.choices if choice != ""], path
        if isinstance(own.default, (int, float, str)) and own.default not in ("", False):
            assert row["default"] == own.default, path


def test_the_request_of_each_task_is_found_by_its_field() -> None:
    for method in METHODS:
        row = ROWS[method.task]
        wrapped = tasks_pb2.TaskRequest()
        fill(wrapped, coerce(wrapped.DESCRIPTOR, {row["field"]: {"submission": {"engine": "draft"}}}))
        assert type(unwrap(wrapped)) is method.request
        assert row["needs_source"] == ("source" in request_type(method.task).DESCRIPTOR.fields_by_name)


def test_fields_have_words_and_the_first_are_first() -> None:
    paths = {field["path"] for row in ROWS.values() for field in row["fields"]}
    assert set(FIRST) <= paths
    for row in ROWS.values():
        assert row["about"].endswith("."), row["name"]
        are_first = [bool(field.get("first")) for field in row["fields"]]
        assert are_first == sorted(are_first, reverse=True)
        for field in row["fields"]:
            assert field["help"].endswith("."), field
            assert "_UNSPECIFIED" not in field["help"], field
            assert not re.search(r"Capabilities|AudioInput|Response[.]|base64|preview_id", field["help"]), field


def test_comments_are_whole_sentences_of_the_contract() -> None:
    said = {field["path"]: field["help"] for field in ROWS["repaint"]["fields"]}
    assert said["music.caption"] == "Style, instruments, mood; at most 4,096 characters."
    assert ROWS["repaint"]["about"].startswith("Replaces a region of the source; everything outside it stays")
    assert said["strength"] == 'Strength of "balanced", 0 to 1; default 0.5.'
