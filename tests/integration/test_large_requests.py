"""Requests that hold more than any that is meant: refused before anything looks through them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from acebridge.client.client import Client
from acebridge.v1 import assets_pb2, audio_pb2, jobs_pb2, tasks_pb2
from acestep_runtime.values import MAX_CODES, MAX_STEPS, MAX_TEXT
from tests.support.daemon import PATIENCE_S, create_tone_job, until_state
from tests.support.refusals import assert_refused

MANY_ENTRIES: dict[str, Callable[[Client], Any]] = {
    "list": lambda client: client.jobs.ListJobs(
        jobs_pb2.ListJobsRequest(states=[jobs_pb2.JOB_STATE_FAILED] * 7_000_000)
    ),
    "messages": lambda client: list(
        client.tasks.TextToMusic(
            tasks_pb2.TextToMusicRequest(sampling=tasks_pb2.Sampling(adapters=[tasks_pb2.Adapter()] * 2_000_000))
        )
    ),
    "unknown fields": lambda client: list(
        client.tasks.Repaint(tasks_pb2.RepaintRequest.FromString(b"\xf8\x06\x01" * 2_300_000))
    ),
    "beside audio": lambda client: list(
        client.tasks.Repaint(
            tasks_pb2.RepaintRequest(source=audio_pb2.AudioInput(inline=bytes(4 << 20), name="x" * 262_144))
        )
    ),
    "of an upload": lambda client: client.assets.UploadAsset(iter([assets_pb2.UploadAssetRequest(name="x" * 262_144)])),
}


@pytest.mark.parametrize("call", MANY_ENTRIES.values(), ids=list(MANY_ENTRIES))
def test_a_request_of_many_entries_is_refused_unseen(client: Client, call: Callable[[Client], Any]) -> None:
    reply = assert_refused(lambda: call(client))
    assert reply.code is grpc.StatusCode.INVALID_ARGUMENT
    assert re.fullmatch(
        r"This request holds \d+ bytes beside audio; allowed: at most 262144\. Send shorter texts and lists\.",
        reply.text,
    )


def test_the_longest_request_there_may_be_is_not_refused_for_its_size(client: Client) -> None:
    text = "𝄞" * MAX_TEXT
    request = tasks_pb2.TextToMusicRequest(
        music=tasks_pb2.Music(caption=text, lyrics=text),
        sampling=tasks_pb2.Sampling(timesteps=[0.5] * MAX_STEPS, adapters=[tasks_pb2.Adapter(name=text)] * 8),
        thinking=tasks_pb2.Thinking(negative=text),
        codes=[63_999] * MAX_CODES,
        submission=tasks_pb2.Submission(engine="grand", origin=tasks_pb2.Origin(project=text)),
    )
    reply = assert_refused(lambda: list(client.tasks.TextToMusic(request, timeout=PATIENCE_S)))
    assert reply.info.metadata["field"] == "submission.engine"


def test_a_state_may_be_named_more_than_once(client: Client) -> None:
    job = create_tone_job(client, 0.1)
    until_state(client, job, "succeeded")
    request = jobs_pb2.ListJobsRequest(states=[jobs_pb2.JOB_STATE_SUCCEEDED] * 200_000)
    assert job in [each.id for each in client.jobs.ListJobs(request).jobs]
