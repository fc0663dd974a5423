"""The paths of ACE-Step's own server, so that front ends written for it work with the daemon.

    POST /release_task    begins a job                   {"data": {"task_id", "status", "queue_position"}, "code": 200, …}
    POST /query_result    says how jobs are              {"data": [{"task_id", "status": 0, 1 or 2, "result": JSON as text}], …}
    GET  /v1/audio?path=  a result
    GET  /health

The token is sent as a header, or as ``ai_token`` in the body. Results are WAV files whatever ``audio_format`` says; the address
of one is a link, which needs no token.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, cast

import grpc
from starlette.requests import Request
from starlette.responses import Response

from acebridge.contract.fields import coerce, fill
from acebridge.contract.metadata import metadata_values
from acebridge.contract.tasks import request_type, unwrap, wrap
from acebridge.errors import AceBridgeError, NotFound
from acebridge.hosts.http.access import Caller, caller_from
from acebridge.hosts.http.audio import answer_asset
from acebridge.hosts.http.bodies import read_body, read_object
from acebridge.hosts.http.calls import call_daemon
from acebridge.hosts.http.edge import Edge
from acebridge.hosts.http.errors import answer_json, plain_error, status_of
from acebridge.hosts.http.upstream_fields import Fields, request_fields, task_of
from acebridge.v1 import jobs_pb2
from acebridge.version import VERSION
from acestep_runtime.errors import AceStepError, InvalidValue
from acestep_runtime.tasks import TASKS

if TYPE_CHECKING:
    from acebridge.v1 import tasks_pb2

_RUNS, _SUCCEEDED, _FAILED = 0, 1, 2
_STATES = {
    jobs_pb2.JOB_STATE_QUEUED: _RUNS,
    jobs_pb2.JOB_STATE_RUNNING: _RUNS,
    jobs_pb2.JOB_STATE_SUCCEEDED: _SUCCEEDED,
}
#: How many jobs one request may ask for.
MAX_IDS = 200
_LONGEST_FORM_BYTES = 1 << 20


async def answer_health(_: Edge, __: Request) -> Response:
    """Answer ``GET /health``."""
    return _wrap({"status": "ok", "service": "AceBridge", "version": VERSION})


async def answer_release(edge: Edge, request: Request) -> Response:
    """Answer ``POST /release_task``."""
    try:
        given = await _read(request)
        caller = caller_from(request, edge.panel_key, given.get("ai_token"))
        fields = Fields(given)
        task = task_of(fields)
        message = request_type(task)()
        fill(message, coerce(message.DESCRIPTOR, request_fields(fields)), TASKS[task])
        create = jobs_pb2.CreateJobRequest(request=wrap(message))
        job = cast(jobs_pb2.Job, await call_daemon(edge, caller, "JobService", "CreateJob", create))
    except (grpc.RpcError, AceBridgeError, AceStepError) as error:
        return _refuse(error)
    return _wrap({"task_id": job.id, "status": "queued", "queue_position": job.position + 1})


async def answer_query(edge: Edge, request: Request) -> Response:
    """Answer ``POST /query_result``."""
    try:
        given = await _read(request)
        caller = caller_from(request, edge.panel_key, given.get("ai_token"))
        return _wrap([await _entry(edge, caller, job_id) for job_id in _ids(given)])
    except (grpc.RpcError, AceBridgeError, AceStepError) as error:
        return _refuse(error)


async def answer_file(edge: Edge, request: Request) -> Response:
    """Answer ``GET /v1/audio?path=…``."""
    try:
        secret = request.query_params.get("path", "").partition("/")[0]
        link = edge.links.find(secret)
        return await answer_asset(edge, link.caller, link.asset_id, request, name=link.name)
    except (grpc.RpcError, AceBridgeError, AceStepError) as error:
        return _refuse(error)


async def _read(request: Request) -> dict[str, Any]:
    """Return the fields of a request: JSON, or a form. Raises `InvalidValue`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        from urllib.parse import parse_qsl

        text = (await read_body(request, _LONGEST_FORM_BYTES)).decode("utf-8", "replace")
        return dict(parse_qsl(text, keep_blank_values=True))
    if kind in ("", "application/json"):
        return await read_object(request)
    raise InvalidValue(
        "Content-Type",
        kind[:60],
        "application/json, application/x-www-form-urlencoded",
        remedy="Upload audio with PUT /v1/uploads first, or name its path in src_audio_path.",
    )


