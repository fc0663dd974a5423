"""The docs keep their promises: every command of the README runs, links lead somewhere, generated pages are current."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner

from acebridge.client.discovery import find_address
from tests.support.paths import ROOT
from tests.support.signals import song

README = (ROOT / "README.md").read_text("utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("daemon/**/*.md")])
BIN = Path(sys.executable).parent


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[list[str]]:
    return [shlex.split(line, comments=True) for block in blocks("sh") for line in block.splitlines() if line.strip()]


@pytest.fixture
def folder(tmp_path: Path, home: Path) -> Iterator[Path]:
    """An empty working folder, and a daemon of its own that is stopped at the end."""
    yield tmp_path
    subprocess.run([BIN / "acebridge", "stop"], env={**os.environ, "ACEBRIDGE_HOME": str(home)}, capture_output=True)


@pytest.mark.slow
def test_every_command_runs_in_order(folder: Path) -> None:
    for command in commands():
        if command[0] == "make":  # what `make demo` runs is tested with the demo; `make test` runs this
            targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
            assert command[1] in targets
            continue
        done = subprocess.run([BIN / command[0], *command[1:]], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stderr)
    before, repainted = (soundfile.read(folder / name)[0] for name in ("song.wav", "repainted.wav"))
    outside = [*range(0, 4 * 48_000 - 960, 1000), *range(8 * 48_000 + 960, len(before), 1000)]
    assert repainted.shape == before.shape
    assert (repainted[outside] == before[outside]).all()
    assert soundfile.info(folder / "longer.wav").frames == 20 * 48_000
    assert soundfile.info(folder / "solo-2.wav").frames == 4 * 48_000 + 2 * 960
    assert soundfile.info(folder / "bass.wav").subtype == "PCM_24"
    stems = sum(soundfile.read(file)[0] for file in (folder / "stems").iterdir())
    assert abs(stems - before).max() < 1e-6


@pytest.mark.slow
def test_the_python_example_runs(folder: Path) -> None:
    (example,) = blocks("python")
    done = subprocess.run([sys.executable, "-c", example], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {soundfile.info(folder / name).frames for name in ("with drums.flac", "drums.wav")} == {12 * 48_000}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), target


def test_the_command_reference_is_current() -> None:
    from typer.cli import app

    fresh = CliRunner().invoke(
        app, ["acebridge.cli.app", "utils", "docs", "--name", "acebridge", "--title", "Commands"]
    )
    assert fresh.exit_code == 0
    assert (ROOT / "docs" / "commands.md").read_text("utf-8").strip() == fresh.stdout.strip(), "run `make docs`"


def test_no_file_outgrows_its_idea() -> None:
    sources = [path for folder in ("daemon", "acestep_runtime", "tests") for path in (ROOT / folder).rglob("*.py")]
    too_long = {path.name: lines for path in sources if (lines := len(path.read_text("utf-8").splitlines())) > 450}
    assert not too_long


@pytest.mark.slow
def test_the_grpc_example_runs(folder: Path) -> None:
    run = [BIN / "acebridge", "generate", "--duration", "10", "--seed", "1", "-e", "fake", "-o", "song.wav"]
    subprocess.run(run, cwd=folder, check=True, capture_output=True)
    address = find_address()
    example = [sys.executable, ROOT / "examples" / "repaint_over_grpc.py"]
    done = subprocess.run(
        [*example, "song.wav", "4", "6", "brighter piano", "region.wav", "--address", address],
        cwd=folder,
        env={**os.environ, "http_proxy": "http://127.0.0.1:1"},  # it does not ask a proxy for what is on this machine
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "to be placed at frame 191040 of song.wav" in done.stdout
    assert soundfile.info(folder / "region.wav").frames == 2 * 48_000 + 2 * 960


@pytest.mark.slow
def test_the_page_on_the_python_api_runs_from_top_to_bottom(folder: Path) -> None:
    page = (ROOT / "docs" / "python.md").read_text("utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
    soundfile.write(folder / "song.wav", song(bpm=100, bars=5), 48_000)
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {"ballad.flac", "ballad.lrc", "karaoke.wav"} <= {path.name for path in folder.iterdir()}
    assert "100%" in done.stdout


@pytest.mark.slow
def test_the_page_on_songs_runs_from_top_to_bottom(folder: Path) -> None:
    page = (ROOT / "docs" / "song.md").read_text("utf-8")
    frames, commands = [], 0
    for kind, block in re.findall(r"```(toml|sh)\n(.*?)```", page, re.DOTALL):
        if kind == "toml":  # the plan, and what is added to it
            with (folder / "plan.toml").open("a", encoding="utf-8") as file:
                file.write(block)
            continue
        for line in block.splitlines():
            command, *rest = shlex.split(line)
            done = subprocess.run([BIN / command, *rest], cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, (line, done.stderr)
            commands += 1
        frames.append(soundfile.info(folder / "plan.song" / "song.wav").frames)
    assert commands == 7
    assert frames == [6 * 2 * 48_000] * 3 + [7 * 2 * 48_000]
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("8.0\n")


@pytest.mark.parametrize("address", ["192.168.1.20:50710", "junk"])
def test_the_grpc_example_sends_no_token_beyond_this_machine(tmp_path: Path, address: str) -> None:
    words = ["song.wav", "4", "6", "brighter piano", "region.wav", "--address", address]
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "repaint_over_grpc.py", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, "speaks no TLS" in done.stderr) == (2, True)
