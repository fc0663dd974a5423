"""The next batch, made while somebody listens to the one before: there at once, never in the way, gone when unwanted."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from acebridge.client.client import Client
from acebridge.errors import JobFailed
from acebridge.v1 import assets_pb2, jobs_pb2, tasks_pb2
from acestep_runtime.audio import decode
from tests.support.batches import SECONDS, ask, check_tones, follower, followers, seeds
from tests.support.daemon import (
    Daemon,
    Take,
    collect,
    expected_tone,
    generate,
    job,
    song,
    state,
    until_state,
    write_wav,
)
from tests.support.shell import Shell


def test_the_next_batch_is_ready_at_once_and_only_one_is_prefetched(client: Client) -> None:
    first = collect(ask(client, 50, takes=2))
    assert first.completed
    made = follower(client, first.job_id, "succeeded")
    shown = job(client, made)
    assert (shown.previous_job_id, shown.prefetched, shown.task) == (
        first.job_id, True, tasks_pb2.TASK_KIND_TEXT_TO_MUSIC,
    )  # fmt: skip
    assert shown.priority == tasks_pb2.PRIORITY_LOW
    assert not job(client, first.job_id).prefetched
    collect(generate(client, 0.1))  # whatever else would be made ahead had its chance
    assert not followers(client, made)

    second = collect(client.next_batch(first.job_id))
    assert (second.job_id, seeds(second)) == (made, [52, 53])
    check_tones(second)
    assert second.kinds[0] == "queued"
    shown = job(client, made)
    assert not shown.prefetched
    assert shown.priority == tasks_pb2.PRIORITY_NORMAL
    # Now that it was asked for, the one after it is made, and again no more.
    third = follower(client, made, "succeeded")
    collect(generate(client, 0.1))
    assert not followers(client, third)
    # To ask again is to hear the same again.
    assert collect(client.next_batch(first.job_id)).data == second.data
    assert [one.id for one in followers(client, made)] == [third]
    assert seeds(collect(client.next_batch(made))) == [54, 55]


def test_it_streams_while_it_is_generated(daemon: Daemon, client: Client) -> None:
    daemon.hold(61)
    first = collect(ask(client, 60))
    made = follower(client, first.job_id, "running")
    events = client.next_batch(first.job_id)
    assert next(events).job_id == made
    assert state(client, made) == "running"
    daemon.release()
    second = collect(events)
    check_tones(second)
    assert second.kinds.count("started") <= 1
    # Once asked for it is like any other, and is not disturbed.
    assert job(client, made).attempts == 1
    client.cancel(follower(client, made))


def test_it_is_generated_on_request_without_auto_gen(daemon: Daemon, client: Client) -> None:
    daemon.hold(70, 80)
    first = next(ask(client, 70, auto_gen=False)).job_id
    asked = client.next_batch(first)
    next(asked)
    daemon.release(70)
    second = collect(asked)
    assert state(client, first) == "succeeded"
    assert seeds(second) == [71]
    check_tones(second)
    assert job(client, second.job_id).priority == tasks_pb2.PRIORITY_NORMAL
    collect(generate(client, 0.1))
    assert not followers(client, second.job_id)
    # Asked for while the first one runs, it is not made twice.
    first = next(ask(client, 80)).job_id
    asked = client.next_batch(first)
    next(asked)
    daemon.release()
    second = collect(asked)
    assert [one.id for one in followers(client, first)] == [second.job_id]
    client.cancel(follower(client, second.job_id))


def test_a_cancelled_batch_is_generated_again(daemon: Daemon, client: Client) -> None:
    daemon.hold(91)
    first = collect(ask(client, 90)).job_id
    lost = follower(client, first, "running")
    client.cancel(lost)
    until_state(client, lost, "cancelled")
    daemon.release()
    second = collect(client.next_batch(first))
    assert second.job_id != lost
    assert seeds(second) == [91]
    check_tones(second)
    client.cancel(follower(client, second.job_id))


def test_concurrent_requests_get_the_same_batch(daemon: Daemon, client: Client) -> None:
    first = collect(ask(client, 95, auto_gen=False)).job_id
    takes: list[Take] = []

    def listen() -> None:
        with Client(daemon.address, token=daemon.token) as own:
            takes.append(collect(own.next_batch(first)))

    threads = [threading.Thread(target=listen) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(takes) == 6
    assert len({take.job_id for take in takes}) == 1


# ---- seeds ----


def test_seeds_count_on_and_never_come_again(client: Client) -> None:
    def chain(length: int, **more: Any) -> list[list[int]]:
        take = collect(ask(client, auto_gen=False, seconds=0.1, **more))
        batches = [seeds(take)]
        while len(batches) < length:
            take = collect(client.next_batch(take.job_id))
            batches.append(seeds(take))
        return batches

    assert chain(3, seeds=[5], takes=3) == [[5, 6, 7], [8, 9, 10], [11, 12, 13]]
    # The seeds that a request names may lie ahead.
    assert chain(4, seeds=[9, 5], takes=2) == [[9, 5], [6, 7], [8, 10], [11, 12]]
    assert chain(3, seeds=[1, 2**32 - 1], takes=2) == [[1, 2**32 - 1], [0, 2], [3, 4]]
    drawn = chain(2, seeds=[], takes=2)
    assert drawn[1] == [drawn[0][1] + 1, drawn[0][1] + 2]


def test_the_next_batch_of_variations_varies_the_same_take(client: Client) -> None:
    output = {"seeds": [100], "takes": 2, "variation": 0.5, "variation_seeds": [200]}
    first = collect(client.submit("text2music", {"duration_s": 0.1, "output": output}, submission={"engine": "fake"}))
    second = collect(client.next_batch(first.job_id))
    varied = [[take.metadata.variations[0].seed for take in each.completed.takes] for each in (first, second)]
    assert (seeds(first), seeds(second)) == ([100, 100], [100, 100])
    assert varied == [[200, 201], [202, 203]]


def test_text_tasks_have_a_next_batch_and_analysis_tasks_have_none(client: Client, tmp_path: Path) -> None:
    submission = {"engine": "fake", "prefetch_next": True}
    first = collect(client.submit("create_sample", {"description": "a waltz"}, submission=submission))
    second = collect(client.next_batch(first.job_id))
    assert seeds(second) == [seeds(first)[0] + 1]
    client.cancel(follower(client, second.job_id))
    source = client.upload(write_wav(tmp_path / "song.wav", song(0.5)))
    with pytest.raises(JobFailed) as caught:
        collect(client.submit("understand", {}, source=source, submission=submission))
    assert caught.value.kind == "INVALID_VALUE"
    assert str(caught.value) == (
        "submission.prefetch_next is set, but another understand would be the same again. Leave it out."
    )
    received = collect(client.submit("understand", {}, source=source, submission={"engine": "fake"}))
    with pytest.raises(JobFailed, match="has no next batch: it would be the same again") as caught:
        collect(client.next_batch(received.job_id))
    assert caught.value.__cause__.code() is grpc.StatusCode.FAILED_PRECONDITION  # type: ignore[union-attr]
    with pytest.raises(JobFailed, match="There is no job 'no'"):
        collect(client.next_batch("no"))
    with pytest.raises(JobFailed, match=r"session holds 129 characters; allowed: at most 128"):
        collect(ask(client, session="x" * 129))


def test_a_source_and_its_parameters_are_kept(client: Client, tmp_path: Path) -> None:
    source = client.upload(write_wav(tmp_path / "song.wav", song(1.0)))
    fields = {"start_s": 0.25, "end_s": 0.5, "scope": "region", "output": {"seeds": [5], "encoding": "pcm24"}}
    submission = {"engine": "fake", "prefetch_next": True}
    first = collect(client.submit("repaint", fields, source=source, submission=submission))
    second = collect(client.next_batch(first.job_id))
    client.cancel(follower(client, second.job_id))
    asked = collect(client.submit("repaint", {**fields, "output": {"seeds": [6], "encoding": "pcm24"}},
                                   source=source, submission={"engine": "fake"}))  # fmt: skip
    assert second.data == asked.data
    assert second.headers == asked.headers


# ---- sessions ----


def test_a_new_request_in_the_session_cancels_the_prefetched_batch(daemon: Daemon, client: Client) -> None:
    daemon.hold(11, 41, 47)
    other = collect(ask(client, 10, session="yours")).job_id
    theirs = follower(client, other, "running")
    first = collect(ask(client, 20, session="mine")).job_id
    running = follower(client, first)
    assert state(client, theirs) in ("queued", "running")  # the older one first
    collect(ask(client, 30, session="mine", auto_gen=False))
    assert until_state(client, running, "cancelled", "succeeded") == "cancelled"
    assert job(client, running).error.message == "The job was cancelled."
    daemon.release(11)
    until_state(client, theirs, "succeeded")
    # One that runs is stopped as well; and what was asked for is not touched.
    first = collect(ask(client, 40, session="yours")).job_id
    asked = client.next_batch(first)
    next(asked)
    newer = ask(client, 45, session="yours", auto_gen=False)
    next(newer)
    daemon.release(41)
    second = collect(newer)
    assert seeds(collect(asked)) == [41]
    running = follower(client, collect(ask(client, 46, session="mine")).job_id, "running")
    queued_at = time.monotonic()
    third = collect(ask(client, 48, session="mine", auto_gen=False))
    assert state(client, running) == "cancelled"
    assert third.completed.wait_s < time.monotonic() - queued_at
    assert not followers(client, second.job_id)


def test_an_outdated_request_is_not_prefetched(daemon: Daemon, client: Client) -> None:
    daemon.hold(10)
    one = next(ask(client, 10, session="swift")).job_id
    newer = ask(client, 15, session="swift", auto_gen=False)
    next(newer)
    daemon.release()
    two = collect(newer).job_id
    assert state(client, one) == "succeeded"
    collect(generate(client, 0.1))
    assert not followers(client, one)
    # Who goes back to it gets its next batch nevertheless, and the one after is made again.
    back = collect(client.next_batch(one))
    follower(client, back.job_id, "succeeded")
    assert not followers(client, two)


def test_joining_a_job_by_its_key_is_no_new_request(daemon: Daemon, client: Client) -> None:
    daemon.hold(13)
    first = collect(ask(client, 12, session="keyed", key="again"))
    made = follower(client, first.job_id, "running")
    assert collect(ask(client, 12, session="keyed", key="again")).job_id == first.job_id
    daemon.release()
    until_state(client, made, "succeeded")


def test_deleting_a_job_cancels_its_prefetched_batch(daemon: Daemon, client: Client) -> None:
    daemon.hold(14)
    first = collect(ask(client, 13)).job_id
    made = follower(client, first, "running")
    client.call(client.jobs.DeleteJob, jobs_pb2.DeleteJobRequest(job_id=first))
    assert until_state(client, made, "cancelled", "succeeded") == "cancelled"


def test_a_batch_without_its_audio_is_generated_again(client: Client) -> None:
    first = collect(ask(client, 777)).job_id
    made = follower(client, first, "succeeded")
    result = job(client, made).takes[0].outputs[0].asset_id
    client.call(client.assets.DeleteAsset, assets_pb2.DeleteAssetRequest(asset_id=result))
    again = collect(client.next_batch(first))
    assert again.job_id != made
    check_tones(again)
    assert again.completed.takes[0].outputs[0].asset_id == result


@pytest.mark.slow
def test_from_the_command_line(shell: Shell, client: Client) -> None:
    fake = ("--engine", "fake", "--duration", "0.4", "-n", "2", "--auto-gen", "--session", "shell")
    first = shell.json("generate", *fake, "-s", "5", "-o", "first.wav")
    follower(client, first["job_id"], "succeeded")
    second = json.loads(shell.run("jobs", "next", first["job_id"], "-o", "second.wav", "--json").stdout)
    assert [(o["file"], o["seed"]) for o in second["outputs"]] == [("second.wav", 7), ("second-2.wav", 8)]
    assert np.array_equal(decode.read(shell.folder / "second-2.wav"), expected_tone(8, SECONDS))
    made = follower(client, second["job_id"], "succeeded")
    assert shell.json("jobs", "show", made)["prefetched"]
    third = f"generate-{second['job_id'][:8]}-next.wav".replace("generate", "text2music")
    assert shell.run("jobs", "next", second["job_id"]).stdout.startswith(f"{third}  (mix, 0.40 s, seed 9)")
    assert shell.failure("jobs", "next", "nope") == "There is no job 'nope'. List the jobs to see their ids."
    assert "auto_gen" not in shell.run("extract", "--help").stdout
