"""From a request message to a job: store the sources, check everything that can be checked, fix the seeds, queue it.

Or check alone, and store and queue nothing.
"""

from __future__ import annotations

import asyncio
import dataclasses
import tempfile
from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from acebridge.contract.fields import FieldValue, fields_of, fill
from acebridge.contract.tasks import TaskRequest, method_of
from acebridge.errors import NotFound
from acebridge.jobs.job import PRIORITIES, Job
from acebridge.jobs.journal import Journal
from acebridge.jobs.tables import digest
from acebridge.limits import LONGEST_KEY, LONGEST_NAME
from acebridge.named_files import open_named_file
from acebridge.server.engine_choice import check_sampling, choose_engine, look_around
from acebridge.store.asset_rows import Asset
from acebridge.store.assets import AssetStore
from acebridge.store.headers import in_header_thread
from acebridge.tokens import OWN_NAME
from acebridge.v1 import audio_pb2, jobs_pb2, tasks_pb2
from acebridge.workers.messages import TaskParams
from acebridge.workers.remote import Line
from acestep_runtime.audio.decode import MediaInfo, probe
from acestep_runtime.engines import registry
from acestep_runtime.errors import InvalidValue
from acestep_runtime.limits import describe_limits, field_limits
from acestep_runtime.tasks import AUDIO_FIELDS, TASKS, Task, build_task, to_fields, with_all_seeds
from acestep_runtime.tasks.base import Source
from acestep_runtime.tasks.takes import seeds_of
from acestep_runtime.values import Sampling, Thinking

MAX_INLINE_BYTES = 4 * 2**20
#: Field of an Origin → its longest text.
_LONGEST_ORIGIN = {"host": 255, "instance": 255, "project": 4096}
_INLINE_NAME = "inline audio"


class _Submission(NamedTuple):
    """How a job is to be queued: the values of a Submission, with its defaults."""

    engine: str
    priority: str
    key: str
    session: str
    prefetch_next: bool
    origin: Mapping[str, str]


class _Place(NamedTuple):
    """Where audio is, the name that messages give it, and what its header says."""

    file: Path
    name: str
    info: MediaInfo


async def create_job(
    request: TaskRequest,
    *,
    journal: Journal,
    store: AssetStore,
    roots: tuple[Path, ...],
    owner: str = OWN_NAME,
    line: Line | None = None,
) -> Job:
    """Queue the job that ``request`` asks for, or return the one that its idempotency key already names.

    ``owner`` is the name of the token that asks; ``line`` leads to another machine, which may do it.

    Raises `InvalidValue`, `UnsupportedTask`, `NotFound` for a source that is not stored, and what `Journal.submit` raises.
    """
    submission = _parse_submission(request.submission)
    request_digest = _digest(request)
    if submission.key and (known := await journal.find_key(submission.key, request_digest)) is not None:
        return known

    choice = await _choose_engine(submission.engine, request, line)
    try:
        return await _queue_job(request, owner, request_digest, submission, choice, journal, store, roots, line)
    except NotFound:
        if all(getattr(request, name).HasField("asset_id") for name in _audio_fields(request)):
            raise
    # Audio that came with the request was deleted again before the job was there: the next time it is stored again.
    return await _queue_job(request, owner, request_digest, submission, choice, journal, store, roots, line)


async def _queue_job(
    request: TaskRequest,
    owner: str,
    request_digest: str,
    submission: _Submission,
    choice: registry.Choice,
    journal: Journal,
    store: AssetStore,
    roots: tuple[Path, ...],
    line: Line | None,
) -> Job:
    """Store the sources of a request and queue its job."""
    task = method_of(request).task
    assets = await _store_sources(request, store, roots)
    preview = await _find_preview(request, store)
    sources = {
        name: {"asset_id": asset.id, "name": getattr(request, name).name or asset.name}
        for name, asset in assets.items()
    }
    asked = await asyncio.to_thread(_task_of, request, sources, choice, line)
    await in_header_thread(asked.locate(lambda asset_id: str(store.path(asset_id))).validate)
    params = to_fields(asked)
    _check_prefetch(task, submission, params)
    return await journal.submit(
        task,
        params,
        engine=choice.engine.name,
        model=await asyncio.to_thread(_model_to_load, asked, choice.engine),
        note=choice.note,
        spare=registry.spare_engine(submission.engine, choice.engine, _sampling_of(asked)),
        priority=submission.priority,
        key=submission.key,
        request_digest=request_digest,
        sources=list(dict.fromkeys([*(asset.id for asset in assets.values()), *preview])),
        session=submission.session,
        auto_gen=submission.prefetch_next,
        origin=submission.origin,
        owner=owner,
    )


