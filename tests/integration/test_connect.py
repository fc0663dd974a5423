"""A daemon that is connected to one on another machine: its jobs are done there, whatever the line between them does."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from acebridge.client.client import Client, request_of
from acebridge.client.known_daemons import KnownDaemon, remember
from acebridge.config import tomllib
from acebridge.contract.tasks import TaskRequest
from acebridge.errors import ErrorReason, JobFailed
from acebridge.v1 import jobs_pb2
from tests.support.certificates import make_pair
from tests.support.daemon import (
    Take,
    collect,
    create_tone_job,
    download,
    generate,
    job,
    song,
    state,
    status,
    tone_request,
    until,
    until_started,
    until_state,
    write_wav,
)
from tests.support.shell import LoneShell, Shell
from tests.support.tiny_models import tiny_models
from tests.support.two_machines import Laptop, Studio, laptop_at, studio_at

#: The line that everything has to get over: 100 ms each way, and one chunk of a hundred resets its connection.
DELAY_S, RESET_SHARE = 0.1, 0.01


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    models = tiny_models(tmp_path_factory.mktemp("models"))
    with studio_at(tmp_path_factory.mktemp("studio"), f"models_dir = '{models}'\n", step_ms=5) as studio:
        yield studio


@pytest.fixture(scope="module")
def laptop_of_all(studio: Studio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    with laptop_at(tmp_path_factory.mktemp("laptop"), studio) as laptop:
        laptop.until_up()
        yield laptop


@pytest.fixture
def laptop(laptop_of_all: Laptop, studio: Studio) -> Iterator[Laptop]:
    """A laptop with a good line, whatever the tests before did with it."""
    laptop_of_all.line.mend()
    laptop_of_all.line.delay_s = laptop_of_all.line.reset_share = 0.0
    laptop_of_all.until_up()
    yield laptop_of_all
    studio.daemon.release()


def jobs_of(client: Client) -> list[jobs_pb2.Job]:
    return list(client.call(client.jobs.ListJobs, jobs_pb2.ListJobsRequest()).jobs)


def repaint_request(laptop: Laptop, file: Path, *, seed: int) -> TaskRequest:
    fields: dict[str, Any] = {"start_s": 0.5, "end_s": 1.0, "crossfade_ms": 0, "output": {"seeds": [seed]}}
    return request_of("repaint", fields, laptop.client.upload(file), submission={"engine": "fake"})


def check_equal(laptop: Laptop, studio: Studio, take: Take) -> None:
    """Assert that a job's results are those of the studio's job, byte for byte, and that it was made once."""
    here = job(laptop.client, take.job_id)
    (there,) = (each for each in jobs_of(studio.client) if each.request == here.request)
    full = job(studio.client, there.id)
    assert full.attempts >= 1
    assert [each.SerializeToString(deterministic=True) for each in here.takes] == [
        each.SerializeToString(deterministic=True) for each in full.takes
    ]
    for output in (output for each in here.takes for output in each.outputs):
        data = download(laptop.client, output.asset_id)
        assert data == download(studio.client, output.asset_id)
        assert bytes(take.data[output.output]) in data


# ---- what is done ----


def test_jobs_are_done_there_and_streamed_here(laptop: Laptop, studio: Studio) -> None:
    take = collect(generate(laptop.client, 2.5, seed=11, takes=2))
    check_equal(laptop, studio, take)
    assert {each.started.device for each in take.events if each.WhichOneof("event") == "started"} == {
        f"remote:{laptop.line.address}"
    }
    assert not list((laptop.daemon.home / "forwarded").iterdir())
    studio.daemon.hold(12, at="audio")
    job_id = create_tone_job(laptop.client, 3.0, seed=12)
    events = laptop.client.watch(job_id)
    assert next(event for event in events if event.HasField("audio_chunk")).audio_chunk.data  # before it has ended
    assert state(laptop.client, job_id) == "running"
    studio.daemon.release()
    until_state(laptop.client, job_id, "succeeded")


def test_the_best_of_several_takes_is_chosen_there(laptop: Laptop, studio: Studio) -> None:
    output = {"tries": 3, "seeds": [20, 90, 50], "score_by": "quality"}
    take = collect(generate(laptop.client, 0.5, caption="score", output=output))
    assert [each.seed for each in take.completed.ranking] == [90, 50, 20]
    check_equal(laptop, studio, take)


def test_draft_jobs_stay_here(laptop: Laptop, studio: Studio) -> None:
    before = len(jobs_of(studio.client))
    request = request_of("text2music", {"duration_s": 0.5, "output": {"seeds": [1]}}, submission={"engine": "draft"})
    take = collect(laptop.client.submit_request(request))
    assert {each.started.device for each in take.events if each.HasField("started")} == {"cpu"}
    assert len(jobs_of(studio.client)) == before


def test_a_source_is_sent_once(laptop: Laptop, studio: Studio, tmp_path: Path) -> None:
    """The second job on a source sends as much as a job without any, and a name."""
    file = write_wav(tmp_path / "take.wav", song(2.0, seed=3))
    collect(generate(laptop.client, 0.5, seed=31))  # so that the connection is there

    def bytes_of(request: TaskRequest) -> int:
        """The bytes that the job's own connection sends. The other one is that of the watch."""
        before = list(laptop.line.up_bytes)
        take = collect(laptop.client.submit_request(request))
        after = list(laptop.line.up_bytes)
        check_equal(laptop, studio, take)
        assert len(after) == len(before)
        return max(then - earlier for earlier, then in zip(before, after, strict=True))

    first = bytes_of(repaint_request(laptop, file, seed=1))
    second = bytes_of(repaint_request(laptop, file, seed=2))
    without = bytes_of(tone_request(2.0, seed=33))
    print(f"with the source {first}, again {second}, without any {without} bytes")
    assert first > file.stat().st_size
    assert second - without < 1024


