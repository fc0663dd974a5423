"""What is open around the panel: projects of DAWs, instances of the plug-in, and what to do with them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from acebridge.client.asset_folder import fetch_assets
from acebridge.errors import NotFound
from acebridge.hosts.http.links import wav_name
from acebridge.hosts.jobfolder.placing import files_source, place
from acebridge.hosts.jobfolder.presence import OpenProject, open_projects
from acebridge.hosts.plugin.instances import Instance, find_instance, running_instances, send_command
from acebridge.hosts.registry import INBOXES
from acebridge.paths import data_folder
from acestep_runtime.errors import InvalidValue, printable

if TYPE_CHECKING:
    from pydantic import JsonValue

    from acebridge.client.client import Client

#: How long a DAW may take to place something, in seconds.
_PLACE_S = 30.0
#: What may be changed of an instance, and its buttons.
_TEXTS, _BUTTONS = ("caption", "lyrics"), ("go", "vary", "cancel")
_FACTS = ("host", "task", "state", "caption", "lyrics", "sentence", "project")


def describe_projects() -> list[JsonValue]:
    """Return the projects that are open in a DAW that watches its inbox; those that are shown come first."""
    return [
        {
            "id": _id(host, project), "host": INBOXES[host].name, "name": project.name or "Untitled",
            "folder": str(Path(project.file).parent) if project.file else "", "open": True, "shown": project.shown,
            "recording": project.recording,
        }
        for host, project in _projects()
    ]  # fmt: skip


def _projects() -> Iterator[tuple[str, OpenProject]]:
    for host, inbox in INBOXES.items():
        folder = inbox.folder()
        if folder is not None:
            for project in open_projects(folder):
                yield host, project


def _id(host: str, project: OpenProject) -> str:
    return f"{host}:{project.instance}:{project.key}"


def place_asset(
    client: Client, asset_id: str, project_id: str, *, position_s: float | None, name: str
) -> dict[str, JsonValue]:
    """Put a stored audio file on a track of an open project, at ``position_s`` or at the cursor; wait until it is there.

    ``name`` is that of the track and the file. Raises `NotFound` for a project that is not open any more, `Conflict` where the
    DAW refuses, and what `place` raises.
    """
    found = next(((host, each) for host, each in _projects() if _id(host, each) == project_id), None)
    if found is None:
        raise NotFound("This project is not open any more.", remedy="Open it again, or choose another one.")
    host, project = found
    inbox = INBOXES[host]
    folder = inbox.folder()
    if folder is None:
        raise NotFound(f"{inbox.name} has no inbox.", remedy=inbox.start)
    if position_s is not None and not 0 <= position_s < 1e6:
        raise InvalidValue("position_s", position_s, "0 to 1,000,000 seconds")
    with tempfile.TemporaryDirectory(prefix="acebridge-") as temporary:
        files = fetch_assets(client, {asset_id: wav_name(name or "AceBridge")}, Path(temporary))
        report = place(
            folder, files_source(list(files.values())), host=inbox.name, start=inbox.start,
            project=project.file or project.name,
            at={"kind": "cursor"} if position_s is None else {"kind": "seconds", "position_s": float(position_s)},
            wait_s=_PLACE_S,
        )  # fmt: skip
    report.check()
    answer = report.answer
    return {"state": answer.state, "message": report.sentence(inbox.name), "position_s": answer.position_s}


def describe_instances() -> list[JsonValue]:
    """Return the instances of the plug-in that run, each with what it says of itself."""
    return [_instance(each) for each in running_instances(data_folder())]


def _instance(each: Instance) -> dict[str, JsonValue]:
    facts: dict[str, JsonValue] = {name: each.text(name) for name in _FACTS}
    return {"id": each.id, **facts, "progress": each.fraction(), "working": each.is_working()}


def change_instance(instance_id: str, change: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Set the caption or the lyrics of an instance, or press one of its buttons (``press``). Return it as it is then.

    Raises `InvalidValue` for any other change, and what `send_command` raises.
    """
    for name, value in change.items():
        if name == "press" and value not in _BUTTONS:
            raise InvalidValue("press", printable(str(value)), ", ".join(_BUTTONS))
        if name not in (*_TEXTS, "press"):
            raise InvalidValue("field", printable(name), ", ".join((*_TEXTS, "press")))
        if not isinstance(value, str):
            raise InvalidValue(name, printable(str(value)), "text")
    now = find_instance(data_folder(), instance_id)
    for name, value in change.items():
        now = send_command(now, {name: value})
    return _instance(now)