async def validate(
    request: TaskRequest, *, journal: Journal, store: AssetStore, roots: tuple[Path, ...], line: Line | None = None
) -> jobs_pb2.Job:
    """Check all that `create_job` checks, but for the length of the queue, and create nothing; return the job that it would be.

    Raises what `create_job` raises.
    """
    task, submission = method_of(request).task, _parse_submission(request.submission)
    if submission.key:
        await journal.find_key(submission.key, _digest(request))
    choice = await _choose_engine(submission.engine, request, line)
    with tempfile.TemporaryDirectory() as folder:
        places = {
            name: await _locate_source(getattr(request, name), name, store, roots, Path(folder) / name)
            for name in _audio_fields(request)
        }
    sources = {
        name: {"path": str(place.file), "name": getattr(request, name).name or place.name}
        for name, place in places.items()
    }
    await _find_preview(request, store)
    asked = await asyncio.to_thread(_task_of, request, sources, choice, line)
    infos = {name: place.info for name, place in places.items()}
    await asyncio.to_thread(asked.validate, infos)
    _check_prefetch(task, submission, to_fields(asked))
    job = jobs_pb2.Job(engine=choice.engine.name)
    fill(job, {"task": task, "priority": submission.priority})
    return job


def _digest(request: TaskRequest) -> str:
    content = request.SerializeToString(deterministic=True).hex()
    return digest({"task": method_of(request).task, "request": content})


def _task_of(
    request: TaskRequest,
    sources: Mapping[str, Mapping[str, FieldValue]],
    choice: registry.Choice,
    line: Line | None,
) -> Task:
    """Return a request as its task with all seeds; ``sources`` say where the audio of its fields is.

    Raises `InvalidValue` for what the task or the engine does not allow, and what `check_sampling` raises.
    """
    kind, fields = TASKS[method_of(request).task], fields_of(request)
    fields.pop("submission", None)
    _check_end(kind, fields, "")
    for name, source in sources.items():
        region = fields_of(getattr(request, name).region)
        _check_end(Source, region, f"{name}.region.")
        fields[name] = {**source, **region}
    task = with_all_seeds(build_task(kind.name, fields))
    check_sampling(choice, kind, _sampling_of(task), line)
    return task


def _model_to_load(task: Task, engine: registry.EngineInfo) -> str:
    """Return the full name of the model that an engine loads for a task."""
    settings = getattr(task, "thinking", Thinking()) if task.kind == "text" else _sampling_of(task)
    return engine.model_of(type(task), settings.model, task.chooses_base_model)


def _sampling_of(task: Task) -> Sampling:
    sampling: Sampling = getattr(task, "sampling", Sampling())
    return sampling


async def _choose_engine(name: str, request: TaskRequest, line: Line | None) -> registry.Choice:
    """Return the engine for a request that asks for the one of this name. See `choose_engine`."""
    task, sampling = TASKS[method_of(request).task], getattr(request, "sampling", None)
    model, adapters = ("", []) if sampling is None else (sampling.model, [each.name for each in sampling.adapters])
    await look_around(name, task, model, adapters, line)
    return await asyncio.to_thread(choose_engine, name, task, model, line)


def _check_end(kind: type[Task | Source], fields: Mapping[str, FieldValue], prefix: str) -> None:
    """Raise `InvalidValue` for an end outside the limits of ``kind``; -1 for the end of the source is not of the wire."""
    end_s, limits = fields.get("end_s"), field_limits(kind, "end_s")
    if limits is None or not isinstance(end_s, float):
        return
    limits = dataclasses.replace(limits, sentinels={})
    if not limits.allow(end_s):
        remedy = "Leave it out for the end of the source."
        raise InvalidValue(f"{prefix}end_s", end_s, describe_limits(limits), remedy=remedy)


def _check_prefetch(task: str, submission: _Submission, params: TaskParams) -> None:
    """Raise `InvalidValue` where there is no next batch to make ahead."""
    if submission.prefetch_next and not seeds_of(params):
        raise InvalidValue(
            "submission.prefetch_next",
            True,
            "no next batch of a task without seeds",
            message=f"submission.prefetch_next is set, but another {task} would be the same again.",
            remedy="Leave it out.",
        )