def test_what_fails_there_fails_here_with_the_same_words(laptop: Laptop) -> None:
    with pytest.raises(JobFailed, match="The fake engine failed as asked") as caught:
        collect(generate(laptop.client, seed=41, caption="fail"))
    assert caught.value.kind is ErrorReason.ENGINE_FAILURE
    assert caught.value.remedy == "Ask for something else."
    assert not list((laptop.daemon.home / "forwarded").iterdir())


def test_a_cancel_reaches_the_job_there(laptop: Laptop, studio: Studio) -> None:
    studio.daemon.hold(51)
    job_id = create_tone_job(laptop.client, seed=51)
    until_started(laptop.client, job_id)
    laptop.client.cancel(job_id)
    until_state(laptop.client, job_id, "cancelled")
    (there,) = (each for each in jobs_of(studio.client) if each.request.text_to_music.output.seeds == [51])
    until_state(studio.client, there.id, "cancelled")


# ---- the line ----


def test_nothing_is_lost_on_a_bad_line(laptop: Laptop, studio: Studio, tmp_path: Path) -> None:
    file = write_wav(tmp_path / "take.wav", song(1.0, seed=4), encoding="pcm16")
    laptop.line.delay_s, laptop.line.reset_share = DELAY_S, RESET_SHARE
    takes = [collect(laptop.client.submit_request(repaint_request(laptop, file, seed=60)))]
    while not laptop.line.resets:
        takes.append(collect(generate(laptop.client, 1.0, seed=60 + len(takes))))
    laptop.line.reset_share = 0.0
    assert all(take.kinds.count("started") == 1 for take in takes)  # nothing began again
    for take in takes:
        check_equal(laptop, studio, take)


@pytest.mark.slow
def test_a_line_that_breaks_costs_little_of_a_long_output(laptop: Laptop, studio: Studio) -> None:
    """What is on its way when a line breaks is lost. On a line of long trips that must not be all of an output, each time."""
    most = 1 << 20
    laptop.line.delay_s, laptop.line.most_down_bytes = 0.1, most
    before = sum(laptop.line.down_bytes)
    try:
        take = collect(generate(laptop.client, 10.0, seed=64))
    finally:
        laptop.line.delay_s, laptop.line.most_down_bytes = 0.0, 0
    assert sum(laptop.line.down_bytes) - before > 3 * most
    check_equal(laptop, studio, take)


