"""A daemon that serves other machines: what a laptop can do with it, and who cannot get in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
import soundfile
from grpc_health.v1 import health_pb2, health_pb2_grpc

from acebridge.addresses import is_local
from acebridge.certificates import fingerprint_of, parse_fingerprint
from acebridge.client.connection import connect
from acebridge.client.discovery import private_daemon
from acebridge.client.known_daemons import KnownDaemon, read_known, remember
from acebridge.config import Config
from acebridge.errors import Conflict
from acebridge.hosts.jobfolder.run import run as run_job
from acebridge.server import port as daemon_port
from acestep_runtime import generate
from acestep_runtime.errors import InvalidValue
from tests.support.certificates import make_pair
from tests.support.daemon import PATIENCE_S, Daemon, download, song, status, until_state, write_wav
from tests.support.job_folders import Job, part
from tests.support.shell import FAKE, Shell
from tests.support.studio import Studio, machine_address, on_the_laptop, on_the_studio, studio_at


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with studio_at(tmp_path_factory.mktemp("studio")) as studio:
        yield studio


@pytest.fixture
def stranger(home: Path, tmp_path: Path) -> Iterator[Shell]:
    """The command on a laptop that knows no daemon."""
    folder = tmp_path / "work"
    folder.mkdir()
    with Shell(folder, on_the_laptop(home)) as shell:
        yield shell


@pytest.fixture
def laptop(studio: Studio, stranger: Shell, home: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """The command on a laptop that trusts the studio."""
    remember(home, studio.address, KnownDaemon(certificate(studio), studio.token))
    monkeypatch.setenv("ACEBRIDGE_ADDRESS", studio.address)
    stranger.environment["ACEBRIDGE_ADDRESS"] = studio.address
    return stranger


def certificate(studio: Studio) -> str:
    """The certificate of the studio, read from its file."""
    text = (studio.daemon.home / "tls.pem").read_text()
    return text[text.index("-----BEGIN CERTIFICATE-----") :]


# ---- work ----


def test_files_go_there_and_results_come_here(studio: Studio, laptop: Shell) -> None:
    laptop.run("generate", *FAKE, "--duration", "1", "--seed", "3", "-o", "song.wav")
    there = write_wav(laptop.folder / "own.wav", song(2.0))
    laptop.run("repaint", *FAKE, "own.wav", "--start", "0.5", "--end", "1", "--crossfade", "0", "-o", "repainted.wav")
    assert laptop.files() == {"song.wav", "own.wav", "repainted.wav"}
    before, after = soundfile.read(there)[0], soundfile.read(laptop.folder / "repainted.wav")[0]
    np.testing.assert_array_equal(before[48_000:], after[48_000:])
    assert (before[24_000:48_000] != after[24_000:48_000]).any()
    assert laptop.json("jobs")[0]["state"] == "succeeded"
    assert {each["name"] for each in laptop.json("assets")} >= {"own.wav"}
    said = laptop.json("status")
    assert (said["address"], said["certificate"], said["pid"]) == (
        studio.address,
        studio.fingerprint,
        studio.daemon.pid,
    )


def test_a_job_is_cancelled_from_afar(studio: Studio, laptop: Shell) -> None:
    studio.daemon.hold(77)
    try:
        job = laptop.run("generate", *FAKE, "--duration", "1", "--seed", "77", "--detach").stdout.strip()
        laptop.run("jobs", "cancel", job)
        assert studio.daemon.client is not None
        until_state(studio.daemon.client, job, "cancelled")
    finally:
        studio.daemon.release()


@pytest.mark.usefixtures("laptop")
def test_the_python_api_gives_the_same_there(studio: Studio) -> None:
    region = {"task_type": "repaint", "repainting_start": 0.2, "repainting_end": 0.5}
    call = {**region, "src_audio": (song(1.0), 48_000), "seed": 1, "engine": "fake"}
    here, there = generate(**call), generate(**call, daemon=studio.address)
    assert here["audio"].path.read_bytes() == there["audio"].path.read_bytes()


@pytest.mark.usefixtures("laptop")
def test_job_folders_stay_on_their_machine(studio: Studio, tmp_path: Path) -> None:
    job = Job(tmp_path).ask(part(start_s=0.5, end_s=1.0))
    with pytest.raises(InvalidValue, match=r"allowed: the daemon of this machine\. Leave the address") as caught:
        run_job(job.folder, address=None, autostart=False)
    assert studio.address in str(caught.value)
    assert job.status["state"] == "failed"
    assert job.media_files == set()


# ---- on the studio machine ----


def test_the_studio_machine_shows_its_fingerprint(studio: Studio) -> None:
    with Shell(studio.daemon.home, on_the_studio(studio)) as shell:
        assert f"certificate: {studio.fingerprint}\n" in shell.run("status").stdout
        assert shell.json("status")["address"].startswith("127.0.0.1:")
        shown = shell.run("token", "show")
        assert (shown.stdout, shown.stderr) == (f"{studio.daemon.token}\n", f"certificate: {studio.fingerprint}\n")
        facts = json.loads(shell.run("token", "show", "--json").stdout)
        assert facts == {"token": studio.daemon.token, "certificate": studio.fingerprint}
        shell.run("generate", *FAKE, "--duration", "0.5", "--seed", "5", "-o", str(studio.daemon.home / "own.wav"))
    assert f"certificate={studio.fingerprint}" in studio.daemon.console()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_openssl_sees_the_same_certificate(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "pinned.pem").write_text(certificate(studio))
    host = studio.address.rpartition(":")[0]
    command = ["openssl", "s_client", "-connect", studio.address, "-alpn", "h2", "-CAfile", tmp_path / "pinned.pem"]
    check = ["-verify_return_error", "-verify_ip", host]
    done = subprocess.run(
        [*command, *check],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",  # it prints what the daemon sends first
        timeout=PATIENCE_S,
    )
    assert "Verification: OK" in done.stdout, done.stdout + done.stderr
    assert "ALPN protocol: h2" in done.stdout
    printed = ["openssl", "x509", "-noout", "-fingerprint", "-sha256"]
    said = subprocess.run(printed, input=done.stdout, capture_output=True, text=True, check=True).stdout
    assert parse_fingerprint(said) == studio.fingerprint


# ---- who does not get in ----


def test_who_is_not_trusted_yet(studio: Studio, stranger: Shell) -> None:
    for address in (studio.address, studio.daemon.address):
        said = stranger.failure("generate", *FAKE, "--address", address, code=4)
        assert said.startswith(f"The daemon at {address} is not trusted yet. Run `acebridge trust {address}`, ")
    assert not stranger.files()


def test_without_tls_nobody_is_answered(studio: Studio) -> None:
    for address in (studio.address, studio.daemon.address):
        with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError) as caught:
            health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE_S)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert studio.daemon.client is not None
    assert status(studio.daemon.client).pid == studio.daemon.pid


def test_a_token_that_is_revoked_or_wrong(studio: Studio, laptop: Shell, home: Path) -> None:
    remember(home, studio.address, KnownDaemon(certificate(studio), "ab" * 32))
    said = laptop.failure("jobs", code=4)
    assert said.startswith(
        f"The token of this call is not that of the daemon at {studio.address}. Make one on its machine"
    )
    remember(home, studio.address, KnownDaemon(certificate(studio)))
    assert laptop.failure("jobs", code=4).startswith("This call carries no token.")


def test_a_changed_certificate_is_refused(studio: Studio, laptop: Shell, home: Path) -> None:
    other = KnownDaemon(make_pair("studio.local").certificate, studio.token)
    remember(home, studio.address, other)
    said = laptop.failure("status", code=4)
    assert said.startswith(
        f"The daemon at {studio.address} has the certificate {studio.fingerprint}, and the one that you trust there is"
        f" {other.fingerprint}. If `acebridge token show` on its machine prints the former, run `acebridge trust "
    )


# ---- acebridge trust ----


def test_a_script_says_fingerprint_and_token(
    studio: Studio, stranger: Shell, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (stranger.folder / "token.txt").write_text(f"{studio.token}\n")
    trust = ("trust", studio.address, "--fingerprint", studio.fingerprint)
    assert stranger.run(*trust).stderr == "No token is noted for it: calls need ACEBRIDGE_TOKEN.\n"
    monkeypatch.setenv("ACEBRIDGE_TOKEN", studio.token)
    assert stranger.run("status", "--address", studio.address).stdout
    stranger.run(*trust)
    assert read_known(home)[studio.address].token == studio.token
    monkeypatch.delenv("ACEBRIDGE_TOKEN")
    facts = {"address": studio.address, "certificate": studio.fingerprint, "token": True}
    stranger.run("trust", studio.address, "--forget")
    assert stranger.json("trust", "--list") == []
    assert stranger.json(*trust, "--token-file", "token.txt") == facts
    assert stranger.json("trust", "--list") == [facts]
    assert stranger.run("trust", "--list").stdout == f"{studio.address}\t{studio.fingerprint}\tyes\n"
    assert stranger.run(*trust).stdout  # it keeps its token
    assert read_known(home)[studio.address].token == studio.token


def test_what_is_not_right_is_not_noted(studio: Studio, stranger: Shell, home: Path) -> None:
    (stranger.folder / "token.txt").write_text("ab" * 32)
    (stranger.folder / "text.txt").write_text("no token")
    (stranger.folder / "empty.txt").touch()
    wrong = f"sha256:{'ab' * 32}"
    trust = ("trust", studio.address, "--fingerprint", studio.fingerprint)
    for words, code, says in (
        (
            ("trust", studio.address, "--fingerprint", wrong),
            4,
            f"has the certificate {studio.fingerprint}, not {wrong}. ",
        ),
        ((*trust, "--token-file", "token.txt"), 4, "does not know this token, or somebody stands between it and you. "),
        ((*trust, "--token-file", "text.txt"), 2, "--token-file holds no token of a daemon; allowed: 64 hex digits"),
        ((*trust, "--token-file", "empty.txt"), 2, "--token-file holds no token of a daemon; allowed: 64 hex digits"),
        ((*trust, "--token-file", "gone.txt"), 2, "gone.txt: No such file or directory. Check the path."),
        (("trust", studio.address, "--fingerprint", "x"), 2, "allowed: sha256: and 64 hex digits"),
        (("trust", "192.0.2.2"), 2, "with a port from 1 to 65535. Write for example studio.local:50710."),
        (("trust", "--forget"), 2, "allowed: host:port"),
        (("trust", studio.address, "--forget"), 2, f"No daemon at {studio.address} is trusted. List them with"),
        (("trust", "studio..local:1"), 3, "Nothing answers at studio..local:1: there can be no such name. Start"),
        (("trust", "127.0.0.1:1"), 3, "Nothing answers at 127.0.0.1:1: Connection refused. Start the daemon"),
    ):
        assert says in stranger.failure(*words, code=code), words
    done = stranger.spawn("trust", studio.address, code=2)  # without a terminal
    assert f"Nobody is here to say whether {studio.fingerprint} is the certificate" in done.stderr
    assert read_known(home) == {}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such terminals")
@pytest.mark.parametrize("answer", ["y", "n"])
def test_a_person_is_asked(studio: Studio, stranger: Shell, home: Path, answer: str) -> None:
    said, code = type_into(stranger, ("trust", studio.address), [answer, studio.token])
    assert studio.fingerprint in said
    assert studio.token not in said  # it is typed without echo
    if answer == "y":
        assert code == 0
        assert read_known(home) == {
            studio.address: KnownDaemon(read_known(home)[studio.address].certificate, studio.token)
        }
        assert read_known(home)[studio.address].fingerprint == studio.fingerprint
    else:
        assert code == 5
        assert "is not trusted, and nothing is noted." in said
        assert read_known(home) == {}
        stranger.run("trust", studio.address, "--fingerprint", studio.fingerprint)
        before = read_known(home)
        said, code = type_into(stranger, ("trust", studio.address), [answer])
        assert code == 5
        assert f"the certificate that you trusted at {studio.address} before stays trusted." in said
        assert f"`acebridge trust {studio.address} --forget`" in said
        assert read_known(home) == before != {}


def type_into(shell: Shell, words: tuple[str, ...], lines: list[str]) -> tuple[str, int]:
    """Run a command in a terminal; type each line once it asks for one. Return what the terminal shows, and the exit code."""
    from tests.support.shell import COMMAND
    from tests.support.terminal import converse

    return converse([*COMMAND, *words], lines, folder=shell.folder, environment=shell.environment)


# ---- starts and stops ----


@pytest.mark.slow
def test_with_a_certificate_of_ones_own_on_loopback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    pair = make_pair("studio.local")
    monkeypatch.setenv("ACEBRIDGE_HOME", str(home))
    with studio_at(home, f"{pair.write(tmp_path)}enabled = true\n") as own:
        assert own.fingerprint == KnownDaemon(pair.certificate).fingerprint
        with connect(None, autostart=False) as client:
            upload = client.upload(
                write_wav(tmp_path / "song.wav", song(0.2))
            )  # it is local, so the daemon reads the file
            assert download(client, upload.asset_id) == (tmp_path / "song.wav").read_bytes()
        assert not (home / "tls.pem").exists()
        laptop = on_the_laptop(tmp_path / "laptop")
        with Shell(tmp_path, laptop) as shell:
            shell.run("trust", own.daemon.address, "--fingerprint", own.fingerprint)
            monkeypatch.setenv("ACEBRIDGE_TOKEN", own.token)
            assert shell.run("stop", "--address", own.daemon.address).stdout == "stopped\n"
        assert own.daemon.stop() == 0


@pytest.mark.slow
def test_the_first_command_starts_a_daemon_that_others_reach(alone: Shell) -> None:
    home = Path(alone.environment["ACEBRIDGE_HOME"])
    (home / "config.toml").write_text('host = "0.0.0.0"\nport = 0\n')
    alone.run("jobs")
    said = alone.json("status")
    assert said["address"].startswith("127.0.0.1:")
    assert said["certificate"] == fingerprint_of((home / "tls.pem").read_text())
    alone.run("stop")


def test_the_daemon_of_the_demo_serves_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEBRIDGE_HOST", "0.0.0.0")
    with private_daemon(tmp_path / "home") as address:
        assert is_local(address)
    assert not (tmp_path / "home" / "tls.pem").exists()


def test_what_is_wrong_is_said_at_the_start(tmp_path: Path) -> None:
    expired = make_pair("studio.local", begin_days=-9, end_days=-1).write(tmp_path)
    daemon = Daemon(tmp_path / "home", config=f'host = "0.0.0.0"\n{expired}')
    with Shell(tmp_path, daemon.environment) as shell:
        done = shell.spawn("serve", "--port", "0", code=2)
    says = f"acebridge: The certificate {tmp_path}/certificate.pem has expired: it was valid until "
    assert done.stderr.splitlines()[-1].startswith(says)


def test_other_machines_find_the_usual_port_or_none(monkeypatch: pytest.MonkeyPatch, studio: Studio) -> None:
    port = int(studio.address.rpartition(":")[2])
    monkeypatch.setattr(daemon_port, "DEFAULT_PORT", port)
    with pytest.raises(Conflict, match=rf"^Port {port} of {machine_address()} is taken by another program"):
        daemon_port.listen(lambda _: 1, Config(host=machine_address()))
    assert daemon_port.listen(lambda _: 1, Config(host="127.0.0.1")) == 1


def test_an_address_of_another_machine_blames_host() -> None:
    """192.0.2.1 is for documentation, and no machine's."""
    with pytest.raises(Conflict) as caught:
        daemon_port.listen(lambda _: 1, Config(host="192.0.2.1", port=50710))
    assert str(caught.value) == (
        "Port 50710 of 192.0.2.1 cannot be opened: this machine has no such address."
        " Set host to an address of this machine, such as 127.0.0.1, or to 0.0.0.0 for all of them."
    )
