"""Jobs, their events and assets as messages of the contract.

Takes and outputs count from 0 in the runtime and in the journal, and from 1 in the contract: only this module knows both.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from google.protobuf.timestamp_pb2 import Timestamp

from acebridge.contract.fields import fill
from acebridge.contract.metadata import metadata_message
from acebridge.contract.status import status_of
from acebridge.errors import JobFailed
from acebridge.jobs.job import Choice, Event, Job
from acebridge.server.job_request import request_message
from acebridge.store.asset_rows import Asset
from acebridge.v1 import assets_pb2, audio_pb2, jobs_pb2, tasks_pb2
from acebridge.workers.messages import Error, Header, Take, chunks_of


def timestamp(seconds: float | None) -> Timestamp | None:
    """Return Unix seconds as a Timestamp."""
    if seconds is None:
        return None
    stamp = Timestamp()
    stamp.FromMicroseconds(round(seconds * 1e6))
    return stamp


def header_message(body: Header) -> audio_pb2.AudioHeader:
    """Return the body of a ``header`` event as its message."""
    header = audio_pb2.AudioHeader(
        output=body["output"] + 1,
        take=body["take"] + 1,
        role=body["role"],
        sample_rate=body["sample_rate"],
        channels=body["channels"],
        frames=body["frames"],
        start_frame=body["start_frame"],
        chunks=chunks_of(body),
    )
    fill(header, {"encoding": body["encoding"]})
    return header


def chunk_message(output: int, offset_frames: int, data: bytes) -> audio_pb2.AudioChunk:
    """Return samples of an output, which is counted from 0 here, as their message."""
    return audio_pb2.AudioChunk(output=output + 1, offset_frames=offset_frames, data=data)


def take_message(body: Take, *, facts: bool = True) -> tasks_pb2.TakeFinished:
    """Return the body of a ``take`` event as its message, with or without its metadata."""
    outputs = [
        tasks_pb2.StoredOutput(
            output=output["output"] + 1,
            take=output["take"] + 1,
            role=output["role"],
            asset_id=output["asset_id"],
            sample_rate=output["sample_rate"],
            channels=output["channels"],
            frames=output["frames"],
            start_frame=output["start_frame"],
        )
        for output in body["outputs"]
    ]
    metadata = metadata_message(body["facts"]) if facts else None
    return tasks_pb2.TakeFinished(take=body["take"] + 1, seed=body["seed"], metadata=metadata, outputs=outputs)


def _ranking_message(choice: Choice) -> tasks_pb2.RankedTake:
    return tasks_pb2.RankedTake(
        take=choice["take"] + 1,
        seed=choice["seed"],
        score=choice.get("score"),
        chosen=choice["chosen"],
        note=choice.get("note", ""),
    )


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
            return message(audio_header=header_message(event.body))
        case "take":
            return message(take_finished=take_message(event.body))
        case "completed":
            completed = tasks_pb2.Completed(
                engine=event.body["engine"],
                takes=map(take_message, takes),
                wait_s=event.body["waited_s"],
                run_s=event.body["worked_s"],
                ranking=map(_ranking_message, event.body["ranking"]),
            )
            return message(completed=completed)
    raise ValueError(f"an event of the kind {event.kind} has no message of its own")


def job_failure(error: Error) -> JobFailed:
    """Return the error that ended a job."""
    return JobFailed(
        error["kind"], error["message"], remedy=error.get("remedy", ""), details=error.get("details") or {}
    )


def job_message(job: Job, *, facts: bool = True) -> jobs_pb2.Job:
    """Return a job as its message; its takes have their metadata where ``facts`` are wanted, which may be long."""
    out = jobs_pb2.Job(
        id=job.id,
        engine=job.engine,
        position=job.position,
        attempts=job.attempts,
        create_time=timestamp(job.created),
        start_time=timestamp(job.started),
        end_time=timestamp(job.finished),
        last_sequence=job.last_sequence,
        error=status_of(job_failure(job.error)) if job.error else None,
        takes=[take_message(take, facts=facts) for take in job.takes],
        progress=tasks_pb2.Progress(**job.progress),
        previous_job_id=job.next_of,
        prefetched=not job.requested,
        origin=tasks_pb2.Origin(**job.origin) if job.origin else None,
        request=request_message(job),
        same_job_id=job.same_as,
    )
    fill(out, {"task": job.task, "state": job.state, "priority": job.priority})
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
        create_time=timestamp(asset.created),
        last_use_time=timestamp(asset.last_used),
    )
