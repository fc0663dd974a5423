"""JobService: create, look up, watch, continue, cancel and delete jobs."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from acebridge.contract.enums import enum_name
from acebridge.contract.tasks import unwrap
from acebridge.errors import NotFound
from acebridge.jobs.job import ENDED, QUEUED, RUNNING, Job
from acebridge.jobs.results import remove_results
from acebridge.server.context import ServiceContext
from acebridge.server.error_translation import CallContext, streaming, unary
from acebridge.server.event_stream import TaskEvents
from acebridge.server.messages import job_message
from acebridge.server.open_calls import CALLER
from acebridge.server.services.pages import page_of
from acebridge.server.submission import validate
from acebridge.server.waiting import with_reason
from acebridge.v1 import jobs_pb2, jobs_pb2_grpc
from acestep_runtime.errors import InvalidValue

_STATES = (QUEUED, RUNNING, *ENDED)


class JobService(jobs_pb2_grpc.JobServiceServicer):
    """Jobs, whoever queued them."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    @unary
    async def CreateJob(self, request: jobs_pb2.CreateJobRequest, _: CallContext) -> jobs_pb2.Job:
        """See jobs.proto."""
        context, asked = self._context, unwrap(request.request)
        if request.validate_only:
            return await validate(
                asked,
                journal=context.journal,
                store=context.store,
                roots=context.config.roots,
                line=context.line,
            )
        return job_message(await context.create_job(asked))

    @unary
    async def GetJob(self, request: jobs_pb2.GetJobRequest, _: CallContext) -> jobs_pb2.Job:
        """See jobs.proto."""
        return job_message(with_reason(await self._context.journal.get(request.job_id), self._context.scheduler))

    @unary
    async def ListJobs(self, request: jobs_pb2.ListJobsRequest, _: CallContext) -> jobs_pb2.ListJobsResponse:
        """See jobs.proto."""
        states = [enum_name(jobs_pb2.JobState.DESCRIPTOR, state) for state in dict.fromkeys(request.states)]
        for state in states:
            if state not in _STATES:
                raise InvalidValue("states", state, ", ".join(_STATES))
        page = page_of(request, states)
        found = await self._context.journal.recent(states, page.size + 1, before=page.before)
        jobs = [with_reason(job, self._context.scheduler) for job in found]
        # A thousand of them, with their requests, take long enough that others would wait.
        messages = await asyncio.to_thread(lambda: [job_message(job, facts=False) for job in jobs])
        places = {job.id: (job.created, job.id) for job in jobs}
        shown, token = page.cut(messages, lambda each: places[each.id], (each.ByteSize() for each in messages))
        return jobs_pb2.ListJobsResponse(jobs=shown, next_page_token=token)

    @streaming
    async def WatchJob(self, request: jobs_pb2.WatchJobRequest, _: CallContext) -> TaskEvents:
        """See jobs.proto."""
        after, job = request.after_sequence, await self._context.journal.get(request.job_id)
        if not 0 <= after <= job.last_sequence:
            raise InvalidValue(
                "after_sequence",
                after,
                f"0 to {job.last_sequence}, the number of the job's newest event",
                remedy="Leave it out for all events.",
            )
        return self._context.job_events(job.id, after, with_audio=not request.without_audio)

    @streaming
    async def NextBatch(self, request: jobs_pb2.NextBatchRequest, _: CallContext) -> TaskEvents:
        """See jobs.proto."""
        context = self._context
        context.check_open()
        job = await context.journal.next_batch(request.job_id, CALLER.get().owner)
        if not await self._has_results(job):
            with suppress(NotFound):  # another client found the same
                await context.journal.delete(job.id)
            job = await context.journal.next_batch(request.job_id, CALLER.get().owner)
        context.note("job submitted", job=job.id, task=job.task)
        return context.job_events(job.id)

    async def _has_results(self, job: Job) -> bool:
        """Return whether everything that ``job`` has made is still stored: a batch made long ago may have been evicted."""
        try:
            for asset_id in job.results():
                await self._context.store.get(asset_id)
        except NotFound:
            return False
        return True

    @unary
    async def CancelJob(self, request: jobs_pb2.CancelJobRequest, _: CallContext) -> jobs_pb2.Job:
        """See jobs.proto."""
        job = await self._context.scheduler.cancel(request.job_id)
        self._context.note("job cancelled", job=job.id)
        return job_message(job)

    @unary
    async def DeleteJob(self, request: jobs_pb2.DeleteJobRequest, _: CallContext) -> jobs_pb2.DeleteJobResponse:
        """See jobs.proto."""
        context = self._context
        job = await context.journal.delete(request.job_id)
        context.note("job deleted", job=job.id)
        await remove_results(job.results(), context.store)
        return jobs_pb2.DeleteJobResponse()
