"""The table of methods and the document that describes it, against the descriptors and the checker of JSON Schema."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest

from acebridge.hosts.http.methods import BY_NAME, METHODS
from acebridge.hosts.http.openapi import document
from acebridge.server.app import _SERVICES
from acebridge.server.scopes import SCOPES


def validator(name: str) -> jsonschema.Draft202012Validator:
    """A checker of values against the schema of a message."""
    found: Any = document()["components"]
    schema = {"$ref": f"#/components/schemas/{name}", "components": found}
    return jsonschema.Draft202012Validator(schema)


def test_every_method_of_every_service_has_a_path() -> None:
    served = {(service.rpartition(".")[2], name) for service in _SERVICES for name in SCOPES[service]}
    assert BY_NAME.keys() == served
    paths: Any = document()["paths"]
    assert {method.path for method in METHODS} <= paths.keys()
    assert all(re.fullmatch(r"/v1/[A-Z]\w+/[A-Z]\w+", method.path) for method in METHODS)
    assert all("post" in paths[method.path] for method in METHODS)


def test_every_route_is_in_the_document() -> None:
    from acebridge.hosts.http.app import _routes

    served = {route.path for route in _routes(None)}  # type: ignore[arg-type, attr-defined]
    others = {"/openapi.json", "/panel/session", "/panel/api/codes", "/release_task", "/query_result", "/v1/audio"}
    assert served - others == document()["paths"].keys()  # type: ignore[union-attr]


def test_everything_is_described() -> None:
    schemas: Any = document()["components"]
    for name, schema in schemas["schemas"].items():
        if name in ("Error", "JobError"):
            continue
        assert schema["description"], name
        assert all(field.get("description") for field in schema["properties"].values()), name


def test_references_lead_somewhere() -> None:
    text = json.dumps(document())
    names = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    schemas: Any = document()["components"]
    assert names <= schemas["schemas"].keys()
    assert {"TaskEvent", "Job", "RepaintRequest", "TakeMetadata"} <= names | schemas["schemas"].keys()


@pytest.mark.parametrize(
    ("message", "good", "bad"),
    [
        ("RepaintRequest", {"start_s": 4.0, "mode": "balanced"}, {"mode": "REPAINT_MODE_BALANCED"}),
        ("RepaintRequest", {"music": {"bpm": 120}}, {"music": {"bpm": 301}}),
        ("TextToMusicRequest", {"output": {"seeds": [2**32 - 1]}}, {"output": {"seeds": [-1]}}),
        ("TextToMusicRequest", {"midi": "TVRoZA=="}, {"midi": 5}),
        ("TextToMusicRequest", {}, {"source": {}}),
        ("GetJobRequest", {"job_id": "a"}, {"job": "a"}),
    ],
)
def test_schemas_hold_requests_to_the_limits(message: str, good: dict[str, Any], bad: dict[str, Any]) -> None:
    validator(message).validate(good)
    with pytest.raises(jsonschema.ValidationError):
        validator(message).validate(bad)
