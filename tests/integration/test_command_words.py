"""What the command says besides its results."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import pytest

from acebridge.cli import perform
from acebridge.cli.app import TASK_COMMANDS
from acebridge.cli.request_fields import request_fields
from acebridge.client.client import Client
from acestep_runtime.tasks import TASKS
from tests.support.daemon import Daemon, create_tone_job, song, until_state, write_wav
from tests.support.shell import COMMAND, FAKE, Shell


def test_warnings_go_to_stderr_once_and_into_the_json(shell: Shell) -> None:
    loud = song(1.0)
    loud[10, 0] = np.float32(4.0)
    path = write_wav(shell.folder / "loud.wav", loud)
    path.write_bytes(path.read_bytes()[: -8 * 1250])
    says = [
        "loud.wav was cut off: its header promises 1.000 s, but it ends after 0.974 s. Copy or export it again.",
        "mix is clipped (1 sample): it exceeds what pcm16 holds by up to 12.0 dB. Ask for float32, which holds everything.",
    ]
    options = ("--start", "0.5", "--end", "0.6", "-n", "2", "-s", "1", "--format", "pcm16", *FAKE)
    done = shell.run("repaint", "loud.wav", *options)
    assert done.stderr.splitlines()[:2] == [f"warning: {sentence}" for sentence in says]
    assert len(done.stderr.splitlines()) == 3
    assert "warnings" not in done.stdout
    done = shell.run("repaint", "loud.wav", "--json", *options)
    message = json.loads(done.stdout)
    assert [facts["warnings"] for facts in message["metadata"]] == [says, says]
    assert [line for line in done.stderr.splitlines() if not line.startswith("note:")] == [
        f"warning: {each}" for each in says
    ]


def test_a_repaint_of_everything_says_so(shell: Shell) -> None:
    write_wav(shell.folder / "song.wav", song(0.3))
    says = "This replaces the whole song: --start and --end choose a part of it."
    assert says in shell.run("repaint", "song.wav", *FAKE).stderr.splitlines()
    for part in (("--start", "0"), ("--end", "0.2")):
        assert says not in shell.run("repaint", "song.wav", *part, *FAKE).stderr
    assert says not in shell.run("cover", "song.wav", *FAKE).stderr


def test_a_job_that_has_ended_is_not_cancelled(shell: Shell, daemon: Daemon, client: Client) -> None:
    for caption, state in (("", "succeeded"), ("fail", "failed")):
        job_id = create_tone_job(client, 0.2, caption=caption)
        until_state(client, job_id, state)
        assert shell.run("jobs", "cancel", job_id).stdout == f"it had already {state}\n"
    daemon.hold(7)
    running = create_tone_job(client, 0.4, seed=7)
    for _ in range(2):
        assert shell.run("jobs", "cancel", running).stdout == "cancelled\n"
        until_state(client, running, "cancelled")


def test_seeds_and_takes(shell: Shell) -> None:
    says = "--seed holds 3 seeds; allowed: at most as many as takes, 2. Ask for more takes, or give fewer seeds."
    assert shell.failure("generate", "-n", "2", "-s", "1", "-s", "2", "-s", "3", *FAKE) == says
    assert [o["seed"] for o in shell.json("generate", "--duration", "0.1", "-n", "3", "-s", "1", *FAKE)["outputs"]] == [
        1,
        2,
        3,
    ]


def test_tracks_in_capitals(shell: Shell) -> None:
    write_wav(shell.folder / "song.wav", song(0.3))
    message = shell.json("extract", "song.wav", "-t", "Drums", "-t", "BASS", *FAKE)
    assert [output["role"] for output in message["outputs"]] == ["drums", "bass"]


def test_ends_that_are_none(shell: Shell) -> None:
    write_wav(shell.folder / "song.wav", song(0.3))
    for end in ("-0.5", "-7"):
        message = shell.failure("repaint", "song.wav", "--end", end, *FAKE)
        assert message == f"--end is {float(end)}; allowed: 0 to 2400 seconds. Leave it out for the end of the source."


def test_a_reader_that_has_seen_enough_is_no_failure(shell: Shell, client: Client) -> None:
    for _ in range(3):
        until_state(client, create_tone_job(client, 0.1), "succeeded")
    for arguments in (["jobs"], ["jobs", "--json"], ["models"]):
        with subprocess.Popen(
            [*COMMAND, *arguments], env=shell.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            said = process.stderr.read()
        assert (process.returncode, said) == (0, b"")


def test_facts_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    facts = {"caption": "warm\x1b[2Jjazz", "lyrics": "la\n\tla\x07", "bpm": 120.0}
    perform._print({"outputs": [], "metadata": [facts], "engine": "fake", "timing": {"run_s": 0.0}})
    assert capsys.readouterr().out == "  caption: warm\ufffd[2Jjazz\n  bpm: 120\n  lyrics:\n    la\n     la\ufffd\n"


def test_facts_are_reported_as_a_person_reads_them(capsys: pytest.CaptureFixture[str]) -> None:
    score = {"quality": 0.991, "lyrics_alignment": None, "parts": {"beat": 0.5}, "notes": ["The beat is loose."],
             "missing": {"lyrics_alignment": "No words are given."}}  # fmt: skip
    facts = {
        "lines": [{"text": "la"}],
        "lrc": "[00:00.10]la\n[00:01.00]lo\n",
        "score": score,
        "notes": ["One.", "Two."],
    }
    perform._print({"outputs": [], "metadata": [facts], "engine": "fake", "timing": {"run_s": 0.0}})
    assert capsys.readouterr().out.splitlines() == [
        "  lrc:", "    [00:00.10]la", "    [00:01.00]lo", "  notes:", "    One.", "    Two.",
        "  score: quality 0.99",
        "    The beat is loose.", "    no lyrics_alignment: No words are given.",
    ]  # fmt: skip


def test_uncertain_findings_are_no_facts(capsys: pytest.CaptureFixture[str]) -> None:
    facts = {
        "bpm": 120.0, "timesignature": 4, "chords": [], "certainty": {"tempo": "sure", "meter": "perhaps", "key": "not heard"}
    }  # fmt: skip
    perform._print({"outputs": [], "metadata": [facts], "engine": "fake", "timing": {"run_s": 0.0}})
    assert capsys.readouterr().out.splitlines() == [
        "  bpm: 120", "  keyscale: not heard", "  timesignature: perhaps 4"
    ]  # fmt: skip
    perform._print({"outputs": [], "metadata": [facts, {"bpm": 90}], "engine": "fake", "timing": {"run_s": 0.0}})
    assert capsys.readouterr().out.splitlines() == ["  take 1: 120 bpm", "  take 2: 90 bpm"]


def test_models_are_those_for_music(shell: Shell) -> None:
    names = [line.split("\t")[0] for line in shell.run("models").stdout.splitlines()]
    assert names == ["draft", "neural"]


def test_how_a_neural_engine_works_is_said_in_options(shell: Shell) -> None:
    options = ("--timesteps", "1,0.75, .5", "--velocity-clamp", "2", "--velocity-ema", "0", "--guidance-start", "0.1",
               "--guidance-end", "0.9")  # fmt: skip
    sampling = {
        "timesteps": [1.0, 0.75, 0.5], "velocity_clamp": 2.0, "velocity_ema": 0.0, "guidance_start": 0.1,
        "guidance_end": 0.9,
    }  # fmt: skip
    names = [name for name, command in TASK_COMMANDS.items() if "sampler" in command.options]
    assert names == ["generate", "cover", "repaint", "extract", "lego", "complete"]
    given = {**sampling, "timesteps": "1,0.75, .5"}
    for name in names:
        assert set(sampling) <= set(TASK_COMMANDS[name].options)
        assert request_fields(TASKS[TASK_COMMANDS[name].task], given)["sampling"] == sampling
    shell.run("generate", "--duration", "0.1", *options, *FAKE)
    numbers = "numbers with commas between them, such as 1,0.75,0.5."
    for option, value, says in (
        ("--timesteps", "1;0.5", f"--timesteps is '1;0.5'; allowed: {numbers}"),
        ("--timesteps", "", f"--timesteps is ''; allowed: {numbers}"),
        ("--timesteps", "1,2", "--timesteps is 2.0; allowed: 0 to 1."),
        ("--timesteps", "1,nan", "--timesteps is nan; allowed: 0 to 1."),
        ("--velocity-clamp", "0", "--velocity-clamp is 0.0; allowed: 0.01 to 100."),
        ("--velocity-ema", "1.5", "--velocity-ema is 1.5; allowed: 0 to 1."),
        ("--guidance-start", "-1", "--guidance-start is -1.0; allowed: 0 to 1."),
        ("--guidance-end", "2", "--guidance-end is 2.0; allowed: 0 to 1."),
    ):
        assert shell.failure("generate", option, value, *FAKE) == says
