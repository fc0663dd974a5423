"""`acebridge jobs top` in a terminal: it follows the queue, cancels what is chosen, and survives a daemon that goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acebridge.cli.top import Watch
from acebridge.client.client import Client, request_of
from tests.support.daemon import Daemon, create_tone_job, daemon_at, song, until_started, until_state, write_wav
from tests.support.shell import COMMAND, Shell
from tests.support.terminal import Screen

TOP = [*COMMAND, "jobs", "top", "--every", "0.5"]
UP, DOWN = "\x1b[A", "\x1b[B"


def test_the_terminal_shows_jobs_and_cancels_the_chosen_one(daemon: Daemon, client: Client, tmp_path: Path) -> None:
    daemon.hold(501)
    running = create_tone_job(client, 2.0, seed=501, steps=8, caption="slow tone")
    waiting = [create_tone_job(client, 0.2, seed=502 + number) for number in range(2)]
    until_started(client, running)
    with Screen(TOP, folder=tmp_path, environment=daemon.environment, width=150) as screen:
        shown = screen.until(running[:12], waiting[1][:12], "q: quit")
        assert "1 running, 2 waiting" in shown
        assert "slow tone" in shown
        assert "1 before it" in shown
        screen.press(DOWN)
        screen.until(f"▸ {running[:12]}")
        screen.press(DOWN)
        screen.until(f"▸ {waiting[0][:12]}")
        screen.press(DOWN + DOWN)
        screen.until(f"▸ {waiting[1][:12]}")
        screen.press(UP)
        screen.until(f"▸ {waiting[0][:12]}")
        screen.press("c")
        until_state(client, waiting[0], "cancelled")
        screen.until("cancelled", "1 running, 1 waiting")
        daemon.release()
        until_state(client, waiting[1], "succeeded")
        screen.until("0 running, 0 waiting", "100%")
        screen.press("q")
        assert screen.end() == 0


def test_a_daemon_that_goes_is_looked_for_until_it_is_back(tmp_path: Path) -> None:
    with daemon_at(tmp_path / "home") as daemon:
        assert daemon.client is not None
        first = create_tone_job(daemon.client, 0.2, seed=1)
        with Screen(TOP, folder=tmp_path, environment=daemon.environment) as screen:
            screen.until(first[:12], "q: quit")
            daemon.kill()
            screen.until("It is looked for again.", first[:12])
            client = daemon.start()
            second = create_tone_job(client, 0.2, seed=2)
            shown = screen.until(second[:12], "q: quit")
            screen.until(second[:12], "q: quit")
            screen.press("q")
            assert screen.end() == 0
        assert "Traceback" not in shown


def test_a_pipe_gets_one_plain_table(client: Client, shell: Shell) -> None:
    job_id = create_tone_job(client, 0.2, seed=511, caption="for a pipe")
    until_state(client, job_id, "succeeded")
    (line,) = [line for line in shell.run("jobs", "top").stdout.splitlines() if line.startswith(job_id[:12])]
    cells = line.split("\t")
    assert cells[1:4] == ["text2music", "fake", "succeeded"]
    assert "for a pipe" in cells[-1]
    assert "\x1b" not in line


def test_a_look_is_at_most_four_calls(
    daemon: Daemon, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACEBRIDGE_HOME", str(daemon.home))
    songs = [client.upload(write_wav(tmp_path / f"{number}.wav", song(1.0, seed=number))) for number in range(3)]
    daemon.hold(521)
    request = request_of("cover", {"output": {"seeds": [521]}}, songs[0], submission={"engine": "fake"})
    job_id = client.create(request).id
    until_state(client, job_id, "running")
    for source in songs[1:]:
        client.create(request_of("cover", {}, source, submission={"engine": "fake"}))
    calls: list[Any] = []
    call = Client.call

    def count(self: Client, *arguments: Any, **more: Any) -> Any:
        calls.append(arguments[0])
        return call(self, *arguments, **more)

    with Watch(None) as watch:
        watch.connect(autostart=False)
        monkeypatch.setattr(Client, "call", count)
        watch.look()
        assert len(calls) == 4
        assert watch.facts.lengths_s == {songs[0].asset_id: 1.0}
        calls.clear()
        watch.look()
        assert len(calls) == 3, "lengths are known"
    assert not watch.facts.problem
    daemon.release()
