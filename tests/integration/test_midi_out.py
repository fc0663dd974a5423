"""`acebridge midi` with a daemon: files, results of jobs, and several sources."""

from __future__ import annotations

import base64
import json

import mido

from acestep_runtime.audio import wav
from tests.support.shell import Shell
from tests.support.signals import noise

FAKE = ("-e", "fake")


def test_a_file_becomes_a_midi_file(shell: Shell) -> None:
    wav.write(shell.folder / "song.wav", noise(1.0, seed=91), 48_000, "float32")
    done = shell.run("midi", "song.wav", "-t", "bass", *FAKE)
    assert done.stdout.splitlines()[-1] == "song.mid  (bass: 2 notes)"
    assert "midi_parts" not in done.stdout
    file = mido.MidiFile(shell.folder / "song.mid")
    assert [message.note for message in file.tracks[1] if message.type == "note_on"] == [40, 43]
    shell.run("midi", "song.wav", *FAKE)
    assert (shell.folder / "song (2).mid").exists()


def test_json_has_the_file_and_the_notes(shell: Shell) -> None:
    wav.write(shell.folder / "song.wav", noise(1.0, seed=92), 48_000, "float32")
    (facts,) = shell.json("midi", "song.wav", *FAKE)["metadata"]
    assert base64.b64decode(facts["midi"]).startswith(b"MThd")
    (part,) = facts["midi_parts"]
    assert part["notes"][1] == {"start_s": 0.5, "end_s": 1, "pitch": 43, "velocity": 96}
    assert not list(shell.folder.glob("*.mid"))


def test_the_result_of_a_job_is_written_down(shell: Shell) -> None:
    wav.write(shell.folder / "song.wav", noise(1.0, seed=93), 48_000, "float32")
    job_id = shell.json("extract", "song.wav", "-t", "drums", "-t", "bass", "-o", "stems", *FAKE)["job_id"]
    shell.run("midi", job_id[:12], "-t", "bass", "-o", "from job.mid", *FAKE)
    assert mido.MidiFile(shell.folder / "from job.mid").tracks[1].name == "bass"
    listed = json.loads(
        shell.run("jobs", "show", shell.json("midi", job_id, "-t", "bass", *FAKE)["job_id"], "--json").stdout
    )
    assert "bass" in json.dumps(listed)


def test_a_job_without_audio_says_so(shell: Shell) -> None:
    wav.write(shell.folder / "song.wav", noise(1.0, seed=94), 48_000, "float32")
    job_id = shell.json("understand", "song.wav", *FAKE)["job_id"]
    done = shell.run("midi", job_id, *FAKE, code=2)
    assert f"Job {job_id[:12]} has no audio." in done.stderr


def test_a_job_is_watched_into_a_file(shell: Shell) -> None:
    wav.write(shell.folder / "song.wav", noise(1.0, seed=95), 48_000, "float32")
    job_id = shell.run("midi", "song.wav", "--detach", *FAKE).stdout.strip()
    shell.run("jobs", "watch", job_id, "-o", "watched.mid")
    assert mido.MidiFile(shell.folder / "watched.mid").tracks[1].name == "bass"


def test_several_files_are_written_into_a_folder_each(shell: Shell) -> None:
    for number, name in enumerate(("it's “one” 🎸.wav", "two.wav")):
        wav.write(shell.folder / name, noise(1.0, seed=97 + number), 48_000, "float32")
    shell.run("midi", "it's “one” 🎸.wav", "two.wav", "-t", "bass", "-o", "notes/", *FAKE)
    files = sorted((shell.folder / "notes").iterdir())
    assert [file.name for file in files] == ["it's “one” 🎸.mid", "two.mid"]
    assert [mido.MidiFile(file).tracks[1].name for file in files] == ["bass", "bass"]
    refused = shell.run("midi", "it's “one” 🎸.wav", "two.wav", "-o", "one.mid", *FAKE, code=2)
    assert "a folder, for several sources" in refused.stderr


def test_what_does_not_fit_together_is_refused(shell: Shell) -> None:
    wav.write(shell.folder / "song.wav", noise(1.0, seed=96), 48_000, "float32")
    several = shell.run("midi", "song.wav", "-t", "bass", "-t", "drums", "--alone", *FAKE, code=2)
    assert "one track at most" in several.stderr
    named = shell.run("midi", "song.wav", "-o", "song.txt", *FAKE, code=2)
    assert "a name that ends in .mid or .midi" in named.stderr