def _parse_submission(message: tasks_pb2.Submission) -> _Submission:
    """Return what a Submission asks for. Raises `InvalidValue`."""
    given = fields_of(message)
    engine, priority = message.engine or "auto", str(given.get("priority", "normal"))
    for field, name in (("idempotency_key", message.idempotency_key), ("session", message.session)):
        _check_length(f"submission.{field}", name, LONGEST_KEY)
    if priority not in PRIORITIES:
        raise InvalidValue("submission.priority", priority, ", ".join(PRIORITIES))
    if engine != "auto" and engine not in registry.ENGINES:
        raise InvalidValue(
            "submission.engine",
            engine,
            ", ".join(registry.OFFERED),
            remedy="Leave it out for the best that is installed.",
        )
    origin = {name: text for name in _LONGEST_ORIGIN if (text := getattr(message.origin, name))}
    for name, text in origin.items():
        _check_length(f"submission.origin.{name}", text, _LONGEST_ORIGIN[name])
    return _Submission(engine, priority, message.idempotency_key, message.session, message.prefetch_next, origin)


def check_name(field: str, name: str) -> None:
    """Raise `InvalidValue` for a file name, which ``field`` holds, that is longer than any that makes sense."""
    _check_length(field, name, LONGEST_NAME)


def _check_length(field: str, text: str, longest: int) -> None:
    if len(text) > longest:
        message = f"{field} holds {len(text)} characters; allowed: at most {longest}."
        raise InvalidValue(field, text, f"at most {longest} characters", message=message)


def _audio_fields(request: TaskRequest) -> list[str]:
    """Return the audio fields that the task of a request needs or the request names."""
    needed = {f.name: f.default is dataclasses.MISSING for f in dataclasses.fields(TASKS[method_of(request).task])}
    named = {field.name for field, _ in request.ListFields()}
    names = [name for name in AUDIO_FIELDS if needed.get(name) or name in named]
    for name in names:
        check_name(f"{name}.name", getattr(request, name).name)
    return names


async def _find_preview(request: TaskRequest, store: AssetStore) -> list[str]:
    """Return the id of the preview that a request is to finish, if any. Raises `NotFound` for one that is not stored."""
    output = fields_of(request).get("output")
    preview_id = output.get("preview_id") if isinstance(output, Mapping) else None
    return [(await store.verify(preview_id)).id] if isinstance(preview_id, str) else []


async def _store_sources(request: TaskRequest, store: AssetStore, roots: tuple[Path, ...]) -> dict[str, Asset]:
    """Return the assets of the audio fields of a request, storing new ones."""
    return {name: await _store_source(getattr(request, name), name, store, roots) for name in _audio_fields(request)}


async def _store_source(source: audio_pb2.AudioInput, field: str, store: AssetStore, roots: tuple[Path, ...]) -> Asset:
    """Return the asset that ``source`` names, storing its bytes first when they are not yet."""
    match source.WhichOneof("source"):
        case "asset_id":
            return await store.verify(source.asset_id)
        case "inline":
            name = source.name or _INLINE_NAME
            return await store.put(_one_chunk(_inline(source, field)), name, field=f"{field}.inline")
        case "path":
            place = f"{field}.path"
            return await store.put_file(await open_named_file(source.path, roots, place), field=place)
    raise _no_source(field)


async def _locate_source(
    source: audio_pb2.AudioInput, field: str, store: AssetStore, roots: tuple[Path, ...], file: Path
) -> _Place:
    """Return where the audio that ``source`` names is, without storing it; inline bytes are written into ``file``."""
    match source.WhichOneof("source"):
        case "asset_id":
            asset = await store.verify(source.asset_id)
            path = store.path(asset.id)
            return _Place(path, asset.name, await in_header_thread(partial(probe, path, field=field, name=asset.name)))
        case "inline":
            await asyncio.to_thread(file.write_bytes, _inline(source, field))
            name = source.name or _INLINE_NAME
            return _Place(file, name, await in_header_thread(partial(probe, file, field=f"{field}.inline", name=name)))
        case "path":
            place = f"{field}.path"
            named = await open_named_file(source.path, roots, place)
            return _Place(named.path, named.path.name, await store.check_file(named, field=place))
    raise _no_source(field)


def _inline(source: audio_pb2.AudioInput, field: str) -> bytes:
    """Return the bytes in ``source``. Raises `InvalidValue` for too many."""
    if len(source.inline) > MAX_INLINE_BYTES:
        raise InvalidValue(
            f"{field}.inline",
            len(source.inline),
            f"at most {MAX_INLINE_BYTES} bytes",
            message=f"{field}.inline holds {len(source.inline)} bytes; allowed: at most {MAX_INLINE_BYTES}.",
            remedy="Upload the file with AssetService.UploadAsset and send its asset id.",
        )
    return source.inline


def _no_source(field: str) -> InvalidValue:
    return InvalidValue(
        field,
        "",
        "an asset id, inline bytes or a path",
        message=f"The request names no {field}.",
        remedy="Say which audio to work on: by an asset id, inline bytes or a path.",
    )


async def _one_chunk(data: bytes) -> AsyncIterator[bytes]:
    yield data
