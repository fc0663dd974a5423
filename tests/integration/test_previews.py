"""Previews in a real daemon: heard while the rest is made, finished after a kill, without latents, and without the preview."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

from acebridge.client.client import request_of
from acebridge.errors import ErrorReason, JobFailed
from acebridge.v1 import assets_pb2, jobs_pb2
from acestep_runtime.audio import decode
from acestep_runtime.guide import generate
from tests.support.daemon import Daemon, assert_gone, daemon_at
from tests.support.shell import Shell
from tests.support.tiny_models import tiny_models

pytestmark = pytest.mark.slow
NEURAL = ["--engine", "neural", "--steps", "2", "--json"]
SONG = ["generate", "-c", "a song", "--duration", "2.5", "--bpm", "240", "--seed", "1", "--seed", "2", *NEURAL]
BAR_FRAMES = 48_000


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    models = tiny_models(tmp_path_factory.mktemp("models"))
    home = tmp_path_factory.mktemp("home")
    with daemon_at(home, config=f"models_dir = '{models}'\n") as daemon:
        yield daemon


@pytest.fixture
def shell(daemon: Daemon, tmp_path: Path) -> Shell:
    (tmp_path / "work").mkdir()
    return Shell(tmp_path / "work", daemon.environment)


def events_of(daemon: Daemon, job_id: str) -> list[Any]:
    assert daemon.client is not None
    return list(daemon.client.watch(job_id))


def steps_of(daemon: Daemon, job_id: str) -> list[str]:
    """What a job told of its steps; progress that follows closely is not told."""
    stages = [each.progress.stage for each in events_of(daemon, job_id) if each.WhichOneof("event") == "progress"]
    return [stage for stage in stages if re.search(r"step \d+ of", stage)]


def test_takes_are_previewed_and_finished_to_the_byte_also_after_a_kill(daemon: Daemon, shell: Shell) -> None:
    whole = shell.json(*SONG, "-o", "whole")
    previews = shell.json(*SONG, "--preview", "1", "-o", "previews")
    assert [each["frames"] for each in previews["outputs"]] == [BAR_FRAMES] * 2
    expected = {"bars": 1, "duration_s": 1, "whole_s": 2.5, "bpm": 240, "timesignature": 4, "tempo_from": "request"}
    assert [facts["preview"] for facts in previews["metadata"]] == [expected] * 2
    job_id = previews["job_id"]
    # The audio of the first take is there before the second one is begun.
    events = events_of(daemon, job_id)
    order = [(each.WhichOneof("event"), each) for each in events]
    ended = next(n for n, (kind, each) in enumerate(order) if kind == "take_finished" and each.take_finished.take == 1)
    chunks = [n for n, (kind, each) in enumerate(order) if kind == "audio_chunk" and each.audio_chunk.output == 1]
    second = [n for n, (kind, each) in enumerate(order) if kind == "progress" and "take 2" in each.progress.stage]
    assert chunks
    began = next(n for n, (kind, each) in enumerate(order) if kind == "audio_header" and each.audio_header.output == 2)
    assert max(chunks) < ended < min([*second, began])
    assert_gone(daemon.kill())
    daemon.start()
    finished = shell.json("finish", job_id[:12], "2", "-o", "two.wav", "--json")
    assert (shell.folder / "two.wav").read_bytes() == (shell.folder / whole["outputs"][1]["file"]).read_bytes()
    assert not steps_of(daemon, finished["job_id"])
    assert "warnings" not in finished["metadata"][0]
    said = shell.failure("finish", job_id, "3")
    assert "take is 3" in said
    assert "allowed: 1, 2" in said
    said = shell.failure("finish", finished["job_id"], "1")
    assert "is whole: there is nothing to finish" in said


def test_lost_latents_and_lost_previews_cost_time_alone(daemon: Daemon, shell: Shell) -> None:
    assert daemon.client is not None
    one = ["generate", "-c", "another song", "--duration", "1.5", "--bpm", "240", "--seed", "3", *NEURAL]
    whole = shell.json(*one, "-o", "whole.wav")
    made = shell.json(*one, "--preview", "1", "-o", "preview.wav")
    asset_id, job_id = made["outputs"][0]["asset_id"], made["job_id"]
    (daemon.home / "assets" / asset_id[:2] / f"{asset_id}.latents").unlink()
    again = shell.json("finish", job_id, "-o", "again.wav", "--json")
    assert (shell.folder / "again.wav").read_bytes() == (shell.folder / whole["outputs"][0]["file"]).read_bytes()
    assert "which takes longer" in again["metadata"][0]["warnings"][0]
    daemon.client.call(daemon.client.assets.DeleteAsset, assets_pb2.DeleteAssetRequest(asset_id=asset_id))
    done = shell.run("finish", job_id, "-o", "gone.wav")
    assert "is not stored any more: the take is made from its seed, which takes longer." in done.stderr
    assert (shell.folder / "gone.wav").read_bytes() == (shell.folder / "again.wav").read_bytes()
    fields = {"duration_s": 1.5, "output": {"seeds": [3], "preview_id": asset_id}}
    for validate in (True, False):
        request = request_of("text2music", fields, submission={"engine": "neural"})
        wrapped = jobs_pb2.CreateJobRequest(validate_only=validate)
        wrapped.request.text_to_music.CopyFrom(request)
        with pytest.raises(JobFailed) as caught:
            daemon.client.call(daemon.client.jobs.CreateJob, wrapped)
        assert caught.value.kind is ErrorReason.NOT_FOUND


def test_the_next_batch_of_a_preview_is_one_and_that_of_a_finished_take_is_whole(shell: Shell) -> None:
    made = shell.json(
        "generate", "--duration", "1.2", "--bpm", "240", "--seed", "5", "--preview", "1", *NEURAL, "-o", "a.wav"
    )
    following = shell.json("jobs", "next", made["job_id"], "-o", "b.wav", "--json")
    assert following["outputs"][0]["frames"] == BAR_FRAMES
    finished = shell.json("finish", made["job_id"], "-o", "c.wav", "--json")
    assert finished["outputs"][0]["seed"] == 5
    other = shell.json("jobs", "next", finished["job_id"], "-o", "d.wav", "--json")
    assert (other["outputs"][0]["seed"], other["outputs"][0]["frames"]) == (6, round(1.2 * 48_000))
    assert "warnings" not in other["metadata"][0]
    said = shell.failure("generate", "--duration", "1", "--preview", "1", "--best-of", "2", *NEURAL[:-1])
    assert "A preview cannot be scored" in said


def test_python_finishes_a_take_on_a_daemon_and_without_one(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEBRIDGE_HOME", str(daemon.home))
    models = next(line for line in (daemon.home / "config.toml").read_text().splitlines() if "models_dir" in line)
    monkeypatch.setenv("ACEBRIDGE_MODELS", models.split("'")[1])
    arguments = {"duration": 1.2, "bpm": 240, "seed": 9, "inference_steps": 1, "engine": "neural"}
    for place in (None, daemon.address):
        preview = generate(**arguments, preview_bars=1, daemon=place)
        whole = preview.finish()
        expected = generate(**arguments, daemon=place)
        assert preview["preview"]["duration_s"] == preview.seconds == 1.0
        assert (decode.read(whole.audio.path) == decode.read(expected.audio.path)).all()
        assert whole.audio.path.read_bytes() == expected.audio.path.read_bytes()
        with pytest.raises(Exception, match="a take that is whole"):
            whole.finish()
