"""``acebridge connect`` and ``disconnect``: what they write, what they say, and what the daemon makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from acebridge.client.known_daemons import read_known
from acebridge.config import tomllib
from tests.support.shell import FAKE, Shell
from tests.support.two_machines import Studio, studio_at


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with studio_at(tmp_path_factory.mktemp("studio")) as studio:
        yield studio


@pytest.fixture
def token_file(studio: Studio, tmp_path: Path) -> str:
    (tmp_path / "token.txt").write_text(studio.known.token)
    return str(tmp_path / "token.txt")


@pytest.fixture
def here(alone: Shell) -> Shell:
    """The same command in this process, which saves it the imports; for what starts no daemon."""
    return Shell(alone.folder, alone.environment)


def setting(shell: Shell) -> str:
    text = Path(shell.environment["ACEBRIDGE_HOME"], "config.toml").read_text("utf-8")
    return str(tomllib.loads(text).get("remote", ""))


def test_connect_and_disconnect(studio: Studio, alone: Shell, here: Shell, token_file: str) -> None:
    address = studio.daemon.address
    assert here.run("connect").stdout == "not connected\n"
    assert here.json("connect") == {"connected": False}
    alone.run("jobs")  # starts a daemon, which takes the setting up
    first = here.json("status")["pid"]
    said = alone.run("connect", address, "--fingerprint", studio.known.fingerprint, "--token-file", token_file)
    assert (said.stdout, said.stderr) == (f"connected: neural jobs go to {address}\n", "")
    assert setting(alone) == address
    assert read_known(Path(alone.environment["ACEBRIDGE_HOME"])) == {address: studio.known}
    assert here.run("connect").stdout == f"connected to {address}: it answers\n"
    assert here.json("connect") == {"connected": True, "address": address, "up": True}
    status = here.json("status")
    assert status["pid"] != first
    assert status["remote"]["address"] == address
    assert [worker["device"] for worker in status["workers"]] == ["cpu", f"remote:{address}"]
    assert f"ok   connection: {address} answers\n" in here.run("doctor", code=0).stdout
    gate = Path(alone.environment["ACEBRIDGE_FAKE_GATES"], "7.steps")
    gate.touch()
    here.run("generate", *FAKE, "--duration", "0.5", "--seed", "7", "--detach")
    said = here.run("connect", address)  # a daemon at work that is connected to it has nothing to take up
    assert (said.stdout, said.stderr) == (f"connected already: neural jobs go to {address}\n", "")
    said = here.run("disconnect")
    assert said.stdout == f"disconnected from {address}\n"
    assert said.stderr.startswith("note: the daemon is at work; run `acebridge stop` later")
    assert setting(alone) == ""
    said = here.run("connect", address)  # it has not taken the end up either
    assert (said.stdout, said.stderr) == (f"connected: neural jobs go to {address}\n", "")
    assert here.json("status")["pid"] == status["pid"]
    here.run("disconnect")
    gate.unlink()
    assert here.run("disconnect").stdout == "not connected\n"
    here.run("stop")


def test_what_cannot_be_connected(studio: Studio, alone: Shell, here: Shell) -> None:
    address = studio.daemon.address
    trust = ("--fingerprint", studio.known.fingerprint)
    alone.run("jobs")
    own = here.json("status")["address"]
    for words, code, says in (
        (
            ("connect", own),
            2,
            f"HOST is '{own}'; allowed: another machine. This is the daemon of your own data folder.",
        ),
        (("connect", "a b"), 2, "allowed: host:port, with a port from 1 to 65535. Write for example studio.local"),
        (("connect", "127.0.0.1:1"), 3, "Nothing answers at 127.0.0.1:1: Connection refused."),
        (("connect", address, "--fingerprint", "ab" * 32), 4, "has the certificate"),
        (("connect", address, *trust), 2, f"There is no token for the daemon at {address}. Name its file with"),
    ):
        assert says in here.failure(*words, code=code), words
    assert setting(alone) == ""
    assert here.run("connect").stdout == "not connected\n"
    here.run("stop")


def test_workers_on_a_cluster_and_a_connection_exclude_each_other(alone: Shell, here: Shell) -> None:
    file = Path(alone.environment["ACEBRIDGE_HOME"], "config.toml")
    before = file.read_text("utf-8") if file.exists() else ""
    file.write_text(f'workers = "ray://auto"\n{before}', "utf-8")
    said = here.failure("connect", "127.0.0.1:1", code=2)
    assert "Setting workers is 'ray://auto'" in said
    assert 'Set workers to "local" in config.toml first.' in said
    assert setting(alone) == ""  # nothing is written
    file.write_text(f'remote = "127.0.0.1:1"\nworkers = "ray://auto"\n{before}', "utf-8")
    assert "run acebridge disconnect" in here.failure("serve", code=2)
    assert here.run("disconnect").stdout == "disconnected from 127.0.0.1:1\n"
    assert setting(alone) == ""
