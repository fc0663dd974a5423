"""ModelService: what the engines can do, and the models on the disk. Jobs load the models that they need themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from acebridge.contract.fields import fill
from acebridge.errors import NotFound
from acebridge.server.context import ServiceContext
from acebridge.server.error_translation import CallContext, unary
from acebridge.server.submission import MAX_INLINE_BYTES
from acebridge.v1 import models_pb2, models_pb2_grpc
from acebridge.version import VERSION
from acebridge.workers.remote import ENGINES as REMOTE_ENGINES
from acebridge.workers.remote import Line
from acestep_runtime.engines import registry
from acestep_runtime.errors import EngineFailure, InvalidValue, UnsupportedTask
from acestep_runtime.tasks import TASKS
from acestep_runtime.tasks.base import MAX_DURATION_S, MAX_SOURCE_S, MAX_TAKES
from acestep_runtime.values import TRACKS
from acestep_runtime.weights.adapters import find_adapters
from acestep_runtime.weights.catalogue import RELEASES, full_name
from acestep_runtime.weights.installed import find_installed_models
from acestep_runtime.weights.language import LanguageCheckpoint, find_language_models, select_language_model
from acestep_runtime.weights.layout import Checkpoint
from acestep_runtime.weights.selection import select_checkpoint

#: The engine that loads these models.
_ENGINE = "neural"
_NAME_REMEDY = "List the models to see their names."


class ModelService(models_pb2_grpc.ModelServiceServicer):
    """Engines and models."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    @unary
    async def GetCapabilities(
        self, _request: models_pb2.GetCapabilitiesRequest, _: CallContext
    ) -> models_pb2.Capabilities:
        """See models.proto."""
        context = self._context
        limits = models_pb2.Limits(
            max_source_s=MAX_SOURCE_S,
            max_duration_s=MAX_DURATION_S,
            max_takes=MAX_TAKES,
            max_inline_bytes=MAX_INLINE_BYTES,
            max_upload_bytes=context.config.max_upload_bytes,
            max_waiting_jobs=context.config.max_waiting_jobs,
        )
        return models_pb2.Capabilities(
            version=VERSION,
            engines=[await asyncio.to_thread(_capabilities, info, context.line) for info in registry.ENGINES.values()],
            tracks=TRACKS,
            limits=limits,
            devices=await context.scheduler.devices(),
        )

    @unary
    async def ListModels(self, _request: models_pb2.ListModelsRequest, _: CallContext) -> models_pb2.ListModelsResponse:
        """See models.proto."""
        sizes = await self._sizes()
        adapters = await asyncio.to_thread(find_adapters, self._context.config.models_dir)
        return models_pb2.ListModelsResponse(
            models=[self._model(name, size) for name, size in sizes.items()],
            adapters=[models_pb2.AdapterFile(name=each.name, size_bytes=each.size_bytes) for each in adapters],
        )

    @unary
    async def LoadModel(self, request: models_pb2.LoadModelRequest, _: CallContext) -> models_pb2.Model:
        """See models.proto."""
        name = request.name
        if not name:
            raise InvalidValue("name", "", "the name of a model", remedy=_NAME_REMEDY)
        lack = await asyncio.to_thread(registry.ENGINES[_ENGINE].missing, None, "")
        if lack is not None:
            raise UnsupportedTask(f"Model {name[:80]!r} cannot be loaded: {lack.reason}.", remedy=lack.remedy)
        sizes = await self._sizes()
        full = full_name(name, list(sizes))
        if full not in sizes:
            try:
                full = (await asyncio.to_thread(_select, self._context.config.models_dir, name)).name
            except EngineFailure as missing:
                raise UnsupportedTask(missing.message, remedy=missing.remedy) from missing
        problems = await self._context.scheduler.manage_model("load", full, _ENGINE)
        return self._model(full, sizes[full], problems)

    @unary
    async def UnloadModel(self, request: models_pb2.UnloadModelRequest, _: CallContext) -> models_pb2.Model:
        """See models.proto."""
        loaded = dict.fromkeys(self._names_in_memory(), 0)
        sizes = {**loaded, **await self._sizes()}  # the files of a loaded model may be gone by now
        name = full_name(request.name, list(sizes))
        if name not in sizes:
            raise NotFound(f"Model {request.name[:80]!r} is not loaded.", remedy=_NAME_REMEDY)
        problems = await self._context.scheduler.manage_model("unload", name, _ENGINE)
        return self._model(name, sizes[name], problems)

    async def _sizes(self) -> dict[str, int]:
        """Return the models that can be loaded, by name, with the bytes of their weights."""
        models = await asyncio.to_thread(find_installed_models, self._context.config.models_dir)
        return {model.name: model.size_bytes for model in models if model.complete}

    def _names_in_memory(self) -> set[str]:
        """Return the names of the models that any worker has loaded."""
        return {name for worker in self._context.scheduler.workers.values() for name in worker.models}

    def _model(self, name: str, size_bytes: int, problems: Sequence[str] = ()) -> models_pb2.Model:
        return models_pb2.Model(
            name=name,
            engine=_ENGINE,
            size_bytes=size_bytes,
            loaded=name in self._names_in_memory(),
            problems=problems,
        )


def _select(folder: Path, name: str) -> Checkpoint | LanguageCheckpoint:
    """Return a model by its name, or the end of it. Raises `InvalidValue` and `EngineFailure` where it cannot be loaded."""
    language = {each.name for each in find_language_models(folder)}
    language |= {each.name for each in RELEASES.values() if each.kind == "lm"}
    if full_name(name, list(language)) in language:
        return select_language_model(folder, name)
    return select_checkpoint(folder, name, needs_base=False)


def _capabilities(info: registry.EngineInfo, line: Line | None = None) -> models_pb2.EngineCapabilities:
    """Return what an engine can do now, here or at the other end of ``line``; where it can do nothing, what it could do."""
    lacks = registry.missing_by_task(info, TASKS.values())
    there = {task for task in lacks if line is not None and info.name in REMOTE_ENGINES and line.can_do(task)}
    able = [task for task, lack in lacks.items() if lack is None or task in there]
    missing = registry.describe_missing(info, {task: None if task in there else lack for task, lack in lacks.items()})
    if missing and line is not None and info.name in REMOTE_ENGINES and line.state.why:
        missing = f"{missing} {line.state.why}"
    message = models_pb2.EngineCapabilities(
        name=info.name,
        about=info.about,
        available=bool(able),
        missing=missing,
        samplers=info.samplers,
        guidance_methods=info.guidance_methods,
    )
    fill(message, {"tasks": able or list(lacks)})
    return message
