"""A job's journal as a stream of TaskEvents, with its audio.

A stream holds one piece of audio at a time, whatever the length of the song and however slow its reader.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from acebridge.errors import NotFound
from acebridge.jobs.job import CANCELLED, FAILED, AudioEvent, Event
from acebridge.jobs.journal import Journal
from acebridge.server.messages import event_message, header_message, job_failure
from acebridge.server.output_reader import OutputReader
from acebridge.store.assets import AssetStore
from acebridge.v1 import tasks_pb2
from acebridge.workers.spool import Spool

TaskEvents = AsyncGenerator[tasks_pb2.TaskEvent, None]


class StaleEvents(Exception):
    """The next event is void by now: the job went back to the queue, has failed, or has dropped the take.

    ``resume_from`` is the number of the last event that counts.
    """

    def __init__(self, resume_from: int) -> None:
        self.resume_from = resume_from


async def stream_job_events(
    job_id: str, after_sequence: int, journal: Journal, spool: Spool, store: AssetStore, *, with_audio: bool = True
) -> TaskEvents:
    """Yield the events of a job after number ``after_sequence`` until it has ended, with its samples if ``with_audio``.

    Raises `JobFailed` when it ended without a result, `NotFound` when it, or its audio, is no longer there.
    """
    reader = OutputReader(job_id, journal, spool, store, with_audio=with_audio)
    has_completed = False
    try:
        # Here and below generators are closed from the inside out: a client that leaves must not close a file that is
        # being read.
        async with aclosing(_valid_messages(job_id, after_sequence, journal, reader)) as messages:
            async for message in messages:
                yield message
                has_completed = message.WhichOneof("event") == "completed"
    except NotFound:
        # A job that failed while this client lagged behind has taken its unfinished audio with it.
        if (await journal.get(job_id)).state not in (FAILED, CANCELLED):
            raise
    finally:
        reader.close()
    if has_completed:
        return
    job = await journal.get(job_id)
    if job.state in (FAILED, CANCELLED):
        raise job_failure(job.error)


async def _valid_messages(job_id: str, after_sequence: int, journal: Journal, reader: OutputReader) -> TaskEvents:
    """Yield messages until the job has ended; where events turned void meanwhile, go on with those that replace them."""
    while True:
        try:
            async with aclosing(_messages(job_id, after_sequence, journal, reader)) as messages:
                async for message in messages:
                    yield message
            return
        except StaleEvents as stale:  # noqa: PERF203
            after_sequence = stale.resume_from
            reader.close()


async def _messages(job_id: str, after_sequence: int, journal: Journal, reader: OutputReader) -> TaskEvents:
    async with aclosing(journal.watch(job_id, after_sequence)) as batches:
        async for batch in batches:
            async with aclosing(_batch_messages(batch, job_id, journal, reader)) as messages:
                async for message in messages:
                    yield message
            reader.close()  # while it waits for more: an open file that was removed keeps its space on the disk


async def _batch_messages(batch: Sequence[Event], job_id: str, journal: Journal, reader: OutputReader) -> TaskEvents:
    """Yield the messages of a batch of events. Raises `StaleEvents` when some of it is void by now."""
    for _, group in itertools.groupby(batch, _audio_output):
        events = list(group)
        audio = [event for event in events if event.kind == "audio"]
        if audio and not reader.with_audio:
            continue
        messages = (
            _audio_messages(audio, job_id, journal, reader) if audio else _messages_of(events, job_id, journal, reader)
        )
        async with aclosing(messages):
            async for message in messages:
                yield message


def _audio_output(event: Event) -> int | None:
    return event.body["output"] if event.kind == "audio" else None


async def _audio_messages(
    events: Sequence[AudioEvent], job_id: str, journal: Journal, reader: OutputReader
) -> TaskEvents:
    """Yield the samples that contiguous ``audio`` events of one output announce, behind its header if that was not sent."""
    first, output = events[0].sequence, events[0].body["output"]
    try:
        if output not in reader.announced:
            header = header_message(await reader.header(output))
            reader.announced.add(output)
            # Whoever goes on after this number still gets the samples.
            yield tasks_pb2.TaskEvent(sequence=first - 1, job_id=job_id, audio_header=header)
        async with aclosing(reader.chunks(events)) as chunks:
            async for sequence, chunk in chunks:
                yield tasks_pb2.TaskEvent(sequence=sequence, job_id=job_id, audio_chunk=chunk)
    except NotFound:
        if await journal.holds(job_id, first):
            raise
        raise StaleEvents(first - 1) from None


async def _messages_of(events: Sequence[Event], job_id: str, journal: Journal, reader: OutputReader) -> TaskEvents:
    """Yield all other events as they are."""
    for event in events:
        if event.kind in ("header", "take") and not await journal.holds(job_id, event.sequence):
            raise StaleEvents(event.sequence)
        if event.kind == "header":
            reader.add_header(event.body)
            reader.announced.add(event.body["output"])
        takes = (await journal.get(job_id)).takes if event.kind == "completed" else ()
        yield event_message(job_id, event, takes)
