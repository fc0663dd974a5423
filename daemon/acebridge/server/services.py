"""The gRPC services: each method is a few lines between the wire and the journal, the store or the registry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from acebridge.config import Config
from acebridge.contract.fields import RPCS, fields_of, fill
from acebridge.contract.status import streaming, unary
from acebridge.errors import NotFound, Unavailable
from acebridge.jobs.job import ENDED, QUEUED, RUNNING, Job
from acebridge.jobs.journal import Journal
from acebridge.jobs.results import remove_results
from acebridge.jobs.scheduler import Scheduler
from acebridge.server import event_stream, submission
from acebridge.server.messages import asset_message, job_message, timestamp
from acebridge.store.assets import AssetStore
from acebridge.v1 import (
    assets_pb2,
    assets_pb2_grpc,
    daemon_pb2,
    daemon_pb2_grpc,
    jobs_pb2,
    jobs_pb2_grpc,
    models_pb2,
    models_pb2_grpc,
    tasks_pb2,
    tasks_pb2_grpc,
)
from acestep_runtime.engines import registry
from acestep_runtime.errors import EngineFailure, InvalidValue, UnsupportedTask
from acestep_runtime.tasks import TASKS
from acestep_runtime.tasks.base import MAX_DURATION_S, MAX_SOURCE_S, MAX_TAKES
from acestep_runtime.values import TRACKS
from acestep_runtime.weights.adapters import find_adapters
from acestep_runtime.weights.catalogue import full_name
from acestep_runtime.weights.language import find_language_models
from acestep_runtime.weights.layout import chosen, find

MAX_LISTED = 1000


@dataclass(frozen=True)
class House:
    """What the services stand on."""

    config: Config
    journal: Journal
    store: AssetStore
    scheduler: Scheduler
    started: float
    pid: int
    #: Asks the daemon to stop; returns at once.
    shut_down: Callable[[], None]
    #: Whether it was asked to.
    stopping: Callable[[], bool]

    def check_open(self) -> None:
        """Raise `Unavailable` when no more jobs are taken."""
        if self.stopping():
            raise Unavailable("The daemon is stopping.", remedy="Start it again.")

    def events(self, job_id: str, after_sequence: int = 0) -> AsyncGenerator[tasks_pb2.TaskEvent, None]:
        """See `event_stream.events`."""
        return event_stream.events(job_id, after_sequence, self.journal, self.scheduler.spool, self.store)


def _limit(request: Any) -> int:
    limit: int = request.limit if request.HasField("limit") else 100
    if not 1 <= limit <= MAX_LISTED:
        raise InvalidValue("limit", limit, f"1 to {MAX_LISTED}")
    return limit


class TaskService(tasks_pb2_grpc.TaskServiceServicer):
    """One method for each task, all alike: queue the job, then stream its events."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def perform(self, task: str, request: Any) -> AsyncGenerator[tasks_pb2.TaskEvent, None]:
        """Queue ``request`` and yield what happens to it."""
        house = self._house
        house.check_open()
        job = await submission.submit(task, request, journal=house.journal, store=house.store, roots=house.config.roots)
        async with aclosing(house.events(job.id)) as events:
            async for event in events:
                yield event


def _task_method(task: str) -> Any:
    async def method(self: TaskService, request: Any, _: Any) -> AsyncGenerator[tasks_pb2.TaskEvent, None]:
        async with aclosing(self.perform(task, request)) as events:
            async for event in events:
                yield event

    return streaming(method)


for _rpc, _task in RPCS.items():
    setattr(TaskService, _rpc, _task_method(_task))


class JobService(jobs_pb2_grpc.JobServiceServicer):
    """Look up, watch, cancel and delete jobs."""

    def __init__(self, house: House) -> None:
        self._house = house

    @unary
    async def GetJob(self, request: jobs_pb2.GetJobRequest, _: Any) -> jobs_pb2.Job:  # noqa: N802
        """See jobs.proto."""
        return job_message(await self._house.journal.get(request.job_id))

    @unary
    async def ListJobs(self, request: jobs_pb2.ListJobsRequest, _: Any) -> jobs_pb2.ListJobsResponse:  # noqa: N802
        """See jobs.proto."""
        states, known = fields_of(request).get("states", []), (QUEUED, RUNNING, *ENDED)
        for state in states:
            if state not in known:
                raise InvalidValue("states", state, ", ".join(known))
        jobs = await self._house.journal.recent(states, _limit(request))
        return jobs_pb2.ListJobsResponse(jobs=[job_message(job) for job in jobs])

    @streaming
    async def WatchJob(  # noqa: N802
        self, request: jobs_pb2.WatchJobRequest, _: Any
    ) -> AsyncGenerator[tasks_pb2.TaskEvent, None]:
        """See jobs.proto."""
        async with aclosing(self._house.events(request.job_id, request.after_sequence)) as events:
            async for event in events:
                yield event

    @streaming
    async def NextBatch(  # noqa: N802
        self, request: jobs_pb2.NextBatchRequest, _: Any
    ) -> AsyncGenerator[tasks_pb2.TaskEvent, None]:
        """See jobs.proto."""
        house = self._house
        house.check_open()
        job = await house.journal.next_batch(request.job_id)
        if not await self._has_results(job):
            with suppress(NotFound):  # somebody else saw it too
                await house.journal.delete(job.id)
            job = await house.journal.next_batch(request.job_id)
        async with aclosing(house.events(job.id)) as events:
            async for event in events:
                yield event

    async def _has_results(self, job: Job) -> bool:
        """Return whether all is there that ``job`` has made; what was made ahead long ago may have been evicted."""
        try:
            for asset_id in job.results():
                await self._house.store.get(asset_id)
        except NotFound:
            return False
        return True

    @unary
    async def CancelJob(self, request: jobs_pb2.CancelJobRequest, _: Any) -> jobs_pb2.Job:  # noqa: N802
        """See jobs.proto."""
        return job_message(await self._house.scheduler.cancel(request.job_id))

    @unary
    async def DeleteJob(self, request: jobs_pb2.DeleteJobRequest, _: Any) -> jobs_pb2.DeleteJobResponse:  # noqa: N802
        """See jobs.proto."""
        house = self._house
        job = await house.journal.delete(request.job_id)
        await remove_results(job.results(), house.journal, house.store)
        return jobs_pb2.DeleteJobResponse()


