"""The next batch, made while somebody listens to the one before: there at once, never in the way, gone when unwanted."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from house import (
    Daemon,
    Take,
    collect,
    daemon_at,
    expected_tone,
    generate,
    gone,
    job,
    queued,
    song,
    state,
    until,
    until_state,
    write_wav,
)

from acebridge.v1 import assets_pb2, jobs_pb2, tasks_pb2
from daemon.edge.client import Client
from daemon.errors import JobFailed

SECONDS = 0.4


def ask(client: Client, seed: int = 1, *, session: str = "", steps: int = 2, **more: Any) -> Iterator[Any]:
    """Ask for takes of which the next batch shall be made ahead. ``more``: takes, seeds, seconds, auto_gen, key, caption."""
    fields = {
        "duration_s": more.get("seconds", SECONDS),
        "output": {"seeds": more.get("seeds", [seed]), "takes": more.get("takes")},
        "sampling": {"steps": steps},
        "music": {"caption": more.get("caption", "")},
    }
    submission = {
        "engine": "fake", "auto_gen": more.get("auto_gen", True), "session": session,
        "idempotency_key": more.get("key", ""),
    }  # fmt: skip
    return client.perform("text2music", fields, submission=submission)


def followers(client: Client, job_id: str) -> list[jobs_pb2.Job]:
    """The next batches of a job, the newest first."""
    listed = client.call(client.jobs.ListJobs, jobs_pb2.ListJobsRequest(limit=1000)).jobs
    return [made for made in listed if made.next_of == job_id]


def follower(client: Client, job_id: str, *states: str) -> str:
    """Wait for the newest next batch of a job (to be in one of these states); return its id."""
    made = until(lambda: followers(client, job_id), f"a batch after {job_id}")[0].id
    if states:
        until_state(client, made, *states)
    return made


def seeds(take: Take) -> list[int]:
    return [made.seed for made in take.completed.takes]


def check_tones(take: Take, seconds: float = SECONDS) -> None:
    """Every take is the whole tone of its seed."""
    assert take.completed.takes
    for made in take.completed.takes:
        for output in made.outputs:
            assert np.array_equal(take.samples(output.output), expected_tone(made.seed, seconds))


def test_the_next_batch_is_there_at_once_and_only_one_is_made_ahead(client: Client) -> None:
    first = collect(ask(client, 50, takes=2))
    assert first.completed
    made = follower(client, first.job_id, "succeeded")
    shown = job(client, made)
    assert (shown.next_of, shown.made_ahead, shown.task) == (first.job_id, True, "text2music")
    assert shown.priority == tasks_pb2.PRIORITY_LOW
    assert not job(client, first.job_id).made_ahead
    collect(generate(client, 0.1))  # whatever else would be made ahead had its chance
    assert not followers(client, made)

    second = collect(client.next_batch(first.job_id))
    assert (second.job_id, seeds(second)) == (made, [52, 53])
    check_tones(second)
    assert second.kinds[0] == "queued"
    shown = job(client, made)
    assert not shown.made_ahead
    assert shown.priority == tasks_pb2.PRIORITY_NORMAL
    # Now that it was asked for, the one after it is made, and again no more.
    third = follower(client, made, "succeeded")
    collect(generate(client, 0.1))
    assert not followers(client, third)
    # To ask again is to hear the same again.
    assert collect(client.next_batch(first.job_id)).data == second.data
    assert [one.id for one in followers(client, made)] == [third]
    assert seeds(collect(client.next_batch(made))) == [54, 55]


def test_it_streams_while_it_is_made(client: Client) -> None:
    first = collect(ask(client, 60, steps=100))
    made = follower(client, first.job_id, "running")
    events = client.next_batch(first.job_id)
    assert next(events).job_id == made
    assert state(client, made) == "running"
    second = collect(events)
    check_tones(second)
    assert second.kinds.count("started") <= 1
    # Once asked for it is like any other, and is not disturbed.
    assert job(client, made).attempts == 1
    client.cancel(follower(client, made))


def test_it_is_made_when_asked_for_even_if_nobody_wished_it_before(client: Client) -> None:
    running = ask(client, 70, steps=60, auto_gen=False)
    first = next(running).job_id
    second = collect(client.next_batch(first))
    assert state(client, first) == "succeeded"
    assert seeds(second) == [71]
    check_tones(second)
    assert job(client, second.job_id).priority == tasks_pb2.PRIORITY_NORMAL
    collect(generate(client, 0.1))
    assert not followers(client, second.job_id)
    # Asked for while the first one runs, it is not made twice.
    first = next(ask(client, 80, steps=60)).job_id
    second = collect(client.next_batch(first))
    assert [one.id for one in followers(client, first)] == [second.job_id]
    client.cancel(follower(client, second.job_id))


def test_one_that_was_cancelled_is_made_anew(client: Client) -> None:
    first = collect(ask(client, 90, steps=100)).job_id
    lost = follower(client, first, "running")
    client.cancel(lost)
    until_state(client, lost, "cancelled")
    second = collect(client.next_batch(first))
    assert second.job_id != lost
    assert seeds(second) == [91]
    check_tones(second)
    client.cancel(follower(client, second.job_id))


def test_many_who_ask_at_once_get_the_same_batch(house: Daemon, client: Client) -> None:
    first = collect(ask(client, 95, auto_gen=False)).job_id
    takes: list[Take] = []

    def listen() -> None:
        with Client(house.address) as own:
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
    assert chain(4, seeds=[9, 5]) == [[9], [10], [11], [12]]
    assert chain(4, seeds=[9, 5], takes=2) == [[9, 5], [6, 7], [8, 10], [11, 12]]
    assert chain(3, seeds=[1, 2**32 - 1], takes=2) == [[1, 2**32 - 1], [0, 2], [3, 4]]
    drawn = chain(2, seeds=[], takes=2)
    assert drawn[1] == [drawn[0][1] + 1, drawn[0][1] + 2]


def test_words_have_a_next_batch_too_but_what_was_heard_has_none(client: Client, tmp_path: Path) -> None:
    submission = {"engine": "fake", "auto_gen": True}
    first = collect(client.perform("create_sample", {"description": "a waltz"}, submission=submission))
    second = collect(client.next_batch(first.job_id))
    assert seeds(second) == [seeds(first)[0] + 1]
    client.cancel(follower(client, second.job_id))
    source = client.upload(write_wav(tmp_path / "song.wav", song(0.5)))
    with pytest.raises(JobFailed) as caught:
        collect(client.perform("understand", {}, source=source, submission=submission))
    assert caught.value.kind == "InvalidValue"
    assert str(caught.value) == (
        "submission.auto_gen is set, but another understand would be the same again. Leave it out."
    )
    heard = collect(client.perform("understand", {}, source=source, submission={"engine": "fake"}))
    with pytest.raises(JobFailed, match="has no next batch: it would be the same again") as caught:
        collect(client.next_batch(heard.job_id))
    assert caught.value.__cause__.code() is grpc.StatusCode.FAILED_PRECONDITION  # type: ignore[union-attr]
    with pytest.raises(JobFailed, match="There is no job 'no'"):
        collect(client.next_batch("no"))
    with pytest.raises(JobFailed, match=r"session holds 129 characters; allowed: at most 128"):
        collect(ask(client, session="x" * 129))


def test_a_source_and_its_parameters_are_kept(client: Client, tmp_path: Path) -> None:
    source = client.upload(write_wav(tmp_path / "song.wav", song(1.0)))
    fields = {"start_s": 0.25, "end_s": 0.5, "scope": "region", "output": {"seeds": [5], "encoding": "pcm24"}}
    submission = {"engine": "fake", "auto_gen": True}
    first = collect(client.perform("repaint", fields, source=source, submission=submission))
    second = collect(client.next_batch(first.job_id))
    client.cancel(follower(client, second.job_id))
    asked = collect(client.perform("repaint", {**fields, "output": {"seeds": [6], "encoding": "pcm24"}},
                                   source=source, submission={"engine": "fake"}))  # fmt: skip
    assert second.data == asked.data
    assert second.headers == asked.headers


# ---- sessions ----


def test_a_new_request_in_the_session_cancels_what_was_made_ahead(client: Client) -> None:
    other = collect(ask(client, 10, session="yours", steps=100)).job_id
    theirs = follower(client, other, "running")
    first = collect(ask(client, 20, session="mine", steps=100)).job_id
    running = follower(client, first)
    assert state(client, theirs) in ("queued", "running")  # the older one first
    collect(ask(client, 30, session="mine", auto_gen=False))
    assert until_state(client, running, "cancelled", "succeeded") == "cancelled"
    assert job(client, running).error == "The job was cancelled."
    until_state(client, theirs, "succeeded")
    # One that runs is stopped as well; and what was asked for is not touched.
    first = collect(ask(client, 40, session="yours", steps=100)).job_id
    asked = client.next_batch(first)
    next(asked)
    second = collect(ask(client, 45, session="yours", auto_gen=False))
    assert seeds(collect(asked)) == [41]
    running = follower(client, collect(ask(client, 46, session="mine", steps=100)).job_id, "running")
    queued_at = time.monotonic()
    third = collect(ask(client, 47, session="mine", auto_gen=False))
    assert state(client, running) == "cancelled"
    assert third.completed.waited_s < time.monotonic() - queued_at
    assert not followers(client, second.job_id)


def test_a_request_that_is_outdated_when_it_succeeds_has_no_more_made(client: Client) -> None:
    first = ask(client, 10, session="swift", steps=40)
    one = next(first).job_id
    two = collect(ask(client, 11, session="swift", auto_gen=False)).job_id
    assert state(client, one) == "succeeded"
    collect(generate(client, 0.1))
    assert not followers(client, one)
    # Who goes back to it gets its next batch nevertheless, and the one after is made again.
    back = collect(client.next_batch(one))
    follower(client, back.job_id, "succeeded")
    assert not followers(client, two)


def test_joining_a_job_by_its_key_is_no_new_request(client: Client) -> None:
    first = collect(ask(client, 12, session="keyed", key="again", steps=60))
    made = follower(client, first.job_id, "running")
    assert collect(ask(client, 12, session="keyed", key="again", steps=60)).job_id == first.job_id
    until_state(client, made, "succeeded")


def test_deleting_a_job_cancels_what_was_made_ahead_of_it(client: Client) -> None:
    first = collect(ask(client, 13, steps=100)).job_id
    made = follower(client, first, "running")
    client.call(client.jobs.DeleteJob, jobs_pb2.DeleteJobRequest(job_id=first))
    assert until_state(client, made, "cancelled", "succeeded") == "cancelled"


def test_a_batch_whose_audio_is_gone_is_made_anew(client: Client) -> None:
    first = collect(ask(client, 777)).job_id
    made = follower(client, first, "succeeded")
    result = job(client, made).takes[0].outputs[0].asset_id
    client.call(client.assets.DeleteAsset, assets_pb2.DeleteAssetRequest(asset_id=result))
    again = collect(client.next_batch(first))
    assert again.job_id != made
    check_tones(again)
    assert again.completed.takes[0].outputs[0].asset_id == result


# ---- never in the way ----


def test_it_makes_way_for_all_others_and_is_made_all_the_same(client: Client) -> None:
    first = collect(ask(client, 100, steps=80)).job_id
    made = follower(client, first, "running")
    for number, priority in enumerate(("normal", "low", "high", "normal")):
        until_state(client, made, "running")
        take = collect(generate(client, 0.2, seed=number, priority=priority))
        assert np.array_equal(take.samples(), expected_tone(number, 0.2))
        assert state(client, made) in ("queued", "running")
    until_state(client, made, "succeeded")
    shown = job(client, made)
    assert shown.attempts == 1
    for number in range(4):
        assert shown.started.ToNanoseconds() > job(client, take.job_id).finished.ToNanoseconds(), number
    check_tones(collect(client.next_batch(first)))
    client.cancel(follower(client, made))


def test_who_watches_it_make_way_hears_it_whole_in_the_end(client: Client) -> None:
    """Whatever the moment in which it stops: what was heard before is void, what comes then is complete."""
    seconds = 20.0
    for number in range(8):
        first = collect(ask(client, 1000 + 10 * number, takes=3, seconds=seconds)).job_id
        made = follower(client, first)
        kept: list[Take] = []
        events = client.watch(made) if number % 2 else client.next_batch(first)
        if number % 2 == 0:
            time.sleep(0.01 * number)
            queued(client, 0.1)
            watcher = threading.Thread(target=lambda events=events, kept=kept: kept.append(collect(events)))
            watcher.start()
        else:
            watcher = threading.Thread(target=lambda events=events, kept=kept: kept.append(collect(events)))
            watcher.start()
            time.sleep(0.02 * number)
            for _ in range(3):
                collect(generate(client, 0.1))
        watcher.join()
        (take,) = kept
        check_tones(take, seconds)
        assert len(take.completed.takes) == 3


def test_one_that_waits_is_raised_when_it_is_asked_for(client: Client) -> None:
    first = collect(ask(client, 110, steps=30)).job_id
    made = follower(client, first)
    blocker = queued(client, 0.1, steps=60)
    until_state(client, blocker, "running")
    low = queued(client, 0.1, priority="low")
    assert state(client, made) == "queued"
    assert [job(client, low).position, job(client, made).position] == [1, 2]
    events = client.next_batch(first)
    assert next(events).job_id == made
    assert [job(client, low).position, job(client, made).position] == [2, 1]
    check_tones(collect(events))
    client.cancel(follower(client, made))


# ---- kill −9 ----


def test_killed_in_the_middle_it_goes_on(tmp_path: Path) -> None:
    with daemon_at(tmp_path / "home", step_ms=5) as house:
        client = house.client
        assert client is not None
        first = collect(ask(client, 5, takes=2, steps=60, session="s")).job_id
        made = follower(client, first)
        until(lambda: job(client, made).progress.fraction > 0.1, "the batch to be under way")
        gone(house.kill())
        client = house.start()
        # A crash counts, making way does not: it never comes to the third attempt, which is not made.
        for number in range(3):
            until_state(client, made, "running")
            collect(generate(client, 0.1, seed=number))
        until_state(client, made, "succeeded")
        assert job(client, made).attempts == 2
        second = collect(client.next_batch(first))
        assert second.job_id == made
        assert seeds(second) == [7, 8]
        check_tones(second)
        third = follower(client, made)
        until(lambda: job(client, third).progress.fraction > 0.1, "the batch after it to be under way")
        assert house.stop() == 0
        client = house.start()
        assert collect(client.next_batch(made)).job_id == third
        assert job(client, third).attempts == 1
        client.cancel(follower(client, third))


@pytest.mark.slow
def test_killed_at_any_moment_the_next_batch_is_still_to_be_had(tmp_path: Path) -> None:
    with daemon_at(tmp_path / "home", step_ms=1) as house:
        client = house.client
        assert client is not None
        for number in range(8):
            events = ask(client, 100 * number, takes=3, seconds=5.0, session=f"s{number}")
            first = next(events).job_id
            events.close()
            time.sleep(0.05 * number)
            gone(house.kill())
            client = house.start()
            second = collect(client.next_batch(first))
            assert seeds(second) == [100 * number + 3 + n for n in range(3)]
            check_tones(second, 5.0)
            assert [made.id for made in followers(client, first)] == [second.job_id]
        assert house.stop() == 0
        house.check_store()


def test_an_unwanted_one_is_not_taken_up_after_a_kill(tmp_path: Path) -> None:
    with daemon_at(tmp_path / "home", step_ms=5, config="cancel_grace_s = 30\n") as house:
        client = house.client
        assert client is not None
        first = collect(ask(client, 5, steps=100, session="s")).job_id
        made = follower(client, first)
        until(lambda: job(client, made).progress.fraction > 0.05, "the batch to be under way")
        (worker,) = house.children()
        worker.suspend()  # it does not hear that it has to stop, nor that the daemon is gone
        queued(client, 0.1, seed=1)
        newer = next(ask(client, 6, session="s", auto_gen=False)).job_id
        house.kill()
        worker.kill()
        gone([worker])
        client = house.start()
        assert state(client, made) == "cancelled"
        assert seeds(collect(client.watch(newer))) == [6]


def test_a_database_of_the_first_version_is_opened(tmp_path: Path) -> None:
    from daemon.jobs import tables

    home = tmp_path / "home"
    home.mkdir()
    old = sqlite3.connect(home / "acebridge.db")
    for statement in tables.SCHEMA.split(";"):
        old.execute(statement)
    params = '{"duration_s": 0.4, "output": {"seeds": [5]}}'
    old.execute(
        "INSERT INTO jobs (id, digest, task, params, engine, state, priority, created, started, finished, sources)"
        " VALUES ('old', '', 'text2music', ?, 'fake', 'succeeded', 0, ?, ?, ?, '[]')",
        (params, *3 * [time.time()]),
    )
    old.commit()
    old.close()
    with daemon_at(home) as house:
        client = house.client
        assert client is not None
        assert not job(client, "old").made_ahead
        second = collect(client.next_batch("old"))
        assert seeds(second) == [6]
        check_tones(second)
        assert house.stop() == 0
        assert job(house.start(), second.job_id).next_of == "old"
