"""Workers on a real Ray cluster: several nodes on this machine, with seats for actors.

Whatever ends - an actor, a node, the daemon, the cluster - no finished take is lost, and every job ends or waits.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import psutil
import pytest

from acebridge.client.client import Client
from acebridge.client.finishing import finish_take
from acebridge.errors import JobFailed
from acebridge.v1 import audio_pb2
from acebridge.version import VERSION
from acebridge.workers.base import Device
from acebridge.workers.launch import Spawner
from acebridge.workers.local import LocalWorker
from acebridge.workers.messages import JobOrder
from acestep_runtime.latents_files import latents_path
from acestep_runtime.weights.folder import VARIABLE as MODELS_FOLDER
from tests.support.daemon import (
    Daemon,
    Take,
    assert_gone,
    collect,
    create_tone_job,
    daemon_at,
    expected_tone,
    generate,
    job,
    song,
    state,
    status,
    until,
    until_started,
    until_state,
    write_wav,
)
from tests.support.ray_cluster import RayCluster, free_port
from tests.support.shell import Shell
from tests.support.tiny_models import tiny_models

pytestmark = [pytest.mark.host, pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra ray")]
#: Ray sets this to the CPUs of an actor; sums are in another order with more threads.
_THREADS = {"OMP_NUM_THREADS": "1"}


class Studio(NamedTuple):
    """A cluster, the folder of models of its nodes, and the gates of its fake engines."""

    cluster: RayCluster
    models: Path
    gates: Path

    def daemon_at(self, home: Path, address: str, count: int = 1, **options: Any) -> Any:
        """A daemon with workers on the cluster, whose gates are those of the nodes."""
        home.mkdir(exist_ok=True)
        (home / "gates").symlink_to(self.gates, target_is_directory=True)
        config = f'workers = "{address}"\nray_workers = {count}\nray_resources = {{ seat = 1 }}\nmodels_dir = "{self.models}"\n'
        return daemon_at(home, config=config, **options)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A cluster of two nodes. What runs in this process meanwhile finds it."""
    nodes, gates = tmp_path_factory.mktemp("nodes"), tmp_path_factory.mktemp("gates")
    models = tiny_models(tmp_path_factory.mktemp("models"))
    variables = {
        "ACEBRIDGE_HOME": str(nodes), "ACEBRIDGE_MODELS": str(models), "ACEBRIDGE_FAKE_STEP_MS": "5",
        "ACEBRIDGE_FAKE_GATES": str(gates), **_THREADS,
    }  # fmt: skip
    cluster = RayCluster(variables)
    try:
        cluster.add("first=1", "second=1")
        with mock.patch.dict(os.environ, {**cluster.access, **_THREADS}):
            yield Studio(cluster, models, gates)
    finally:
        cluster.stop()


