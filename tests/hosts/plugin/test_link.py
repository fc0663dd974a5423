"""The plug-in's link to a real daemon, in minihost: capture, Go, and the result where it belongs."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from acebridge.hosts.jobfolder.json_files import read_object
from acebridge.hosts.plugin.instances import running_instances
from acestep_runtime.audio.loudness import loudness_lufs
from acestep_runtime.audio.tags.describe import describe_file
from acestep_runtime.recipes import Recipe, parse_recipe
from tests.support.daemon import Daemon, assert_gone, create_tone_job, daemon_at, until, until_started
from tests.support.linked_host import LinkedHost
from tests.support.osc import osc_peer, port_of
from tests.support.plugin import REPLACE, Samples, make_state, read_state
from tests.support.shell import Shell

pytestmark = pytest.mark.host

RATE_HZ = 48_000
HELD = 77


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemon_at(tmp_path_factory.mktemp("daemon"), config="[osc]\nport = 0\n") as daemon:
        until(lambda: (daemon.home / "osc.json").exists(), "the OSC bridge")
        yield daemon


@pytest.fixture
def host(daemon: Daemon, vst3: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[LinkedHost]:
    monkeypatch.setenv("ACEBRIDGE_HOME", str(daemon.home))
    host = LinkedHost(vst3, daemon.home)
    yield host
    host.close()


@pytest.fixture
def music() -> Samples:
    """A second of two channels."""
    return np.random.default_rng(5).uniform(-0.5, 0.5, (2, RATE_HZ)).astype(np.float32)


@pytest.fixture
def queue_block(daemon: Daemon) -> Iterator[None]:
    """A job of somebody else that stands still, so that those of the plug-in wait."""
    assert daemon.client is not None
    daemon.hold(HELD)
    until_started(daemon.client, create_tone_job(daemon.client, seed=HELD, steps=8))
    yield
    daemon.release()


def read(file: str) -> Samples:
    samples, rate_hz = soundfile.read(file, dtype="float32", always_2d=True)
    assert rate_hz == RATE_HZ
    return np.ascontiguousarray(samples.T)


def test_a_repaint_plays_in_place(host: LinkedHost, music: Samples, tmp_path: Path) -> None:
    project = tmp_path / "Mein Lied ♫"
    host.send({"folder": str(project), "caption": "Grüße aus 東京"})
    host.capture(10_000, music)
    host.send({"select": [10_000 + 12_000, 12_000]})
    host.choose("task", "repaint")
    host.set("seed", 7 / 16777215)
    host.go()
    done = host.until_ended()
    assert done.text("state") == "done", done.text("sentence")
    ((region,), (file,)) = done.facts["regions"], done.job_files()
    assert Path(file).parent == project
    take = read(file)
    start = region["frame"]
    assert (region["frames"], region["rate"]) == (take.shape[1], RATE_HZ)
    assert region["sha256"] == hashlib.sha256(Path(file).read_bytes()).hexdigest()
    assert start <= 22_000 < 34_000 <= start + take.shape[1] < 10_000 + RATE_HZ
    host.set("mode", REPLACE)
    played = host.play(10_000, music, 441)
    inside = slice(start - 10_000, start - 10_000 + take.shape[1])
    assert np.array_equal(played[:, inside], take)
    assert not np.array_equal(take, music[:, inside])
    assert np.array_equal(played[:, : inside.start], music[:, : inside.start])
    assert np.array_equal(played[:, inside.stop :], music[:, inside.stop :])
    assert host.state() == "done"
    job = host.newest_job()
    assert (job.origin.instance, job.origin.project) == (host.instance.id, str(project))
    assert job.origin.host.strip()
    assert [output.asset_id for output in job.takes[0].outputs] == [region["sha256"]]
    assert job.takes[0].seed == 7


def test_a_repaint_is_as_loud_as_is_chosen(host: LinkedHost, music: Samples) -> None:
    music *= np.float32(0.05)
    host.capture(0, music)
    host.send({"select": [12_000, 24_000]})
    host.choose("task", "repaint")
    host.set("seed", 7 / 16777215)
    takes = []
    for choice, fields in (
        ("region", {"loudness_of": "region"}),
        ("context", {"loudness_of": "context"}),
        ("off", {"match_loudness": False}),
    ):
        host.choose("match_loudness", choice)
        host.go()
        (file,) = host.until_ended().job_files()
        takes.append(read(file))
        (folder,) = (host.instance.folder / "jobs").iterdir()
        (part,) = read_object(folder / "request.json")["parts"]
        sent = part["fields"]
        assert {name: sent[name] for name in ("loudness_of", "match_loudness") if name in sent} == fields
    there = loudness_lufs([music[:, 12_000:36_000].T], RATE_HZ)
    as_region, as_context, as_made = (loudness_lufs([take.T], RATE_HZ) for take in takes)
    assert abs(as_region - there) < 1.5 < abs(as_made - there)
    assert abs(as_context - there) < 1.5  # the noise is as loud there


def recipe_of(file: str) -> Recipe:
    return parse_recipe(describe_file(Path(file))[1], file)


def test_a_take_is_varied_in_its_place_and_stays(host: LinkedHost, music: Samples) -> None:
    host.capture(10_000, music)
    host.send({"select": [22_000, 12_000]})
    host.choose("task", "repaint")
    host.set("seed", 7 / 16777215)
    host.go()
    (kept,) = host.until_ended().facts["regions"]
    host.set("seed", 9 / 16777215)  # of the next Go, not of this
    host.set("takes", 1 / 7)
    host.set("variation", (0.5 - 0.01) / 0.99)
    host.press("vary")
    done = host.until_ended()
    assert done.text("sentence").startswith("2 takes are here: 2, 3."), done.text("sentence")
    first, *varied = sorted(done.facts["regions"], key=lambda region: region["number"])
    assert first == kept
    assert [region["number"] for region in varied] == [2, 3]
    for region in varied:
        assert [region[key] for key in ("frame", "frames", "rate")] == [
            kept[key] for key in ("frame", "frames", "rate")
        ]
        assert region["sha256"] != kept["sha256"]
        seed = recipe_of(region["file"]).take_seed
        assert (seed.seed, [step.amount for step in seed.variations]) == (7, [0.5])
    host.set("take", 1 / 7)
    host.set("takes", 0)
    host.press("vary")
    *_, newest = sorted(host.until_ended().facts["regions"], key=lambda region: region["number"])
    chain = recipe_of(newest["file"]).take_seed.variations
    assert (newest["number"], chain[:1]) == (4, recipe_of(varied[0]["file"]).take_seed.variations)
    assert len(chain) == 2


def test_without_a_take_vary_says_what_to_do(host: LinkedHost, music: Samples) -> None:
    host.press("vary")
    assert host.until_ended().text("sentence") == "There is no take that could be varied. Press Go to make one."
    host.capture(0, music)
    host.go()
    assert host.until_ended().text("state") == "done"


def test_stems_play_one_of_them(host: LinkedHost, music: Samples) -> None:
    host.capture(0, music)
    host.choose("task", "extract")
    host.choose("track", "bass")
    host.go()
    done = host.until_ended()
    assert done.text("sentence").startswith("1 take is here. Of bass, other it is bass that plays.")
    ((region,),) = (done.facts["regions"],)
    assert (region["frame"], region["frames"]) == (0, RATE_HZ)


def test_new_music_is_as_long_as_the_selection_in_several_takes(host: LinkedHost) -> None:
    host.choose("task", "text2music")
    host.set("takes", 1 / 7)
    host.send({"select": [-4800, 24_000], "caption": "warm"})
    host.go()
    regions = host.until_ended().facts["regions"]
    assert [(each["number"], each["frame"], each["frames"]) for each in regions] == [
        (1, -4800, 24_000),
        (2, -4800, 24_000),
    ]
    assert len({each["file"] for each in regions}) == 2


@pytest.mark.usefixtures("queue_block")
def test_cancel_ends_a_job_and_the_next_one_works(host: LinkedHost, music: Samples, daemon: Daemon) -> None:
    host.capture(0, music)
    host.go()
    until(lambda: "waiting" in host.now().text("sentence"), "the job to wait")
    host.stop()
    assert host.state() == "working"
    host.set("cancel", 1)
    host.stop()
    assert host.until_ended().text("state") == "cancelled"
    assert host.now().text("sentence") == "The job was cancelled."
    daemon.release()
    host.go()
    assert host.until_ended().text("state") == "done"


def test_two_instances_do_not_mix(daemon: Daemon, host: LinkedHost, vst3: str, music: Samples) -> None:
    other = LinkedHost(vst3, daemon.home)
    for each, frame, caption in ((host, 0, "one"), (other, 96_000, "two")):
        each.send({"caption": caption})
        each.capture(frame, music)
    host.go()
    other.go()
    for each, frame, caption in ((host, 0, "one"), (other, 96_000, "two")):
        done = each.until_ended()
        assert (done.text("state"), done.text("caption")) == ("done", caption)
        assert [region["frame"] for region in done.facts["regions"]] == [frame]
    files = [each.now().job_files() for each in (host, other)]
    assert files[0] != files[1]
    other.close()
    assert [instance.id for instance in running_instances(daemon.home)] == [host.instance.id]
    assert not other.instance.folder.exists()


def without_assets(regions: str) -> str:
    """The text of a project that names its audio by hashes alone."""
    body = "".join(line for line in regions.splitlines(keepends=True)[1:] if line.startswith("take "))
    return f"acebridge-takes 1 {hashlib.sha256(body.encode()).hexdigest()[:16]}\n{body}"


def test_a_project_plays_again_with_and_without_its_audio(
    daemon: Daemon, host: LinkedHost, vst3: str, music: Samples, tmp_path: Path
) -> None:
    host.send({"folder": str(tmp_path / "song")})
    host.capture(0, music)
    host.go()
    (file,) = host.until_ended().job_files()
    take = read(file)
    regions = read_state(host.plugin.get_state())["regions"]
    start = int(regions.splitlines()[1].split()[2])

    def plays(text: str, folder: Path) -> bool:
        again = LinkedHost(vst3, daemon.home)
        again.plugin.set_state(make_state(regions=text, folder=str(folder)))
        again.set("mode", REPLACE)
        until(lambda: again.play(start, music)[0, 0] and again.state() not in ("missing",), "the audio")
        played = again.play(start, np.ascontiguousarray(music[:, : take.shape[1]]))
        again.close()
        return bool(np.array_equal(played, take))

    assert plays(regions, tmp_path)
    assert plays(without_assets(regions), tmp_path / "song")
    Path(file).unlink()
    assert plays(without_assets(regions), tmp_path / "song")  # from the daemon
    assert not list((daemon.home / "plugin").glob("*/assets/*"))


def test_audio_that_nobody_has_is_named(host: LinkedHost, music: Samples) -> None:
    name = "5f1c" * 16
    body = f"take 1 0 4800 {RATE_HZ} 0 {name}\n"
    digest = hashlib.sha256(body.encode()).hexdigest()[:16]
    host.plugin.set_state(make_state(regions=f"acebridge-takes 1 {digest}\n{body}"))
    host.stop()
    until(lambda: "take 1 (5f1c5f1c) is not in this project" in host.now().text("sentence"), "a word about it")
    assert "nor at the daemon" in host.now().text("sentence")
    host.capture(0, music)
    host.go()
    assert host.until_ended().text("state") == "done"


@pytest.mark.usefixtures("queue_block")
def test_a_command_that_is_killed_is_said(host: LinkedHost, music: Samples, daemon: Daemon) -> None:
    host.capture(0, music)
    host.go()
    (job,) = (host.instance.folder / "jobs").iterdir()
    until(lambda: "waiting" in host.now().text("sentence"), "the job to wait")
    os.kill(read_object(job / "status.json")["pid"], signal.SIGKILL)
    assert host.until_ended().text("sentence") == "The acebridge command ended without a word. Press Go again."
    assert np.array_equal(host.play(0, music), music)
    daemon.release()
    host.go()
    assert host.until_ended().text("state") == "done"


def test_a_folder_that_cannot_be_written_is_said(host: LinkedHost, music: Samples, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    host.send({"folder": str(tmp_path / "file" / "song")})
    host.capture(0, music)
    host.go()
    failed = host.until_ended()
    assert failed.text("state") == "failed"
    assert "cannot be written" in failed.text("sentence")
    host.send({"folder": "song"})
    host.go()
    assert "allowed: the full path of a folder" in host.until_ended().text("sentence")
    host.send({"folder": ""})
    host.go()
    assert host.until_ended().text("state") == "done"


def test_a_job_goes_on_with_a_daemon_that_is_back(
    vst3: str, music: Samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACEBRIDGE_HOME", str(tmp_path / "home"))
    with daemon_at(tmp_path / "home") as daemon:
        host = LinkedHost(vst3, daemon.home)
        host.capture(0, music)
        assert daemon.client is not None
        daemon.hold(HELD)
        until_started(daemon.client, create_tone_job(daemon.client, seed=HELD, steps=8))
        host.go()
        until(lambda: "waiting" in host.now().text("sentence"), "the job to wait")
        workers = daemon.kill()
        until(lambda: "waiting for the daemon" in host.now().text("sentence"), "that it is missed")
        assert np.array_equal(host.play(0, music), music)
        assert_gone(workers)
        daemon.release()
        daemon.start()
        assert host.until_ended().text("state") == "done"
        host.close()


def test_controllers_see_what_plug_ins_do(daemon: Daemon, host: LinkedHost, music: Samples, vst3: str) -> None:
    with osc_peer(port_of(daemon.home)) as peer:
        peer.send("/acebridge/feedback", "si", "127.0.0.1", peer.port)
        host.go()  # nothing is captured
        error = peer.wait_for("error")[-1]
        assert error.address == "/acebridge/plugin/error"
        assert error.values == (host.instance.id, host.now().text("sentence"))
        host.capture(0, music)
        host.go()
        answers = peer.wait_for("done")
        (file,) = host.until_ended().job_files()
        assert answers[-1].values == (1, host.instance.id, file)
        states = [answer.values for answer in answers if answer.address == "/acebridge/plugin/state"]
        assert {values[1] for values in states} == {host.instance.id}
        assert "working" in {values[2] for values in states}
        other = LinkedHost(vst3, daemon.home)
        opened = peer.wait_for("open")[-1]
        assert opened.values == (other.instance.id, other.instance.text("host"))
        other.close()
        assert peer.wait_for("close")[-1].values == (other.instance.id,)
        peer.send("/acebridge/feedback/stop", "si", "127.0.0.1", peer.port)


def test_the_command_line_steers_an_instance(daemon: Daemon, host: LinkedHost, music: Samples, tmp_path: Path) -> None:
    with Shell(tmp_path, daemon.environment) as shell:
        (listed,) = json.loads(shell.run("plugin", "list", "--json").stdout)
        assert (listed["instance"], listed["pid"]) == (host.instance.id, os.getpid())
        for wait in ([], ["--wait"]):
            assert "Nothing is captured yet" in shell.run("plugin", "go", *wait, code=4).stderr
        host.capture(0, music)
        shell.run("plugin", "caption", host.instance.id[:4], "Grüße aus 東京")
        (tmp_path / "words.txt").write_text("[Verse]\nHold on\n", "utf-8")
        shell.run("plugin", "lyrics", "words.txt")
        (file,) = shell.run("plugin", "go", "--wait").stdout.splitlines()
        assert Path(file).is_file()
        state = read_state(host.plugin.get_state())
        assert (state["caption"], state["lyrics"].split()) == ("Grüße aus 東京", ["[Verse]", "Hold", "on"])
        shell.run("plugin", "go")
        assert host.newest_job().id == host.now().facts["job"]["daemon_id"]
        assert host.until_ended().text("state") == "done"
        (file,) = shell.run("plugin", "vary", "--wait").stdout.splitlines()
        assert len(recipe_of(file).take_seed.variations) == 1
        assert f"{host.instance.id}  " in shell.run("plugin", "list").stdout
        assert "No plug-in's name begins with x" in shell.run("plugin", "cancel", "x", code=2).stderr
