"""``acebridge song`` on a real daemon: the same song whatever interrupts it, nothing made twice, takes chosen by ear."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import pytest

from acebridge.client.client import Client
from acebridge.v1 import jobs_pb2
from acebridge.v1.tasks_pb2 import TASK_KIND_REPAINT
from acestep_runtime.audio import decode
from acestep_runtime.song import make_song
from acestep_runtime.song.plan_file import parse_plan
from tests.support.daemon import Daemon, assert_gone, daemon_at, until
from tests.support.shell import Shell
from tests.support.songs import NAMES, PausedCommand, files_of, mapping, run_until_killed, toml

#: Functions before whose call the command is killed, each in the run after the one before.
PHASES = [
    ("acestep_runtime.song.build", "save_state", 1),  # nothing is there yet
    ("acestep_runtime.song.build", "write_pieces", 1),  # the first section is chosen, the second not begun
    ("acebridge.client.api_runner", "submit_once", 1),  # its source is written
    ("acebridge.client.api_runner", "_fetch", 1),  # its job is at work
    ("acebridge.client.api_runner", "_download", 2),  # one of its takes is fetched
    ("acestep_runtime.song.build", "_section_of", 1),  # all are
    ("acestep_runtime.song.build", "save_state", 2),  # they have their names
    ("acestep_runtime.song.build", "save_state", 3),  # none is chosen
    ("acestep_runtime.song.build", "write_song", 1),  # all sections are chosen
    ("acestep_runtime.song.build", "write_whole", 1),  # the song is written, its table is not
]


def jobs(client: Client) -> list[jobs_pb2.Job]:
    return list(client.call(client.jobs.ListJobs, jobs_pb2.ListJobsRequest()).jobs)


@pytest.mark.slow
def test_a_song_that_is_killed_in_every_phase_ends_as_one_that_is_not(
    daemon: Daemon, client: Client, shell: Shell, tmp_path: Path
) -> None:
    plan, known = shell.folder / "night.toml", len(jobs(client))
    plan.write_text(toml(engine="draft", takes=3))
    for at in PHASES:
        run_until_killed(daemon.environment, at, "song", str(plan), "--address", daemon.address)
    shell.run("song", str(plan), "--address", daemon.address)
    assert len(jobs(client)) - known == len(NAMES)  # nothing was made twice
    calm = tmp_path / "calm" / "night.toml"
    calm.parent.mkdir()
    calm.write_text(plan.read_text())
    whole = make_song(calm)  # in this process, without a daemon
    assert files_of(plan.with_suffix(".song")) == files_of(whole.folder)
    assert [row["take"] for row in whole.sections] != []
    assert whole.audio is not None
    assert whole.audio.frames == 5 * 48_000
    assert float(np.abs(whole.audio.samples()).max()) > 0.01


def test_a_section_whose_command_is_killed_is_found_again(daemon: Daemon, client: Client, shell: Shell) -> None:
    plan, known = shell.folder / "short.toml", len(jobs(client))
    plan.write_text(toml(NAMES[:2]))
    (seed,) = parse_plan(plan.read_text()).seeds(1, 11, 0)
    daemon.hold(seed)
    process = shell.start("song", "short.toml", "--address", daemon.address)
    until(
        lambda: [job for job in jobs(client) if job.state == jobs_pb2.JOB_STATE_RUNNING and job.progress.fraction > 0]
    )
    process.send_signal(signal.SIGKILL)
    process.wait()
    daemon.release()
    done = shell.json("song", "short.toml", "--address", daemon.address)
    assert [(row["name"], row["start_frame"], row["end_frame"]) for row in done["sections"]] == [
        ("Intro", 0, 48_000), ("Verse", 48_000, 96_000),
    ]  # fmt: skip
    assert decode.probe(shell.folder / done["file"]).frames == 96_000
    assert len(jobs(client)) - known == 2


@pytest.mark.slow
def test_a_song_goes_on_after_its_daemon_was_killed(tmp_path: Path) -> None:
    with daemon_at(tmp_path / "home", step_ms=5) as frail:
        (tmp_path / "work").mkdir()
        with Shell(tmp_path / "work", frail.environment) as shell:
            (shell.folder / "frail.toml").write_text(toml(NAMES[:2]))
            (seed,) = parse_plan(toml(NAMES[:2])).seeds(1, 11, 0)
            frail.hold(seed)
            process = shell.start("song", "frail.toml", "--address", frail.address)
            client = frail.client
            assert client is not None
            until(lambda: [job for job in jobs(client) if job.task == TASK_KIND_REPAINT and job.progress.fraction > 0])
            assert_gone(frail.kill())
            _, said = process.communicate()
            assert process.returncode == 3
            assert "Traceback" not in said
            frail.release()
            client = frail.start()
            shell.run("song", "frail.toml", "--address", frail.address)
            assert len(jobs(client)) == 2
    calm = make_song(mapping(NAMES[:2], key="A minor"), tmp_path / "calm")
    table = {"title": "frail"}
    made = files_of(shell.folder / "frail.song")
    assert json.loads(made.pop("sections.json")) == json.loads(files_of(calm.folder).pop("sections.json")) | table
    assert made == {name: data for name, data in files_of(calm.folder).items() if name != "sections.json"}


def test_a_section_whose_job_was_cancelled_is_made_the_next_time(daemon: Daemon, client: Client, shell: Shell) -> None:
    plan = shell.folder / "stop.toml"
    plan.write_text(toml(NAMES[:1], seed=12))
    (seed,) = parse_plan(plan.read_text()).seeds(0, 12, 0)
    daemon.hold(seed)
    process = shell.start("song", "stop.toml", "--address", daemon.address)
    until(
        lambda: [job for job in jobs(client) if job.state == jobs_pb2.JOB_STATE_RUNNING and job.progress.fraction > 0]
    )
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 5
    assert said == "acebridge: The song stops here; what is made stays. `acebridge song stop.toml` goes on with it.\n"
    until(
        lambda: jobs(client)[0].state == jobs_pb2.JOB_STATE_CANCELLED
    )  # the command asked for it, and waits for nothing
    daemon.release()
    assert "1 sections)" in shell.run("song", "stop.toml", "--address", daemon.address).stdout


def test_takes_are_chosen_by_ear(daemon: Daemon, shell: Shell) -> None:
    address = ("--address", daemon.address)
    (shell.folder / "ear.toml").write_text(toml(NAMES[:2], takes=2))
    folder = shell.folder / "ear.song"
    elsewhere = shell.run("song", "ear.toml", "--pick", "ear", "--folder", "my song", *address).stdout
    assert "`acebridge song choose ear.toml Intro 1 --folder 'my song'` chooses the first" in elsewhere
    first = shell.run("song", "ear.toml", "--pick", "ear", *address).stdout
    assert str(Path("ear.song") / "01 Intro" / "take-2.wav") in first
    assert "`acebridge song choose ear.toml Intro 1` chooses the first and goes on." in first
    assert not (folder / "song.wav").exists()
    assert shell.json("song", "ear.toml", *address)["waiting"] == "Intro"  # it goes on asking
    assert "02 Verse" in shell.run("song", "choose", "ear.toml", "intro", "2", *address).stdout
    done = json.loads(shell.run("song", "choose", "ear.toml", "Verse", "--json", *address).stdout)  # by score
    scores = [take["score"] or 0 for take in done["sections"][1]["takes"]]
    assert scores[done["sections"][1]["take"] - 1] == max(scores)
    done = json.loads(shell.run("song", "choose", "ear.toml", "Verse", "1", "--json", *address).stdout)
    assert [row["take"] for row in done["sections"]] == [2, 1]
    chosen, song = decode.read(folder / "01 Intro/take-2.wav"), decode.read(folder / "song.wav")
    assert np.array_equal(song[: 48_000 - 960], chosen[: 48_000 - 960])
    # Another take of the first section has the second made again from it.
    assert "Listen to the takes of Verse" in shell.run("song", "choose", "ear.toml", "Intro", "1", *address).stdout


def test_faults_are_one_sentence(daemon: Daemon, shell: Shell) -> None:
    (shell.folder / "plan.toml").write_text(toml(NAMES[:2]))
    (shell.folder / "bad.toml").write_text(toml(NAMES[:1]) + 'colour = "red"\n')
    address = ("--address", daemon.address)
    assert shell.failure("song", "bad.toml", *address) == (
        'Section "Intro" has a key colour; allowed: name, bars, caption, lyrics, takes, like, like_strength, chords.'
    )
    shell.run("song", "plan.toml", *address)
    assert shell.failure("song", "plan.toml", "--from", "Solo", *address) == "section is 'Solo'; allowed: Intro, Verse."
    assert shell.failure("song", "choose", "plan.toml", "Verse", "2", *address) == (
        'take of section "Verse" is 2; allowed: 1 to 1.'
    )
    (shell.folder / "plan.toml").write_text(toml(NAMES[:2]).replace('"Verse"', '"Verse 1"'))
    assert '--from "Verse 1"' in shell.failure("song", "plan.toml", *address)
    (shell.folder / "plan.song" / "song.json").write_text("{}")
    assert "song.json is no state of a song." in shell.failure("song", "plan.toml", *address)


def test_a_section_is_made_again_with_those_after_it(daemon: Daemon, shell: Shell) -> None:
    address = ("--address", daemon.address)
    (shell.folder / "again.toml").write_text(toml(NAMES[:3]))
    before = shell.json("song", "again.toml", *address)["sections"]
    after = json.loads(shell.run("song", "again.toml", "--from", "Verse", "--json", *address).stdout)["sections"]
    assert [old["seed"] == new["seed"] for old, new in zip(before, after, strict=True)] == [True, False, False]


def test_a_second_command_on_a_song_says_so_and_changes_nothing(daemon: Daemon, shell: Shell) -> None:
    address = ("--address", daemon.address)
    (shell.folder / "two.toml").write_text(toml(NAMES[:2], seed=13))
    at = ("acebridge.client.api_runner", "submit_once", 2)
    first = PausedCommand(
        daemon.environment, at, shell.folder / "gate", "song", str(shell.folder / "two.toml"), *address
    )
    before = files_of(shell.folder / "two.song")
    for command in (
        ("song", "two.toml"),
        ("song", "choose", "two.toml", "Intro", "1"),
        ("song", "like", "two.toml", "Verse", "Intro"),
    ):
        assert "Another program works on the song in two.song. Wait until it is done." in shell.failure(
            *command, *address
        )
    assert files_of(shell.folder / "two.song") == before
    assert (shell.folder / "two.toml").read_text() == toml(NAMES[:2], seed=13)
    assert "Intro" in shell.run("song", "show", "two.toml").stdout  # which only reads
    assert first.go_on()[0] == 0
    assert (shell.folder / "two.song" / "song.wav").exists()


def test_the_table_of_a_song_shows_what_is_made_and_what_is_not(daemon: Daemon, shell: Shell) -> None:
    (shell.folder / "table.toml").write_text(toml(NAMES[:2], takes=2, seed=14))
    rows = [line.split("\t") for line in shell.run("song", "show", "table.toml").stdout.splitlines()]
    assert [row[:7] for row in rows] == [
        ["Intro", "0.000", "1.000", "1.000 s", "1", "", "2 to make"],
        ["Verse", "1.000", "2.000", "1.000 s", "1", "", "2 to make"],
    ]
    assert not (shell.folder / "table.song").exists()
    shell.run("song", "table.toml", "--pick", "ear", "--address", daemon.address)
    first, second = (line.split("\t") for line in shell.run("song", "show", "table.toml").stdout.splitlines())
    assert (first[5], first[7], second[6]) == ("to choose", "fake", "2 to make")
    assert [part.split(":")[0] for part in first[6].split(", ")] == ["1", "2"]
    shown = json.loads(shell.run("song", "show", "table.toml", "--json").stdout)
    assert (shown["waiting"], shown["missing"], shown["finished"]) == ("Intro", ["Verse"], False)
    assert shown["sections"] == shell.json("song", "table.toml", "--address", daemon.address)["sections"]


def test_a_section_is_made_like_an_earlier_one(daemon: Daemon, client: Client, shell: Shell) -> None:
    address = ("--address", daemon.address)
    plan, known = shell.folder / "like.toml", len(jobs(client))
    plan.write_text(toml(NAMES[:3], seed=15))
    shell.run("song", "like.toml", *address)
    out = shell.run("song", "like", "like.toml", "chorus", "intro", "--strength", "0.25", *address).stdout
    assert "3 sections)" in out
    assert plan.read_text().endswith('name = "Chorus"\nlike_strength = 0.25\nlike = "Intro"\nbars = 1\n')
    assert len(jobs(client)) - known == 4  # three, and the one that is another now
    newest = jobs(client)[0].request.repaint
    assert (newest.start_s, newest.end_s, newest.strength) == (2.0, 3.0, 0.75)
    assert shell.failure("song", "like", "like.toml", "Intro", "Verse", *address).startswith(
        'like of section "Intro" is'
    )


def test_a_finished_song_gets_one_more_section(daemon: Daemon, client: Client, shell: Shell) -> None:
    address = ("--address", daemon.address)
    plan, known = shell.folder / "more.toml", len(jobs(client))
    plan.write_text(toml(NAMES[:2], seed=16))
    before = shell.json("song", "more.toml", *address)
    plan.write_text(toml(NAMES[:3], seed=16))
    after = shell.json("song", "more.toml", *address)
    assert len(jobs(client)) - known == 3
    assert [row["seed"] for row in after["sections"][:2]] == [row["seed"] for row in before["sections"]]
    assert decode.probe(shell.folder / after["file"]).frames == 3 * 48_000
