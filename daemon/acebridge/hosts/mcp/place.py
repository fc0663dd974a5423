"""Placing audio in the project that is open in a DAW: the routine of ``acebridge place``, for callers with a token."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acebridge.client.asset_folder import fetch_assets
from acebridge.client.connection import check_own_machine
from acebridge.contract.fields import fields_of
from acebridge.contract.tasks import unwrap
from acebridge.file_names import file_name
from acebridge.hosts.jobfolder.places import parse_place
from acebridge.hosts.jobfolder.placing import Source, files_source, job_source, place
from acebridge.hosts.mcp.answers import Answer
from acebridge.hosts.mcp.jobs import get_job
from acebridge.hosts.mcp.sources import audio_fields
from acebridge.hosts.registry import INBOXES
from acebridge.v1 import assets_pb2
from acestep_runtime.errors import InvalidValue, printable

if TYPE_CHECKING:
    from acebridge.client.client import Client
    from acebridge.contract.json_schema import Schema
    from acebridge.hosts.mcp.calls import Call

_MOST_WAIT_S = 600
_MOST_AUDIO = 64
_LONGEST_TITLE = 60
PLACE_SCHEMA: Schema = {
    "type": "object",
    "properties": {
        "job_id": {
            "description": "A job that makes audio: its takes go on one track, its stems in a folder of tracks.",
            "type": "string",
        },
        "audio": {
            "description": "Instead: full paths of files that the daemon may read, or ids of assets; each gets a track.",
            "type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": _MOST_AUDIO,
        },
        "host": {"description": "The DAW.", "type": "string", "enum": list(INBOXES), "default": "reaper"},
        "project": {"description": "Open project, by name or file. Default: the one that is shown.", "type": "string"},
        "at": {
            "description": "Where its source begins: seconds, 1:30.5, bar 17, cursor or selection.",
            "type": "string", "default": "cursor",
        },
        "as_take": {
            "description": "Onto the selected item, if that is at the same place and as long.",
            "type": "boolean", "default": False,
        },
        "wait_s": {
            "description": "Seconds to wait until it is placed; 0 leaves it in the inbox.",
            "type": "number", "minimum": 0, "maximum": _MOST_WAIT_S, "default": 30,
        },
    },
    "additionalProperties": False,
}  # fmt: skip
_KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "number": (int, float),
    "array": (list,),
}


def place_audio(call: Call, arguments: Mapping[str, Any]) -> Answer:
    """Place a job or audio. Raises `InvalidValue`, `Conflict` for what the DAW refuses, and what `place` raises."""
    given = _check(arguments)
    job_id, audio = given.get("job_id"), given.get("audio")
    if bool(job_id) == bool(audio):
        raise InvalidValue("job_id", job_id or "", "either job_id or audio")
    host = given.get("host", "reaper")
    inbox = INBOXES[host].folder()
    if inbox is None:
        message = f"No {INBOXES[host].name} watches for what is to be placed."
        raise InvalidValue("host", host, "a DAW of this machine", message=message, remedy=INBOXES[host].start)
    position = parse_place(given.get("at", "cursor"), "at")
    with call.access.connect() as client, tempfile.TemporaryDirectory(prefix="acebridge-") as folder:
        check_own_machine(client)
        source = (
            job_source(client, job_id, _title(client, job_id))
            if job_id
            else _audio_source(client, audio or [], Path(folder))
        )
        placed = place(
            inbox.absolute(), source, host=INBOXES[host].name, start=INBOXES[host].start, project=given.get("project"),
            at=position, as_take=given.get("as_take", False), wait_s=given.get("wait_s", 30.0),
        )  # fmt: skip
    placed.check()
    answer = placed.answer
    where = {} if answer.position_s is None else {"position_s": answer.position_s}
    return Answer(
        {
            "state": answer.state, "message": printable(answer.message, 400), "project": placed.project.name, **where,
            "files": [str(file) for file in placed.files],
        }
    )  # fmt: skip


def _check(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that are given. Raises `InvalidValue` for the first that the schema does not allow."""
    fields = PLACE_SCHEMA["properties"]
    given = {name: value for name, value in arguments.items() if value is not None}
    for name, value in given.items():
        if name not in fields:
            raise InvalidValue(name, value, f"one of the fields {', '.join(fields)}")
        kind = fields[name]["type"]
        fits = isinstance(value, _KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))
        if not fits:
            raise InvalidValue(name, value, f"a value of the type {kind}")
        if "enum" in fields[name] and value not in fields[name]["enum"]:
            raise InvalidValue(name, value, ", ".join(fields[name]["enum"]))
    if not 0 <= given.get("wait_s", 0) <= _MOST_WAIT_S:
        raise InvalidValue("wait_s", given["wait_s"], f"0 to {_MOST_WAIT_S} seconds")
    if len(given.get("audio", ())) > _MOST_AUDIO or not all(isinstance(each, str) for each in given.get("audio", ())):
        raise InvalidValue("audio", given["audio"], f"at most {_MOST_AUDIO} texts")
    return given


def _audio_source(client: Client, audio: list[str], folder: Path) -> Source:
    """Return a source of the assets that are named, as files in a temporary folder: nothing else of this machine is read."""
    wanted: dict[str, str] = {}
    for number, each in enumerate(audio):
        fields, _ = audio_fields(client, each, f"audio[{number}]")
        asset = client.call(client.assets.GetAsset, assets_pb2.GetAssetRequest(asset_id=str(fields["asset_id"])))
        wanted[asset.id] = _file_name(asset.name)
    return files_source(list(fetch_assets(client, wanted, folder).values()))


def _title(client: Client, job_id: str) -> str:
    """Return what a job is about, for the name of a track; empty where nobody has said it."""
    job = get_job(client, job_id)
    fields = fields_of(unwrap(job.request)) if job.request.WhichOneof("task") else {}
    music = fields.get("music")
    caption = music.get("caption") if isinstance(music, Mapping) else ""
    return " ".join(str(caption or "").split())[:_LONGEST_TITLE]


def _file_name(name: str) -> str:
    """Return the name of an asset as that of a file: it keeps its ending, which readers of some formats need."""
    path = Path(name)
    return f"{file_name(path.stem) or 'audio'}.{file_name(path.suffix) or 'wav'}"
