"""The command and its job: left to the daemon, watched, listed, and reported take by take."""

from __future__ import annotations

import signal

import numpy as np
import pytest

from acebridge.client.client import Client
from acestep_runtime.audio import decode
from tests.support.daemon import PATIENCE_S, Daemon, expected_tone, until, until_state
from tests.support.shell import FAKE, Shell, recent


@pytest.mark.parametrize(
    ("command", "sent"),
    [("generate", signal.SIGHUP), ("watch", signal.SIGINT), ("watch", signal.SIGTERM), ("watch", signal.SIGHUP)],
)
def test_a_terminal_that_closes_and_a_watcher_leave_the_job_running(
    shell: Shell, daemon: Daemon, client: Client, command: str, sent: signal.Signals
) -> None:
    daemon.hold(1, at="audio")
    song = ("generate", "--duration", "3", "-s", "1", *FAKE)
    if command == "watch":
        job_id = shell.run(*song, "--detach").stdout.strip()
        process = shell.start("jobs", "watch", job_id, "-o", "out/long.wav")
    else:
        process = shell.start(*song, "-o", "out/long.wav")
    until(lambda: list((shell.folder / "out").glob(".*.part")), "the result to arrive")
    (running,) = [job.id for job in recent(client) if job.state == 2]
    process.send_signal(sent)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 5, err
    goes_on = f"acebridge: Job {running} goes on. `acebridge jobs cancel {running}` ends it."
    assert err.strip() == ("" if sent is signal.SIGHUP else goes_on)
    assert not out
    assert not [file for file in shell.files() if file.endswith((".part", ".wav"))]
    daemon.release()
    until_state(client, running, "succeeded")


def test_a_detached_job_is_left_to_the_daemon(shell: Shell, daemon: Daemon, client: Client) -> None:
    daemon.hold(9)
    message = shell.json("generate", "--duration", "0.5", "-s", "9", "--detach", *FAKE)
    assert (message["task"], message["engine"], message["priority"]) == ("text2music", "fake", "normal")
    assert message["state"] in ("queued", "running")
    assert not shell.files()
    daemon.release()
    until_state(client, message["id"], "succeeded")
    shell.run("jobs", "watch", message["id"], "-o", "late.wav")
    assert np.array_equal(decode.read(shell.folder / "late.wav"), expected_tone(9, 0.5))
    assert shell.failure("generate", "--detach", "-o", "x.wav", *FAKE).startswith(
        "--out is 'given'; allowed: nothing with --detach."
    )


def test_lists_have_one_form_of_json(shell: Shell) -> None:
    made = shell.json("generate", "--duration", "0.5", "-s", "3", "-n", "2", "-o", "two.wav", *FAKE)
    (newest,) = shell.json("jobs", "--limit", "1")
    assert newest["id"] == made["job_id"]
    assert (newest["task"], newest["state"], newest["priority"]) == ("text2music", "succeeded", "normal")
    assert newest["progress"] == {"stage": "done", "fraction": 1.0}
    assert newest["create_time"] <= newest["start_time"] <= newest["end_time"]
    assert newest["end_time"].endswith("Z")
    assert [take["take"] for take in newest["takes"]] == [1, 2]
    assert newest["takes"][0]["outputs"][0]["frames"] == 24_000  # a number, though int64
    assert "metadata" not in newest["takes"][0]  # `jobs show` has it
    assert shell.json("jobs", "show", newest["id"])["takes"][0]["metadata"] == made["metadata"][0]
    assert "error" not in newest
    assert None not in newest.values()
    everything = shell.json("jobs", "--all")
    assert len(everything) >= len(shell.json("jobs"))
    assert newest in everything
    shell.run("generate", "-c", "fail", *FAKE, code=4)
    (failed,) = shell.json("jobs", "--limit", "1")
    assert failed["error"] == {
        "reason": "ENGINE_FAILURE", "message": "The fake engine failed as asked.", "remedy": "Ask for something else.",
    }  # fmt: skip


def test_several_takes_are_a_line_each(shell: Shell) -> None:
    message = shell.run(
        "generate", "-c", "score", "--auto-score", "-s", "30", "-s", "60", "-o", "two.wav", *FAKE
    ).stdout
    assert message.splitlines()[-2:] == [
        "  take 1: 120 bpm, C major, quality 0.30", "  take 2: 120 bpm, C major, quality 0.60",
    ]  # fmt: skip
