"""Documents of job folders against their JSON Schemas, stricter than the protocol: a key that no schema names is a slip."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

import acebridge.hosts.jobfolder

FOLDER = Path(acebridge.hosts.jobfolder.__file__).parent


@cache
def validator(document: str, *, strict: bool = True) -> Draft202012Validator:
    """Return the validator of ``request``, ``status`` or ``result``, as shipped or ``strict``."""
    schema = json.loads((FOLDER / f"{document}.schema.json").read_text("utf-8"))
    if strict:
        for entry in (schema, *schema.get("$defs", {}).values()):
            if "properties" in entry:
                entry["additionalProperties"] = False
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def check(document: str, content: Any, *, strict: bool = True) -> None:
    """Assert that a document is as its schema says."""
    errors = [
        f"{error.json_path}: {error.message}" for error in validator(document, strict=strict).iter_errors(content)
    ]
    assert not errors, errors
