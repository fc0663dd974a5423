"""A daemon is killed, and another program takes its port and says that it is healthy: it gets neither a token nor a path."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from acebridge.client.client import Client
from acebridge.client.discovery import answers
from acebridge.errors import ConnectionLost
from tests.support.daemon import PATIENCE_S, daemon_at, song, status, until, write_wav
from tests.support.recorder import Recorder, serve
from tests.support.shell import Shell


@pytest.fixture
def impostor(tmp_path: Path) -> Iterator[tuple[Shell, Recorder]]:
    """The command with a data folder whose daemon was killed, and what listens in its place."""
    with daemon_at(tmp_path / "home") as daemon:
        address, left = daemon.address, (daemon.home / "daemon.json").read_bytes()
        folder = tmp_path / "work"
        folder.mkdir()
        daemon.kill()
        assert (daemon.home / "daemon.json").read_bytes() == left
        (daemon.home / "config.toml").write_text("port = 0\n")
        with serve(Recorder(), address) as recorder, Shell(folder, daemon.environment) as shell:
            assert answers(address, PATIENCE_S)
            yield shell, recorder
            shell.run("stop")


def test_it_is_not_taken_for_the_daemon(impostor: tuple[Shell, Recorder]) -> None:
    shell, recorder = impostor
    write_wav(shell.folder / "unreleased song.wav", song(0.2))
    said = shell.failure("status", code=3)
    assert said == f"No AceBridge daemon answers at {recorder.address}. Start one with `acebridge serve`."
    assert "does not answer" in shell.run("service", "status").stdout
    done = shell.spawn("assets", "upload", "unreleased song.wav")  # starts a daemon, and says nothing about the other
    assert (len(done.stdout.split()[0]), done.stderr) == (64, "")
    assert shell.json("status")["address"] != recorder.address
    assert recorder.calls == []
    assert recorder.checks > 0


@pytest.mark.slow
def test_a_client_that_was_connected_tells_it_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with daemon_at(tmp_path / "home") as daemon:
        monkeypatch.setenv("ACEBRIDGE_HOME", str(daemon.home))
        address = daemon.address
        with Client(address, local=True) as client:
            assert status(client).pid == daemon.pid
            daemon.kill()
            with serve(Recorder(), address) as recorder:
                assert until(lambda: answers(address))
                for _ in range(3):
                    with pytest.raises(ConnectionLost):
                        client.upload(write_wav(tmp_path / "song.wav", song(0.2)))
            assert recorder.calls == []


@pytest.mark.slow
def test_a_name_of_this_machine_leads_to_the_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with daemon_at(tmp_path / "home") as daemon:
        monkeypatch.setenv("ACEBRIDGE_HOME", str(daemon.home))
        with Client(daemon.address.replace("127.0.0.1", "localhost")) as client:
            assert status(client).pid == daemon.pid


def test_the_proof_costs_one_health_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checks = 0

    def count(*arguments: object, **options: object) -> bool:
        nonlocal checks
        checks += 1
        return check(*arguments, **options)  # type: ignore[arg-type]

    from acebridge.client import credentials
    from acebridge.client.connection import connect

    check = credentials.check_health
    monkeypatch.setattr(credentials, "check_health", count)
    with daemon_at(tmp_path / "home") as daemon:
        checks = 0
        monkeypatch.setenv("ACEBRIDGE_HOME", str(daemon.home))
        for _ in range(3):
            with connect(None, autostart=False) as client:
                for _ in range(5):
                    status(client)
        assert checks == 3  # that of each `connect`, which there was before
