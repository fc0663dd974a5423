"""Every example runs as its first lines say, on short songs, and says in a sentence what is wrong with its input."""

from __future__ import annotations

import io
import os
import re
import runpy
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import soundfile as sf

from acestep_runtime import Audio
from acestep_runtime.lyrics.formats import FORMATS
from tests.support.daemon import PATIENCE_S, Daemon, daemon_at, until
from tests.support.paths import ROOT
from tests.support.signals import song

EXAMPLES = ROOT / "examples"


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two songs with awkward names in the current folder."""
    monkeypatch.chdir(tmp_path)
    sf.write("my söng.wav", song(bpm=100, bars=5), 48_000)
    sf.write("노래 2.flac", song(bpm=125, bars=5, rate_hz=44_100), 44_100)
    Path("words.txt").write_text("[Verse]\nHello, morning\n노래 가사\n", "utf-8")
    return tmp_path


def run(name: str, *arguments: str, status: int = 0) -> str:
    """Run an example in this process, which saves it the imports; return what it says."""
    out, err, code = io.StringIO(), io.StringIO(), None
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", [f"{name}.py", *arguments])
        patch.syspath_prepend(EXAMPLES)  # where a script is, its imports are looked for
        patch.delitem(sys.modules, "common", raising=False)
        try:
            runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
        except SystemExit as end:
            code = end.code
    said, failed = (f"{code}\n", 1) if isinstance(code, str) else ("", code or 0)
    assert failed == status, out.getvalue() + err.getvalue() + said
    return out.getvalue() if status == 0 else err.getvalue() + said + out.getvalue()


def spawn(name: str, *arguments: str, status: int = 0) -> str:
    """Run it in a process of its own, as a reader does."""
    command = [sys.executable, EXAMPLES / f"{name}.py", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=PATIENCE_S, env={
        **os.environ, "PYTHONUTF8": "1", "PYTHONWARNINGS": "error"})  # fmt: skip
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout if status == 0 else done.stderr + done.stdout


@pytest.mark.slow
def test_best_of_n() -> None:
    out = spawn("best_of_n", "warm lo-fi", "best.wav", "-n", "3", "--duration", "6", "--seed", "5")
    scores = [float(row.split()[2]) for row in out.splitlines()[:3]]
    assert scores == sorted(scores, reverse=True)
    assert sorted(row.split("seed ")[1].split()[0] for row in out.splitlines()[:3]) == ["5", "6", "7"]
    assert Audio("best.wav").seconds == 6


def test_score_threshold_stops_early_and_gives_up() -> None:
    words = ("--lyrics", "words.txt", "--duration", "10", "--seed", "1")
    easy = run("score_threshold", "ballad", "easy.flac", *words, "--min-score", "0")
    assert easy.count("try ") == 1
    hard = run("score_threshold", "ballad", "hard.flac", *words, "--min-score", "1", "--max-tries", "2", status=1)
    assert hard.count("try ") == 2
    assert "not reached; the best was" in hard
    assert Audio("hard.flac").seconds == 10


def test_choosing_where_no_take_has_a_score() -> None:
    how = ("--duration", "1", "--engine", "fake")
    assert run("best_of_n", "rock", "best.wav", "-n", "2", *how).count("score none") == 2
    said = run("score_threshold", "rock", "best.wav", "--max-tries", "2", *how, status=1)
    assert "not reached; the best was none" in said


def test_endless() -> None:
    run("endless", "my söng.wav", "long.wav", "--pieces", "3", "--piece-s", "4", "--overlap-s", "2")
    before, after = Audio("my söng.wav"), Audio("long.wav")
    assert after.seconds == pytest.approx(before.seconds + 12)
    whole, start = after.samples(), before.samples()[: int((before.seconds - 2.1) * 48_000)]
    assert (whole[: len(start)] == start).all()


@pytest.mark.slow
def test_smart_join() -> None:
    out = run("smart_join", "my söng.wav", "노래 2.flac", "joined.wav", "--seconds", "3")
    assert "100.0 bpm" in out
    assert "125.0 bpm" in out
    assert Audio("joined.wav").seconds == pytest.approx(5 * 2.4 + 5 * 1.92, abs=1e-3)


def test_stem_remix() -> None:
    run("stem_remix", "my söng.wav", "remix.wav", "--tracks", "drums", "bass")
    assert sorted(p.name for p in Path("remix stems").iterdir()) == ["bass.wav", "drums.wav", "vocals.wav"]
    assert Audio("remix.wav").seconds == pytest.approx(12)


@pytest.mark.slow
def test_workflow_cover() -> None:
    out = run("workflow_cover", "my söng.wav", "cover.wav", "--covers", "2", "--fix", "4", "7")
    assert out.count("score") == 2
    assert out.count("*") == 1
    assert Audio("cover.wav").seconds == pytest.approx(12)


@pytest.mark.slow
def test_workflow_remix() -> None:
    assert "added drums: 100.0 bpm" in run("workflow_remix", "my söng.wav", "remix.wav", "--intro-s", "4")
    assert Audio("remix.wav").seconds == pytest.approx(12)


def test_workflow_cowriter() -> None:
    run("workflow_cowriter", "emotional piano ballad about lost love", "song.wav", "--duration", "24", "--outro-s", "6")
    assert Audio("song.wav").seconds == pytest.approx(30)
    assert FORMATS["lrc"].read(Path("song.lrc").read_text("utf-8")).lines


@pytest.mark.slow
def test_on_a_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with daemon_at(tmp_path / "home") as daemon:
        monkeypatch.setenv("ACEBRIDGE_TOKEN", daemon.token)
        run("best_of_n", "rock", "best.wav", "-n", "5", "--duration", "3", "--daemon", daemon.address)
    assert Audio("best.wav").seconds == 3


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """A daemon with a slow fake engine, which the command finds, and the command on the path."""
    with daemon_at(tmp_path / "home", step_ms=5) as daemon:
        monkeypatch.setenv("ACEBRIDGE_HOME", str(daemon.home))
        monkeypatch.setenv("PATH", os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
        yield daemon


@pytest.mark.usefixtures("daemon")
def test_job_folder_host() -> None:
    out = spawn("job_folder_host", "my söng.wav", "2", "4", "warm pad", "new 소리", "--engine", "fake")
    (file,) = Path("new 소리").glob("*.wav")
    assert out == f"{file.absolute()}: 12.000 s at 0.000 s\n"
    before, after = Audio("my söng.wav").samples(), Audio(file).samples()
    assert (before[: 2 * 48_000 - 960] == after[: 2 * 48_000 - 960]).all()
    assert (before[4 * 48_000 + 960 :] == after[4 * 48_000 + 960 :]).all()
    (job,) = Path("new 소리/jobs").iterdir()
    assert (job / "placed").exists()
    said = spawn("job_folder_host", "gone.wav", "2", "4", "warm pad", "new 소리", "--engine", "fake", status=1)
    assert "gone.wav cannot be read: No such file or directory. Check that it is still there." in said


@pytest.mark.usefixtures("daemon")
def test_ctrl_c_cancels_the_job_of_job_folder_host() -> None:
    command = [sys.executable, EXAMPLES / "job_folder_host.py", "my söng.wav", "0", "12", "warm pad", "new"]
    process = subprocess.Popen([*command, "--engine", "draft"], stderr=subprocess.PIPE, text=True)
    until(lambda: [*Path("new").glob("jobs/*/status.json")], "the job to start")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert said.endswith("cancelled: The job was cancelled.\n")
    assert [*Path("new").glob("*.wav")] == []


def test_errors_are_sentences() -> None:
    assert spawn("endless", "gone.wav", "x.wav", status=1) == "error: gone.wav does not exist. Check the path.\n"
    said = run("stem_remix", "my söng.wav", "x.wav", "--tracks", "kazoo", status=1)
    assert said.startswith("error: track_names is 'kazoo'; allowed: vocals")
    assert "127.0.0.1:9" in run("best_of_n", "x", "x.wav", "--daemon", "127.0.0.1:9", status=1)


def test_a_name_that_cannot_be_saved_is_refused_at_once() -> None:
    said = run("workflow_cover", "gone.mp3", "cover", status=2)
    assert "argument out: 'cover' has to end in .wav, .flac, .aiff, .aif, .ogg, .opus, .mp3" in said


def test_every_example_is_here() -> None:
    tested = set(re.findall(r"(?:run|spawn)\(\"(\w+)", Path(__file__).read_text("utf-8")))
    assert {p.stem for p in EXAMPLES.glob("*.py")} - {"common", "inbox_host", "repaint_over_grpc"} == tested


def test_inbox_host_places_what_is_sent_to_it() -> None:
    """The example watches in a process of its own, and the command places a file in it."""
    with subprocess.Popen(
        [sys.executable, EXAMPLES / "inbox_host.py", "inbox", "Media"], stdout=subprocess.PIPE, text=True,
        encoding="utf-8", env={**os.environ, "PYTHONUTF8": "1"},
    ) as watcher:  # fmt: skip
        until(lambda: list(Path("inbox").glob("presence-*.json")))
        command = [
            Path(sys.executable).parent / "acebridge",
            "place",
            "my söng.wav",
            "--inbox",
            "inbox",
            "--at",
            "1:02",
        ]
        said = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=PATIENCE_S, check=True)
        watcher.send_signal(signal.SIGINT)
        out, _ = watcher.communicate(timeout=PATIENCE_S)
    assert said.stdout == "my söng is in /example.song.\n"
    assert out == f"{Path('Media').absolute() / 'my söng.wav'} at 62.000 s\n"
    assert not list(Path("inbox").iterdir()), "the watcher and the command leave nothing behind"
