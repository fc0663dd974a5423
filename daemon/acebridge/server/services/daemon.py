"""DaemonService: the daemon's own state, and its end."""

from __future__ import annotations

from acebridge.errors import Conflict
from acebridge.jobs.job import QUEUED, RUNNING
from acebridge.server.context import ServiceContext
from acebridge.server.error_translation import CallContext, unary
from acebridge.server.idle import is_busy
from acebridge.server.messages import timestamp
from acebridge.v1 import daemon_pb2, daemon_pb2_grpc
from acebridge.version import VERSION
from acebridge.workers.memory import memory_of
from acebridge.workers.remote import Line


class DaemonService(daemon_pb2_grpc.DaemonServiceServicer):
    """The daemon itself."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    @unary
    async def GetStatus(self, _request: daemon_pb2.GetStatusRequest, _: CallContext) -> daemon_pb2.DaemonStatus:
        """See daemon.proto."""
        context = self._context
        workers = [
            daemon_pb2.WorkerStatus(
                device=device,
                pid=worker.pid,
                job_id=context.scheduler.running.get(device, ""),
                restarts=worker.restarts,
                memory_bytes=memory_of(worker.pid) if worker.pid else 0,
                models=worker.models,
                label=worker.device.label,
                problem=worker.problem,
            )
            for device, worker in context.scheduler.workers.items()
        ]
        return daemon_pb2.DaemonStatus(
            version=VERSION,
            pid=context.pid,
            start_time=timestamp(context.started),
            data_dir=str(context.config.data_dir),
            roots=[str(root).encode(errors="replace").decode() for root in context.config.roots],
            waiting_jobs=await context.journal.count(QUEUED),
            running_jobs=await context.journal.count(RUNNING),
            stored_bytes=await context.store.total_bytes(),
            quota_bytes=context.config.quota_bytes,
            workers=workers,
            remote=None if context.line is None else _remote(context.line),
        )

    @unary
    async def Shutdown(self, request: daemon_pb2.ShutdownRequest, _: CallContext) -> daemon_pb2.ShutdownResponse:
        """See daemon.proto."""
        context = self._context
        if request.only_if_idle and await is_busy(context.journal, context.calls, own_calls=1):
            raise Conflict("The daemon is at work.", remedy="Wait until its jobs and the calls to it have ended.")
        context.note("shutdown asked for")
        context.shut_down()
        return daemon_pb2.ShutdownResponse()


def _remote(line: Line) -> daemon_pb2.RemoteDaemon:
    state = line.state
    return daemon_pb2.RemoteDaemon(address=line.address, up=state.is_up, problem=state.why, version=state.version)
