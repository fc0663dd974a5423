"""What the daemon holds, jobs and assets and their events, as messages of the wire contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from acebridge.contract.fields import fill, struct
from acebridge.jobs.job import Job
from acebridge.store.assets import Asset
from acebridge.v1 import assets_pb2, jobs_pb2, tasks_pb2


def timestamp(seconds: float | None) -> Timestamp | None:
    """Return Unix seconds as a Timestamp."""
    if seconds is None:
        return None
    stamp = Timestamp()
    stamp.FromMicroseconds(round(seconds * 1e6))
    return stamp


def _encoding(name: str) -> Any:
    holder = tasks_pb2.Output()
    fill(holder, {"encoding": name})
    return holder.encoding


_STORED = ("output", "take", "role", "asset_id", "sample_rate", "channels", "frames", "start_frame")


def take_finished(body: Mapping[str, Any]) -> tasks_pb2.TakeFinished:
    """Return the body of a ``take`` event as its message."""
    outputs = [tasks_pb2.StoredOutput(**{name: output[name] for name in _STORED}) for output in body["outputs"]]
    return tasks_pb2.TakeFinished(take=body["take"], seed=body["seed"], metadata=struct(body["facts"]), outputs=outputs)


def event_fields(kind: str, body: Mapping[str, Any], job: Job | None = None) -> dict[str, Any]:
    """Return the oneof field of a TaskEvent, ready to construct it, for every kind of journal event but ``audio``.

    ``completed`` needs the ``job``, whose takes it repeats.
    """
    if kind == "header":
        header = {**body, "encoding": _encoding(body["encoding"])}
        return {"audio_header": header}
    if kind == "take":
        return {"take_finished": take_finished(body)}
    if kind == "completed":
        assert job is not None
        return {"completed": {**body, "takes": [take_finished(take) for take in job.takes]}}
    return {kind: body}


def job_message(job: Job) -> jobs_pb2.Job:
    """Return a job as its message."""
    out = jobs_pb2.Job(
        id=job.id, task=job.task, engine=job.engine, position=job.position, attempts=job.attempts,
        created=timestamp(job.created), started=timestamp(job.started), finished=timestamp(job.finished),
        last_sequence=job.last_sequence, error=" ".join(filter(None, (job.error.get("message"), job.error.get("remedy")))),
        takes=[take_finished(take) for take in job.takes], progress=tasks_pb2.Progress(**job.progress),
        next_of=job.next_of, made_ahead=not job.requested,
    )  # fmt: skip
    fill(out, {"state": job.state, "priority": job.priority})
    return out


def asset_message(asset: Asset) -> assets_pb2.Asset:
    """Return an asset as its message."""
    return assets_pb2.Asset(
        id=asset.id, name=asset.name, size_bytes=asset.size_bytes, sample_rate=asset.sample_rate,
        channels=asset.channels, frames=asset.frames, pinned=asset.pinned, created=timestamp(asset.created),
        last_used=timestamp(asset.last_used),
    )  # fmt: skip
