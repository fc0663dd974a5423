"""The demo from end to end, through a real daemon."""

from __future__ import annotations

import re
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import aaf2
import numpy as np
import psutil
import pytest
import rpp

from acebridge.demo import run_demo, steps, work
from acebridge.errors import JobFailed
from acestep_runtime.audio import decode


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place for temporary folders; the demo must leave nothing there."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def assert_projects_hold_the_song(out: Path, song: np.ndarray) -> None:
    """The DAWproject holds the very file, the AAF its samples."""
    archive = zipfile.ZipFile(out / "demo.dawproject")
    assert archive.read("audio/song.wav") == (out / "song.wav").read_bytes()
    with aaf2.open(str(out / "demo.aaf")) as file:
        (composition,) = file.content.toplevel()
        slots = {slot.name: sum(part.length for part in slot.segment.components) for slot in composition.slots}
        names = {mob.name for mob in file.content.mastermobs()}
    assert slots["Song.L"] == slots["Song.R"] == len(song)
    assert {"Repaint.L", "Repaint.R"} <= slots.keys()
    assert {"drums.L", "backing.R"} <= names


def children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def test_a_failure_leaves_no_daemon_and_no_page(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "ENGINE", "fake")  # its stems are test tones, and there is no rest
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "index.html").write_text("an earlier run")
    before = children()
    with pytest.raises(JobFailed, match="returned no other"):
        run_demo(tmp_path / "out", play=False)
    assert children() == before
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "out" / "index.html").exists()
    assert not list(tmp_path.rglob("*.part"))


def test_an_interrupt_leaves_no_daemon(tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        assert children()
        raise KeyboardInterrupt

    monkeypatch.setattr(work.steps, "run_step", interrupt)
    before = children()
    with pytest.raises(KeyboardInterrupt):
        run_demo(tmp_path / "out", play=False)
    assert children() == before
    assert list(temporary.iterdir()) == []


def test_a_file_in_the_way_is_reported(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(FileExistsError):
        run_demo(tmp_path / "out", play=False)


@pytest.mark.slow
def test_everything_the_demo_claims(
    tmp_path: Path, home: Path, temporary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    run_demo(out, play=False)
    *paths, note = capsys.readouterr().out.splitlines()
    assert paths == [str(out / name) for name in ("index.html", "demo.rpp", "demo.dawproject", "demo.aaf")]
    assert note == "AAF has no mute: Stems, New layers are in the list of clips only."
    assert list(home.iterdir()) == list(temporary.iterdir()) == []  # the user's own data was not touched

    rate_hz, bar_s = 48_000, 4 * 60 / 112
    song, repainted = decode.read(out / "song.wav"), decode.read(out / "repainted.wav")
    assert len(song) == len(repainted) == round(15 * bar_s * rate_hz)
    start, stop = round(8 * bar_s * rate_hz) - 960, round(12 * bar_s * rate_hz) + 960
    assert np.array_equal(song[:start], repainted[:start])
    assert np.array_equal(song[stop:], repainted[stop:])
    assert np.mean(song[start:stop] != repainted[start:stop]) > 0.5
    assert np.array_equal(decode.read(out / "repainted-bars.wav"), repainted[start:stop])

    stems = [decode.read(out / "stems" / f"{name}.wav") for name in ("drums", "bass", "vocals", "other")]
    assert np.abs(np.sum(stems, axis=0, dtype=np.float64) - song).max() <= 1e-6
    for layer in ("drums", "bass"):
        samples = decode.read(out / "layers" / f"{layer}.wav")
        assert samples.shape == song.shape
        assert np.abs(samples).max() > 0.05

    assert_projects_hold_the_song(out, song)
    project = rpp.loads((out / "demo.rpp").read_text("utf-8"))
    items = [item for track in project.findall("TRACK") for item in track.findall("ITEM")]
    assert len(items) == 3 + 1 + 4 + 3
    for item in items:
        file = item.find("SOURCE").find("FILE")[1]
        position, length, offset = (float(item.find(name)[1]) * rate_hz for name in ("POSITION", "LENGTH", "SOFFS"))
        for exact in (position, length, offset):
            assert abs(exact - round(exact)) < 1e-6
        info = decode.probe(out / file)
        assert info.sample_rate == rate_hz
        if file == "song.wav":
            assert offset == position
            assert round(offset + length) <= info.frames
        else:
            assert (round(length), offset) == (info.frames, 0)

    text = (out / "index.html").read_text("utf-8")
    for file in re.findall(r'(?:src|href)="([^":]+)"', text):
        assert (out / file).is_file(), file
    assert f"{len(song) - (stop - start):,}" in text
