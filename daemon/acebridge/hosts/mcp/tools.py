"""The table of all tools: tasks, jobs, assets, models, and placing audio in a DAW."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from google.protobuf.message import Message

from acebridge.contract.fields import coerce, fill
from acebridge.contract.json_form import message_json
from acebridge.contract.json_schema import Schema, describe, message_schema
from acebridge.hosts.mcp.answers import Answer, asset_link
from acebridge.hosts.mcp.jobs import follow_job, get_job, job_answer
from acebridge.hosts.mcp.place import PLACE_SCHEMA, place_audio
from acebridge.hosts.mcp.sources import import_file
from acebridge.hosts.mcp.tasks import WAIT_S, task_tools, wait_of
from acebridge.hosts.mcp.tool import Run, Tool
from acebridge.v1 import assets_pb2, daemon_pb2, jobs_pb2, models_pb2
from acestep_runtime.errors import InvalidValue

if TYPE_CHECKING:
    from acebridge.hosts.mcp.calls import Call

Request = TypeVar("Request", bound=Message)
#: Entries of a page where the caller names no size: models read all of them.
_PAGE = 20
_SAVE: Schema = {
    "description": "Wait for the job to end and write its files into the folder for results. Default false: as it is now.",
    "type": "boolean",
    "default": False,
}


def all_tools() -> dict[str, Tool]:
    """Return all tools by name."""
    wait = {"wait_s": WAIT_S}
    tools = [
        *task_tools(),
        _tool("jobs_list", "JobService.ListJobs", jobs_pb2.ListJobsRequest, _list_jobs, reads=True),
        _tool("job_get", "JobService.GetJob", jobs_pb2.GetJobRequest, _get_job, more={"save": _SAVE, **wait}),
        _tool("job_cancel", "JobService.CancelJob", jobs_pb2.CancelJobRequest, _cancel_job, destructive=True),
        _tool("next_batch", "JobService.NextBatch", jobs_pb2.NextBatchRequest, _next_batch, more=wait),
        _tool("assets_list", "AssetService.ListAssets", assets_pb2.ListAssetsRequest, _list_assets, reads=True),
        _tool("upload_file", "AssetService.ImportAsset", assets_pb2.ImportAssetRequest, _upload_file),
        Tool(
            "place_audio",
            "Places a finished job, or audio, on tracks of the project that is open in a DAW on this machine.",
            PLACE_SCHEMA,
            place_audio,
        ),
        _tool("models_list", "ModelService.ListModels", models_pb2.ListModelsRequest, _list_models, reads=True),
        _tool(
            "capabilities", "ModelService.GetCapabilities", models_pb2.GetCapabilitiesRequest, _capabilities, reads=True
        ),
    ]
    return {tool.name: tool for tool in tools}


#: Fields that have to be given; proto3 does not say it.
_NEEDED = ("job_id", "path")


def _tool(
    name: str,
    method: str,
    request: type[Message],
    run: Run,
    *,
    more: Mapping[str, Schema] = MappingProxyType({}),
    reads: bool = False,
    destructive: bool = False,
) -> Tool:
    """Return the tool that calls a method of the contract, with its comment and its fields, and ``more`` fields."""
    schema = message_schema(request.DESCRIPTOR)
    schema["properties"].update(more)
    needed = [name for name in _NEEDED if name in schema["properties"]]
    if needed:
        schema["required"] = needed
    return Tool(name, describe(method), schema, run, reads=reads, destructive=destructive)


def _request(kind: type[Request], arguments: Mapping[str, Any]) -> Request:
    """Return the request that a caller's arguments make. Raises `InvalidValue`."""
    request = kind()
    fields = coerce(request.DESCRIPTOR, arguments)
    for name in _NEEDED:
        if name in request.DESCRIPTOR.fields_by_name and name not in fields:
            raise InvalidValue(name, "", "a text", message=f"{name} is missing.", remedy=f"Give {name}.")
    fill(request, fields)
    return request


def _list_jobs(call: Call, arguments: Mapping[str, Any]) -> Answer:
    request = _request(jobs_pb2.ListJobsRequest, {"page_size": _PAGE, **arguments})
    with call.access.connect() as client:
        return Answer(message_json(client.call(client.jobs.ListJobs, request)))


def _get_job(call: Call, arguments: Mapping[str, Any]) -> Answer:
    given = dict(arguments)
    save, wait_s = given.pop("save", False), wait_of(given)
    if not isinstance(save, bool):
        raise InvalidValue("save", save, "true or false")
    job_id = _request(jobs_pb2.GetJobRequest, given).job_id
    with call.access.connect() as client:
        if not save:
            return job_answer(get_job(client, job_id))
        return follow_job(call, client, job_id, wait_s=wait_s, cancels=False)


def _cancel_job(call: Call, arguments: Mapping[str, Any]) -> Answer:
    request = _request(jobs_pb2.CancelJobRequest, arguments)
    with call.access.connect() as client:
        return job_answer(client.cancel(request.job_id))


def _next_batch(call: Call, arguments: Mapping[str, Any]) -> Answer:
    given = dict(arguments)
    wait_s = wait_of(given)
    before = _request(jobs_pb2.NextBatchRequest, given).job_id
    with call.access.connect() as client:
        events = client.next_batch(before)
        job_id = next(events).job_id
        del events  # which ends the call; the batch goes on
        return follow_job(call, client, job_id, wait_s=wait_s)


def _list_assets(call: Call, arguments: Mapping[str, Any]) -> Answer:
    request = _request(assets_pb2.ListAssetsRequest, {"page_size": _PAGE, **arguments})
    with call.access.connect() as client:
        return Answer(message_json(client.call(client.assets.ListAssets, request)))


def _upload_file(call: Call, arguments: Mapping[str, Any]) -> Answer:
    path = _request(assets_pb2.ImportAssetRequest, arguments).path
    with call.access.connect() as client:
        asset = import_file(client, path, "path")
    return Answer(message_json(asset), [asset_link(asset.id, asset.name)])


def _list_models(call: Call, arguments: Mapping[str, Any]) -> Answer:
    request = _request(models_pb2.ListModelsRequest, arguments)
    with call.access.connect() as client:
        return Answer(message_json(client.call(client.models.ListModels, request)))


def _capabilities(call: Call, arguments: Mapping[str, Any]) -> Answer:
    request = _request(models_pb2.GetCapabilitiesRequest, arguments)
    with call.access.connect() as client:
        found = message_json(client.call(client.models.GetCapabilities, request))
        status = message_json(client.call(client.daemon.GetStatus, daemon_pb2.GetStatusRequest()))
    return Answer({**found, "status": status})