@pytest.fixture(scope="module")
def daemon(studio: Studio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon whose machine is a node of the cluster, with two workers."""
    with studio.daemon_at(tmp_path_factory.mktemp("daemon"), "ray://auto", 2) as daemon:
        yield daemon


@pytest.fixture
def client(daemon: Daemon) -> Iterator[Client]:
    with Client(daemon.address, token=daemon.token) as client:
        yield client
    daemon.release()


def read_sizes(daemon: Daemon) -> list[int]:
    """How many bytes of sources went to a node, order by order."""
    lines = (daemon.home / "logs" / "daemon.log").read_text("utf-8").splitlines()
    return [line["bytes"] for line in map(json.loads, lines) if line["message"] == "sources are on the node"]


def asset_ids(take: Take) -> list[str]:
    return [output.asset_id for made in take.completed.takes for output in made.outputs]


def order_of(daemon: Daemon, job_id: str, folder: Path) -> JobOrder:
    """The order that a job's worker had, with its results in another folder."""
    with closing(sqlite3.connect(daemon.home / "acebridge.db")) as database:
        row = database.execute("SELECT task, params, engine, sources FROM jobs WHERE id = ?", (job_id,)).fetchone()
    task, params, engine, sources = row
    return {
        "op": "job", "id": job_id, "priority": "normal",
        "task": task, "params": json.loads(params), "engine": engine, "note": "", "spare": "",
        "files": {each: str(daemon.home / "assets" / each[:2] / each) for each in json.loads(sources)},
        "folder": str(folder), "takes": [],
    }  # fmt: skip


async def make_here(orders: list[JobOrder], folder: Path) -> list[list[str]]:
    """Return the assets that a worker of this machine makes of each order."""
    worker = LocalWorker(Device("cpu"), Spawner(folder))
    made = []
    for order in orders:
        messages = [message async for message in worker.run(order)]
        assert messages[-1]["type"] == "done", messages[-1]
        takes = [message["body"] for message in messages if message["type"] == "take"]
        made.append([output["asset_id"] for take in takes for output in take["outputs"]])
    await worker.kill()
    return made


def test_results_equal_those_of_a_worker_on_this_machine(
    studio: Studio, daemon: Daemon, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[list[str]] = []
    orders: list[JobOrder] = []
    for task, engine, fields in (
        ("text2music", "fake", {"duration_s": 0.5, "output": {"seeds": [7], "takes": 2}}),
        ("cover", "draft", {"output": {"seeds": [3]}, "music": {"caption": "slow piano"}}),
        ("text2music", "neural", {"duration_s": 1.0, "output": {"seeds": [5]}, "sampling": {"steps": 2}}),
        # Of the take before it, whose latents go to the node with it.
        ("repaint", "neural", {"start_s": 0.2, "end_s": 0.6, "output": {"seeds": [6]}, "sampling": {"steps": 2}}),
    ):
        source = None if task == "text2music" else audio_pb2.AudioInput(asset_id=made[-1][0])
        take = collect(client.submit(task, fields, source=source, submission={"engine": engine}))
        made.append(asset_ids(take))
        orders.append(order_of(daemon, take.job_id, tmp_path / str(len(orders))))
    monkeypatch.setenv(MODELS_FOLDER, str(studio.models))
    assert asyncio.run(make_here(orders, tmp_path)) == made
    for number, ids in enumerate(made):
        stored, here = daemon.home / "assets" / ids[0][:2] / ids[0], tmp_path / str(number) / "0.wav"
        assert stored.read_bytes() == here.read_bytes()
        files = [latents_path(each) for each in (stored, here)]
        assert [each.exists() for each in files] == [number == 2] * 2
        if number == 2:
            assert files[0].read_bytes() == files[1].read_bytes()
    daemon.check_store()


def test_a_preview_is_finished_from_its_latents(daemon: Daemon, client: Client) -> None:
    made = {}
    for name, more in (("whole", {}), ("preview", {"preview_bars": 1})):
        fields = {"duration_s": 1.5, "music": {"bpm": 240}, "output": {"seeds": [8], **more}, "sampling": {"steps": 2}}
        made[name] = collect(client.submit("text2music", fields, submission={"engine": "neural"}))
    finish = finish_take(client, job(client, made["preview"].job_id), None)
    assert not finish.note
    finish.fields.pop("submission", None)
    finished = collect(client.submit("text2music", finish.fields, submission={"engine": "neural"}))
    assert asset_ids(finished) == asset_ids(made["whole"]) != asset_ids(made["preview"])
    assert not finished.completed.takes[0].metadata.warnings  # nothing was denoised again
    daemon.check_store()


def test_a_source_goes_to_a_node_once(daemon: Daemon, client: Client, tmp_path: Path) -> None:
    """The other worker is busy all the while, so that both jobs go to the same node."""
    source = client.upload(write_wav(tmp_path / "b.wav", song(2.0, seed=5)))
    daemon.hold(30)
    other = create_tone_job(client, 0.2, seed=30)
    until_started(client, other)
    before = len(read_sizes(daemon))
    for seed in (31, 32):
        take = collect(
            client.submit("cover", {"output": {"seeds": [seed]}}, source=source, submission={"engine": "fake"})
        )
        assert np.array_equal(take.samples(), expected_tone(seed, 2.0))
    until(lambda: len(read_sizes(daemon)) >= before + 2, "both orders in the log")
    assert read_sizes(daemon)[before:] == [(tmp_path / "b.wav").stat().st_size, 0]
    daemon.release()
    until_state(client, other, "succeeded")


def test_audio_arrives_before_the_job_ends(daemon: Daemon, client: Client) -> None:
    daemon.hold(41, at="audio")
    events = generate(client, 3.0, seed=41)
    head = []
    for event in events:
        head.append(event)
        if event.WhichOneof("event") == "audio_chunk":
            break
    assert state(client, head[0].job_id) == "running"
    daemon.release()
    assert np.array_equal(collect(iter([*head, *events])).samples(), expected_tone(41, 3.0))


def test_two_jobs_run_at_once_on_two_nodes(studio: Studio, daemon: Daemon, client: Client) -> None:
    daemon.hold(51, 52)
    ids = [create_tone_job(client, 0.3, seed=seed) for seed in (51, 52)]
    for job_id in ids:
        until_started(client, job_id)
    workers = status(client).workers
    assert {worker.job_id for worker in workers} == set(ids)
    assert [worker.device for worker in workers] == ["ray:0", "ray:1"]
    assert {worker.label for worker in workers} == {"first", "second"}
    assert len(studio.cluster.actors()) == 2
    daemon.release()
    for seed, job_id in zip((51, 52), ids, strict=True):
        assert np.array_equal(collect(client.watch(job_id)).samples(), expected_tone(seed, 0.3))


def test_a_cancelled_job_ends_and_the_actor_stays(studio: Studio, daemon: Daemon, client: Client) -> None:
    actors = {process.pid for process in studio.cluster.actors()}
    daemon.hold(61)
    events = generate(client, 0.3, seed=61)
    job_id = next(events).job_id
    until_started(client, job_id)
    client.cancel(job_id)
    with pytest.raises(JobFailed, match=r"^The job was cancelled\.$"):
        collect(events)
    assert {process.pid for process in studio.cluster.actors()} == actors
    assert np.array_equal(collect(generate(client, 0.2, seed=62)).samples(), expected_tone(62, 0.2))


def begin_two_takes(daemon: Daemon, client: Client, seed: int) -> Any:
    """Begin a job, and wait until it has finished one of its two takes."""
    daemon.hold(seed + 1)
    events = generate(client, 0.3, seed=seed, takes=2)
    job_id = next(events).job_id
    until(lambda: job(client, job_id).takes, "the first take")
    return job_id, events


def check_both_takes(events: Any, seed: int) -> None:
    take = collect(events)
    assert [np.array_equal(take.samples(n + 1), expected_tone(seed + n, 0.3)) for n in range(2)] == [True, True]


def test_a_job_whose_actor_is_killed_goes_on_with_the_take_that_was_missing(
    studio: Studio, daemon: Daemon, client: Client
) -> None:
    job_id, events = begin_two_takes(daemon, client, 70)
    for process in studio.cluster.actors():
        process.kill()
    until(lambda: job(client, job_id).attempts == 2, "the second attempt")
    daemon.release()
    check_both_takes(events, 70)
    daemon.check_store()


def test_a_job_whose_engine_ends_its_process_is_tried_once_more(client: Client) -> None:
    with pytest.raises(JobFailed, match=r"when the job was repeated \(exit code 42\)"):
        collect(generate(client, 0.3, caption="crash"))
    assert np.array_equal(collect(generate(client, 0.2, seed=65)).samples(), expected_tone(65, 0.2))


def test_a_job_whose_node_is_killed_goes_on_elsewhere(studio: Studio, daemon: Daemon, client: Client) -> None:
    job_id, events = begin_two_takes(daemon, client, 80)
    (label,) = (worker.label for worker in status(client).workers if worker.job_id == job_id)
    studio.cluster.kill(label)
    until(lambda: job(client, job_id).attempts == 2, "the second attempt")
    daemon.release()
    check_both_takes(events, 80)
    studio.cluster.add("third=3")
    daemon.check_store()


def test_a_daemon_that_is_killed_leaves_nothing_at_work_and_goes_on(studio: Studio, tmp_path: Path) -> None:
    """It is a client of the cluster here, on no node of it."""
    with studio.daemon_at(tmp_path / "home", studio.cluster.client_address) as frail:
        assert frail.client is not None
        others = {process.pid for process in studio.cluster.actors()}
        client = frail.client
        first, events = begin_two_takes(frail, client, 90)
        last, soon = (create_tone_job(client, 0.2, seed=seed, priority=p) for seed, p in ((93, "low"), (94, "high")))
        events.close()
        own = [process for process in studio.cluster.actors() if process.pid not in others]
        at_work = [*own, *(child for process in own for child in process.children(recursive=True))]
        assert len(at_work) >= 2  # the actor and its worker process
        assert_gone([*frail.kill(), *at_work])
        frail.release()
        client = frail.start()
        check_both_takes(client.watch(first), 90)
        for job_id, seed in ((soon, 94), (last, 93)):
            assert np.array_equal(collect(client.watch(job_id)).samples(), expected_tone(seed, 0.2))
        started = [job(client, job_id).start_time.ToNanoseconds() for job_id in (soon, first, last)]
        assert started == sorted(started)
        frail.check_store()


def test_a_node_with_another_version_is_refused(studio: Studio, tmp_path: Path) -> None:
    with studio.daemon_at(tmp_path / "home", "ray://auto", version="0.0.1") as other:
        assert other.client is not None
        job_id = create_tone_job(other.client, 0.2)
        problem = until(lambda: status(other.client).workers[0].problem, "the refusal")
        assert f"has AceBridge {VERSION}, and this daemon is version 0.0.1. Install the same version" in problem
        assert state(other.client, job_id) == "queued"
        other.client.cancel(job_id)


def test_jobs_wait_while_the_cluster_cannot_be_reached(studio: Studio, tmp_path: Path) -> None:
    address = f"ray://127.0.0.1:{free_port()}"
    with studio.daemon_at(tmp_path / "home", address) as alone:
        assert alone.client is not None
        job_id = create_tone_job(alone.client, 0.2)
        problem = until(lambda: status(alone.client).workers[0].problem, "the problem")
        assert problem.startswith(f"The Ray cluster at {address} cannot be reached: ")
        assert 'or set workers to "local" in config.toml' in problem
        shell = Shell(tmp_path, alone.environment)
        assert problem in shell.run("status").stdout
        assert f"waiting: {problem}" in shell.run("jobs").stdout
        assert f"queued, waiting: {problem}" in shell.run("jobs", "show", job_id).stdout
        assert f"workers: The Ray cluster at {address} cannot be reached: " in shell.run("doctor", code=4).stdout
        assert state(alone.client, job_id) == "queued"
        alone.client.cancel(job_id)
        until_state(alone.client, job_id, "cancelled")


def test_a_daemon_outlives_its_cluster(studio: Studio, daemon: Daemon, client: Client) -> None:
    job_id, events = begin_two_takes(daemon, client, 100)
    studio.cluster.kill_all()
    until(lambda: any("cannot be reached" in each.problem for each in status(client).workers), "the problem")
    until_state(client, job_id, "queued")
    assert len(job(client, job_id).takes) == 1
    events.close()
    client.cancel(job_id)
    until_state(client, job_id, "cancelled")
    assert psutil.pid_exists(daemon.pid)