def _ids(given: dict[str, Any]) -> list[str]:
    """Return the jobs that a request asks for. Raises `InvalidValue`."""
    value = given.get("task_id_list")
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = [each.strip() for each in value.split(",")]
    if not isinstance(value, list) or len(value) > MAX_IDS or not all(isinstance(each, str) for each in value):
        raise InvalidValue("task_id_list", str(value)[:60], f"a list of at most {MAX_IDS} task ids")
    return value


async def _entry(edge: Edge, caller: Caller, job_id: str) -> dict[str, Any]:
    """Return what is said of a job; of one that is not there, what upstream says."""
    message = jobs_pb2.GetJobRequest(job_id=job_id.encode("utf-8", "replace").decode("utf-8"))
    try:
        job = cast(jobs_pb2.Job, await call_daemon(edge, caller, "JobService", "GetJob", message))
    except grpc.RpcError as error:
        if error.code() not in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT):
            raise
        return {"task_id": job_id, "status": _RUNS, "result": "[]"}
    status = _STATES.get(job.state, _FAILED)
    entry = {
        "task_id": job.id,
        "status": status,
        "result": json.dumps(_results(edge, caller, job, status), ensure_ascii=False),
        "progress_text": job.progress.stage,
    }
    return entry if status != _FAILED else {**entry, "error": job.error.message}


def _results(edge: Edge, caller: Caller, job: jobs_pb2.Job, status: int) -> list[dict[str, Any]]:
    common = {
        "wave": "",
        "status": status,
        "create_time": job.create_time.seconds,
        "env": "production",
        "progress": job.progress.fraction,
        "stage": job.progress.stage,
        "lm_model": "",
        "dit_model": "",
    }
    if status == _FAILED:
        return [{**common, "file": "", "error": job.error.message}]
    if status == _RUNS:
        return [{**common, "file": ""}]
    seeds = ",".join(str(take.seed) for take in job.takes)
    return [
        {**common, **_facts(job, take), "file": _link(edge, caller, output), "seed_value": seeds}
        for take in job.takes
        for output in take.outputs
    ]


def _facts(job: jobs_pb2.Job, take: tasks_pb2.TakeFinished) -> dict[str, Any]:
    metadata = metadata_values(take.metadata)
    music = getattr(unwrap(job.request), "music", None) if job.HasField("request") else None
    frames = next((output.frames / output.sample_rate for output in take.outputs if output.sample_rate), 0.0)
    measured = {name: metadata.get(name) or None for name in ("bpm", "keyscale")}
    return {
        "prompt": music.caption if music is not None else "",
        "lyrics": music.lyrics if music is not None else "",
        "metas": {
            **measured,
            "timesignature": str(metadata.get("timesignature") or ""),
            "duration": round(frames, 3),
            "genres": "",
        },
        "generation_info": f"Engine {job.engine}, take {take.take}, seed {take.seed}.",
    }


def _link(edge: Edge, caller: Caller, output: tasks_pb2.StoredOutput) -> str:
    from urllib.parse import quote

    path = edge.links.reuse(caller, output.asset_id, f"{output.role} {output.take}")
    return f"/v1/audio?path={quote(path.removeprefix('/v1/links/'), safe='')}"


def _wrap(data: Any) -> Response:
    return answer_json({"data": data, "code": 200, "error": None, "timestamp": int(time.time() * 1000), "extra": None})


def _refuse(error: Exception) -> Response:
    error = plain_error(error)
    status = 404 if isinstance(error, NotFound) else status_of(error)
    return answer_json({"detail": str(error)}, status)
