"""What the OpenAPI document says of the paths that are no methods of the contract."""

from __future__ import annotations

from typing import Any

_ERROR = {"$ref": "#/components/responses/Error"}
_WAV = {"audio/wav": {"schema": {"type": "string"}}}


def _parameter(name: str, where: str, description: str, *, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "in": where,
        "required": where == "path",
        "schema": schema or {"type": "string"},
        "description": description,
    }


_RANGE = _parameter("Range", "header", "One range of bytes.")
_ASSET = _parameter("asset_id", "path", "Id of the asset.", schema={"type": "string", "pattern": "^[0-9a-f]{64}$"})
_UPLOAD = _parameter(
    "asset_id", "path", "SHA-256 of the whole file.", schema={"type": "string", "pattern": "^[0-9a-f]{64}$"}
)
_JOB = _parameter("job_id", "path", "Id of the job.", schema={"type": "string", "pattern": "^[0-9a-f]{32}$"})
_NUMBER = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}


def _json(reference: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{reference}"}}}


def _read(description: str, answer: dict[str, Any], parameters: list[Any], *, is_open: bool = False) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "description": description,
        "parameters": parameters,
        "responses": {"200": answer, "default": _ERROR},
    }
    return {**operation, "security": []} if is_open else operation


def _audio(description: str, parameters: list[Any], *, is_open: bool = False) -> dict[str, Any]:
    operation = _read(
        description, {"description": "The file.", "content": _WAV}, [*parameters, _RANGE], is_open=is_open
    )
    operation["responses"]["206"] = {"description": "The range.", "content": _WAV}
    operation["responses"]["304"] = {"description": "It is the one that If-None-Match names."}
    operation["responses"]["416"] = {"description": "The file has nothing of the range."}
    return operation


OTHER_PATHS: dict[str, Any] = {
    "/v1/jobs/{job_id}/events": {
        "get": _read(
            "The events of a job, as WatchJob sends them, from the first or behind the last one that was seen.",
            {"description": "Server-sent events.", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
            [
                _JOB,
                _parameter("Last-Event-ID", "header", "Sequence of the last event that was seen.", schema=_NUMBER),
                _parameter("after_sequence", "query", "The same, where no header can be sent.", schema=_NUMBER),
                _parameter("audio", "query", "1 sends samples too.", schema={"type": "string", "enum": ["0", "1"]}),
            ],
        )
    },
    "/v1/jobs/{job_id}/outputs/{output}/audio": {
        "get": _audio(
            "An output of a job as a WAV file, also while it is made: the header says its final length, samples come as they"
            " are made.",
            [_JOB, _parameter("output", "path", "Number of the output.", schema={"type": "integer", "minimum": 1})],
        )
    },
    "/v1/assets/{asset_id}/audio": {"get": _audio("An asset as a file. Its id is its entity tag.", [_ASSET])},
    "/v1/links": {
        "post": {
            "description": "Makes a link to one asset, good for an hour without a token: for elements of a page, and drags.",
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "required": ["asset_id"],
                            "additionalProperties": False,
                            "properties": {
                                "asset_id": {"type": "string"},
                                "name": {"type": "string", "description": "Name of the file where it is saved."},
                            },
                        }
                    }
                },
            },
            "responses": {
                "200": {
                    "description": "The link.",
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "required": ["url", "expire_time"],
                                "properties": {
                                    "url": {"type": "string", "description": "Path on this server."},
                                    "expire_time": {"type": "string", "format": "date-time"},
                                },
                            }
                        }
                    },
                },
                "default": _ERROR,
            },
        }
    },
    "/v1/links/{secret}/{name}": {
        "get": _audio(
            "What a link opens, to be saved under its name.",
            [_parameter("secret", "path", "From the link."), _parameter("name", "path", "From the link.")],
            is_open=True,
        )
    },
    "/v1/uploads/{asset_id}": {
        "get": _read(
            "How much of a file has arrived.",
            {"description": "The asset, when it is whole.", "content": _json("Upload")},
            [
                _UPLOAD,
                _parameter("size_bytes", "query", "Size of the whole file; needed.", schema=_NUMBER),
            ],
        ),
        "put": {
            "description": "Stores the next piece of a file, at most 4 MiB, where Content-Range says.",
            "parameters": [
                _UPLOAD,
                _parameter("name", "query", "Name of the file."),
                _parameter("Content-Range", "header", "bytes FIRST-LAST/SIZE; needed."),
            ],
            "requestBody": {"required": True, "content": {"application/octet-stream": {}}},
            "responses": {
                "200": {"description": "How much has arrived.", "content": _json("Upload")},
                "default": _ERROR,
            },
        },
    },
    "/health": {
        "get": _read(
            "Whether the edge serves, in the form of ACE-Step's own server.",
            {"description": "It does.", "content": {"application/json": {"schema": {"type": "object"}}}},
            [],
            is_open=True,
        )
    },
}
