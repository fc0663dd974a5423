"""A job done again by what was asked for: whatever became of it, of its results and of what it was made from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from acebridge.client.client import Client
from acebridge.v1 import assets_pb2
from tests.support.daemon import Daemon, daemon_at, song, until_state
from tests.support.shell import FAKE, Shell


def write_song(path: Path, seconds: float = 1.0) -> None:
    sf.write(path, song(seconds), 48_000, subtype="FLOAT")


def delete_asset(client: Client, asset_id: str) -> None:
    client.call(client.assets.DeleteAsset, assets_pb2.DeleteAssetRequest(asset_id=asset_id))


def report_of(shell: Shell, *arguments: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(shell.run(*arguments, "--json").stdout)
    return report


def samples_of(path: Path) -> np.ndarray:
    return sf.read(path, dtype="float32", always_2d=True)[0]


def test_a_job_that_was_cancelled_is_done_again(shell: Shell, daemon: Daemon, client: Client) -> None:
    write_song(shell.folder / "a.wav")
    daemon.hold(31)
    cover = ("cover", "a.wav", "-c", "slow jazz", "-s", "31", *FAKE)
    job = json.loads(shell.run(*cover, "--detach", "--json").stdout)["id"]
    shell.run("jobs", "cancel", job)
    daemon.release()
    until_state(client, job, "cancelled")
    (shell.folder / "a.wav").unlink()  # the daemon has it
    done = shell.run("jobs", "again", job[:10], "-o", "o.wav")
    assert "the same as" not in done.stderr  # that job has no result
    facts = json.loads(shell.run("info", "o.wav", "--json").stdout)["recipe"]
    assert (facts["task"], facts["seed"], facts["fields"]["music"]) == ("cover", 31, {"caption": "slow jazz"})
    assert facts["fields"]["source"]["name"] == "a.wav"


def test_a_job_whose_result_is_gone_is_done_again_with_other_seeds_and_takes(shell: Shell, client: Client) -> None:
    write_song(shell.folder / "a.wav")
    asked = ("repaint", "a.wav", "--start", "0.25", "--end", "0.5", "-s", "41", "-s", "47", *FAKE)
    report = json.loads(shell.run(*asked, "-o", "o.wav", "--json").stdout)
    for output in report["outputs"]:
        delete_asset(client, output["asset_id"])
    job = report["job_id"]
    same = shell.run("jobs", "again", job, "-o", "same.wav")
    assert f"the result will be the same as that of job {job[:12]}: another --seed makes another." in same.stderr
    for name in ("{}.wav", "{}-2.wav"):
        assert (shell.folder / name.format("same")).read_bytes() == (shell.folder / name.format("o")).read_bytes()
    for options, seeds in (
        (["-n", "1"], [41]),
        (["-n", "3"], [41, 47, 48]),
        (["-s", "5"], [5, 6]),
        (["-s", "5", "-s", "9", "-s", "11"], [5, 9, 11]),
    ):
        done = json.loads(shell.run("jobs", "again", job, *options, "-o", "v.wav", "--json").stdout)
        assert [output["seed"] for output in done["outputs"]] == seeds
    shown = shell.run("jobs", "again", job, "--takes", "1").stdout.split("  ")[0]
    assert shown == f"repaint-{job[:8]}-again.wav"
    assert np.array_equal(samples_of(shell.folder / shown), samples_of(shell.folder / "o.wav"))


def test_a_song_that_the_daemon_has_no_longer_is_named_and_may_be_given(shell: Shell, client: Client) -> None:
    write_song(shell.folder / "my song.wav", 0.75)
    report = json.loads(shell.run("cover", "my song.wav", "-s", "51", "-o", "o.wav", "--json", *FAKE).stdout)
    (shell.folder / "kept").mkdir()
    job = report["job_id"]
    source = client.upload(shell.folder / "my song.wav").asset_id
    delete_asset(client, source)
    (shell.folder / "my song.wav").rename(shell.folder / "kept" / "other.wav")
    message = shell.failure("jobs", "again", job, "-o", "x.wav")
    assert message == (
        f"Job {job[:12]} was made from my song.wav (SHA-256 {source}), which the daemon does not have. "
        f"Give that file behind it: `acebridge jobs again {job[:12]} 'my song.wav'`."
    )
    assert not (shell.folder / "x.wav").exists()
    done = shell.run("jobs", "again", job, "kept/other.wav", "-o", "x.wav")
    assert "differs" not in done.stderr
    assert (shell.folder / "x.wav").read_bytes() == (shell.folder / "o.wav").read_bytes()
    delete_asset(client, source)
    write_song(shell.folder / "another.wav", 0.5)
    done = shell.run("jobs", "again", job, "another.wav", "-o", "y.wav")
    assert "warning: another.wav is not my song.wav as it was used: the result differs." in done.stderr
    assert len(samples_of(shell.folder / "y.wav")) == 24_000
    assert shell.failure("jobs", "again", job, "another.wav", "-o", "another.wav").startswith("--out is 'another.wav'")


def test_a_region_without_end_one_track_and_a_choice_are_done_again(shell: Shell) -> None:
    write_song(shell.folder / "a.wav")
    for asked in (
        ("repaint", "a.wav", "--start", "0.25", "-s", "71"),
        ("repaint", "a.wav", "--end", "-1", "-s", "71"),
        ("extract", "a.wav", "-t", "drums", "-s", "72"),
        ("generate", "--duration", "0.5", "--best-of", "3", "-s", "73"),
    ):
        made = json.loads(shell.run(*asked, "-o", "o.wav", "--json", *FAKE).stdout)
        done = json.loads(shell.run("jobs", "again", made["job_id"], "-o", "p.wav", "--json").stdout)
        assert [output["asset_id"] for output in done["outputs"]] == [output["asset_id"] for output in made["outputs"]]
        assert (shell.folder / "p.wav").read_bytes() == (shell.folder / "o.wav").read_bytes()
    kept = json.loads(shell.run("jobs", "again", made["job_id"], "-n", "2", "-o", "q.wav", "--json").stdout)
    assert sorted(take["seed"] for take in kept["ranking"]) == [73, 74, 75]
    assert len(kept["outputs"]) == 2


def test_a_task_without_audio_is_done_again(shell: Shell) -> None:
    write_song(shell.folder / "a.wav")
    first = json.loads(shell.run("understand", "a.wav", "--json", *FAKE).stdout)
    again = json.loads(shell.run("jobs", "again", first["job_id"], "--json").stdout)
    assert again["metadata"] == first["metadata"]
    assert again["job_id"] != first["job_id"]
    for option in ("--seed", "--takes"):
        message = shell.failure("jobs", "again", first["job_id"], option, "2")
        assert message.startswith(f"{option} is '2'" if option == "--seed" else f"{option} is 2")


def test_a_job_whose_files_hold_no_recipe_is_done_again(tmp_path: Path) -> None:
    with daemon_at(tmp_path / "home", step_ms=5, config="recipes = false\n") as daemon:
        (tmp_path / "work").mkdir()
        with Shell(tmp_path / "work", daemon.environment) as shell, pytest.MonkeyPatch.context() as patch:
            patch.setenv("ACEBRIDGE_TOKEN", daemon.token)
            made = shell.run("generate", "-c", "x", "--duration", "0.2", "-s", "7", "-o", "o.wav", "--json", *FAKE)
            assert "the same as" not in made.stderr
            shell.run("jobs", "again", json.loads(made.stdout)["job_id"], "-o", "p.wav")
            assert (shell.folder / "p.wav").read_bytes() == (shell.folder / "o.wav").read_bytes()


def test_a_request_like_one_before_it_has_a_warning(shell: Shell, client: Client) -> None:
    asked = ("generate", "-c", "twice the same", "--duration", "0.2", *FAKE)
    first = shell.run(*asked, "-s", "61", "--detach").stdout.strip()
    until_state(client, first, "succeeded")
    warning = f"note: the result will be the same as that of job {first[:12]}: another --seed makes another.\n"
    done = shell.run(*asked, "-s", "61", "--detach")
    assert done.stderr.count(warning) == 1
    until_state(client, done.stdout.strip(), "succeeded")
    assert f"makes the same as job {first}" in shell.run("jobs", "show", done.stdout.strip()).stdout
    for more in (["-s", "62"], [], ["-s", "61", "--bits", "16"]):
        assert "the same as" not in shell.run(*asked, *more, "-o", "o.wav").stderr


def test_a_take_of_a_job_is_varied_and_made_again_byte_for_byte(shell: Shell) -> None:
    made = report_of(shell, "generate", "--duration", "0.5", "-s", "100", "-s", "200", "-o", "o.wav", *FAKE)
    varied = report_of(
        shell, "jobs", "again", made["job_id"], "--variation", "0.5", "--take", "2", "-n", "2", "-o", "v.wav"
    )
    assert [output["seed"] for output in varied["outputs"]] == [200, 200]
    steps = [facts["variations"] for facts in varied["metadata"]]
    assert [[step["amount"] for step in each] for each in steps] == [[0.5], [0.5]]
    assert steps[0] != steps[1]
    for command in (("again", "v-2.wav"), ("jobs", "again", varied["job_id"])):
        shell.run(*command, "-o", "w.wav")
        second = "w.wav" if command[0] == "again" else "w-2.wav"
        assert (shell.folder / second).read_bytes() == (shell.folder / "v-2.wav").read_bytes()
    further = report_of(shell, "again", "v-2.wav", "--variation", "0.1", "-o", "x.wav")
    assert further["metadata"][0]["variations"][:-1] == steps[1]
    plain = shell.run("again", "v.wav", "-s", "200", "-o", "y.wav")
    assert "changed after it" not in plain.stderr
    assert np.array_equal(samples_of(shell.folder / "y.wav"), samples_of(shell.folder / "o-2.wav"))
    assert f"seed 200 varied by 0.5 towards {steps[0][0]['seed']}" in shell.run("jobs", "show", varied["job_id"]).stdout


def test_a_variation_that_cannot_be_says_so(shell: Shell) -> None:
    made = report_of(shell, "generate", "--duration", "0.5", "-s", "100", "-o", "o.wav", *FAKE)
    job = made["job_id"]
    assert shell.failure("jobs", "again", job, "--variation", "0.5", "--take", "3") == (
        "--take is 3; allowed: 1. Choose another take, or another job."
    )
    assert shell.failure("jobs", "again", job, "--take", "1").startswith(
        "--take is 1; allowed: nothing without --variation"
    )
    assert shell.failure("jobs", "again", job, "--variation", "2").startswith("--variation is 2.0; allowed: 0 to 1.")
    message = shell.failure("again", "o.wav", "--variation", "0.5", "-s", "3")
    assert message.startswith("--seed is 3; allowed: nothing beside --variation, which keeps the seed")
