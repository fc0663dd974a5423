"""The first hour of somebody who knows other programs: what they try, with the real program, and what they get."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from acebridge.client.client import Client
from acestep_runtime.audio import decode
from tests.support.daemon import PATIENCE_S, Daemon, song, until, until_state, write_wav
from tests.support.shell import COMMAND, FAKE, Shell, recent
from tests.support.terminal import converse

DRAFT = ("--engine", "draft")


# ---- words of other programs ----


def test_a_caption_needs_no_option(shell: Shell) -> None:
    done = shell.spawn("generate", "lofi", "beat", "--duration", "1", "--bpm", "90", "-s", "1", *DRAFT)
    assert done.stdout.startswith("generate.wav  (mix, 1.00 s, seed 1)\n")
    assert soundfile.info(shell.folder / "generate.wav").frames == 48_000
    (line,) = shell.spawn("ps", "--limit", "1").stdout.splitlines()
    assert line.split("\t")[1:4] == ["text2music", "draft", "succeeded"]
    assert line.endswith("\tlofi beat, 1 s")
    assert shell.spawn("generate", "lofi", "-c", "jazz", code=2).stderr.startswith("acebridge: --caption is 'jazz';")
    says = shell.spawn("generate", "generate.wav", code=2).stderr
    assert says.endswith("Did you mean `acebridge cover generate.wav`?\n")


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["generate", "--prompt", "lofi"], "--caption"),
        (["generate", "lofi", "--tempo", "90"], "--bpm"),
        (["generate", "lofi", "--measures", "8"], "--bars"),
        (["separate", "song.wav"], "acebridge extract"),
        (["remove", "turbo"], "acebridge models rm"),
        (["cleanup"], "acebridge prune"),
    ],
)
def test_a_wrong_word_is_answered_with_the_right_one(shell: Shell, words: list[str], meant: str) -> None:
    assert shell.spawn(*words, code=2).stderr.endswith(f"Did you mean `{meant}`?\n")


def test_help_and_pull_are_there(shell: Shell) -> None:
    assert "AI music inside the DAW" in shell.spawn("help").stdout
    says = shell.spawn("pull", "no-such-model", code=2).stderr
    assert says.startswith("acebridge: model is 'no-such-model'; allowed: acestep-v15-turbo,")


def test_the_shell_completes_options(shell: Shell) -> None:
    words = {"_ACEBRIDGE_COMPLETE": "complete_bash", "COMP_WORDS": "acebridge repaint --ba", "COMP_CWORD": "2"}
    shell.environment |= words
    assert shell.spawn().stdout.split() == ["--bars"]


def test_messages_name_options(shell: Shell) -> None:
    says = shell.spawn("generate", "lofi", "-n", "9", *DRAFT, code=2).stderr
    assert says == "acebridge: --takes is 9; allowed: 1 to 8 takes.\n"


# ---- places ----


def test_folders_that_are_there_or_not(shell: Shell) -> None:
    short = ("--duration", "0.5", "-s", "3", *FAKE)
    for out in ("new", "slash/", "new"):
        shell.spawn("generate", *short, "-o", out)
    assert shell.files() == {"new/generate.wav", "slash/generate.wav", "new/generate (2).wav"}


def test_bars_are_lengths_and_regions(shell: Shell) -> None:
    shell.spawn("generate", "lofi", "--bars", "2", "--bpm", "120", "-s", "1", "-o", "song.wav", *FAKE)
    assert soundfile.info(shell.folder / "song.wav").frames == 4 * 48_000
    region = ("repaint", "song.wav", "--bars", "2-2", "--bpm", "120", "-s", "2", *FAKE)
    shell.spawn(*region, "-o", "bar.wav")
    before, after = decode.read(shell.folder / "song.wav"), decode.read(shell.folder / "bar.wav")
    changed = np.flatnonzero((before != after).any(axis=1))
    # A crossfade of 20 ms lies before the region.
    assert 2 * 48_000 - 960 <= changed[0] <= 2 * 48_000
    assert changed[-1] < 4 * 48_000
    done = shell.spawn(*region, "--scope", "region", "-o", "part.wav")
    part = soundfile.info(shell.folder / "part.wav")
    assert done.stdout.startswith(f"part.wav  (mix, {part.frames / 48_000:.2f} s, seed 2, belongs at 1.980 s)\n")


def test_several_sources_are_a_job_each(shell: Shell) -> None:
    for name in ("a", "b"):
        write_wav(shell.folder / f"{name}.wav", song(0.3, seed=ord(name)))
    (shell.folder / "words.wav").write_text("no audio")
    done = shell.spawn("extract", "a.wav", "words.wav", "b.wav", "-t", "drums", "-o", "stems", *FAKE, code=2)
    assert shell.files() == {"a.wav", "b.wav", "words.wav", "stems/a/drums.wav", "stems/b/drums.wav"}
    (fault,) = [line for line in done.stderr.splitlines() if line.startswith("acebridge: ")]
    assert fault.startswith("acebridge: words.wav is not audio")
    lines = shell.spawn("understand", "a.wav", "b.wav", "--json", *FAKE).stdout.splitlines()
    assert [json.loads(line)["source"] for line in lines] == ["a.wav", "b.wav"]
    shell.spawn("cover", "a.wav", "b.wav", *FAKE)
    assert {"a-cover.wav", "b-cover.wav"} <= shell.files()


# ---- jobs ----


def test_takes_differ_in_their_lines(shell: Shell) -> None:
    done = shell.spawn("generate", "lofi", "-n", "2", "-s", "1", "--duration", "2", "--auto-score", *DRAFT)
    first, second = done.stdout.splitlines()[-2:]
    for line, number in ((first, 1), (second, 2)):
        assert line.startswith(f"  take {number}: ")
        assert " bpm, " in line
        assert "quality 0." in line


def test_a_job_says_what_was_asked_for(shell: Shell) -> None:
    write_wav(shell.folder / "song.wav", song(1.0))
    region = ("--start", "0.25", "--end", "0.5")
    job_id = shell.spawn("repaint", "song.wav", *region, "-c", "brighter", "-s", "7", "--detach", *FAKE).stdout.strip()
    shell.spawn("jobs", "watch", job_id, "-o", "done.wav")
    shown = shell.spawn("jobs", "show", job_id).stdout.splitlines()
    assert shown[0] == f"{job_id}  repaint, engine fake, succeeded"
    asked = shown[shown.index("asked for:") + 1 : shown.index("results:")]
    assert asked == ["  source: song.wav", "  caption: brighter", "  start: 0.25", "  end: 0.5", "  seed: 7"]
    request = json.loads(shell.spawn("jobs", "show", job_id, "--json").stdout)["request"]["repaint"]
    assert (request["start_s"], request["end_s"], request["output"]["seeds"]) == (0.25, 0.5, [7])
    assert (request["source"]["name"], request["submission"]["engine"]) == ("song.wav", "fake")


def test_a_job_without_audio_writes_no_file_in_silence(shell: Shell) -> None:
    write_wav(shell.folder / "song.wav", song(0.3))
    analysis = shell.spawn("understand", "song.wav", "--detach", *FAKE).stdout.strip()
    says = shell.spawn("jobs", "watch", analysis, "-o", "facts.txt", code=2).stderr
    assert says.startswith("acebridge: --out is 'facts.txt'; allowed: nothing for understand, which makes no file.")
    assert "bpm: 120" in shell.spawn("jobs", "watch", analysis).stdout
    timed = shell.spawn("lrc", "song.wav", "--lyrics", "[Verse]\nla la", "--detach", *DRAFT).stdout.strip()
    assert shell.spawn("jobs", "watch", timed, "-o", "song.lrc").stdout.endswith("song.lrc  (1 line)\n")
    assert "la la" in (shell.folder / "song.lrc").read_text("utf-8")
    assert shell.files() == {"song.wav", "song.lrc"}


#: Makes the terminal at its standard input its own, as a terminal's window does, and becomes the command.
_IN_WINDOW = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"


@pytest.mark.parametrize("watches", [False, True])
def test_a_window_that_is_closed_leaves_the_job_running(
    shell: Shell, daemon: Daemon, client: Client, watches: bool
) -> None:
    daemon.hold(1, at="audio")
    arguments = ["generate", "--duration", "3", "-s", "1", *FAKE]
    if watches:
        arguments = ["jobs", "watch", shell.spawn(*arguments, "--detach").stdout.strip()]
    window, terminal = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _IN_WINDOW, *COMMAND, *arguments, "-o", "out/long.wav"], cwd=shell.folder,
        env=shell.environment, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
    )  # fmt: skip
    os.close(terminal)
    try:
        until(lambda: list((shell.folder / "out").glob(".*.part")), "the result to arrive")
    finally:
        os.close(window)
    assert process.wait(PATIENCE_S) == 5
    (running,) = [job.id for job in recent(client) if job.state == 2]
    daemon.release()
    until_state(client, running, "succeeded")
    shell.spawn("jobs", "watch", running, "-o", "late.wav")
    assert soundfile.info(shell.folder / "late.wav").frames == 3 * 48_000


# ---- settings, and room on the disk ----


def test_a_change_of_settings_needs_another_start(shell: Shell, daemon: Daemon) -> None:
    assert shell.spawn("config", "show").stderr == ""
    later_s = (daemon.home / "daemon.json").stat().st_mtime + 1
    os.utime(daemon.home / "config.toml", (later_s, later_s))
    assert "Run `acebridge stop`" in shell.spawn("config", "show").stderr


def test_old_jobs_go_when_asked(shell: Shell, daemon: Daemon) -> None:
    shell.spawn("generate", "gone", "--duration", "0.5", "-s", "41", *FAKE)
    stored = daemon.check_store()
    assert stored
    says = shell.spawn("prune", "--days", "0", "--dry-run").stdout
    assert says.endswith(" MiB\n")
    refused = shell.spawn("prune", "--days", "0", code=2)
    assert refused.stdout == says
    assert "there is no terminal to ask in" in refused.stderr
    assert daemon.check_store() == stored
    ask = [*COMMAND, "prune", "--days", "0"]
    shown, code = converse(ask, ["n"], folder=shell.folder, environment=shell.environment)
    assert (code, daemon.check_store()) == (0, stored)
    assert "Delete them? [y/N]: n" in shown
    assert shell.spawn("prune", "--days", "0", "--yes").stdout == f"{says}deleted\n"
    assert shell.spawn("jobs").stdout == ""
    assert daemon.check_store() < stored
    assert (shell.folder / "generate.wav").exists()


def test_a_model_goes_when_asked(shell: Shell, tmp_path: Path) -> None:
    models = tmp_path / "models"
    model = models / "acestep-5Hz-lm-0.6B"
    model.mkdir(parents=True)
    (model / "config.json").write_text('{"model_type": "qwen3"}')
    (model / "model.safetensors").write_bytes(bytes(100))
    where = ("--folder", str(models))
    assert "there is no terminal" in shell.spawn("models", "rm", "lm-0.6B", *where, code=2).stderr
    assert model.exists()
    done = shell.spawn("models", "rm", "lm-0.6B", "--yes", *where)
    assert done.stdout.splitlines() == [str(model), "removed: less than 0.1 GB"]
    assert not model.exists()
    assert shell.spawn("models", "rm", "../work", *where, code=2).stderr.startswith("acebridge: model is '../work';")
