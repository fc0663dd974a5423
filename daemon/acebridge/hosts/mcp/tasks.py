"""The tools of tasks: one for each task, with the fields of its request. Calling one makes a job and follows it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acebridge.contract.fields import coerce, fill, merge_fields
from acebridge.contract.json_schema import Schema, describe, task_schema
from acebridge.contract.tasks import METHODS, TaskMethod, request_type
from acebridge.hosts.mcp.jobs import follow_job
from acebridge.hosts.mcp.sources import audio_fields, audio_schema
from acebridge.hosts.mcp.tool import Tool
from acebridge.v1 import audio_pb2
from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks import AUDIO_FIELDS, TASKS

if TYPE_CHECKING:
    from acebridge.hosts.mcp.answers import Answer
    from acebridge.hosts.mcp.calls import Call

#: What every tool that follows a job takes beside the fields of the contract.
WAIT_S: Schema = {
    "description": "Seconds to wait for the result; the job then goes on, and job_get fetches it. Default: to its end.",
    "type": "number",
    "minimum": 0,
}
_WAIT = "wait_s"


def task_tools() -> list[Tool]:
    """Return the tools of all tasks, in the order of the contract."""
    return [_task_tool(method) for method in METHODS]


def _task_tool(method: TaskMethod) -> Tool:
    schema = task_schema(method.task, brief=True)
    fields = schema["properties"]
    for name in AUDIO_FIELDS:
        if name in fields:
            fields[name] = audio_schema(fields[name])
    fields["submission"]["properties"].pop("origin")  # the server says it
    fields[_WAIT] = WAIT_S
    returns = (
        "Returns takes with files and assets." if TASKS[method.task].kind == "audio" else "Returns facts, no audio."
    )
    about = f"{describe(f'TaskService.{method.rpc}')} {returns}"

    def run(call: Call, arguments: Mapping[str, Any]) -> Answer:
        return run_task(call, method.task, arguments)

    return Tool(method.task, about, schema, run, destructive=False)


def run_task(call: Call, task: str, arguments: Mapping[str, Any]) -> Answer:
    """Make a job of a task with the fields that a caller gives, and follow it. Raises what the daemon and `coerce` raise."""
    given = dict(arguments)
    wait_s = wait_of(given)
    message = request_type(task)()
    source: Path | None = None
    with call.access.connect() as client:
        audio = {name: given.pop(name) for name in AUDIO_FIELDS if given.get(name) not in (None, "")}
        fields = coerce(message.DESCRIPTOR, given)
        for name, each in audio.items():
            if name not in message.DESCRIPTOR.fields_by_name:
                raise InvalidValue(name, each, f"nothing: {task} has no such field")
            inner, file = audio_fields(client, each, name)
            fields[name] = coerce(audio_pb2.AudioInput.DESCRIPTOR, inner, name)
            source = file if name == "source" else source
        fields["submission"] = merge_fields({"origin": {"host": call.origin}}, fields.get("submission"))
        fill(message, fields, TASKS[task])
        job = client.create(message)
        return follow_job(call, client, job.id, source=source, wait_s=wait_s)


def wait_of(arguments: dict[str, Any]) -> float | None:
    """Take ``wait_s`` out of the arguments of a call and return it. Raises `InvalidValue`."""
    wait_s = arguments.pop(_WAIT, None)
    if wait_s is None:
        return None
    if isinstance(wait_s, bool) or not isinstance(wait_s, (int, float)) or not 0 <= wait_s <= 1e6:
        raise InvalidValue(_WAIT, wait_s, "0 to 1,000,000 seconds")
    return float(wait_s)