def test_audio_that_has_come_stays_when_the_line_is_cut(laptop: Laptop, studio: Studio) -> None:
    studio.daemon.hold(71, at="audio")
    job_id = create_tone_job(laptop.client, 3.0, seed=71)
    events = laptop.client.watch(job_id)
    next(event for event in events if event.HasField("audio_chunk"))
    laptop.line.cut()
    assert laptop.until_down() == "127.0.0.1 does not answer."
    until(lambda: job(laptop.client, job_id).progress.stage == "waiting: 127.0.0.1 does not answer.")
    studio.daemon.release()
    waiting = create_tone_job(laptop.client, seed=72)  # it waits for the line, and does not fail
    laptop.line.mend()
    take = collect(laptop.client.watch(job_id))
    assert take.kinds.count("started") == take.kinds.count("audio_header") == 1
    check_equal(laptop, studio, take)
    until_state(laptop.client, waiting, "succeeded")


def test_a_job_that_is_cancelled_without_a_line_is_cancelled_there_later(laptop: Laptop, studio: Studio) -> None:
    studio.daemon.hold(81)
    job_id = create_tone_job(laptop.client, seed=81)
    until_started(laptop.client, job_id)
    laptop.line.cut()
    laptop.client.cancel(job_id)
    until_state(laptop.client, job_id, "cancelled")
    (there,) = (each for each in jobs_of(studio.client) if each.request.text_to_music.output.seeds == [81])
    assert there.state == jobs_pb2.JOB_STATE_RUNNING
    laptop.line.mend()
    until_state(studio.client, there.id, "cancelled")
    until(lambda: not list((laptop.daemon.home / "forwarded").iterdir()))


def neural_request(engine: str, *, seed: int, model: str = "") -> TaskRequest:
    fields = {"duration_s": 1.0, "output": {"seeds": [seed]}, "sampling": {"steps": 2, "model": model}}
    return request_of("text2music", fields, submission={"engine": engine})


def test_auto_is_neural_while_the_line_is_up(laptop: Laptop, studio: Studio) -> None:
    take = collect(laptop.client.submit_request(neural_request("auto", seed=5)))
    assert take.completed.engine == "neural"
    assert not take.completed.takes[0].metadata.warnings
    check_equal(laptop, studio, take)
    named = laptop.client.create(neural_request("neural", seed=5, model="turbo"))
    until_state(laptop.client, named.id, "succeeded")
    with pytest.raises(JobFailed, match=r"no model xl-base at 127\.0\.0\.1, .* it has: acestep-v15-base, "):
        laptop.client.create(neural_request("neural", seed=5, model="xl-base"))


def test_a_model_that_was_just_installed_there_is_known_here(laptop: Laptop, studio: Studio) -> None:
    models = Path(tomllib.loads((studio.daemon.home / "config.toml").read_text("utf-8"))["models_dir"])
    shutil.copytree(models / "acestep-v15-turbo", models / "acestep-v15-new")
    try:
        named = laptop.client.create(neural_request("neural", seed=7, model="new"))
        until_state(laptop.client, named.id, "succeeded")
        assert job(laptop.client, named.id).takes[0].metadata.model == "acestep-v15-new"
    finally:
        shutil.rmtree(models / "acestep-v15-new")


def test_auto_is_draft_while_the_line_is_down(laptop: Laptop, studio: Studio) -> None:
    laptop.line.cut()
    laptop.until_down()
    completed = collect(laptop.client.submit_request(neural_request("auto", seed=6))).completed
    assert completed.engine == "draft"
    (warning,) = (each for each in completed.takes[0].metadata.warnings if "does not answer" in each)
    assert warning == "127.0.0.1 does not answer. The draft engine made this instead."
    waiting = laptop.client.create(neural_request("neural", seed=6))
    until(lambda: job(laptop.client, waiting.id).progress.stage == "waiting: 127.0.0.1 does not answer.")
    laptop.line.mend()
    check_equal(laptop, studio, collect(laptop.client.watch(waiting.id)))


