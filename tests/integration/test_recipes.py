"""What results keep of their source, how they say what they were made of, and making them again."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from acebridge.client.client import Client
from acebridge.v1 import assets_pb2
from acestep_runtime.audio import decode
from acestep_runtime.audio.tags.describe import describe_file
from acestep_runtime.recipes import parse_recipe
from tests.support import wave_chunks as made
from tests.support.daemon import Daemon, daemon_at, song
from tests.support.job_folders import Job, outputs, part
from tests.support.shell import FAKE, Shell


def write_source(path: Path, seconds: float = 2.0) -> np.ndarray:
    samples = song(seconds)
    path.write_bytes(
        made.pcm16_file(
            samples, made.chunk(b"bext", made.bext(48_000 * 3600)),
            after=[made.chunk(b"cue ", made.cue(4_800, 72_000)), made.chunk(b"LIST", made.labels({1: b"verse", 2: b"end"}))],
        )
    )  # fmt: skip
    return decode.read(path)


def samples_of(path: Path) -> np.ndarray:
    return sf.read(path, dtype="float32", always_2d=True)[0]


def test_a_repaint_keeps_what_its_source_says(shell: Shell) -> None:
    before = write_source(shell.folder / "a.wav")
    shell.run("repaint", "a.wav", "--start", "1", "--end", "1.25", "-s", "1", "-o", "o.wav", *FAKE)
    chunks = dict(reversed(made.read_chunks((shell.folder / "o.wav").read_bytes())))
    assert struct.unpack_from("<Q", chunks[b"bext"], 338) == (48_000 * 3600,)
    assert chunks[b"cue "] == made.cue(4_800, 72_000)
    assert chunks[b"LIST"] == made.labels({1: b"verse", 2: b"end"})
    assert np.array_equal(samples_of(shell.folder / "o.wav")[: 48_000 - 960], before[: 48_000 - 960])
    done = shell.run(
        "repaint", "a.wav", "--start", "1", "--end", "1.25", "--scope", "region", "--crossfade", "0", "-s", "1",
        "-o", "r.wav", *FAKE,
    )  # fmt: skip
    chunks = dict(reversed(made.read_chunks((shell.folder / "r.wav").read_bytes())))
    assert struct.unpack_from("<Q", chunks[b"bext"], 338) == (48_000 * 3601,)
    assert b"cue " not in chunks
    assert "warning: Of a.wav, 2 of 2 markers lie outside the result and were left out." in done.stderr


def test_the_files_of_clients_are_those_of_the_store(shell: Shell, client: Client) -> None:
    write_source(shell.folder / "a.wav")
    report = json.loads(shell.run("cover", "a.wav", "-s", "3", "-o", "o.wav", "--json", *FAKE).stdout)
    (output,) = report["outputs"]
    assert b"".join(client.download(output["asset_id"])) == (shell.folder / "o.wav").read_bytes()
    shell.run("jobs", "watch", report["job_id"], "-o", "w.wav")
    assert (shell.folder / "w.wav").read_bytes() == (shell.folder / "o.wav").read_bytes()


def test_info_tells_how_a_file_was_made(shell: Shell) -> None:
    write_source(shell.folder / "a.wav")
    shell.run("cover", "a.wav", "-c", "slow jazz", "-s", "3", "-o", "o.wav", *FAKE)
    said = shell.run("info", "o.wav").stdout
    assert "o.wav: WAV FLOAT, 48000 Hz, stereo, 0:02.000 (96000 frames)" in said
    assert "begins at 1:00:00.000 (time reference 172800000)" in said
    assert "marker at 0:00.100: verse" in said
    assert "cover of a.wav, fake engine, seed 3" in said
    assert "caption: slow jazz" in said
    facts = json.loads(shell.run("info", "o.wav", "--json").stdout)
    recipe = facts["recipe"]
    assert (recipe["task"], recipe["seed"], recipe["engine"]) == ("cover", 3, "fake")
    assert recipe["fields"]["music"] == {"caption": "slow jazz"}
    assert recipe["fields"]["source"]["name"] == "a.wav"
    assert str(shell.folder) not in (shell.folder / "o.wav").read_bytes().decode("latin-1")
    assert "recipe" not in json.loads(shell.run("info", "a.wav", "--json").stdout)
    assert "is not audio" in shell.failure("info", __file__)


def test_a_file_makes_itself_again(shell: Shell) -> None:
    write_source(shell.folder / "a.wav")
    shell.run("repaint", "a.wav", "--start", "0.5", "--end", "1", "-c", "funk", "-s", "3", "-o", "o.wav", *FAKE)
    shell.run("again", "o.wav", "-o", "same.wav")
    assert (shell.folder / "same.wav").read_bytes() == (shell.folder / "o.wav").read_bytes()
    assert "sounds otherwise" not in shell.run("again", "o.wav", "-o", "same.flac").stderr
    report = json.loads(shell.run("again", "o.wav", "--takes", "2", "--json").stdout)
    assert [(each["file"], each["seed"]) for each in report["outputs"]] == [("o-again.wav", 3), ("o-again-2.wav", 4)]
    assert not np.array_equal(samples_of(shell.folder / "o-again-2.wav"), samples_of(shell.folder / "o.wav"))
    shell.run("jobs", "again", report["job_id"], "--seed", "3", "-o", "job.wav")
    assert (shell.folder / "job.wav").read_bytes() == (shell.folder / "o.wav").read_bytes()
    message = shell.failure("again", "a.wav")
    assert message.startswith("a.wav holds no recipe")


def test_a_file_that_was_changed_is_said_to_differ_from_what_its_recipe_makes(shell: Shell) -> None:
    write_source(shell.folder / "a.wav")
    shell.run("cover", "a.wav", "-s", "3", "-o", "o.wav", *FAKE)
    (shell.folder / "my cut.wav").write_bytes((shell.folder / "o.wav").read_bytes()[:-400_000])
    said = shell.run("info", "my cut.wav").stdout
    assert "it was cut off: its header promises 0:02.000" in said
    assert "`acebridge again 'my cut.wav'` makes it again." in said
    done = shell.run("again", "my cut.wav", "-o", "whole.wav")
    assert "warning: whole.wav is what the recipe in my cut.wav makes, but my cut.wav sounds otherwise" in done.stderr
    assert (shell.folder / "whole.wav").read_bytes() == (shell.folder / "o.wav").read_bytes()


def test_a_missing_parent_is_named_and_may_be_given(shell: Shell, client: Client) -> None:
    write_source(shell.folder / "mine.wav", 1.5)
    report = json.loads(shell.run("cover", "mine.wav", "-s", "3", "-o", "o.mp3", "--json", *FAKE).stdout)
    recipe = json.loads(shell.run("info", "o.mp3", "--json").stdout)["recipe"]
    parent = recipe["fields"]["source"]["sha256"]
    shell.run("jobs", "delete", report["job_id"])
    client.call(client.assets.DeleteAsset, assets_pb2.DeleteAssetRequest(asset_id=parent))
    (shell.folder / "kept").mkdir()
    (shell.folder / "mine.wav").rename(shell.folder / "kept" / "mine.wav")
    message = shell.failure("again", "o.mp3", "-o", "x.wav")
    assert message.startswith(f"o.mp3 was made from mine.wav (SHA-256 {parent}), which the daemon does not have.")
    shell.run("again", "o.mp3", "kept/mine.wav", "-o", "x.wav")
    assert len(samples_of(shell.folder / "x.wav")) == 72_000
    (shell.folder / "kept" / "mine.wav").unlink()


def test_formats_by_the_ending_of_the_name(shell: Shell) -> None:
    whole = shell.run("generate", "-c", "x", "--duration", "0.5", "-s", "1", "-o", "o.wav", *FAKE)
    assert whole.stderr.count("warning") == 0
    exact = samples_of(shell.folder / "o.wav")
    for name, subtype in (("o.flac", "PCM_24"), ("o.ogg", "VORBIS"), ("o.opus", "OPUS"), ("O.MP3", "MPEG_LAYER_III")):
        shell.run("generate", "-c", "x", "--duration", "0.5", "-s", "1", "-o", name, *FAKE)
        info = sf.info(shell.folder / name)
        assert (info.subtype, decode.measure(shell.folder / name).frames) == (subtype, 24_000)
        assert json.loads(shell.run("info", name, "--json").stdout)["recipe"]["fields"]["music"] == {"caption": "x"}
    assert np.abs(decode.read(shell.folder / "o.flac") - exact).max() <= 2 * 2.0**-23
    shell.run("generate", "--duration", "0.5", "--bits", "16", "-o", "w.wav", *FAKE)
    shell.run("generate", "--duration", "0.5", "--bits", "16", "-o", "w.flac", *FAKE)
    assert [sf.info(shell.folder / f"w.{kind}").subtype for kind in ("wav", "flac")] == ["PCM_16", "PCM_16"]
    shell.run("generate", "--duration", "0.5", "-n", "2", "-o", "n.flac", *FAKE)
    assert {"n.flac", "n-2.flac"} <= {each.name for each in shell.folder.iterdir()}
    write_source(shell.folder / "a.wav")
    shell.run("extract", "a.wav", "-t", "drums", "-t", "bass", "-o", "stems/", "--format", "ogg", *FAKE)
    assert {each.name for each in (shell.folder / "stems").iterdir()} == {"drums.ogg", "bass.ogg"}


def test_a_stored_file_is_written_in_the_format_of_its_name(shell: Shell) -> None:
    report = json.loads(shell.run("generate", "--duration", "0.5", "-o", "o.wav", "--json", *FAKE).stdout)
    (asset,) = (output["asset_id"] for output in report["outputs"])
    for name, kind in (("a.flac", "FLAC"), ("a.wav", "WAV"), ("a.bin", "WAV")):
        shell.run("assets", "download", asset, "-o", name)
        assert sf.info(shell.folder / name).format == kind
    assert (shell.folder / "a.bin").read_bytes() == (shell.folder / "o.wav").read_bytes()


def test_what_a_daw_gets_says_what_the_whole_source_says(tmp_path: Path, client: Client, daemon: Daemon) -> None:
    """The daemon sends only the region, and the rest is put around it here."""
    job = Job(tmp_path)
    before = write_source(job.folder / "source-1.wav")
    answer = job.ask(part(start_s=1.0, end_s=1.25, output={"seeds": [3]})).run(daemon)
    assert answer["warnings"] == []  # though both markers lie outside the region
    (output,) = outputs(answer)
    file = Path(output["file"])
    chunks = dict(reversed(made.read_chunks(file.read_bytes())))
    assert struct.unpack_from("<Q", chunks[b"bext"], 338) == (48_000 * 3600,)
    assert chunks[b"cue "] == made.cue(4_800, 72_000)
    facts, text = describe_file(file)
    recipe = parse_recipe(text, file.name)
    assert (recipe.task, recipe.seed, "scope" in recipe.fields) == ("repaint", 3, False)
    assert facts["frames"] == len(before)
    assert recipe.parents[0].sha256 == client.upload(job.folder / "source-1.wav").asset_id


def test_kinds_of_files_that_are_not_written_are_refused_before_the_work(shell: Shell) -> None:
    allowed = ".wav, .flac, .ogg, .opus, .mp3"
    for task in (("generate", "--duration", "0.5"), ("extract", "a.wav")):
        write_source(shell.folder / "a.wav")
        message = shell.failure(*task, "-o", "o.m4a", *FAKE)
        assert allowed in message
    assert "allowed: nothing for mp3" in shell.failure("generate", "--bits", "16", "-o", "o.mp3", *FAKE)
    assert "allowed: 16 or 24 for flac files" in shell.failure("generate", "--bits", "32", "-o", "o.flac", *FAKE)
    assert "allowed: mp3, as the name" in shell.failure("generate", "--format", "flac", "-o", "o.mp3", *FAKE)
    assert "allowed: 16, as --format pcm16 says" in shell.failure(
        "generate", "--format", "pcm16", "--bits", "24", *FAKE
    )
    assert {each.name for each in shell.folder.iterdir()} == {"a.wav"}


@pytest.mark.slow
def test_recipes_may_be_off(tmp_path: Path) -> None:
    with daemon_at(tmp_path / "home", step_ms=5, config="recipes = false\n") as daemon:
        (tmp_path / "work").mkdir()
        with Shell(tmp_path / "work", daemon.environment) as shell, pytest.MonkeyPatch.context() as patch:
            patch.setenv("ACEBRIDGE_TOKEN", daemon.token)
            shell.run("generate", "-c", "a secret", "--duration", "0.2", "-o", "o.wav", *FAKE)
            assert b"secret" not in (shell.folder / "o.wav").read_bytes()
            assert shell.failure("again", "o.wav").startswith("o.wav holds no recipe")
