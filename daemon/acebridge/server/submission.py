"""From a request message to a job: find the source, check everything that can be checked, fix the seeds, queue it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from acebridge.contract.fields import fields_of
from acebridge.jobs.job import PRIORITIES, Job
from acebridge.jobs.journal import Journal, digest
from acebridge.jobs.prefetch import seeds_of
from acebridge.store.assets import Asset, AssetStore
from acebridge.v1 import audio_pb2
from acestep_runtime.engines import registry
from acestep_runtime.errors import InvalidValue, printable
from acestep_runtime.tasks import AUDIO_FIELDS, TASKS, build_task, to_fields, with_all_seeds

MAX_INLINE_BYTES = 4 * 2**20
_LONGEST_NAME = 128
_ENGINES = ("auto", *registry.ENGINES)
_ROOTS_SHOWN = 3


async def submit(task: str, request: Any, *, journal: Journal, store: AssetStore, roots: tuple[Path, ...]) -> Job:
    """Queue the job that ``request`` asks for, or return the one its idempotency key already names."""
    fields = fields_of(request)
    submission = fields.pop("submission", {})
    key, session = (_short_name(submission, field) for field in ("idempotency_key", "session"))
    if submission.get("priority", "normal") not in PRIORITIES:
        raise InvalidValue("submission.priority", submission["priority"], ", ".join(PRIORITIES))
    if (engine := submission.get("engine", "auto")) not in _ENGINES:
        raise InvalidValue("submission.engine", engine, ", ".join(_ENGINES))
    request_digest = digest({"task": task, "request": request.SerializeToString(deterministic=True).hex()})
    if key and (known := await journal.find_key(key, request_digest)) is not None:
        return known

    engine = registry.resolve(engine, TASKS[task]).name
    sources: list[str] = []
    files: dict[str, str] = {}
    needed = {f.name: f.default is dataclasses.MISSING for f in dataclasses.fields(TASKS[task])}
    for name in AUDIO_FIELDS:
        if needed.get(name) or name in fields:
            sent = getattr(request, name)
            asset = await _stored(sent, name, store, roots)
            stand_in = f"asset:{asset.id}"
            files[stand_in] = str(store.path(asset.id))
            if asset.id not in sources:
                sources.append(asset.id)
            region = fields.get(name, {}).get("region", {})
            fields[name] = {"path": stand_in, "name": sent.name or asset.name, **region}
    checked = build_task(task, fields, files=files)
    await asyncio.to_thread(checked.validate)
    params = to_fields(with_all_seeds(build_task(task, fields)))
    auto_gen = submission.get("auto_gen", False)
    if auto_gen and not seeds_of(params):
        raise InvalidValue("submission.auto_gen", True, "no next batch of a task without seeds",
                           message=f"submission.auto_gen is set, but another {task} would be the same again.",
                           remedy="Leave it out.")  # fmt: skip
    return await journal.submit(
        task,
        params,
        engine=engine,
        priority=submission.get("priority", "normal"),
        key=key,
        request_digest=request_digest,
        sources=sources,
        session=session,
        auto_gen=auto_gen,
    )


def _short_name(submission: Mapping[str, Any], field: str) -> str:
    name: str = submission.get(field, "")
    if len(name) > _LONGEST_NAME:
        raise InvalidValue(
            f"submission.{field}", name, f"at most {_LONGEST_NAME} characters",
            message=f"submission.{field} holds {len(name)} characters; allowed: at most {_LONGEST_NAME}.",
        )  # fmt: skip
    return name


async def _stored(source: audio_pb2.AudioInput, field: str, store: AssetStore, roots: tuple[Path, ...]) -> Asset:
    """Return the asset that ``source`` names, storing its bytes first when they are not yet."""
    match source.WhichOneof("source"):
        case "asset_id":
            return await store.get(source.asset_id)
        case "inline":
            if len(source.inline) > MAX_INLINE_BYTES:
                raise InvalidValue(
                    f"{field}.inline", len(source.inline), f"at most {MAX_INLINE_BYTES} bytes",
                    message=f"{field}.inline holds {len(source.inline)} bytes; allowed: at most {MAX_INLINE_BYTES}.",
                    remedy="Upload the file with AssetService.UploadAsset and send its asset id.",
                )  # fmt: skip
            return await store.put(_once(source.inline), source.name or "inline audio")
        case "path":
            return await store.put_path(await asyncio.to_thread(confined, source.path, roots, field))
    raise InvalidValue(
        field, "", "an asset id, inline bytes or a path", message=f"The request names no {field}.",
        remedy="Say which audio to work on: by an asset id, inline bytes or a path.",
    )  # fmt: skip


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def confined(path: str, roots: tuple[Path, ...], field: str = "source") -> Path:
    """Return ``path`` with links resolved. Raises `InvalidValue` unless it is absolute and inside one of ``roots``."""
    named = [str(root) for root in roots[:_ROOTS_SHOWN]]
    folders = ", ".join(named) + (f" and {len(roots) - _ROOTS_SHOWN} more" if len(roots) > _ROOTS_SHOWN else "")
    allowed = f"a file below {folders}"
    if "\0" in path:
        raise InvalidValue(f"{field}.path", path, allowed, message=f"{field}.path holds a NUL character.",
                           remedy="Check the path.")  # fmt: skip
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
            f"{field}.path", path, allowed,
            message=f"{printable(Path(path).name)} lies outside the folders that the daemon may read ({folders}).",
            remedy="Upload it instead, or add its folder to `roots` in config.toml.",
        )  # fmt: skip
    return real
