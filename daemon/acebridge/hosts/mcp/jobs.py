"""Following jobs for a caller: progress while they run, then their takes, with files, scores and words."""

from __future__ import annotations

import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acebridge.atomic_files import check_writable
from acebridge.client.follow import JobSink, follow
from acebridge.client.result_files import ResultFiles, base_of
from acebridge.contract.enums import enum_name
from acebridge.contract.json_form import message_json
from acebridge.errors import ConnectionLost, JobFailed, Unavailable
from acebridge.hosts.mcp.answers import Answer, asset_link, asset_uri
from acebridge.v1 import jobs_pb2, tasks_pb2
from acestep_runtime.errors import InvalidValue

if TYPE_CHECKING:
    from mcp_types import ResourceLink

    from acebridge.client.client import Client
    from acebridge.hosts.mcp.calls import Call

#: How often a call finds a daemon again that went away while its job ran.
_TRIES = 3
#: Metadata that is a file: it is written beside the audio.
_FILES = ("midi",)


class _Reporter(JobSink):
    """Tells the caller how far a job is."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def on_queued(self, queued: tasks_pb2.Queued) -> None:
        """Tell the place in the queue."""
        self._call.report(0.0, queued.reason or f"waits: place {max(queued.position, 1)} in the queue")

    def on_progress(self, progress: tasks_pb2.Progress) -> None:
        """Tell the share that is done, and the time that is left, in seconds."""
        left = f", {progress.eta_s:.0f} s left" if progress.HasField("eta_s") else ""
        self._call.report(progress.fraction, f"{progress.stage}{left}")


def follow_job(
    call: Call,
    client: Client,
    job_id: str,
    *,
    source: Path | None = None,
    wait_s: float | None = None,
    cancels: bool = True,
) -> Answer:
    """Follow a job to its end and write its results: beside ``source``, else into the folder for results.

    Who cancels the call ``cancels`` the job. After ``wait_s`` seconds the job goes on, and the answer says how far it is. A
    daemon that went away is found again. Raises what the job ends with, and `InvalidValue` where neither folder can be written.
    """
    timer = None if wait_s is None else threading.Timer(wait_s, call.leave)
    with ExitStack() as stack:
        if timer is not None:
            timer.daemon = True
            timer.start()
            stack.callback(timer.cancel)
        for tries_left in reversed(range(_TRIES)):
            try:
                return _follow(call, client, job_id, source, cancels=cancels)
            except ConnectionLost as error:  # noqa: PERF203 - each try is a job
                if not tries_left:
                    raise _with_job(error, job_id) from error
                client = stack.enter_context(_reconnect(call, error, job_id))
    raise AssertionError("the last try returns or raises")


def _follow(call: Call, client: Client, job_id: str, source: Path | None, *, cancels: bool) -> Answer:
    task = task_of(get_job(client, job_id))
    with ResultFiles(_folder(call, source), base_of(source, task), call.access.names) as files:
        try:
            completed = follow(call.watch(client, job_id, cancels=cancels), files, _Reporter(call))
        except ConnectionLost:
            raise
        except JobFailed:
            if not call.left:
                raise
            note = "The job goes on: job_get with its id and save waits for it and writes its files."
            return Answer({**message_json(get_job(client, job_id)), "note": note})
        return _result(job_id, task, completed, files)


def get_job(client: Client, job_id: str) -> jobs_pb2.Job:
    """Return a job."""
    return client.call(client.jobs.GetJob, jobs_pb2.GetJobRequest(job_id=job_id))


def task_of(job: jobs_pb2.Job) -> str:
    """Return the name of a job's task."""
    return enum_name(tasks_pb2.TaskKind.DESCRIPTOR, job.task)


def job_answer(job: jobs_pb2.Job) -> Answer:
    """Return a job as it is now: its takes, with links to their audio."""
    values = message_json(job)
    takes = values.get("takes")
    links = [link for take in (takes if isinstance(takes, list) else []) for link in _add_addresses(take, task_of(job))]
    return Answer(values, links)


def _folder(call: Call, source: Path | None) -> Path:
    """Return the folder for results: that of the source, where it can be written, else the usual one."""
    if source is not None:
        with suppress(InvalidValue):
            check_writable(source.parent)
            return source.parent
    check_writable(call.access.results)
    return call.access.results


def _result(job_id: str, task: str, completed: tasks_pb2.Completed, files: ResultFiles) -> Answer:
    """Return what a job has made, as values with the files that were written."""
    values = message_json(completed)
    links: list[ResourceLink] = []
    takes = values.get("takes")
    for take in takes if isinstance(takes, list) else []:
        links += _add_addresses(take, task)
        for output in take["outputs"]:
            output["file"] = str(files.files[output["output"]])
        if texts := files.texts.get(take["take"]):
            take["files"] = [str(file) for file in texts]
    return Answer({"job_id": job_id, "task": task, "state": "succeeded", **values}, links)


def _add_addresses(take: Any, task: str) -> list[ResourceLink]:
    """Give the outputs of a take their addresses as resources, and return links to them."""
    for name in _FILES:
        take.get("metadata", {}).pop(name, None)
    links = []
    for output in take.get("outputs", ()):
        output["uri"] = asset_uri(output["asset_id"])
        links.append(asset_link(output["asset_id"], f"{task}: take {take['take']}, {output['role']}"))
    return links


def _reconnect(call: Call, error: ConnectionLost, job_id: str) -> Client:
    """Return a client of the daemon that is there again. Raises ``error``, with how to go on, where none is."""
    try:
        return call.access.connect()
    except Unavailable as away:
        raise _with_job(error, job_id) from away


def _with_job(error: ConnectionLost, job_id: str) -> ConnectionLost:
    """Return the error for a daemon that did not come back, with how to go on."""
    remedy = f"When the daemon runs again, job_get with job_id {job_id} and save fetches the result."
    return ConnectionLost(error.kind, error.message, remedy=remedy, details={"job_id": job_id})