@pytest.mark.slow
def test_a_preview_is_finished_there_from_its_latents(laptop: Laptop, tmp_path: Path) -> None:
    shell = Shell(tmp_path, laptop.daemon.environment)
    song = ["generate", "-c", "a song", "--duration", "1.5", "--bpm", "240", "--seed", "21", "--steps", "2", "--json"]
    whole = shell.json(*song, "-o", "whole.wav")
    preview = shell.json(*song, "--preview", "1", "-o", "preview.wav")
    assert preview["engine"] == "neural"
    finished = shell.json("finish", preview["job_id"], "-o", "finished.wav", "--json")
    assert (tmp_path / "finished.wav").read_bytes() == (tmp_path / "whole.wav").read_bytes()
    assert finished["outputs"][0]["asset_id"] == whole["outputs"][0]["asset_id"]
    assert "warnings" not in finished["metadata"][0]  # nothing was denoised again


def test_a_preempted_batch_is_made_after_the_request(laptop: Laptop, studio: Studio) -> None:
    studio.daemon.hold(102)
    submission = {"engine": "fake", "prefetch_next": True, "session": "s"}
    first = laptop.client.create(
        request_of("text2music", {"duration_s": 0.5, "output": {"seeds": [101]}}, submission=submission)
    )
    until_state(laptop.client, first.id, "succeeded")
    (batch,) = (each for each in jobs_of(laptop.client) if each.request.text_to_music.output.seeds == [102])
    until_started(laptop.client, batch.id)
    until(lambda: any(each.request.text_to_music.output.seeds == [102] for each in jobs_of(studio.client)))
    until_state(laptop.client, create_tone_job(laptop.client, 0.5, seed=103), "succeeded")
    studio.daemon.release()
    until_state(laptop.client, batch.id, "succeeded")


# ---- processes that die ----


@pytest.mark.slow
def test_a_worker_that_is_killed_finds_its_job_again(laptop: Laptop, studio: Studio) -> None:
    studio.daemon.hold(85, at="audio")
    job_id = create_tone_job(laptop.client, 3.0, seed=85)
    next(event for event in laptop.client.watch(job_id) if event.HasField("audio_chunk"))
    (worker,) = (each.pid for each in status(laptop.client).workers if each.job_id == job_id)
    os.kill(worker, signal.SIGKILL)
    until(lambda: job(laptop.client, job_id).attempts == 2)
    studio.daemon.release()
    take = collect(laptop.client.watch(job_id))
    check_equal(laptop, studio, take)
    (there,) = (each for each in jobs_of(studio.client) if each.request.text_to_music.output.seeds == [85])
    assert there.attempts == 1


def test_the_laptop_is_killed(studio: Studio, tmp_path: Path) -> None:
    studio.daemon.hold(91, at="audio")
    with laptop_at(tmp_path / "laptop", studio) as laptop:
        job_id = create_tone_job(laptop.client, 3.0, seed=91)
        next(event for event in laptop.client.watch(job_id) if event.HasField("audio_chunk"))
        laptop.daemon.kill()
        studio.daemon.release()
        laptop.daemon.start()
        take = collect(laptop.client.watch(job_id))
        check_equal(laptop, studio, take)
        (there,) = (each for each in jobs_of(studio.client) if each.request.text_to_music.output.seeds == [91])
        assert there.attempts == 1


@pytest.mark.slow
def test_who_disconnects_has_nothing_at_work_there(studio: Studio, tmp_path: Path) -> None:
    studio.daemon.hold(93)
    home = tmp_path / "laptop"
    with laptop_at(home, studio) as laptop:
        laptop.until_up()
        job_id = create_tone_job(laptop.client, 1.0, seed=93)
        (there,) = until(
            lambda: [each for each in jobs_of(studio.client) if each.request.text_to_music.output.seeds == [93]],
            "the job there",
        )
        until_state(studio.client, there.id, "running")
        shell = LoneShell(tmp_path, {**laptop.daemon.environment, "ACEBRIDGE_HOME": str(home)})
        said = shell.run("disconnect")
        try:
            assert said.stdout == f"disconnected from {laptop.line.address}\n"
            assert said.stderr == (
                "note: 1 job is cancelled there. What still waits for it begins again, or fails where its model is"
                " missing.\n"
            )
            until_state(studio.client, there.id, "cancelled")
            until(lambda: not list((home / "forwarded").iterdir()))
            until(lambda: shell.json("jobs", "show", job_id)["state"] == "succeeded", "the job here")
        finally:
            studio.daemon.release()
            shell.run("stop")


