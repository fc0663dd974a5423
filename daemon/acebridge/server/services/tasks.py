"""TaskService: create a job for a task, then stream its events."""

from __future__ import annotations

from acebridge.contract.tasks import TaskRequest
from acebridge.server.context import ServiceContext
from acebridge.server.error_translation import CallContext, streaming
from acebridge.server.event_stream import TaskEvents
from acebridge.v1 import tasks_pb2, tasks_pb2_grpc


class TaskService(tasks_pb2_grpc.TaskServiceServicer):
    """One method for each task, all alike. `acebridge.contract.tasks` says which task a request is for."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    async def _create_and_watch(self, request: TaskRequest) -> TaskEvents:
        """Create the job that ``request`` asks for; return its events."""
        job = await self._context.create_job(request)
        return self._context.job_events(job.id)

    @streaming
    async def TextToMusic(self, request: tasks_pb2.TextToMusicRequest, _: CallContext) -> TaskEvents:
        """See tasks.proto."""
        return await self._create_and_watch(request)

    @streaming
    async def Cover(self, request: tasks_pb2.CoverRequest, _: CallContext) -> TaskEvents:
        """See tasks.proto."""
        return await self._create_and_watch(request)

    @streaming
    async def Repaint(self, request: tasks_pb2.RepaintRequest, _: CallContext) -> TaskEvents:
        """See tasks.proto."""
        return await self._create_and_watch(request)

    @streaming
    async def Lego(self, request: tasks_pb2.LegoRequest, _: CallContext) -> TaskEvents:
        """See tasks.proto."""
        return await self._create_and_watch(request)

    @streaming
    async def Complete(self, request: tasks_pb2.CompleteRequest, _: CallContext) -> TaskEvents:
        """See tasks.proto."""
        return await self._create_and_watch(request)

    @streaming
    async def Extract(self, request: tasks_pb2.ExtractRequest, _: CallContext) -> TaskEvents:
        """See tasks.proto."""
        return await self._create_and_watch(request)

    @streaming
    async def Understand(self, request: tasks_pb2.UnderstandRequest, _: CallContext) -> TaskEvents:
        """See tasks.proto."""
        return await self._create_and_watch(request)

    @streaming
    async def AlignLyrics(self, request: tasks_pb2.AlignLyricsRequest, _: CallContext) -> TaskEvents:
        """See tasks.proto."""
        return await self._create_and_watch(request)

    @streaming
    async def Score(self, request: tasks_pb2.ScoreRequest, _: CallContext) -> TaskEvents:
        """See tasks.proto."""
        return await self._create_and_watch(request)

    @streaming
    async def CreateSample(self, request: tasks_pb2.CreateSampleRequest, _: CallContext) -> TaskEvents:
        """See tasks.proto."""
        return await self._create_and_watch(request)

    @streaming
    async def FormatSample(self, request: tasks_pb2.FormatSampleRequest, _: CallContext) -> TaskEvents:
        """See tasks.proto."""
        return await self._create_and_watch(request)

    @streaming
    async def Transcribe(self, request: tasks_pb2.TranscribeRequest, _: CallContext) -> TaskEvents:
        """See tasks.proto."""
        return await self._create_and_watch(request)