class AssetService(assets_pb2_grpc.AssetServiceServicer):
    """Upload, download and keep audio files."""

    def __init__(self, house: House) -> None:
        self._house = house

    @unary
    async def UploadAsset(self, requests: Any, _: Any) -> assets_pb2.Asset:  # noqa: N802
        """See assets.proto."""
        first = await anext(aiter(requests), None)
        if first is None:
            raise InvalidValue("data", "", "the bytes of an audio file", message="No bytes were sent.",
                               remedy="Send an audio file.")  # fmt: skip

        async def chunks() -> AsyncIterator[bytes]:
            yield first.data
            async for request in requests:
                yield request.data

        return asset_message(await self._house.store.put(chunks(), Path(first.name).name[:200] or "upload"))

    @unary
    async def ImportAsset(self, request: assets_pb2.ImportAssetRequest, _: Any) -> assets_pb2.Asset:  # noqa: N802
        """See assets.proto."""
        path = await asyncio.to_thread(submission.confined, request.path, self._house.config.roots)
        return asset_message(await self._house.store.put_path(path))

    @streaming
    async def DownloadAsset(  # noqa: N802
        self, request: assets_pb2.DownloadAssetRequest, _: Any
    ) -> AsyncGenerator[assets_pb2.DownloadAssetResponse, None]:
        """See assets.proto."""
        asset = await self._house.store.get(request.asset_id)
        if request.offset_bytes > asset.size_bytes:
            raise InvalidValue("offset_bytes", request.offset_bytes, f"0 to {asset.size_bytes}, the size of the asset")
        length = request.length_bytes if request.HasField("length_bytes") else asset.size_bytes
        stop = min(request.offset_bytes + length, asset.size_bytes)
        path = self._house.store.path(asset.id)
        async with aclosing(event_stream.file_pieces(path, request.offset_bytes, stop)) as pieces:
            async for data in pieces:
                yield assets_pb2.DownloadAssetResponse(data=data)

    @unary
    async def GetAsset(self, request: assets_pb2.GetAssetRequest, _: Any) -> assets_pb2.Asset:  # noqa: N802
        """See assets.proto."""
        return asset_message(await self._house.store.get(request.asset_id))

    @unary
    async def ListAssets(self, request: assets_pb2.ListAssetsRequest, _: Any) -> assets_pb2.ListAssetsResponse:  # noqa: N802
        """See assets.proto."""
        assets = await self._house.store.recent(_limit(request))
        return assets_pb2.ListAssetsResponse(assets=[asset_message(asset) for asset in assets])

    @unary
    async def DeleteAsset(self, request: assets_pb2.DeleteAssetRequest, _: Any) -> assets_pb2.DeleteAssetResponse:  # noqa: N802
        """See assets.proto."""
        await self._house.store.delete(request.asset_id, in_use=await self._house.journal.assets_in_use())
        return assets_pb2.DeleteAssetResponse()

    @unary
    async def PinAsset(self, request: assets_pb2.PinAssetRequest, _: Any) -> assets_pb2.Asset:  # noqa: N802
        """See assets.proto."""
        return asset_message(await self._house.store.pin(request.asset_id, request.pinned))


#: The engine whose models these are.
_MODELS_OF = "neural"


def _sizes(folder: Path) -> dict[str, int]:
    """Return the models in a folder that are whole, language models too, with the bytes of their weights."""
    parts = {each.name: each.dit for each in find(folder) if each.whole}
    parts |= {each.name: each.folder for each in find_language_models(folder)}
    return {
        name: sum(file.stat().st_size for file in part.iterdir() if file.suffix in _WEIGHTS and file.is_file())
        for name, part in parts.items()
    }


_WEIGHTS = (".safetensors", ".bin")


