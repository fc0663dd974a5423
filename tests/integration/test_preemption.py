"""A prefetched batch is preempted by all other jobs, survives kills, and is complete in the end."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from acebridge.client.client import Client
from tests.support.batches import ask, check_tones, follower, followers, seeds
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
    state,
    until,
    until_started,
    until_state,
)
from tests.support.tiers import Rounds


def test_a_prefetched_job_is_preempted_by_requests_and_completes_later(daemon: Daemon, client: Client) -> None:
    daemon.hold(101)
    first = collect(ask(client, 100, steps=80)).job_id
    made = follower(client, first, "running")
    for number, priority in enumerate(("normal", "low", "high", "normal")):
        until_state(client, made, "running")
        take = collect(generate(client, 0.2, seed=number, priority=priority))
        assert np.array_equal(take.samples(), expected_tone(number, 0.2))
        assert state(client, made) in ("queued", "running")
    daemon.release()
    until_state(client, made, "succeeded")
    shown = job(client, made)
    assert shown.attempts == 1
    for number in range(4):
        assert shown.start_time.ToNanoseconds() > job(client, take.job_id).end_time.ToNanoseconds(), number
    check_tones(collect(client.next_batch(first)))
    client.cancel(follower(client, made))


#: The progress of a batch, counted in takes, whose take stands still.
HELD_AT = {"steps": lambda take: take + 0.49, "audio": lambda take: take + 0.99}
#: Where the batch of seeds 203 to 205 is when another job comes: which take, and what it is doing.
MOMENTS = [(0, "steps"), (0, "audio"), (1, "steps"), (2, "audio")]


@pytest.mark.parametrize("asked", [False, True], ids=["watched", "asked for"])
@pytest.mark.parametrize(("take", "at"), MOMENTS)
def test_a_watcher_of_a_preempted_job_gets_the_complete_audio(
    daemon: Daemon, client: Client, take: int, at: str, asked: bool
) -> None:
    """Whatever the moment in which it stops: what was heard before is void, what comes then is complete."""
    seconds = 5.0
    daemon.hold(203 + take, at=at)
    first = collect(ask(client, 200, takes=3, seconds=seconds)).job_id
    made = follower(client, first)
    received: list[Take] = []
    follow = (client.next_batch, first) if asked else (client.watch, made)
    watcher = threading.Thread(target=lambda: received.append(collect(follow[0](follow[1]))))
    for number in range(3):
        until(lambda: job(client, made).progress.fraction >= HELD_AT[at](take) / 3, f"take {take} to be at its {at}")
        if number == 0 and not asked:
            watcher.start()
        collect(generate(client, 0.1))
    if asked:
        watcher.start()
    daemon.release()
    watcher.join()
    (whole,) = received
    check_tones(whole, seconds)
    assert len(whole.completed.takes) == 3
    if asked:
        client.cancel(follower(client, made))


def test_a_request_raises_the_priority_of_a_waiting_prefetched_job(daemon: Daemon, client: Client) -> None:
    daemon.hold(111, 119)
    first = collect(ask(client, 110)).job_id
    made = follower(client, first, "running")
    until_state(client, create_tone_job(client, 0.1, seed=119), "running")
    low = create_tone_job(client, 0.1, priority="low")
    assert state(client, made) == "queued"
    assert [job(client, low).position, job(client, made).position] == [1, 2]
    events = client.next_batch(first)
    assert next(events).job_id == made
    assert [job(client, low).position, job(client, made).position] == [2, 1]
    daemon.release()
    check_tones(collect(events))
    client.cancel(follower(client, made))


# ---- kill −9 ----


@pytest.mark.slow
def test_killed_in_the_middle_it_goes_on(tmp_path: Path) -> None:
    with daemon_at(tmp_path / "home", step_ms=5) as daemon:
        client = daemon.client
        assert client is not None
        daemon.hold(7)
        first = collect(ask(client, 5, takes=2, session="s")).job_id
        made = follower(client, first)
        until_started(client, made)
        assert_gone(daemon.kill())
        client = daemon.start()
        # A crash counts, making way does not: it never comes to the third attempt, which is not made.
        for number in range(3):
            until_state(client, made, "running")
            collect(generate(client, 0.1, seed=number))
        daemon.release()
        daemon.hold(9)
        until_state(client, made, "succeeded")
        assert job(client, made).attempts == 2
        second = collect(client.next_batch(first))
        assert second.job_id == made
        assert seeds(second) == [7, 8]
        check_tones(second)
        third = follower(client, made)
        until_started(client, third)
        assert daemon.stop() == 0
        daemon.release()
        client = daemon.start()
        assert collect(client.next_batch(made)).job_id == third
        assert job(client, third).attempts == 1
        client.cancel(follower(client, third))


@pytest.mark.slow
@pytest.mark.campaign("kill")
def test_killed_at_any_moment_the_next_batch_is_still_to_be_had(tmp_path: Path, rounds: Rounds) -> None:
    with daemon_at(tmp_path / "home", step_ms=1) as daemon:
        client = daemon.client
        assert client is not None
        for number in rounds(3, 40):
            events = ask(client, 100 * number, takes=3, seconds=5.0, session=f"s{number}")
            first = next(events).job_id
            events.close()
            time.sleep(0.16 * (number % 4))  # any moment is as good
            assert_gone(daemon.kill())
            client = daemon.start()
            second = collect(client.next_batch(first))
            assert seeds(second) == [100 * number + 3 + n for n in range(3)]
            check_tones(second, 5.0)
            assert [made.id for made in followers(client, first)] == [second.job_id]
        assert daemon.stop() == 0
        daemon.check_store()


@pytest.mark.slow
def test_an_unwanted_one_is_not_taken_up_after_a_kill(tmp_path: Path) -> None:
    with daemon_at(tmp_path / "home", step_ms=5, config="cancel_grace_s = 30\n") as daemon:
        client = daemon.client
        assert client is not None
        daemon.hold(6)
        first = collect(ask(client, 5, session="s")).job_id
        made = follower(client, first)
        until_started(client, made)
        (worker,) = daemon.workers()
        worker.suspend()  # it does not hear that it has to stop, nor that the daemon is gone
        create_tone_job(client, 0.1, seed=1)
        newer = next(ask(client, 6, session="s", auto_gen=False)).job_id
        assert_gone(daemon.kill())  # the worker ends nevertheless
        daemon.release()
        client = daemon.start()
        assert state(client, made) == "cancelled"
        assert seeds(collect(client.watch(newer))) == [6]


@pytest.mark.slow
def test_a_database_of_the_first_version_is_opened(tmp_path: Path) -> None:
    from acebridge.store import schema

    home = tmp_path / "home"
    home.mkdir()
    old = sqlite3.connect(home / "acebridge.db")
    for statement in schema.FIRST_TABLES.split(";"):
        old.execute(statement)
    params = '{"duration_s": 0.4, "output": {"seeds": [5]}}'
    old.execute(
        "INSERT INTO jobs (id, digest, task, params, engine, state, priority, created, started, finished, sources)"
        " VALUES ('old', '', 'text2music', ?, 'fake', 'succeeded', 0, ?, ?, ?, '[]')",
        (params, *3 * [time.time()]),
    )
    old.commit()
    old.close()
    with daemon_at(home) as daemon:
        client = daemon.client
        assert client is not None
        assert not job(client, "old").prefetched
        second = collect(client.next_batch("old"))
        assert seeds(second) == [6]
        check_tones(second)
        assert daemon.stop() == 0
        assert job(daemon.start(), second.job_id).previous_job_id == "old"
