"""The edge lives on: daemons are killed and come back elsewhere, clients are many, the daemon that started it ends."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.daemon import Daemon, assert_gone, create_tone_job, daemon_at, job, until, until_state
from tests.support.edge import Edge, edge_of, read_events

STREAMS = 100


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon that a test may kill."""
    with daemon_at(tmp_path / "home", step_ms=5) as daemon:
        yield daemon


def test_the_edge_finds_the_daemon_again(own: Daemon) -> None:
    with edge_of(own) as edge:
        first = edge.call("DaemonService/GetStatus")["pid"]
        assert_gone(own.kill())
        answer = edge.ask("POST", "/v1/DaemonService/GetStatus", {})
        assert (answer.status, answer.reason) == (503, "UNAVAILABLE")
        assert answer.json["error"]["remedy"]
        own.start()  # at another port, with another secret
        assert edge.call("DaemonService/GetStatus")["pid"] == own.pid != first
        assert own.stop() == 0
        assert edge.ask("POST", "/v1/DaemonService/GetStatus", {}).status == 503
        assert edge.ask("GET", "/health", token="").status == 200
        own.start()
        assert edge.call("DaemonService/GetStatus")["pid"] == own.pid


def test_a_stream_and_an_output_go_on_with_another_daemon(own: Daemon) -> None:
    with edge_of(own) as edge:
        client = own.client
        assert client is not None
        own.hold(601, at="audio")
        job_id = create_tone_job(client, 2.0, seed=601)
        with contextlib.closing(edge.connect()) as connection, contextlib.closing(edge.connect()) as watching:
            response = edge.begin(connection, "GET", f"/v1/jobs/{job_id}/outputs/1/audio")
            events = read_events(edge.begin(watching, "GET", f"/v1/jobs/{job_id}/events"))
            first, seen = response.read(100_000), [next(events)]
            assert_gone(own.kill())
            seen += events
            assert seen[-1].kind == "error"
            assert seen[-1].data["error"]["reason"] == "UNAVAILABLE"
            own.release()
            client = own.start()
            data = first + response.read()
        rest = list(edge.stream(f"/v1/jobs/{job_id}/events", headers={"Last-Event-ID": str(seen[-2].id)}))
        assert rest[-1].kind == "completed"
        assert hashlib.sha256(data).hexdigest() == job(client, job_id).takes[0].outputs[0].asset_id


def test_an_edge_starts_without_a_daemon(own: Daemon) -> None:
    assert own.stop() == 0
    with edge_of(own) as edge:
        assert edge.ask("POST", "/v1/JobService/ListJobs", {}).status == 503
        own.start()
        assert edge.call("JobService/ListJobs")["jobs"] == []


def test_a_hundred_streams_cost_less_than_a_mebibyte_each(own: Daemon) -> None:
    with edge_of(own) as edge:
        client = own.client
        assert client is not None
        own.hold(602)
        job_id = create_tone_job(client, 0.5, seed=602)
        until_state(client, job_id, "running")
        process = psutil.Process(edge.pid)
        path = f"/v1/jobs/{job_id}/events"
        with contextlib.ExitStack() as stack:

            def watch() -> http.client.HTTPResponse:
                connection = stack.enter_context(contextlib.closing(edge.connect()))
                return edge.begin(connection, "GET", path)

            for _ in range(5):  # what the first ones load is not theirs
                next(read_events(watch()))
            before = process.memory_info().rss
            streams = [watch() for _ in range(STREAMS)]
            for stream in streams:
                next(read_events(stream))
            cost = (process.memory_info().rss - before) / STREAMS
            print(f"{cost / 1024:.0f} KiB for each stream")
            assert cost < 2**20
            assert edge.call("DaemonService/GetStatus")["running_jobs"] == 1
            own.release()
            for stream in streams:
                assert b"event: completed" in stream.read()


def test_streams_that_clients_leave_end(own: Daemon) -> None:
    with edge_of(own) as edge:
        client = own.client
        assert client is not None
        own.hold(603)
        job_id = create_tone_job(client, 0.5, seed=603)
        until_state(client, job_id, "running")
        process = psutil.Process(edge.pid)

        def count() -> int:
            return sum(each.laddr.port == edge.port and bool(each.raddr) for each in process.net_connections("tcp"))

        for kind in ("events", "outputs/1/audio"):
            connection = edge.connect()
            connection.request("GET", f"/v1/jobs/{job_id}/{kind}", headers={"Authorization": f"Bearer {edge.key}"})
            until(lambda: count() == 1, "the edge to take the connection")
            connection.close()
            until(lambda: count() == 0, "the edge to close the connection")
        own.release()
        until_state(client, job_id, "succeeded")


def test_the_daemon_starts_the_edge_that_its_settings_ask_for(tmp_path: Path) -> None:
    with daemon_at(tmp_path / "home", config="[http]\nport = 0\n") as daemon:
        edge = Edge(daemon.home)
        until(lambda: (daemon.home / "panel.json").exists(), "the edge")
        assert edge.call("DaemonService/GetStatus")["pid"] == daemon.pid
        first = json.loads((daemon.home / "panel.json").read_text("utf-8"))["pid"]
        key = edge.key
        os.kill(first, signal.SIGKILL)
        until(lambda: edge.pid != first, "another edge")
        assert edge.key == key
        until(lambda: _answers(edge), "the edge to answer")
        child = psutil.Process(edge.pid)
        assert daemon.stop() == 0
        assert_gone([child])


def _answers(edge: Edge) -> bool:
    with contextlib.suppress(OSError):
        return edge.ask("GET", "/health", token="").status == 200
    return False