class ModelService(models_pb2_grpc.ModelServiceServicer):
    """What the engines can do, and the models that there are. Jobs load those that they need by themselves."""

    def __init__(self, house: House) -> None:
        self._house = house

    @unary
    async def GetCapabilities(self, _request: Any, _: Any) -> models_pb2.Capabilities:  # noqa: N802
        """See models.proto."""
        house, engines = self._house, []
        for info in registry.ENGINES.values():
            lack = await asyncio.to_thread(info.missing)
            message = models_pb2.EngineCapabilities(
                name=info.name, about=info.about, available=lack is None,
                missing="" if lack is None else f"{lack.reason}. {lack.remedy}",
                tasks=[name for name, task in TASKS.items() if info.supports(task)],
            )  # fmt: skip
            fill(message, {"engine": info.name})
            engines.append(message)
        limits = models_pb2.Limits(
            max_source_s=MAX_SOURCE_S, max_duration_s=MAX_DURATION_S, max_takes=MAX_TAKES,
            max_inline_bytes=submission.MAX_INLINE_BYTES, max_upload_bytes=house.config.max_upload_bytes,
            max_waiting_jobs=house.config.max_waiting_jobs,
        )  # fmt: skip
        return models_pb2.Capabilities(
            version=version("acebridge"),
            engines=engines,
            tracks=TRACKS,
            limits=limits,
            devices=await house.scheduler.devices(),
        )

    @unary
    async def ListModels(self, _request: Any, _: Any) -> models_pb2.ListModelsResponse:  # noqa: N802
        """See models.proto."""
        folder = self._house.config.models_dir
        sizes = await asyncio.to_thread(_sizes, folder)
        adapters = await asyncio.to_thread(find_adapters, folder)
        return models_pb2.ListModelsResponse(
            models=[self._model(name, size) for name, size in sizes.items()],
            adapters=[models_pb2.AdapterFile(name=each.name, size_bytes=each.size_bytes) for each in adapters],
        )

    def _model(self, name: str, size_bytes: int) -> models_pb2.Model:
        is_loaded = any(name in worker.models for worker in self._house.scheduler.workers.values())
        return models_pb2.Model(name=name, engine=_MODELS_OF, size_bytes=size_bytes, loaded=is_loaded)

    @unary
    async def LoadModel(self, request: models_pb2.LoadModelRequest, _: Any) -> models_pb2.Model:  # noqa: N802
        """See models.proto."""
        name = request.name
        if not name:
            raise InvalidValue("name", "", "the name of a model", remedy="List the models that there are.")
        lack = await asyncio.to_thread(registry.ENGINES[_MODELS_OF].missing)
        if lack is not None:
            raise UnsupportedTask(f"Model {name[:80]!r} cannot be loaded: {lack.reason}.", remedy=lack.remedy)
        folder = self._house.config.models_dir
        sizes = await asyncio.to_thread(_sizes, folder)
        full = full_name(name, list(sizes))
        if full not in sizes:
            try:
                full = (await asyncio.to_thread(chosen, folder, name, needs_base=False)).name
            except EngineFailure as missing:
                raise UnsupportedTask(missing.message, remedy=missing.remedy) from missing
        await self._house.scheduler.manage_model("load", full, _MODELS_OF)
        return self._model(full, sizes[full])

    @unary
    async def UnloadModel(self, request: models_pb2.UnloadModelRequest, _: Any) -> models_pb2.Model:  # noqa: N802
        """See models.proto."""
        loaded = {name: 0 for worker in self._house.scheduler.workers.values() for name in worker.models}
        sizes = {**loaded, **await asyncio.to_thread(_sizes, self._house.config.models_dir)}  # files may be gone by now
        name = full_name(request.name, list(sizes))
        if name not in sizes:
            raise NotFound(f"Model {request.name[:80]!r} is not loaded.", remedy="List the models that there are.")
        await self._house.scheduler.manage_model("unload", name, _MODELS_OF)
        return self._model(name, sizes[name])


class DaemonService(daemon_pb2_grpc.DaemonServiceServicer):
    """The daemon's own state and end."""

    def __init__(self, house: House) -> None:
        self._house = house

    @unary
    async def GetStatus(self, _request: Any, _: Any) -> daemon_pb2.DaemonStatus:  # noqa: N802
        """See daemon.proto."""
        house = self._house
        workers = [
            daemon_pb2.WorkerStatus(
                device=device,
                pid=worker.pid,
                job_id=house.scheduler.running.get(device, ""),
                restarts=worker.restarts,
            )
            for device, worker in house.scheduler.workers.items()
        ]
        return daemon_pb2.DaemonStatus(
            version=version("acebridge"), pid=house.pid, started=timestamp(house.started),
            data_dir=str(house.config.data_dir), roots=[str(root) for root in house.config.roots],
            waiting_jobs=await house.journal.count(QUEUED), running_jobs=await house.journal.count(RUNNING),
            stored_bytes=await house.store.total_bytes(), quota_bytes=house.config.quota_bytes, workers=workers,
        )  # fmt: skip

    @unary
    async def Shutdown(self, _request: Any, _: Any) -> daemon_pb2.ShutdownResponse:  # noqa: N802
        """See daemon.proto."""
        self._house.shut_down()
        return daemon_pb2.ShutdownResponse()
