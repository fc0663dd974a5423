"""What is said when a daemon on another machine goes away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest

from acebridge.cli.perform import follow_job
from acebridge.cli.result import Result
from acebridge.client import api_runner
from acebridge.client import client as client_module
from acebridge.client.client import Client
from acebridge.errors import ConnectionLost, ErrorReason
from acebridge.v1 import jobs_pb2, tasks_pb2
from acestep_runtime.values import CancelToken

Events = Iterator[tasks_pb2.TaskEvent]
GONE = "The daemon at studio.local:50710 does not answer any more: the network or that machine is gone."


def test_the_result_of_a_daemon_here_can_be_fetched_when_it_is_started_again() -> None:
    with Client("127.0.0.1:1") as client:
        lost = ConnectionLost(ErrorReason.UNAVAILABLE, "Gone.", remedy="Start it again: the jobs that it has go on.")
        assert str(client.explain_lost(lost, "0123abcd")) == (
            "Gone. Start it again: job 0123abcd goes on, and `acebridge jobs watch 0123abcd -o FILE` fetches the result."
        )
        assert client.explain_lost(lost, "") is lost  # it may not have the job


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client of a daemon elsewhere, behind whose address nobody is."""
    monkeypatch.setattr(client_module, "open_channel", lambda *_: grpc.insecure_channel("127.0.0.1:1"))
    with Client("studio.local:50710") as client:
        yield client


def test_no_sentence_asks_to_start_a_daemon_elsewhere(client: Client) -> None:
    with pytest.raises(ConnectionLost) as caught:
        client.call(client.jobs.GetJob, jobs_pb2.GetJobRequest(job_id="job"))
    assert str(caught.value) == f"{GONE} Try again when it is back: the jobs that it has go on."


def run_command(client: Client, events: Events) -> None:
    follow_job(events, Result(0.0, None), client, title="repaint", as_json=True)


def run_api(client: Client, events: Events) -> None:
    api_runner._fetch(client, events, Path("nowhere"), CancelToken(), lambda *_: None)


@pytest.mark.parametrize("run", [run_command, run_api])
def test_the_result_can_be_fetched_later(client: Client, run: Callable[[Client, Events], None]) -> None:
    def events() -> Events:
        yield tasks_pb2.TaskEvent(job_id="0123abcd", queued=tasks_pb2.Queued(position=1))
        yield from client.watch("0123abcd")

    with pytest.raises(ConnectionLost) as caught:
        run(client, events())
    assert str(caught.value) == (
        f"{GONE} Job 0123abcd goes on there; when it is back,"
        " `acebridge jobs watch 0123abcd -o FILE --address studio.local:50710` fetches the result."
    )
