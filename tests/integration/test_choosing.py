"""The best of several takes through the daemon: chosen, kept or dropped, replayed, and gone on with after a kill."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from acebridge.client.client import Client
from acestep_runtime import generate as make
from tests.support.daemon import (
    assert_gone,
    assets,
    collect,
    create_tone_job,
    daemon_at,
    download,
    expected_tone,
    generate,
    job,
    state,
    until,
    until_state,
)
from tests.support.shell import Shell


def best(client: Client, *seeds: int, **output: Any) -> Any:
    more = {"tries": len(seeds), "seeds": list(seeds), **output}
    return generate(client, 0.3, caption="score", output=more)


def test_the_best_take_is_kept_and_the_others_are_deleted(client: Client) -> None:
    before = {asset.id for asset in assets(client)}
    received = collect(best(client, 10, 80, 30))
    assert [(each.take, each.seed, each.score, each.chosen) for each in received.completed.ranking] == [
        (2, 80, 0.8, True), (3, 30, 0.3, False), (1, 10, 0.1, False),
    ]  # fmt: skip
    (take,) = received.completed.takes
    assert (take.take, take.seed) == (2, 80)
    kept = {take.outputs[0].asset_id}
    until(lambda: {asset.id for asset in assets(client)} - before == kept, "the other takes to be gone")
    assert download(client, take.outputs[0].asset_id)
    again = collect(client.watch(received.job_id))
    assert again.completed == received.completed
    assert again.kinds.count("take_finished") == 1
    assert np.array_equal(again.samples(take.outputs[0].output), expected_tone(80, 0.3))
    assert [made.seed for made in job(client, received.job_id).takes] == [80]


def test_all_can_be_kept_best_first(client: Client) -> None:
    received = collect(best(client, 10, 80, 30, takes=2, keep_all=True))
    assert [take.seed for take in received.completed.takes] == [80, 30, 10]
    assert [each.chosen for each in received.completed.ranking] == [True, True, False]
    for take in received.completed.takes:
        assert download(client, take.outputs[0].asset_id)


def test_equal_takes_share_a_file_that_stays(client: Client) -> None:
    received = collect(best(client, 10, 10 + 440 * 100, takes=1))  # the same tone and the same score
    assert len(received.completed.ranking) == 2
    (take,) = received.completed.takes
    assert download(client, take.outputs[0].asset_id)


def test_pinned_assets_and_outputs_of_other_jobs_stay(client: Client) -> None:
    other = collect(generate(client, 0.3, seed=15))
    kept = other.completed.takes[0].outputs[0].asset_id
    collect(best(client, 15, 90))
    assert download(client, kept)


def test_a_score_that_is_reached_ends_it(client: Client) -> None:
    received = collect(best(client, 10, 60, 30, 99, min_score=0.5))
    assert [each.seed for each in received.completed.ranking] == [60, 10]
    assert received.events[0].job_id == received.job_id
    assert {event.started.chooses for event in received.events if event.WhichOneof("event") == "started"} == {True}


def test_takes_without_a_score_are_kept_in_order_with_a_note(client: Client) -> None:
    received = collect(generate(client, 0.3, output={"tries": 3, "seeds": [5]}))
    (take,) = received.completed.takes
    assert take.seed == 5
    assert not any(each.HasField("score") for each in received.completed.ranking)
    assert take.metadata.score_missing == "The fake engine gave no score for this take."


def test_the_next_batch_chooses_among_new_seeds(client: Client) -> None:
    first = collect(best(client, 10, 80, 30))
    second = collect(client.next_batch(first.job_id))
    assert {each.seed for each in second.completed.ranking} == {31, 32, 33}
    assert [take.seed for take in second.completed.takes] == [33]


def test_the_python_api_chooses_locally_and_on_a_daemon(client: Client) -> None:
    asked = {
        "caption": "lo-fi", "lyrics": "[Verse]\nwalking down the street\n", "duration": 6.0, "seed": 3, "best_of": 3,
        "engine": "draft", "auto_lrc": True,
    }  # fmt: skip
    here, there = make(**asked), make(**asked, daemon=client.address)
    for result in (here, there):
        (take,) = result.takes
        assert [each.seed for each in sorted(result.ranking, key=lambda each: each.take)] == [3, 4, 5]
        scores = [each.score for each in result.ranking]
        assert scores == sorted(scores, reverse=True)
        assert take.seed == result.ranking[0].seed
        assert take["lyrics_alignment_score"] == scores[0]
        assert take["lrc"]
    assert [(each.seed, each.score) for each in here.ranking] == [(each.seed, each.score) for each in there.ranking]
    enough = make(**{**asked, "best_of": None}, min_score=0.0, max_tries=5, daemon=client.address)
    assert [each.seed for each in enough.ranking] == [3]
    following = here.next_batch()
    assert sorted(each.seed for each in following.ranking) == [6, 7, 8]


# ---- kill −9 ----


@pytest.mark.slow
def test_a_killed_daemon_goes_on_with_the_tries_that_remain(tmp_path: Path) -> None:
    with daemon_at(tmp_path / "home", step_ms=5) as daemon:
        client = daemon.client
        assert client is not None
        output = {"tries": 6, "seeds": [10, 80, 30, 40, 20, 50]}
        daemon.hold(30)
        events = generate(client, 0.3, caption="score", output=output)
        job_id = next(events).job_id
        finished = 0
        for event in events:
            finished += event.WhichOneof("event") == "take_finished"
            if finished == 2:
                break
        events.close()
        seen = job(client, job_id).last_sequence
        assert_gone(daemon.kill())
        daemon.release()
        client = daemon.start()
        rest = list(client.watch(job_id, after_sequence=seen))
        made = [event.take_finished.seed for event in rest if event.WhichOneof("event") == "take_finished"]
        assert made
        assert set(made) <= {
            30,
            40,
            20,
            50,
        }  # those before are not made again; the last may be dropped before it is told
        assert [each.seed for each in rest[-1].completed.ranking] == [80, 50, 40, 30, 20, 10]
        assert [take.seed for take in rest[-1].completed.takes] == [80]
        again = collect(client.watch(job_id))
        assert np.array_equal(again.samples(again.completed.takes[0].outputs[0].output), expected_tone(80, 0.3))
        assert job(client, job_id).attempts == 2
        until(lambda: len(assets(client)) == 1, "the other takes to be gone")
        assert daemon.stop() == 0
        assert daemon.check_store() == 1


@pytest.mark.slow
def test_a_repeatedly_killed_job_completes_as_long_as_takes_are_finished(tmp_path: Path) -> None:
    with daemon_at(tmp_path / "home", step_ms=5) as daemon:
        client = daemon.client
        assert client is not None
        seeds = [10, 80, 30, 40, 20]
        daemon.hold(*seeds[1:4])
        job_id = create_tone_job(client, 0.3, caption="score", output={"tries": 5, "takes": 2, "seeds": seeds})
        for number in range(1, 4):
            until(lambda: len(job(client, job_id).takes) == number, "another take")  # noqa: B023
            assert_gone(daemon.kill())
            daemon.release(seeds[number])
            client = daemon.start()
        until_state(client, job_id, "succeeded", "failed")
        assert state(client, job_id) == "succeeded"
        assert [take.seed for take in job(client, job_id).takes] == [80, 40]
        assert job(client, job_id).attempts == 4
        until(lambda: len(list((daemon.home / "assets").glob("??/*"))) == 2, "the files of the other takes to go")
        assert len(assets(client)) == 2
        assert daemon.stop() == 0
        assert daemon.check_store() == 2


def test_a_slow_reader_gets_the_kept_takes(client: Client) -> None:
    """Whoever reads more slowly than takes are made and dropped hears no half of one as whole, and all of the best."""
    seeds = [1, 2, 3, 4, 90, 6, 7, 8]
    events = generate(client, 20.0, caption="score", output={"tries": 8, "seeds": seeds})
    first = next(events)
    until_state(client, first.job_id, "succeeded")
    received = collect(itertools.chain([first], events))
    (take,) = received.completed.takes
    assert take.seed == 90
    assert np.array_equal(received.samples(take.outputs[0].output), expected_tone(90, 20.0))


# ---- command line ----


def test_the_command_writes_only_the_best(shell: Shell) -> None:
    message = shell.run("generate", "-c", "score", "--best-of", "3", "-s", "10", "-s", "80", "-s", "30", "--duration", "0.3",
                     "-e", "fake", "-o", "song.wav")  # fmt: skip
    assert sorted(file.name for file in shell.folder.iterdir()) == ["song.wav"]
    assert message.stdout.startswith("song.wav  (mix, 0.30 s, seed 80)\n")
    lines = [line for line in message.stderr.splitlines() if not line.startswith("note:")]
    assert lines[:3] == [
        "  1. score 0.800, seed 80", "  2. score 0.300, seed 30, not chosen", "  3. score 0.100, seed 10, not chosen",
    ]  # fmt: skip


def test_kept_takes_are_numbered_from_the_best(shell: Shell) -> None:
    report = shell.json("generate", "-c", "score", "--best-of", "3", "-s", "10", "-s", "80", "-s", "30", "--keep-all",
                        "--duration", "0.3", "-e", "fake", "-o", "song.wav")  # fmt: skip
    assert [(Path(each["file"]).name, each["seed"]) for each in report["outputs"]] == [
        ("song.wav", 80), ("song-2.wav", 30), ("song-3.wav", 10),
    ]  # fmt: skip
    assert [each["score"] for each in report["ranking"]] == [0.8, 0.3, 0.1]
    for each in report["outputs"]:
        assert np.array_equal(
            sf.read(shell.folder / each["file"], dtype="float32")[0], expected_tone(each["seed"], 0.3)
        )


def test_an_unreached_score_is_reported(shell: Shell) -> None:
    asked = ("generate", "-c", "score", "--min-score", "0.9", "-s", "10", "--duration", "0.3", "-e", "fake")
    message = shell.run(*asked, "--max-tries", "3")
    assert "warning: no take reached a score of 0.9; the best has 0.120. More tries may: --max-tries." in message.stderr
    message = shell.run(*asked, "--score-by", "lm", "--max-tries", "2")
    assert "warning: No take has such a score, so the first ones are kept." in message.stderr
    message = shell.run(*asked, "--max-tries", "3", "--best-of", "4", code=2)
    assert "--max-tries is 3; allowed: the same as --best-of, 4. Give one of them." in message.stderr
    message = shell.run(*asked, "--max-tries", "99", code=2)
    assert "allowed: 1 to 64 tries" in message.stderr


@pytest.mark.slow
def test_a_job_that_chose_can_be_fetched_again(shell: Shell) -> None:
    job_id = shell.json("generate", "-c", "score", "--best-of", "2", "-s", "10", "-s", "80", "--duration", "0.3",
                        "-e", "fake")["job_id"]  # fmt: skip
    report = json.loads(shell.run("jobs", "watch", job_id, "--json", "-o", "again.wav").stdout)
    assert [Path(each["file"]).name for each in report["outputs"]] == ["again.wav"]
    assert np.array_equal(sf.read(shell.folder / "again.wav", dtype="float32")[0], expected_tone(80, 0.3))
