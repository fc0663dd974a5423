"""The addresses that are no tasks: the session, jobs, feedback, the token."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from acebridge.addresses import plain_host
from acebridge.contract.enums import enum_name
from acebridge.hosts.osc.address import ID, Address
from acebridge.hosts.osc.messages import Value
from acebridge.hosts.osc.monitor import ANSWERS as MONITOR_ANSWERS
from acebridge.hosts.osc.request import is_asset_id
from acebridge.hosts.osc.session import FIELDS, PATHS
from acebridge.v1 import daemon_pb2, jobs_pb2, tasks_pb2
from acestep_runtime.errors import InvalidValue
from acestep_runtime.values import USUAL_VARIATION

if TYPE_CHECKING:
    from acebridge.hosts.osc.bridge import Bridge
    from acebridge.hosts.osc.peer import Peer

#: Jobs that /acebridge/jobs lists.
_LISTED_JOBS = 20


def _set_field(name: str) -> Address:
    def handle(bridge: Bridge, peer: Peer, values: Sequence[Value]) -> None:
        (value,) = values
        if name in PATHS and isinstance(value, str) and value and not is_asset_id(value):
            bridge.set_path(peer, name, value)
        else:
            bridge.session.set(name, value)

    field = FIELDS[name]
    return Address(f"/acebridge/session/{name}", field.tag, (name,), field.doc, handle)


def _show_session(bridge: Bridge, peer: Peer, _: Sequence[Value]) -> None:
    for name in bridge.session.values:
        bridge.send_field(peer, name)
    bridge.send(peer, "/acebridge/session/count", "i", len(bridge.session.values))


def _clear_session(bridge: Bridge, _peer: Peer, _: Sequence[Value]) -> None:
    bridge.session.clear()


def _again(bridge: Bridge, peer: Peer, _: Sequence[Value]) -> None:
    bridge.run_again(peer, "/acebridge/again")


def _vary(bridge: Bridge, peer: Peer, values: Sequence[Value]) -> None:
    amount, take = values
    if amount != 0:  # a finger leaves its button
        far = float(amount) if isinstance(amount, (int, float)) else USUAL_VARIATION
        bridge.run_variation(peer, "/acebridge/vary", far, take if isinstance(take, int) else None)


def _cancel_all(bridge: Bridge, peer: Peer, _: Sequence[Value]) -> None:
    runs = bridge.jobs.runs  # now: not those that are ordered while the thread waits

    def cancel() -> None:
        for run in runs:
            run.cancel()

    bridge.work(peer, "/acebridge/cancel", cancel)


def _cancel(bridge: Bridge, peer: Peer, values: Sequence[Value]) -> None:
    job_id = str(values[0])

    def cancel() -> None:
        _send_state(bridge, peer, bridge.jobs.connection.client().cancel(job_id))

    bridge.work(peer, f"/acebridge/job/{job_id}/cancel", cancel)


def _send_state(bridge: Bridge, peer: Peer, job: jobs_pb2.Job) -> None:
    state = enum_name(jobs_pb2.JobState.DESCRIPTOR, job.state)
    task = enum_name(tasks_pb2.TaskKind.DESCRIPTOR, job.task)
    bridge.send_from_thread(peer, f"/acebridge/job/{job.id}/state", "fss", job.progress.fraction, state, task)


def _list_jobs(bridge: Bridge, peer: Peer, _: Sequence[Value]) -> None:
    def list_jobs() -> None:
        client = bridge.jobs.connection.client()
        jobs = client.call(client.jobs.ListJobs, jobs_pb2.ListJobsRequest(page_size=_LISTED_JOBS)).jobs
        for job in jobs:
            _send_state(bridge, peer, job)
        bridge.send_from_thread(peer, "/acebridge/jobs/count", "i", len(jobs))

    bridge.work(peer, "/acebridge/jobs", list_jobs)


def _status(bridge: Bridge, peer: Peer, _: Sequence[Value]) -> None:
    def send_status() -> None:
        client = bridge.jobs.connection.client()
        status = client.call(client.daemon.GetStatus, daemon_pb2.GetStatusRequest())
        counts = status.running_jobs, status.waiting_jobs
        bridge.send_from_thread(peer, "/acebridge/daemon", "iiss", *counts, status.version, client.address)

    bridge.work(peer, "/acebridge/status", send_status)


def _add_feedback(bridge: Bridge, peer: Peer, values: Sequence[Value]) -> None:
    bridge.add_feedback(peer, *_host_and_port(values))


def _stop_feedback(bridge: Bridge, _peer: Peer, values: Sequence[Value]) -> None:
    host, port = _host_and_port(values)
    with suppress(ValueError):  # a name never became a feedback address
        host = plain_host(host)
    bridge.feedback.pop((host, port), None)


def _host_and_port(values: Sequence[Value]) -> tuple[str, int]:
    host, port = values
    if not isinstance(host, str) or not isinstance(port, int):
        raise InvalidValue("feedback", f"{host} {port}", "a host and a port, such as 127.0.0.1 9000")
    return host, port


def _present_token(bridge: Bridge, peer: Peer, values: Sequence[Value]) -> None:
    bridge.access.present(peer, str(values[0] or ""))


SESSION = tuple(_set_field(name) for name in FIELDS)
CONTROL = (
    Address(
        "/acebridge/session", "", (), "send every field that is set, then their number", _show_session, button=True
    ),
    Address("/acebridge/session/clear", "", (), "clear all fields", _clear_session, button=True),
    Address("/acebridge/again", "", (), "repeat the last task with new seeds", _again, button=True),
    Address(
        "/acebridge/vary",
        "fi",
        ("amount", "take"),
        f"vary a take of the last job, or its first, by 0 to 1, or {USUAL_VARIATION:g}; 0 does nothing",
        _vary,
        optional=2,
    ),
    Address("/acebridge/cancel", "", (), "cancel all jobs of the bridge", _cancel_all, button=True),
    Address(f"/acebridge/job/{ID}/cancel", "", (), "cancel this job", _cancel, button=True),
    Address(
        "/acebridge/jobs", "", (), f"list the {_LISTED_JOBS} newest jobs, then their number", _list_jobs, button=True
    ),
    Address("/acebridge/status", "", (), "say what the daemon does", _status, button=True),
    Address("/acebridge/feedback", "si", ("host", "port"), "send all feedback there too, over UDP", _add_feedback),
    Address("/acebridge/feedback/stop", "si", ("host", "port"), "send no more feedback there", _stop_feedback),
    Address("/acebridge/token", "s", ("token",), "present the daemon's token", _present_token),
)
#: What is sent, apart from what jobs say (`acebridge.hosts.osc.feedback`): path → tags, names of the arguments, meaning.
ANSWERS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "/acebridge/error": ("sss", ("address", "reason", "remedy"), "a message was refused"),
    f"/acebridge/job/{ID}/state": ("fss", ("fraction", "state", "task"), "a job of /acebridge/jobs"),
    "/acebridge/jobs/count": ("i", ("jobs",), "the list of jobs is complete"),
    "/acebridge/session/count": ("i", ("fields",), "the list of fields is complete"),
    **MONITOR_ANSWERS,
    "/acebridge/daemon": ("iiss", ("running", "waiting", "version", "address"), "the answer to /acebridge/status"),
}
