"""JSON Schemas of a job folder's documents: ``python -m acebridge.hosts.jobfolder.schema`` writes them beside this file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import JsonValue, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import CoreSchema

from acebridge.hosts.jobfolder import VERSION
from acebridge.hosts.jobfolder.documents import DoctorFile, RequestFile, ResultFile, StatusFile
from acebridge.hosts.jobfolder.inbox_documents import AnswerFile, PlaceFile, PresenceFile

_FOLDER = Path(__file__).parent
#: ``result.json`` holds the result of a request, or of a doctor.
DOCUMENTS: dict[str, TypeAdapter[Any]] = {
    "request": TypeAdapter(RequestFile),
    "status": TypeAdapter(StatusFile),
    "result": TypeAdapter(ResultFile | DoctorFile),
    "place": TypeAdapter(PlaceFile),
    "answer": TypeAdapter(AnswerFile),
    "presence": TypeAdapter(PresenceFile),
}
#: Those of the inbox; the others lie in a job folder.
_OF_THE_INBOX = ("place", "answer", "presence")


class _SchemaWithoutTitles(GenerateJsonSchema):
    """Leaves out titles of keys, which would only repeat their names."""

    def field_title_should_be_set(self, schema: CoreSchema) -> bool:  # noqa: ARG002 - pydantic passes it
        return False


def json_schema(document: str) -> dict[str, JsonValue]:
    """Return the schema of a document, such as ``request``. Keys that it does not name are allowed."""
    content: dict[str, JsonValue] = DOCUMENTS[document].json_schema(schema_generator=_SchemaWithoutTitles)
    if document == "status":  # its type is that of changes, too, and those may be of any keys
        content["required"] = list(StatusFile.__annotations__)
    place = "inbox" if document in _OF_THE_INBOX else "job folder"
    content["title"] = f"{document}.json of an AceBridge {place}, version {VERSION}"
    return {"$schema": GenerateJsonSchema.schema_dialect, **content}


def schema_file(document: str) -> tuple[Path, str]:
    """Return where the schema of a document is shipped, and the text of that file."""
    text = json.dumps(json_schema(document), indent=2, ensure_ascii=False).replace("``", "`")
    return _FOLDER / f"{document}.schema.json", f"{text}\n"


def main() -> None:
    """Write all schemas."""
    for document in DOCUMENTS:
        path, text = schema_file(document)
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
