"""A guitar on a selected track of a fake Pro Tools, the command that works on it, and what came of it."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

from acestep_runtime.audio import decode
from acestep_runtime.audio.samples import Samples
from tests.support.daemon import song, until, write_wav
from tests.support.fake_protools import FakeProTools, FakeTrack
from tests.support.shell import Done, Shell

#: What is selected, in samples.
START, STOP = 96_001, 144_007
SEED = 7


def add_guitar(pro: FakeProTools, channels: int = 2) -> FakeTrack:
    track = pro.add_track("Gitarre/Große 🎸", channels=channels, selected=True)
    pro.put(track, 1000, song(4.0, rate_hz=pro.rate_hz, channels=channels))
    pro.span = (START, STOP)
    return track


def run(shell: Shell, pro: FakeProTools, *words: str, code: int = 0) -> Done:
    known = jobs(shell)
    seed = () if words[0] == "understand" else ("-s", str(SEED))
    done = shell.run("protools", "run", *words, *seed, "-e", "fake", "--port", str(pro.port), code=code)
    assert code or jobs(shell) == known  # what was bounced is gone
    return done


def refuse(shell: Shell, pro: FakeProTools, *words: str, code: int) -> str:
    """The sentence of a command that fails; Pro Tools and the disk are as before."""
    before, span, known = state(pro), pro.span, jobs(shell)
    sentence = shell.failure("protools", "run", *words, "-e", "fake", "--port", str(pro.port), code=code)
    assert (state(pro), pro.span) == (before, span)
    assert jobs(shell) == known
    assert not (pro.folder / "AceBridge").exists()
    return sentence


def state(pro: FakeProTools) -> list[Any]:
    return [(track.id, track.name, len(track.clips), track.muted, track.colour) for track in pro.tracks]


def jobs(shell: Shell) -> set[Path]:
    return set((Path(shell.environment["ACEBRIDGE_HOME"]) / "protools" / "jobs").glob("*"))


def reference(shell: Shell, audio: Samples, rate_hz: int, *words: str) -> list[tuple[int, Samples]]:
    """What the command makes of the same audio in a file: where each output begins in it, and its samples."""
    write_wav(shell.folder / "same.wav", audio, rate_hz)
    task, *options = words
    report = shell.json(task, "same.wav", *options, "-e", "fake", "-s", str(SEED), "-o", "out/")
    return [(output["start_frame"], decode.read(shell.folder / output["file"])) for output in report["outputs"]]


def clip_on(track: FakeTrack) -> tuple[int, Samples]:
    """The one clip of a track: its sample and its audio."""
    (clip,) = track.clips
    return clip.sample, clip.audio


class Watcher:
    """``acebridge protools watch``, and what it has said."""

    def __init__(self, shell: Shell, port: int) -> None:
        self.process = shell.start("protools", "watch", "-e", "fake", "--port", str(port))
        self.lines: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def until(self, *parts: str) -> None:
        until(lambda: any(all(part in line for part in parts) for line in self.lines), f"{parts} in {self.lines}")

    def end(self) -> None:
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait() == 5
