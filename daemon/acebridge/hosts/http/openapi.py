"""The OpenAPI document of the edge, made from the descriptors, the comments and the limits of the contract."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import Descriptor
from starlette.requests import Request
from starlette.responses import Response

from acebridge.contract.json_schema import OTHER_FORMS, Schema, describe, object_schema
from acebridge.errors import ErrorReason
from acebridge.hosts.http.edge import Edge
from acebridge.hosts.http.errors import answer_json
from acebridge.hosts.http.methods import METHODS, SERVICES, Method
from acebridge.hosts.http.other_paths import OTHER_PATHS
from acebridge.version import VERSION

if TYPE_CHECKING:
    from google._upb import _message as upb
    from pydantic import JsonValue

#: Messages that JSON has another form for.
_OTHER_FORMS: dict[str, Schema] = {
    **OTHER_FORMS,
    "google.rpc.Status": {"$ref": "#/components/schemas/JobError"},
}
_ERROR: Schema = {
    "type": "object",
    "required": ["reason", "message", "remedy", "details"],
    "properties": {
        "reason": {"type": "string", "enum": [reason.value for reason in ErrorReason]},
        "message": {"type": "string", "description": "What is wrong, in one sentence."},
        "remedy": {"type": "string", "description": "What to do about it; may be empty."},
        "details": {
            "type": "object",
            "description": "The field, its value and what is allowed, where one is to blame.",
        },
    },
}
_EVENTS = (
    "Server-sent events, one for each event of the job; `data` is a TaskEvent. The stream ends behind `completed`, or behind"
    " `error`, whose data is an Error."
)


async def answer_document(_: Edge, __: Request) -> Response:
    """Answer ``GET /openapi.json``."""
    return answer_json(document())


@cache
def document() -> dict[str, JsonValue]:
    """Return the document: OpenAPI 3.1."""
    schemas = _Schemas()
    paths: dict[str, Any] = {method.path: {"post": _operation(method, schemas)} for method in METHODS}
    for method in METHODS:
        schemas.refer(method.answer.DESCRIPTOR)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "AceBridge",
            "version": VERSION,
            "description": "AI music inside the DAW: the contract of the daemon as JSON over HTTP, on loopback.",
        },
        "security": [{"token": []}],
        "tags": [{"name": service.name, "description": describe(service.name)} for service in SERVICES],
        "paths": {**paths, **OTHER_PATHS},
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token that `acebridge token new` made, or the key of the panel.",
                }
            },
            "schemas": {
                "Error": {"type": "object", "required": ["error"], "properties": {"error": _ERROR}},
                "JobError": {
                    "type": "object",
                    "required": ["message"],
                    "properties": {name: {"type": "string"} for name in ("reason", "message", "remedy")},
                },
                **schemas.made,
            },
            "responses": {
                "Error": {
                    "description": "What is wrong, and what to do about it.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
                }
            },
        },
    }


def _operation(method: Method, schemas: _Schemas) -> Schema:
    operation: Schema = {
        "operationId": f"{method.service}_{method.name}",
        "tags": [method.service],
        "description": describe(f"{method.service}.{method.name}"),
        "requestBody": {"content": {"application/json": {"schema": schemas.refer(method.request.DESCRIPTOR)}}},
        "responses": {"200": _answer(method, schemas), "default": {"$ref": "#/components/responses/Error"}},
    }
    if method.name == "UploadAsset":
        operation["parameters"] = [
            {"name": "name", "in": "query", "schema": {"type": "string", "maxLength": 200}, "description": "File name."}
        ]
        binary = {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
        operation["requestBody"] = {"required": True, "content": {"application/octet-stream": binary}}
    elif method.answers_stream and method.name != "DownloadAsset":
        operation["parameters"] = [
            {
                "name": "audio",
                "in": "query",
                "schema": {"type": "string", "enum": ["0", "1"], "default": "0"},
                "description": "Whether the samples are sent too, in base64.",
            }
        ]
    return operation


def _answer(method: Method, schemas: _Schemas) -> Schema:
    if method.name == "DownloadAsset":
        return {"description": "The bytes.", "content": {"audio/wav": {"schema": {"type": "string"}}}}
    if method.answers_stream:
        return {"description": _EVENTS, "content": {"text/event-stream": {"schema": {"type": "string"}}}}
    content = {"application/json": {"schema": schemas.refer(method.answer.DESCRIPTOR)}}
    return {"description": describe(method.answer.DESCRIPTOR.name), "content": content}


class _Schemas:
    """The schemas of messages, each made when it is first referred to."""

    def __init__(self) -> None:
        self.made: dict[str, Schema] = {}

    def refer(self, message: Descriptor | upb.Descriptor) -> Schema:
        """Return a reference to the schema of a message."""
        other = _OTHER_FORMS.get(message.full_name)
        if other is not None:
            return dict(other)
        name = message.name
        if name not in self.made:
            self.made[name] = {}  # for messages that hold themselves
            self.made[name] = {"description": describe(name), **object_schema(message, self.refer)}
        return {"$ref": f"#/components/schemas/{name}"}
