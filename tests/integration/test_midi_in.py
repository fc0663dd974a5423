"""Notes to follow, from a file on the command line, over the wire and in a job folder, to audio that can be made again."""

from __future__ import annotations

import json
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile as sf

from acebridge.client.client import Client
from acebridge.errors import JobFailed
from acestep_runtime import generate, save
from acestep_runtime.errors import InvalidValue
from acestep_runtime.midi.files import MAX_BYTES, file_text
from tests.support.daemon import Daemon
from tests.support.job_folders import Job, outputs, part
from tests.support.midi_files import band, tempo
from tests.support.shell import Shell

DRAFT = ("--engine", "draft")


def samples_of(path: Path) -> np.ndarray:
    return sf.read(path, dtype="float32", always_2d=True)[0]


def test_a_command_follows_a_file_and_its_result_is_made_again(shell: Shell) -> None:
    (shell.folder / "notes.mid").write_bytes(band(2, tempo(0, 120), tempo(4, 90)))
    command = ("generate", "pop", "--midi", "notes.mid", "-s", "812301", "-o", "o.wav", "--json", *DRAFT)
    report = json.loads(shell.run(*command).stdout)
    made = samples_of(shell.folder / "o.wav")
    assert len(made) == round((2 + 4 * 60 / 90) * 48_000)
    (metadata,) = report["metadata"]
    assert [chord["name"] for chord in metadata["chords"]] == ["C", "Am"]
    assert metadata["changes"][0]["bpm"] == 90
    shell.run("again", "o.wav", "-o", "again.wav")
    assert np.array_equal(samples_of(shell.folder / "again.wav"), made)
    shown = shell.run("jobs", "show", report["job_id"]).stdout
    assert "midi: a MIDI file" in shown
    same = generate(caption="pop", midi=shell.folder / "notes.mid", seed=812301, engine="draft")
    save(same, shell.folder / "api.wav")
    assert np.array_equal(samples_of(shell.folder / "api.wav"), made)


def test_what_is_no_midi_file_is_refused(shell: Shell) -> None:
    (shell.folder / "song.mid").write_bytes(b"RIFF no notes")
    for name, words in (("song.mid", "cannot be read"), ("missing.mid", "cannot be read")):
        done = shell.run("generate", "pop", "--midi", name, "-o", "o.wav", *DRAFT, code=2)
        assert words in done.stderr, name
    assert not (shell.folder / "o.wav").exists()


def test_the_largest_file_fits_a_request(client: Client) -> None:
    """The daemon looks into it: it is refused for what it is, and not for its size."""
    fields = {"midi": file_text(b"MThd" + bytes(MAX_BYTES - 4))}
    with pytest.raises(JobFailed, match="cannot be read"):
        list(client.submit("text2music", fields, submission={"engine": "draft"}))


def test_a_job_folder_holds_its_notes(daemon: Daemon, tmp_path: Path) -> None:
    job = Job(tmp_path)
    (job.folder / "notes.mid").write_bytes(band(1))
    song = {**part("text2music", source=False, output={"seeds": [812302]}), "midi": {"file": "notes.mid"}}
    (output,) = outputs(job.ask(song, engine="draft").run(daemon))
    assert len(samples_of(job.media / output["file"])) == 2 * 48_000


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3"])
def test_a_large_file_travels_in_the_recipe(shell: Shell, suffix: str) -> None:
    """As base64 the file is longer than all else that a recipe holds."""
    comment = (0.0, mido.MetaMessage("text", text="x" * 380_000))
    (shell.folder / "notes.mid").write_bytes(band(1, tempo(0, 120), comment))
    name, again = f"o.{suffix}", f"again.{suffix}"
    report = json.loads(
        shell.run("generate", "pop", "--midi", "notes.mid", "-s", "812303", "-o", name, "--json", *DRAFT).stdout
    )
    shell.run("again", name, "-o", again)
    assert (shell.folder / again).read_bytes() == (shell.folder / name).read_bytes()
    shell.run("jobs", "again", report["job_id"], "-s", "812303", "-o", f"job.{suffix}")
    assert np.array_equal(samples_of(shell.folder / f"job.{suffix}"), samples_of(shell.folder / name))


@pytest.mark.parametrize("name", ["my notes.mid", 'a "b" c.mid', "나\N{GUITAR}.mid", "-x.mid", "no suffix"])
def test_files_have_any_name(shell: Shell, name: str) -> None:
    (shell.folder / name).write_bytes(band(1))
    shell.run("generate", "pop", f"--midi={name}", "-s", "812304", "-o", "o.wav", *DRAFT)
    assert len(samples_of(shell.folder / "o.wav")) == 2 * 48_000


def test_python_takes_bytes_and_refuses_what_is_none() -> None:
    data = band(1)
    made = generate(caption="pop", midi=data, seed=812305, engine="draft")
    assert made.audio.seconds == 2.0
    for wrong in (b"", b"MThd", data[:-20]):
        with pytest.raises(InvalidValue, match="MIDI file"):
            generate(caption="pop", midi=wrong, engine="draft")
