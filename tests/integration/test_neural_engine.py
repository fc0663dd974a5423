"""The neural engine in the daemon: from WAV to WAV, on a tiny complete checkpoint in either layout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

from acestep_runtime.audio import decode
from tests.support.daemon import Daemon, daemon_at, write_wav
from tests.support.shell import COMMAND, Shell
from tests.support.signals import noise
from tests.support.songs import toml
from tests.support.terminal import converse
from tests.support.tiny_models import tiny_models

pytestmark = pytest.mark.slow

RATE_HZ = 44_100
LENGTH_S = 2.5
TASKS: dict[str, list[str]] = {
    "generate": ["--duration", "2.5", "--lyrics", "[Verse]\n밤하늘"],
    "cover": ["--strength", "0.5"],
    "repaint": ["--start", "1", "--end", "1.5"],
    "lego": ["--track", "drums", "--skip-loop"],
    "extract": ["--track", "vocals", "--skip-loop"],
    "complete": ["--track", "bass", "--track", "drums"],
}


@pytest.fixture(scope="module", params=["original", "diffusers"])
def daemon(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    models = tiny_models(tmp_path_factory.mktemp("모델 models"), request.param)
    with daemon_at(tmp_path_factory.mktemp("home"), config=f"models_dir = '{models}'\n") as daemon:
        yield daemon


@pytest.fixture
def shell(daemon: Daemon, tmp_path: Path) -> Shell:
    write_wav(tmp_path / "곡.wav", 0.3 * noise(LENGTH_S, rate_hz=RATE_HZ), RATE_HZ)
    return Shell(tmp_path, daemon.environment)


@pytest.mark.parametrize("command", TASKS)
def test_every_task_goes_from_wav_to_wav(shell: Shell, tmp_path: Path, command: str) -> None:
    source = [] if command == "generate" else ["곡.wav"]
    arguments = [command, *source, *TASKS[command], "--engine", "neural", "--steps", "2", "--seed", "3", "--json"]
    message: Any = shell.json(*arguments, "-o", "out/" if command in ("extract", "complete") else "out.wav")
    assert message["engine"] == "neural"
    files = [Path(output["file"]) for output in message["outputs"]]
    roles = [output["role"] for output in message["outputs"]]
    assert roles == {"lego": ["drums"], "extract": ["vocals", "other"]}.get(command, ["mix"])
    made = {role: decode.read(tmp_path / file) for role, file in zip(roles, files, strict=True)}
    old = decode.read(tmp_path / "곡.wav")
    for samples in made.values():
        rate_hz = 48_000 if command == "generate" else RATE_HZ
        assert samples.shape == (round(LENGTH_S * rate_hz), 2)
        assert np.isfinite(samples).all()
        assert np.abs(samples).max() > 0.01
    if command == "repaint":
        changed = np.flatnonzero((made["mix"] != old).any(axis=1))
        fade = round(0.02 * RATE_HZ)
        assert (changed[0], changed[-1] + 1) == (RATE_HZ - fade, round(1.5 * RATE_HZ) + fade)
    if command == "extract":
        assert np.abs(made["vocals"] + made["other"] - old).max() < 1e-5


def test_a_reference_changes_the_timbre_and_the_draft_engine_says_that_it_does_not(
    shell: Shell, tmp_path: Path
) -> None:
    song = ["generate", "--duration", "1", "--steps", "2", "--seed", "3", "--json"]
    message = [
        shell.json(*song, *more, "-o", name)
        for name, more in {
            "plain.wav": ["--engine", "neural"],
            "like.wav": ["--engine", "neural", "--reference", "곡.wav"],
            "again.wav": ["--engine", "neural", "--reference", "곡.wav"],
            "draft.wav": ["--engine", "draft", "--reference", "곡.wav"],
        }.items()
    ]
    plain, like, again = (decode.read(tmp_path / name) for name in ("plain.wav", "like.wav", "again.wav"))
    assert not np.array_equal(plain, like)
    assert np.array_equal(like, again)
    assert [each["metadata"][0].get("warnings") for each in message[:3]] == [None] * 3
    assert message[3]["metadata"][0]["warnings"] == [
        "steps 2 had no effect: the draft engine has no such setting.",
        "reference 곡.wav had no effect: the draft engine uses no reference.",
    ]
    assert "none.wav" in shell.failure("generate", "--reference", "none.wav", code=2)


def test_auto_takes_it_for_what_it_can_do_and_draft_for_the_rest(shell: Shell) -> None:
    assert shell.json("generate", "--duration", "1", "--steps", "1", "--json")["engine"] == "neural"
    answer = shell.json("understand", "곡.wav", "--json")
    assert answer["engine"] == "draft"
    (note,) = (text for text in answer["metadata"][0]["warnings"] if "neural" in text)
    assert note.startswith("The draft engine made this, as the neural engine cannot do understand now: there is no")
    assert note.endswith("Run `acebridge models pull acestep-5Hz-lm-1.7B`.")


def test_guidance_of_a_turbo_model_is_reported_and_that_of_a_base_model_is_not(shell: Shell) -> None:
    song = ["generate", "--duration", "1", "--steps", "1", "--guidance", "3", "--json", "-o", "song.wav", "--model"]
    (turbo,) = shell.json(*song, "turbo")["metadata"]
    assert turbo["warnings"] == [
        "guidance 3 had no effect: guidance is built into turbo models; it is for base and SFT models."
    ]
    assert "warnings" not in shell.json(*song, "base")["metadata"][0]


def test_what_it_has_is_listed(shell: Shell) -> None:
    message = shell.json("models", "--json")
    engines = {engine["name"]: engine for engine in message["capabilities"]["engines"]}
    assert engines["neural"]["available"]
    of_words = {"understand", "create_sample", "format_sample"}
    assert set(engines["draft"]["tasks"]) - set(engines["neural"]["tasks"]) == of_words
    assert engines["neural"]["missing"].startswith(
        "Not understand, create_sample, format_sample: there is no language model in "
    )
    kinds = sorted(model["name"].split("-")[2] for model in message["models"])
    assert kinds == ["base", "turbo"]
    assert all(int(model["size_bytes"]) > 100_000 for model in message["models"])


def test_a_model_that_is_not_there_is_named_with_the_command_that_gets_it(shell: Shell) -> None:
    message = shell.failure(
        "generate", "--duration", "1", "--engine", "neural", "--model", "acestep-v15-xl-base", code=2
    )
    assert "acebridge models pull acestep-v15-xl-base" in message


def test_a_model_that_is_not_there_is_offered_at_a_terminal(shell: Shell) -> None:
    command = [*COMMAND, "generate", "lofi", "--duration", "1", "--engine", "neural", "--model", "acestep-v15-xl-base"]
    shown, code = converse(command, ["n"], folder=shell.folder, environment=shell.environment)
    assert code == 2
    assert "Download acestep-v15-xl-base now, about 11.4 GB? [y/N]: n" in shown
    assert "Run `acebridge models pull acestep-v15-xl-base`." in shown


def test_a_song_from_sections_and_a_section_like_another(shell: Shell, tmp_path: Path) -> None:
    plan = toml(("Verse", "Outro"), engine="neural") + '[[section]]\nname = "Verse 2"\nlike = "Verse"\n'
    (tmp_path / "song.toml").write_text(plan)
    message: Any = shell.json("song", "song.toml")
    assert [section["engine"] for section in message["sections"]] == ["neural"] * 3
    assert decode.probe(tmp_path / message["file"]).frames == 3 * 48_000
    assert message["sections"][2]["seed"] == message["sections"][0]["seed"]
