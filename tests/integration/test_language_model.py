"""The language model in the daemon: all that it does, on tiny random weights, and what happens without it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

from acestep_runtime.audio import decode
from acestep_runtime.values import LANGUAGES, Key
from tests.support.daemon import Daemon, daemon_at, write_wav
from tests.support.shell import Shell
from tests.support.signals import noise, song
from tests.support.tiny_lm import tiny_lm
from tests.support.tiny_models import tiny_models

pytestmark = pytest.mark.slow

SONG = ["generate", "--steps", "1", "--seed", "3", "--engine", "neural", "--json"]
#: Random weights would choose among all tokens, slowly.
FEW = ["--lm-top-k", "20"]
THINK = ["--thinking", *FEW]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tiny_models(tmp_path_factory.mktemp("models"))
    tiny_lm(folder)
    return folder


@pytest.fixture(scope="module")
def daemon(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemon_at(tmp_path_factory.mktemp("home"), config=f"models_dir = '{models}'\n") as daemon:
        yield daemon


@pytest.fixture
def shell(daemon: Daemon, tmp_path: Path) -> Shell:
    write_wav(tmp_path / "곡.wav", 0.3 * noise(2.5, rate_hz=44_100), 44_100)
    return Shell(tmp_path, daemon.environment)


def _in_range(metadata: dict[str, Any]) -> None:
    assert 30 <= metadata["bpm"] <= 300
    assert metadata["timesignature"] in (2, 3, 4, 6)
    assert metadata["language"] in LANGUAGES
    assert metadata["caption"]
    Key.parse(metadata["keyscale"])


@pytest.mark.parametrize(("seconds", "codes"), [("10", 50), ("33.4", 167)])
def test_a_song_is_planned_and_follows_its_plan(shell: Shell, seconds: str, codes: int) -> None:
    asked = [*SONG, *THINK, "--duration", seconds, "--bpm", "97", "--key", "Am"]
    (facts,) = shell.json(*asked, "--save-plan", "plan.json", "-o", "a.wav")["metadata"]
    plan = json.loads((shell.folder / "plan.json").read_text("utf-8"))
    assert plan == facts["plan"]
    assert len(plan["codes"]) == codes
    assert 0 <= min(plan["codes"]) <= max(plan["codes"]) < 64_000
    assert (plan["metadata"]["bpm"], plan["metadata"]["keyscale"]) == (97, "A minor")
    assert plan["metadata"]["duration"] == int(float(seconds))
    assert "genres" not in plan["metadata"]
    _in_range(plan["metadata"])
    assert (facts["bpm"], facts["caption"]) == (97, plan["metadata"]["caption"])
    made = decode.read(shell.folder / "a.wav")
    assert len(made) == round(float(seconds) * 48_000)

    again = ["--duration", seconds, "--key", "Am", "--plan", "plan.json", "--save-plan", "again.json", "-o", "b.wav"]
    shell.json(*SONG, *again)
    assert json.loads((shell.folder / "again.json").read_text("utf-8"))["codes"] == plan["codes"]
    assert np.array_equal(decode.read(shell.folder / "b.wav"), made)


def test_a_plan_can_be_edited_and_gives_its_length(shell: Shell) -> None:
    plan = {"metadata": {"caption": "warm", "bpm": 90}, "codes": [5, 63_999, 17, 0, 1]}
    (shell.folder / "plan.json").write_text(json.dumps(plan), "utf-8")
    printed = shell.json(*SONG, "--plan", "plan.json", "--bpm", "120", "-o", "a.wav")
    assert (printed["metadata"][0]["bpm"], printed["metadata"][0]["caption"]) == (120, "warm")
    assert printed["outputs"][0]["frames"] == 48_000
    (shell.folder / "plan.json").write_text(json.dumps({**plan, "codes": [5, 6, 17, 0, 1]}), "utf-8")
    shell.json(*SONG, "--plan", "plan.json", "--bpm", "120", "-o", "b.wav")
    assert not np.array_equal(decode.read(shell.folder / "a.wav"), decode.read(shell.folder / "b.wav"))


@pytest.mark.parametrize(
    ("held", "says"),
    [
        ("[]", "codes, a list"),
        ('{"codes": [1.5]}', "codes, a list"),
        ("\x00", "a JSON file"),
        ('{"codes": [64000]}', "63999"),
    ],
)
def test_a_plan_that_is_none_is_refused(shell: Shell, held: str, says: str) -> None:
    (shell.folder / "plan.json").write_text(held, "utf-8")
    assert says in shell.failure(*SONG, "--plan", "plan.json", code=2)
    assert "Add --thinking." in shell.failure(*SONG, "--save-plan", "plan.json", code=2)


def test_takes_have_plans_of_their_own_and_come_out_the_same_again(shell: Shell) -> None:
    asked = [*SONG, *THINK, "--duration", "2", "--takes", "2", "--lm-at-once", "1", "-o", "a.wav"]
    first, again = shell.json(*asked), shell.json(*asked)
    plans = [facts["plan"] for facts in first["metadata"]]
    assert plans[0]["codes"] != plans[1]["codes"]
    assert [facts["plan"] for facts in again["metadata"]] == plans


@pytest.mark.parametrize(("command", "more"), [("lego", ["--skip-loop"]), ("complete", [])])
def test_layers_and_accompaniments_get_metadata_only(shell: Shell, command: str, more: list[str]) -> None:
    printed = shell.json(
        command, "곡.wav", "--track", "drums", "--steps", "1", "--seed", "3", "--engine", "neural", "--json", *THINK, *more,
        "--keep-caption", "--caption", "funky", "-o", "out/",
    )  # fmt: skip
    (facts,) = printed["metadata"]
    assert "codes" not in facts["plan"]
    assert "caption" not in facts["plan"]["metadata"]
    assert facts["caption"] == "funky"
    assert facts["bpm"] == facts["plan"]["metadata"]["bpm"]


def test_audio_is_described_beside_the_analysis(shell: Shell) -> None:
    write_wav(shell.folder / "song.wav", song(bpm=120.0, bars=3, rate_hz=44_100), 44_100)
    printed = shell.json("understand", "song.wav", "--key", "D minor", *FEW, "--json")
    assert printed["engine"] == "neural"
    (facts,) = printed["metadata"]
    _in_range(facts)
    assert facts["keyscale"] == "D minor"
    assert facts["measured"]["bpm"] == pytest.approx(120, abs=2)
    assert facts["measured"]["timesignature"] in (2, 3, 4, 6)
    assert facts["duration_s"] == pytest.approx(6.0, abs=0.1)
    assert facts["lyrics"]
    assert facts["beats"]
    assert bool(facts["notes"]) == (abs(facts["bpm"] - facts["measured"]["bpm"]) > 4)


def test_words_become_songs(shell: Shell) -> None:
    asked = ["compose", "a ballad about rain", "--seed", "4", *FEW, "--json"]
    printed = shell.json(*asked)
    assert printed["engine"] == "neural"
    (facts,) = printed["metadata"]
    _in_range(facts)
    assert 10 <= facts["duration_s"] <= 600
    assert facts["lyrics"]
    assert facts == shell.json(*asked)["metadata"][0]
    words = ["-c", "sad", "--lyrics", "[verse] la la", "--bpm", "66"]
    (formatted,) = shell.json("format", *words, "--seed", "1", *FEW, "--json")["metadata"]
    _in_range(formatted)
    assert formatted["bpm"] == 66


def test_without_a_language_model_it_is_said(models: Path, shell: Shell) -> None:
    aside = models.parent / "aside"
    (models / "acestep-5Hz-lm-0.6B").rename(aside)
    try:
        printed = shell.json(*SONG, *THINK, "--duration", "1", "-o", "a.wav")
        (warning,) = printed["metadata"][0]["warnings"]
        assert "without a plan" in warning
        assert "acebridge models pull acestep-5Hz-lm-1.7B" in warning
        assert "plan" not in printed["metadata"][0]
        asked = [*SONG, *THINK, "--duration", "1", "--save-plan", "plan.json", "-o", "a.wav"]
        assert "so there is none to write" in shell.run(*asked, code=4).stderr
        (warning,) = shell.json("understand", "곡.wav", "--engine", "neural", "--json")["metadata"][0]["warnings"]
        assert "The draft engine answers" in warning
        assert shell.json("understand", "곡.wav", "--json")["engine"] == "draft"
    finally:
        aside.rename(models / "acestep-5Hz-lm-0.6B")
    assert "acestep-5Hz-lm-4B" in shell.failure("compose", "rain", "--engine", "neural", "--lm", "x", code=2)