@pytest.mark.slow
def test_a_job_that_cannot_be_cancelled_there_is_named(studio: Studio, tmp_path: Path) -> None:
    studio.daemon.hold(94)
    home = tmp_path / "laptop"
    with laptop_at(home, studio) as laptop:
        laptop.until_up()
        create_tone_job(laptop.client, 1.0, seed=94)
        until(
            lambda: [each for each in jobs_of(studio.client) if each.request.text_to_music.output.seeds == [94]],
            "the job there",
        )
        laptop.line.cut()
        why = laptop.until_down()
        shell = LoneShell(tmp_path, {**laptop.daemon.environment, "ACEBRIDGE_HOME": str(home)})
        shown = shell.run("status").stdout
        assert f"connected to {laptop.line.address}: {why}\n" in shown
        assert re.search(rf"^remote:{laptop.line.address}: job [0-9a-f]{{32}}, unreachable", shown, re.MULTILINE)
        said = shell.run("disconnect")
        studio.daemon.release()
        assert said.stderr.startswith(
            "note: 1 job is still at work there: 127.0.0.1 does not answer. After `acebridge connect "
        )
        assert len(list((home / "forwarded").iterdir())) == 1
        shell.run("stop")


@pytest.mark.slow
def test_the_studio_is_killed(tmp_path: Path) -> None:
    """It is of another version, too."""
    with studio_at(tmp_path / "studio", version="9.9") as studio, laptop_at(tmp_path / "laptop", studio) as laptop:
        laptop.until_up()
        assert laptop.remote.version == "9.9"
        studio.daemon.hold(95, at="audio")
        job_id = create_tone_job(laptop.client, 3.0, seed=95)
        events = laptop.client.watch(job_id)
        next(event for event in events if event.HasField("audio_chunk"))
        studio.daemon.kill()
        laptop.until_down()
        studio.daemon.release()
        studio.start()
        laptop.line.target = ("127.0.0.1", int(studio.daemon.address.rpartition(":")[2]))
        take = collect(laptop.client.watch(job_id))
        assert take.kinds.count("started") == take.kinds.count("audio_header") == 1
        check_equal(laptop, studio, take)


# ---- who is there ----


@pytest.mark.slow
def test_two_daemons_that_are_connected_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """The other end may be this one, directly or not."""
    with (
        studio_at(tmp_path / "studio", 'remote = "127.0.0.1:1"\n') as studio,
        laptop_at(tmp_path / "laptop", studio) as laptop,
    ):
        why = "127.0.0.1 is itself connected to another daemon, 127.0.0.1:1. Run `acebridge disconnect` on 127.0.0.1."
        assert laptop.until_down() == why
        job_id = create_tone_job(laptop.client, seed=1)
        until(lambda: job(laptop.client, job_id).progress.stage == f"waiting: {why}")
        assert not jobs_of(studio.client)
        laptop.client.cancel(job_id)
        until_state(laptop.client, job_id, "cancelled")


@pytest.mark.slow
def test_who_is_not_who_it_should_be_gets_nothing(studio: Studio, tmp_path: Path) -> None:
    of_another = KnownDaemon(make_pair("studio.local").certificate, studio.known.token)
    before = len(jobs_of(studio.client))
    with laptop_at(tmp_path / "laptop", studio, known=of_another) as laptop:
        job_id = create_tone_job(laptop.client, seed=1)

        def check(why: str) -> None:
            until(lambda: why in laptop.remote.problem, why)
            until(lambda: why in job(laptop.client, job_id).progress.stage, why)
            assert not laptop.remote.up
            assert len(jobs_of(studio.client)) == before

        check("has the certificate")
        remember(laptop.daemon.home, laptop.line.address, KnownDaemon(studio.known.certificate, "ab" * 32))
        check("The token of this call is not that of the daemon at")
        remember(laptop.daemon.home, laptop.line.address, studio.known)  # as `acebridge trust` does
        until_state(laptop.client, job_id, "succeeded")
        laptop.until_up()
