"""A client with betterproto2 and grpclib, as docs/contract.md says: ``client`` is the package that protoc wrote.

    python with_betterproto.py HOST:PORT OUT.raw

The token of the daemon is read from the environment, ACEBRIDGE_TOKEN.

Prints the job, its last event, the metadata of its take and what an error says; writes the samples of its output.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from client.acebridge import v1
from client.google import rpc
from grpclib.client import Channel, UnaryStreamMethod, UnaryUnaryMethod
from grpclib.encoding.base import CodecBase
from grpclib.exceptions import GRPCError

TOKEN = {"authorization": f"Bearer {os.environ['ACEBRIDGE_TOKEN']}"}


class Codec(CodecBase):
    """Messages of betterproto2 for grpclib."""

    __content_subtype__ = "proto"

    def encode(self, message: Any, _: Any) -> bytes:
        return bytes(message)

    def decode(self, data: bytes, kind: Any) -> Any:
        return kind.parse(data)


async def main(address: str) -> bytes:
    host, _, port = address.rpartition(":")
    async with Channel(host, int(port), codec=Codec()) as channel:
        make = UnaryStreamMethod(channel, "/acebridge.v1.TaskService/TextToMusic", v1.TextToMusicRequest, v1.TaskEvent)
        request = v1.TextToMusicRequest(
            submission=v1.Submission(engine="fake", priority=v1.Priority.HIGH),
            music=v1.Music(caption="warm pop", bpm=96.0),
            duration_s=2.5,
            output=v1.Output(seeds=[11]),
        )
        audio, take, job_id, sequence = bytearray(), None, "", 0
        async with make.open(metadata=TOKEN) as stream:
            await stream.send_message(request, end=True)
            async for event in stream:
                job_id, sequence = event.job_id, event.sequence
                if event.audio_header is not None:
                    audio = bytearray(event.audio_header.frames * event.audio_header.channels * 4)
                elif event.audio_chunk is not None:
                    at = event.audio_chunk.offset_frames * 8
                    audio[at : at + len(event.audio_chunk.data)] = event.audio_chunk.data
                elif event.take_finished is not None:
                    take = event.take_finished
        assert take is not None
        reply = {"job": job_id, "sequence": sequence, "take": take.take, "seed": take.seed, "bpm": take.metadata.bpm,
                "keyscale": take.metadata.keyscale, "chords": len(take.metadata.chords)}  # fmt: skip
        create = UnaryUnaryMethod(channel, "/acebridge.v1.JobService/CreateJob", v1.CreateJobRequest, v1.Job)
        request.duration_s = 0.01
        wrapped = v1.CreateJobRequest(request=v1.TaskRequest(text_to_music=request), validate_only=True)
        try:
            await create(wrapped, metadata=TOKEN)
        except GRPCError as error:
            reply["error"] = error.message
        get = UnaryUnaryMethod(channel, "/acebridge.v1.JobService/GetJob", v1.GetJobRequest, v1.Job)
        job = await get(v1.GetJobRequest(job_id=job_id), metadata=TOKEN)
        reply |= {"task": job.task.name, "state": job.state.name, "failed": isinstance(job.error, rpc.Status)}
        print(json.dumps(reply))
        return bytes(audio)


Path(sys.argv[2]).write_bytes(asyncio.run(main(sys.argv[1])))
