"""From a request message to a job: store the sources, check everything that can be checked, fix the seeds, queue it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

from acebridge.contract.fields import FieldValue, fields_of
from acebridge.contract.tasks import TaskRequest, method_of
from acebridge.jobs.job import PRIORITIES, Job
from acebridge.jobs.journal import Journal, digest
from acebridge.jobs.prefetch import seeds_of
from acebridge.store.assets import Asset, AssetStore
from acebridge.v1 import audio_pb2, tasks_pb2
from acestep_runtime.engines import registry
from acestep_runtime.errors import InvalidValue, printable
from acestep_runtime.tasks import AUDIO_FIELDS, TASKS, build_task, to_fields, with_all_seeds

MAX_INLINE_BYTES = 4 * 2**20
_LONGEST_NAME = 128
_ENGINES = ("auto", *registry.ENGINES)
_ROOTS_SHOWN = 3


class _Submission(NamedTuple):
    """How a job is to be queued: the values of a Submission, with its defaults."""

    engine: str
    priority: str
    key: str
    session: str
    auto_gen: bool


async def submit(request: TaskRequest, *, journal: Journal, store: AssetStore, roots: tuple[Path, ...]) -> Job:
    """Queue the job that ``request`` asks for, or return the one that its idempotency key already names.

    Raises `InvalidValue`, `UnsupportedTask`, `NotFound` for a source that is not stored, and what `Journal.submit` raises.
    """
    task, submission = method_of(request).task, _parse_submission(request.submission)
    request_digest = digest({"task": task, "request": request.SerializeToString(deterministic=True).hex()})
    if submission.key and (known := await journal.find_key(submission.key, request_digest)) is not None:
        return known

    engine = registry.resolve(submission.engine, TASKS[task]).name
    sources = await _store_sources(request, task, store, roots)
    fields = fields_of(request)
    fields.pop("submission", None)
    for name, asset in sources.items():
        fields[name] = _source_fields(getattr(request, name), asset)
    asked = with_all_seeds(build_task(task, fields))
    await asyncio.to_thread(asked.locate(lambda asset_id: str(store.path(asset_id))).validate)
    params = to_fields(asked)
    if submission.auto_gen and not seeds_of(params):
        raise InvalidValue(
            "submission.auto_gen",
            True,
            "no next batch of a task without seeds",
            message=f"submission.auto_gen is set, but another {task} would be the same again.",
            remedy="Leave it out.",
        )
    return await journal.submit(
        task,
        params,
        engine=engine,
        priority=submission.priority,
        key=submission.key,
        request_digest=request_digest,
        sources=list(dict.fromkeys(asset.id for asset in sources.values())),
        session=submission.session,
        auto_gen=submission.auto_gen,
    )


def _parse_submission(message: tasks_pb2.Submission) -> _Submission:
    """Return what a Submission asks for. Raises `InvalidValue`."""
    given = fields_of(message)
    engine, priority = str(given.get("engine", "auto")), str(given.get("priority", "normal"))
    for field, name in (("idempotency_key", message.idempotency_key), ("session", message.session)):
        if len(name) > _LONGEST_NAME:
            raise InvalidValue(
                f"submission.{field}",
                name,
                f"at most {_LONGEST_NAME} characters",
                message=f"submission.{field} holds {len(name)} characters; allowed: at most {_LONGEST_NAME}.",
            )
    if priority not in PRIORITIES:
        raise InvalidValue("submission.priority", priority, ", ".join(PRIORITIES))
    if engine not in _ENGINES:
        raise InvalidValue("submission.engine", engine, ", ".join(_ENGINES))
    return _Submission(engine, priority, message.idempotency_key, message.session, message.auto_gen)


async def _store_sources(
    request: TaskRequest, task: str, store: AssetStore, roots: tuple[Path, ...]
) -> dict[str, Asset]:
    """Return the assets of the audio fields that the task needs or the request names, storing new ones."""
    needed = {f.name: f.default is dataclasses.MISSING for f in dataclasses.fields(TASKS[task])}
    named = {field.name for field, _ in request.ListFields()}
    return {
        name: await _store_source(getattr(request, name), name, store, roots)
        for name in AUDIO_FIELDS
        if needed.get(name) or name in named
    }


def _source_fields(sent: audio_pb2.AudioInput, asset: Asset) -> dict[str, FieldValue]:
    """Return a source as a task takes it."""
    return {"asset_id": asset.id, "name": sent.name or asset.name, **fields_of(sent.region)}


async def _store_source(source: audio_pb2.AudioInput, field: str, store: AssetStore, roots: tuple[Path, ...]) -> Asset:
    """Return the asset that ``source`` names, storing its bytes first when they are not yet."""
    match source.WhichOneof("source"):
        case "asset_id":
            return await store.get(source.asset_id)
        case "inline":
            if len(source.inline) > MAX_INLINE_BYTES:
                raise InvalidValue(
                    f"{field}.inline",
                    len(source.inline),
                    f"at most {MAX_INLINE_BYTES} bytes",
                    message=f"{field}.inline holds {len(source.inline)} bytes; allowed: at most {MAX_INLINE_BYTES}.",
                    remedy="Upload the file with AssetService.UploadAsset and send its asset id.",
                )
            return await store.put(_one_chunk(source.inline), source.name or "inline audio")
        case "path":
            return await store.put_path(await asyncio.to_thread(resolve_allowed_path, source.path, roots, field))
    raise InvalidValue(
        field,
        "",
        "an asset id, inline bytes or a path",
        message=f"The request names no {field}.",
        remedy="Say which audio to work on: by an asset id, inline bytes or a path.",
    )


async def _one_chunk(data: bytes) -> AsyncIterator[bytes]:
    yield data


def resolve_allowed_path(path: str, roots: tuple[Path, ...], field: str = "source") -> Path:
    """Return ``path`` with links resolved. Raises `InvalidValue` unless it is absolute and inside one of ``roots``."""
    named = [str(root) for root in roots[:_ROOTS_SHOWN]]
    folders = ", ".join(named) + (f" and {len(roots) - _ROOTS_SHOWN} more" if len(roots) > _ROOTS_SHOWN else "")
    allowed = f"a file below {folders}"
    if "\0" in path:
        raise InvalidValue(
            f"{field}.path", path, allowed, message=f"{field}.path holds a NUL character.", remedy="Check the path."
        )
    if not Path(path).is_absolute():
        raise InvalidValue(f"{field}.path", path, allowed, remedy="Give the full path.")
    try:
        real = Path(path).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its links lead round in a circle"
        message = f"{printable(Path(path).name)} cannot be found: {reason}."
        raise InvalidValue(f"{field}.path", path, allowed, message=message, remedy="Check the path.") from error
    if not any(real.is_relative_to(root) for root in roots):
        raise InvalidValue(
            f"{field}.path",
            path,
            allowed,
            message=f"{printable(Path(path).name)} lies outside the folders that the daemon may read ({folders}).",
            remedy="Upload it instead, or add its folder to `roots` in config.toml.",
        )
    return real
