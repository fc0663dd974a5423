"""Jobs, their events and assets as messages of the contract."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from google.protobuf.timestamp_pb2 import Timestamp

from acebridge.contract.enums import encoding_number
from acebridge.contract.fields import fill, struct
from acebridge.jobs.job import Event, Job
from acebridge.store.assets import Asset
from acebridge.v1 import assets_pb2, jobs_pb2, tasks_pb2
from acebridge.workers.messages import Take


def timestamp(seconds: float | None) -> Timestamp | None:
    """Return Unix seconds as a Timestamp."""
    if seconds is None:
        return None
    stamp = Timestamp()
    stamp.FromMicroseconds(round(seconds * 1e6))
    return stamp


def take_message(body: Take) -> tasks_pb2.TakeFinished:
    """Return the body of a ``take`` event as its message."""
    outputs = [
        tasks_pb2.StoredOutput(
            output=output["output"],
            take=output["take"],
            role=output["role"],
            asset_id=output["asset_id"],
            sample_rate=output["sample_rate"],
            channels=output["channels"],
            frames=output["frames"],
            start_frame=output["start_frame"],
        )
        for output in body["outputs"]
    ]
    return tasks_pb2.TakeFinished(take=body["take"], seed=body["seed"], metadata=struct(body["facts"]), outputs=outputs)


def event_message(job_id: str, event: Event, takes: Sequence[Take] = ()) -> tasks_pb2.TaskEvent:
    """Return an event of the journal, of any kind but ``audio``, as its message.

    ``completed`` repeats the ``takes`` of the job. Raises ``ValueError`` for ``audio``, whose samples are in a file.
    """
    message = partial(tasks_pb2.TaskEvent, sequence=event.sequence, job_id=job_id)
    match event.kind:
        case "queued":
            return message(queued=event.body)
        case "started":
            return message(started=event.body)
        case "progress":
            return message(progress=event.body)
        case "header":
            return message(audio_header={**event.body, "encoding": encoding_number(event.body["encoding"])})
        case "take":
            return message(take_finished=take_message(event.body))
        case "completed":
            return message(completed={**event.body, "takes": [take_message(take) for take in takes]})
    raise ValueError(f"an event of the kind {event.kind} has no message of its own")


def job_message(job: Job) -> jobs_pb2.Job:
    """Return a job as its message."""
    out = jobs_pb2.Job(
        id=job.id,
        task=job.task,
        engine=job.engine,
        position=job.position,
        attempts=job.attempts,
        created=timestamp(job.created),
        started=timestamp(job.started),
        finished=timestamp(job.finished),
        last_sequence=job.last_sequence,
        error=" ".join(filter(None, (job.error.get("message"), job.error.get("remedy")))),
        takes=[take_message(take) for take in job.takes],
        progress=tasks_pb2.Progress(**job.progress),
        next_of=job.next_of,
        made_ahead=not job.requested,
    )
    fill(out, {"state": job.state, "priority": job.priority})
    return out


def asset_message(asset: Asset) -> assets_pb2.Asset:
    """Return an asset as its message."""
    return assets_pb2.Asset(
        id=asset.id,
        name=asset.name,
        size_bytes=asset.size_bytes,
        sample_rate=asset.sample_rate,
        channels=asset.channels,
        frames=asset.frames,
        pinned=asset.pinned,
        created=timestamp(asset.created),
        last_used=timestamp(asset.last_used),
    )
